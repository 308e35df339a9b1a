"""`road-extract vectorize`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from road_extract.base.options import LineOptions, VectorizeOptions
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
    style_option,
)
from road_extract.cli.results import show_extraction


@click.command("vectorize")
@click.argument("raster")
@click.argument("out", type=LOCATION)
@click.option("--mask", type=LOCATION, help="Save the road mask here (GeoTIFF).")
@click.option("--assume-crs", help="CRS to use if the raster has none, such as EPSG:32611.")
@creation_option
@nodes_option
@style_option
@osm_tags_option
@options_of(VectorizeOptions)
@options_of(LineOptions)
@overwrite_option
@progress_option
def command(raster: str, out: str | Path, progress: str, **values: Any) -> None:
    """Convert RASTER, a road probability raster or mask, to road polygons, lines, or both.

    RASTER has one band with probabilities (0 to 1, percentages, 0 to 255, or numbers with a scale tag) or a mask (0 and
    1, or 0 and 255). OUT ends in .geojson, .gpkg, .fgb, .parquet or .pmtiles; lines alone can also be written
    to .osm or .graphml. With --geometry both, a .gpkg gets two layers; other formats get two files, OUT and OUT_lines.
    """
    console = Console(progress)
    options, lines = collect(VectorizeOptions, values), collect(LineOptions, values)
    from road_extract.pipeline.flow import vectorize_roads
    from road_extract.pipeline.outputs import Outputs

    files = {name: values.pop(name) for name in ("mask", "nodes", "creation_options", "style", "osm_tags")}
    outputs = Outputs(out, **files)
    done = vectorize_roads(raster, outputs, options=options, lines=lines, report=console.report, **values)
    show_extraction(console, done, options.geometry)
