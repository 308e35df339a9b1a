"""Benchmarks of road lines: builds them in three ways, scores them, and times them.

    python benchmarks/network.py build OUT PROBABILITY... [--truth MASKS]
    python benchmarks/network.py rivals MASKS PROBABILITY...
    python benchmarks/network.py grid MASKS PROBABILITY... [--faint F ...] [--confidence C ...] [--worth W ...]
    python benchmarks/network.py speed RASTER [--repeat N] [--threshold T]

`build` writes a GeoPackage of lines for each probability raster to OUT/bridged, OUT/unbridged and OUT/naive
(threshold and skeleton, one line per branch), and with --truth the lines of the masks with the same names to
OUT/truth, for use with `road-extract evaluate`.

`rivals` scores our lines, and those of the recipes in `rivals.py` that are installed, on the same probabilities
against the masks with the same names in the folder MASKS, with `road-extract evaluate --metrics lines`.

`grid` does the same for all combinations of options. Use it to choose defaults, on ground for which no scores are
reported.

`speed` vectorizes a single-band raster, and a stack of N copies of it, to polygons and to lines, each in a separate
process. The peak memory is that reported by the operating system (ru_maxrss, as in /usr/bin/time -v).
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from xml.sax.saxutils import escape

import click
import numpy as np
import rasterio
import shapely
from rivals import RECIPES, Recipe

from road_extract import EvaluateOptions, LineOptions, VectorizeOptions, evaluate, vectorize_roads
from road_extract.base.features import Feature, LayerSchema
from road_extract.base.grid import PixelFrame
from road_extract.base.placing import place, place_xy
from road_extract.io.raster import ProbabilityRaster, gdal_session
from road_extract.io.vector import write_features
from road_extract.roads.centrelines import trace_skeleton
from road_extract.roads.masks.strips import MaskStrip
from road_extract.roads.network.tracing import trace_graph

#: Writes the lines of a probability raster to a file.
Writer = Callable[[Path, Path], None]


@click.group()
def main() -> None:
    """Benchmarks of road lines."""


@main.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.argument("rasters", type=click.Path(path_type=Path, exists=True), nargs=-1, required=True)
@click.option("--truth", type=click.Path(path_type=Path, exists=True), help="Folder of masks with the same names.")
@click.option("--max-gap", "gap", default=LineOptions().max_gap_m, show_default=True, help="Longest gap to bridge [m].")
def build(out: Path, rasters: tuple[Path, ...], truth: Path | None, gap: float) -> None:
    """Write the lines of RASTERS to folders in OUT."""
    for name in ("bridged", "unbridged", "naive", "truth"):
        (out / name).mkdir(parents=True, exist_ok=True)
    lines = VectorizeOptions(geometry="lines")
    for path in rasters:
        target = path.with_suffix(".gpkg").name
        for name, options in (("bridged", LineOptions(max_gap_m=gap)), ("unbridged", LineOptions(max_gap_m=0))):
            done = vectorize_roads(path, out / name / target, options=lines, lines=options, overwrite=True)
            print(f"{name}: {done.lines} lines in {done.path}")
        print(f"naive: {build_naive(path, out / 'naive' / target)} lines")
        if truth is not None:
            exact = LineOptions(max_gap_m=0, min_length_m=0)
            vectorize_roads(truth / path.name, out / "truth" / target, options=lines, lines=exact, overwrite=True)


def build_naive(raster: Path, out: Path) -> int:
    """Threshold, skeletonize and write one line of pixel centres per branch; returns the number of lines."""
    with gdal_session(), ProbabilityRaster(str(raster)) as source:
        threshold = 0.5 if source.threshold is None else source.threshold
        strips = (
            MaskStrip(row, p >= threshold, valid, (p >= threshold).astype(np.uint8))
            for row, p, valid in source.iter_strips()
        )
        points, sizes = trace_graph(trace_skeleton(strips), PixelFrame(*source.grid.shape)).with_ends()
        transform, crs = source.grid.transform, source.grid.crs
    xy = place_xy(points.xy, transform)
    lines = shapely.linestrings(xy, indices=np.repeat(np.arange(len(sizes)), sizes))
    features = (Feature(line, {"id": number}) for number, line in enumerate(lines, 1))
    return write_features(out, LayerSchema("road_lines", "LineString", crs, {"id": int}), features)


@main.command()
@click.argument("truth", type=click.Path(path_type=Path, exists=True))
@click.argument("rasters", type=click.Path(path_type=Path, exists=True), nargs=-1, required=True)
def rivals(truth: Path, rasters: tuple[Path, ...]) -> None:
    """Score our lines and those of published recipes on RASTERS against the masks in the folder TRUTH."""
    print_header("lines")
    print_scores("ours", write_ours, rasters, truth)
    for name, recipe in RECIPES.items():
        print_scores(name, partial(write_rival, recipe), rasters, truth)


@main.command()
@click.argument("truth", type=click.Path(path_type=Path, exists=True))
@click.argument("rasters", type=click.Path(path_type=Path, exists=True), nargs=-1, required=True)
@click.option("--faint", type=float, multiple=True, default=[LineOptions().faint], show_default=True)
@click.option("--confidence", type=float, multiple=True, default=[0.35, 0.5, 0.65], show_default=True)
@click.option("--worth", type=float, multiple=True, default=[0.15, 0.25, 0.35], show_default=True)
def grid(
    truth: Path,
    rasters: tuple[Path, ...],
    faint: tuple[float, ...],
    confidence: tuple[float, ...],
    worth: tuple[float, ...],
) -> None:
    """Score combinations of options on RASTERS against the masks in the folder TRUTH."""
    print_header("faint conf worth")
    for a, b, c in itertools.product(faint, confidence, worth):
        options = LineOptions(faint=a, min_confidence=b, min_worth=c)
        print_scores(f"{a:5.2f} {b:4.2f} {c:5.2f}", partial(write_ours, lines=options), rasters, truth)


def print_header(first: str) -> None:
    """Print the column headings for `print_scores`."""
    print(f"{first:16} {'compl.':>7} {'correct':>7} {'quality':>7} {'APLS':>7} {'TOPO F1':>7} {'s/scene':>8}")


def print_scores(name: str, write: Writer, rasters: tuple[Path, ...], truth: Path) -> None:
    """Write lines, evaluate them, and print a row. The time covers only the writing."""
    with tempfile.TemporaryDirectory() as scratch:
        started = time.process_time()
        try:
            for path in rasters:
                write(path, Path(scratch) / path.with_suffix(".gpkg").name)
        except ImportError as error:
            print(f"{name:16} not installed: {error}")
            return
        seconds = (time.process_time() - started) / len(rasters)
        lines = evaluate(Path(scratch), truth, options=EvaluateOptions(metrics="lines")).lines
    assert lines is not None
    found = (lines.wiedemann_completeness, lines.wiedemann_correctness, lines.wiedemann_quality)
    scores = [score or 0.0 for score in (*found, lines.apls, lines.topo_f1)]
    print(f"{name:16}", *(f"{score:7.3f}" for score in scores), f"{seconds:8.2f}", flush=True)


def write_ours(raster: Path, out: Path, lines: LineOptions | None = None) -> None:
    """Write our lines, with default options unless others are given."""
    vectorize_roads(raster, out, options=VectorizeOptions(geometry="lines"), lines=lines, overwrite=True)


def write_rival(recipe: Recipe, raster: Path, out: Path) -> None:
    """Write the lines of a recipe."""
    with gdal_session(), ProbabilityRaster(str(raster)) as source:
        threshold = 0.5 if source.threshold is None else source.threshold
        probability = np.concatenate([np.where(valid, p, 0) for _, p, valid in source.iter_strips()])
        transform, crs = source.grid.transform, source.grid.crs
    lines = recipe(probability.astype(np.float64), threshold)
    features = (Feature(line, {"id": n}) for n, line in enumerate(place(lines, transform), 1))
    write_features(out, LayerSchema("road_lines", "LineString", crs, {"id": int}), features)


def repeat_downward(raster: Path, out: Path, times: int) -> float:
    """Write a VRT of vertically stacked copies of a single-band raster; returns its megapixels."""
    with rasterio.open(raster) as dataset:
        rows, cols = dataset.shape
        tags = "".join(f'<MDI key="{key}">{escape(value)}</MDI>' for key, value in dataset.tags().items())
        nodata = "" if dataset.nodata is None else f"<NoDataValue>{dataset.nodata}</NoDataValue>"
        sources = "".join(
            f"<SimpleSource><SourceFilename>{escape(str(raster.resolve()))}</SourceFilename><SourceBand>1</SourceBand>"
            f'<SrcRect xOff="0" yOff="0" xSize="{cols}" ySize="{rows}"/>'
            f'<DstRect xOff="0" yOff="{turn * rows}" xSize="{cols}" ySize="{rows}"/></SimpleSource>'
            for turn in range(times)
        )
        out.write_text(
            f'<VRTDataset rasterXSize="{cols}" rasterYSize="{rows * times}"><SRS>{escape(dataset.crs.to_wkt())}</SRS>'
            f"<GeoTransform>{','.join(map(repr, dataset.transform.to_gdal()))}</GeoTransform>"
            f'<Metadata>{tags}</Metadata><VRTRasterBand dataType="Byte" band="1">{nodata}'
            f"<Offset>{dataset.offsets[0]!r}</Offset><Scale>{dataset.scales[0]!r}</Scale>{sources}</VRTRasterBand></VRTDataset>"
        )
        return float(rows * times * cols / 1e6)


@main.command()
@click.argument("raster", type=click.Path(path_type=Path, exists=True))
@click.option("--repeat", default=4, show_default=True, help="Number of copies to stack.")
@click.option("--threshold", type=float, help="Minimum probability for a pixel to count as road.")
@click.option("--max-gap", "gap", default=LineOptions().max_gap_m, show_default=True, help="Longest gap to bridge [m].")
def speed(raster: Path, repeat: int, threshold: float | None, gap: float) -> None:
    """Time the vectorization of RASTER to polygons and to lines."""
    with tempfile.TemporaryDirectory() as scratch:
        for times in (1, repeat):
            mosaic = Path(scratch) / f"{times}.vrt"
            megapixels = repeat_downward(raster, mosaic, times)
            for geometry in ("polygons", "lines"):
                out = Path(scratch) / f"{geometry}.gpkg"
                arguments = [str(mosaic), str(out), geometry, str(gap), str(threshold or "")]
                process = subprocess.Popen([sys.executable, __file__, "child", *arguments], stdout=subprocess.PIPE)
                assert process.stdout is not None
                found = json.loads(process.stdout.read().splitlines()[-1])
                _, _, usage = os.wait4(process.pid, 0)
                rate = megapixels / found["wall_s"]
                print(
                    f"{geometry}, {megapixels:.1f} Mpx: {found['wall_s']:.2f} s, {rate:.1f} Mpx/s; "
                    f"{found['cpu_s']:.2f} s of CPU time; {found['features']} features; "
                    f"peak {usage.ru_maxrss * 1024 / 1e6:.0f} MB",
                    flush=True,
                )


@main.command(hidden=True)
@click.argument("raster")
@click.argument("out")
@click.argument("geometry")
@click.argument("gap", type=float)
@click.argument("threshold")
def child(raster: str, out: str, geometry: str, gap: float, threshold: str) -> None:
    """Vectorize one raster in this process, and print JSON."""
    options = VectorizeOptions(geometry=geometry, threshold=float(threshold) if threshold else None)
    started, processor = time.perf_counter(), time.process_time()
    done = vectorize_roads(raster, out, options=options, lines=LineOptions(max_gap_m=gap), overwrite=True)
    wall, cpu = time.perf_counter() - started, time.process_time() - processor
    print(json.dumps({"wall_s": wall, "cpu_s": cpu, "features": done.features}))


if __name__ == "__main__":
    main()
