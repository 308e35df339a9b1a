"""One large scene out of many that lie on one grid: a VRT, with their masks, repeated downward if asked.

python benchmarks/mosaic.py OUT.vrt SCENE... [--repeat N]
"""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import escape

import click
import rasterio


def build_mosaic(scenes: list[Path], out: Path, repeat: int = 1) -> tuple[int, int]:
    """Write the VRT; returns its rows and columns. Scenes: RGB uint8 of the same CRS and pixel size, with masks."""
    places = []
    for path in scenes:
        with rasterio.open(path) as dataset:
            places.append((path.resolve(), dataset.transform, dataset.height, dataset.width))
            wkt = dataset.crs.to_wkt()
    size = places[0][1].a
    west, north = min(t.c for _, t, _, _ in places), max(t.f for _, t, _, _ in places)
    cols = round((max(t.c + w * size for _, t, _, w in places) - west) / size)
    rows = round((north - min(t.f - h * size for _, t, h, _ in places)) / size)

    def sources(band: str) -> str:
        return "".join(
            f"<SimpleSource><SourceFilename>{escape(str(path))}</SourceFilename><SourceBand>{band}</SourceBand>"
            f'<SrcRect xOff="0" yOff="0" xSize="{w}" ySize="{h}"/>'
            f'<DstRect xOff="{round((t.c - west) / size)}" yOff="{round((north - t.f) / size) + rows * turn}" '
            f'xSize="{w}" ySize="{h}"/></SimpleSource>'
            for turn in range(repeat)
            for path, t, h, w in places
        )

    colours = ("Red", "Green", "Blue")
    bands = "".join(
        f'<VRTRasterBand dataType="Byte" band="{band}"><ColorInterp>{colour}</ColorInterp>{sources(str(band))}'
        "</VRTRasterBand>"
        for band, colour in enumerate(colours, 1)
    )
    mask = f'<MaskBand><VRTRasterBand dataType="Byte">{sources("mask,1")}</VRTRasterBand></MaskBand>'
    out.write_text(
        f'<VRTDataset rasterXSize="{cols}" rasterYSize="{rows * repeat}"><SRS>{escape(wkt)}</SRS>'
        f"<GeoTransform>{west!r},{size!r},0,{north!r},0,{-size!r}</GeoTransform>{bands}{mask}</VRTDataset>"
    )
    return rows * repeat, cols


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.argument("scenes", type=click.Path(path_type=Path, exists=True), nargs=-1, required=True)
@click.option("--repeat", default=1, show_default=True, help="Times the mosaic stands below itself.")
def main(out: Path, scenes: tuple[Path, ...], repeat: int) -> None:
    """Write OUT, a mosaic of SCENES."""
    print("rows, columns:", *build_mosaic(list(scenes), out, repeat))


if __name__ == "__main__":
    main()
