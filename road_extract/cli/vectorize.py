"""`road-extract vectorize`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from road_extract.base.options import LineOptions, VectorizeOptions
from road_extract.cli.console import Console
from road_extract.cli.parameters import collect, nodes_option, options_of, overwrite_option, progress_option
from road_extract.cli.results import show_extraction


@click.command("vectorize")
@click.argument("raster")
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--mask", type=click.Path(path_type=Path), help="Keep the road mask here (GeoTIFF).")
@click.option("--assume-crs", help="CRS of a raster that has none, such as EPSG:32611.")
@nodes_option
@options_of(VectorizeOptions)
@options_of(LineOptions)
@overwrite_option
@progress_option
def command(raster: str, out: Path, progress: str, **values: Any) -> None:
    """Turn RASTER, road probabilities or a 0/1 mask, into road polygons, lines, or both.

    RASTER has one band: probabilities 0 to 1, integers with a scale tag, or 0 and 1. OUT ends in .geojson, .gpkg,
    .fgb or .parquet; lines alone may also go to .osm or .graphml. Both go to two layers of a .gpkg, else to OUT and
    OUT_lines.
    """
    console = Console(progress)
    options, lines = collect(VectorizeOptions, values), collect(LineOptions, values)
    from road_extract.pipeline.flow import vectorize_roads
    from road_extract.pipeline.outputs import Outputs

    outputs = Outputs(out, mask=values.pop("mask"), nodes=values.pop("nodes"))
    done = vectorize_roads(raster, outputs, options=options, lines=lines, report=console.report, **values)
    show_extraction(console, done, options.geometry)
