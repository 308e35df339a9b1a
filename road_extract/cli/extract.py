"""`road-extract extract`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from road_extract.cli.console import Console
from road_extract.cli.parameters import collect, options_of, overwrite_option, progress_option
from road_extract.options import PredictOptions, VectorizeOptions


@click.command("extract")
@click.argument("scene")
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--probability", type=click.Path(path_type=Path), help="Keep the probability raster here (GeoTIFF).")
@click.option("--mask", type=click.Path(path_type=Path), help="Keep the road mask here (GeoTIFF).")
@options_of(PredictOptions)
@options_of(VectorizeOptions)
@overwrite_option
@progress_option
def command(scene: str, out: Path, progress: str, **values: Any) -> None:
    """Extract the roads of SCENE as polygons.

    SCENE is a GeoTIFF or any other raster that GDAL opens. OUT ends in .geojson, .gpkg, .fgb or .parquet.
    """
    console = Console(progress)
    predict, vectorize = collect(PredictOptions, values), collect(VectorizeOptions, values)
    from road_extract.pipeline import extract_roads

    done = extract_roads(scene, out, predict=predict, vectorize=vectorize, report=console.report, **values)
    console.result(f"{done.features:,} road polygons in {done.path}", path=str(done.path), features=done.features)
