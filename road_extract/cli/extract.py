"""`road-extract extract`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from road_extract.base.options import LineOptions, PredictOptions, VectorizeOptions
from road_extract.cli.console import Console
from road_extract.cli.parameters import (
    LOCATION,
    collect,
    creation_option,
    nodes_option,
    options_of,
    osm_tags_option,
    overwrite_option,
    progress_option,
    report_option,
    style_option,
)
from road_extract.cli.results import show_extraction


@click.command("extract")
@click.argument("scene")
@click.argument("out", type=LOCATION)
@click.option("--probability", type=LOCATION, help="Save the probability raster here (GeoTIFF).")
@click.option("--mask", type=LOCATION, help="Save the road mask here (GeoTIFF).")
@creation_option
@nodes_option
@report_option
@style_option
@osm_tags_option
@options_of(PredictOptions)
@options_of(VectorizeOptions)
@options_of(LineOptions)
@overwrite_option
@progress_option
def command(scene: str, out: str | Path, progress: str, **values: Any) -> None:
    """Extract roads from SCENE as polygons, lines, or both.

    SCENE is the path or URL (https://, s3://) of a GeoTIFF or any other raster that GDAL can open. OUT is a path or a
    URL (s3://, gs://, az://) and ends in .geojson, .gpkg, .fgb, .parquet or .pmtiles; lines alone can also be written
    to .osm or .graphml. With --geometry both, a .gpkg gets two layers; other formats get two files, OUT and OUT_lines.
    """
    console = Console(progress)
    predict, vectorize = collect(PredictOptions, values), collect(VectorizeOptions, values)
    lines = collect(LineOptions, values)
    from road_extract.pipeline.flow import extract_roads
    from road_extract.pipeline.outputs import Outputs

    names = ("probability", "mask", "nodes", "creation_options", "style", "osm_tags")
    files = {name: values.pop(name) for name in names}
    outputs = Outputs(out, report=values.pop("report_page"), **files)
    done = extract_roads(
        scene, outputs, predict=predict, vectorize=vectorize, lines=lines, report=console.report, **values
    )
    show_extraction(console, done, vectorize.geometry)
