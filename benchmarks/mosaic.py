"""Combine many scenes into one large VRT, either in their real positions or side by side until a size is filled.

    python benchmarks/mosaic.py OUT.vrt SCENE... [--size ROWS COLS]

The scenes have the same pixel size and CRS, and are RGB uint8 with masks or one band with a nodata value.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import click
import rasterio


@dataclass(frozen=True)
class Place:
    """A scene, or its upper left part, in the mosaic."""

    path: Path
    row: int
    col: int
    rows: int
    cols: int

    def source(self, band: str) -> str:
        """Format the scene as the source of a VRT band."""
        return (
            f"<SimpleSource><SourceFilename>{escape(str(self.path.resolve()))}</SourceFilename><SourceBand>{band}"
            f'</SourceBand><SrcRect xOff="0" yOff="0" xSize="{self.cols}" ySize="{self.rows}"/>'
            f'<DstRect xOff="{self.col}" yOff="{self.row}" xSize="{self.cols}" ySize="{self.rows}"/></SimpleSource>'
        )


def build_mosaic(scenes: list[Path], out: Path) -> tuple[int, int]:
    """Write a VRT of scenes in their real positions; return its rows and columns."""
    opened = [(path, *_describe(path)) for path in scenes]
    size = opened[0][2].a
    west, north = min(t.c for _, _, t in opened), max(t.f for _, _, t in opened)
    places = [Place(path, round((north - t.f) / size), round((t.c - west) / size), *shape) for path, shape, t in opened]
    return _write(out, places, west, north)


def build_grid(scenes: list[Path], out: Path, rows: int, cols: int) -> tuple[int, int]:
    """Write a VRT of the given size, filled by repeating scenes of equal size side by side."""
    (height, width), transform = _describe(scenes[0])
    turn = cycle(scenes)
    places = [
        Place(next(turn), row, col, min(height, rows - row), min(width, cols - col))
        for row in range(0, rows, height)
        for col in range(0, cols, width)
    ]
    return _write(out, places, transform.c, transform.f)


def _describe(path: Path) -> tuple[tuple[int, int], Any]:
    with rasterio.open(path) as dataset:
        return dataset.shape, dataset.transform


def _write(out: Path, places: list[Place], west: float, north: float) -> tuple[int, int]:
    rows, cols = max(p.row + p.rows for p in places), max(p.col + p.cols for p in places)
    with rasterio.open(places[0].path) as dataset:
        wkt, size, count, nodata = dataset.crs.to_wkt(), dataset.transform.a, dataset.count, dataset.nodata
    colours = ("Red", "Green", "Blue") if count == 3 else ("Gray",)
    inner = "" if nodata is None else f"<NoDataValue>{nodata:g}</NoDataValue>"
    bands = "".join(
        f'<VRTRasterBand dataType="Byte" band="{band}">{inner}<ColorInterp>{colour}</ColorInterp>'
        f"{''.join(place.source(str(band)) for place in places)}</VRTRasterBand>"
        for band, colour in enumerate(colours, 1)
    )
    if nodata is None:
        sources = "".join(place.source("mask,1") for place in places)
        bands += f'<MaskBand><VRTRasterBand dataType="Byte">{sources}</VRTRasterBand></MaskBand>'
    out.write_text(
        f'<VRTDataset rasterXSize="{cols}" rasterYSize="{rows}"><SRS>{escape(wkt)}</SRS>'
        f"<GeoTransform>{west!r},{size!r},0,{north!r},0,{-size!r}</GeoTransform>{bands}</VRTDataset>"
    )
    return rows, cols


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.argument("scenes", type=click.Path(path_type=Path, exists=True), nargs=-1, required=True)
@click.option("--size", nargs=2, type=int, help="Rows and columns to fill (default: keep the real positions).")
def main(out: Path, scenes: tuple[Path, ...], size: tuple[int, int] | None) -> None:
    """Write OUT, a mosaic of SCENES."""
    found = build_grid(list(scenes), out, *size) if size else build_mosaic(list(scenes), out)
    print("rows, columns:", *found)


if __name__ == "__main__":
    main()
