"""`road-extract extract`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from road_extract.base.options import LineOptions, PredictOptions, VectorizeOptions
from road_extract.cli.console import Console
from road_extract.cli.parameters import collect, nodes_option, options_of, overwrite_option, progress_option
from road_extract.cli.results import show_extraction


@click.command("extract")
@click.argument("scene")
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--probability", type=click.Path(path_type=Path), help="Keep the probability raster here (GeoTIFF).")
@click.option("--mask", type=click.Path(path_type=Path), help="Keep the road mask here (GeoTIFF).")
@nodes_option
@options_of(PredictOptions)
@options_of(VectorizeOptions)
@options_of(LineOptions)
@overwrite_option
@progress_option
def command(scene: str, out: Path, progress: str, **values: Any) -> None:
    """Extract the roads of SCENE as polygons, lines, or both.

    SCENE is a GeoTIFF or any other raster that GDAL opens: a path or a URL (https://, s3://). OUT ends in .geojson,
    .gpkg, .fgb or .parquet; lines alone may also go to .osm or .graphml. Both go to two layers of a .gpkg, else to OUT
    and OUT_lines.
    """
    console = Console(progress)
    predict, vectorize = collect(PredictOptions, values), collect(VectorizeOptions, values)
    lines = collect(LineOptions, values)
    from road_extract.pipeline.flow import extract_roads
    from road_extract.pipeline.outputs import Outputs

    outputs = Outputs(out, values.pop("probability"), values.pop("mask"), values.pop("nodes"))
    done = extract_roads(
        scene, outputs, predict=predict, vectorize=vectorize, lines=lines, report=console.report, **values
    )
    show_extraction(console, done, vectorize.geometry)
