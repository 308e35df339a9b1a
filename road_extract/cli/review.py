"""`road-extract review`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from road_extract.base.options import ReviewOptions
from road_extract.cli.console import Console
from road_extract.cli.parameters import collect, options_of, overwrite_option, progress_option, style_option

PATH = click.Path(path_type=Path)


@click.command("review")
@click.argument("roads", type=PATH)
@click.argument("decisions", type=PATH)
@click.argument("out", type=PATH)
@style_option
@options_of(ReviewOptions)
@overwrite_option
@progress_option
def command(
    roads: Path, decisions: Path, out: Path, style: bool, overwrite: bool, progress: str, **values: Any
) -> None:
    """Apply DECISIONS, a file saved from a review page, to ROADS, the file from which the page was made.

    OUT (.geojson, .gpkg, .fgb or .parquet) receives the accepted roads, or those chosen by --keep, with the attributes
    review (accepted, rejected, or no value) and review_note.
    """
    console = Console(progress)
    options = collect(ReviewOptions, values)
    from road_extract.review import review_roads

    done = review_roads(roads, decisions, out, options=options, style=style, overwrite=overwrite)
    console.result(done.to_text(), **{**asdict(done), "path": str(done.path)})
