"""`road-extract vectorize`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from road_extract.cli.console import Console
from road_extract.cli.parameters import collect, options_of, overwrite_option, progress_option
from road_extract.options import VectorizeOptions


@click.command("vectorize")
@click.argument("raster")
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--mask", type=click.Path(path_type=Path), help="Keep the road mask here (GeoTIFF).")
@click.option("--assume-crs", help="CRS of a raster that has none, such as EPSG:32611.")
@options_of(VectorizeOptions)
@overwrite_option
@progress_option
def command(raster: str, out: Path, progress: str, **values: Any) -> None:
    """Turn RASTER, road probabilities or a 0/1 mask, into road polygons.

    RASTER has one band: probabilities 0 to 1, integers with a scale tag, or 0 and 1. OUT ends in .geojson, .gpkg,
    .fgb or .parquet.
    """
    console = Console(progress)
    options = collect(VectorizeOptions, values)
    from road_extract.pipeline import vectorize_roads

    done = vectorize_roads(raster, out, options=options, report=console.report, **values)
    console.result(f"{done.features:,} road polygons in {done.path}", path=str(done.path), features=done.features)
