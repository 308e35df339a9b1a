"""`road-extract report`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from road_extract.base.options import ReportOptions
from road_extract.cli.console import Console
from road_extract.cli.parameters import collect, options_of, overwrite_option, progress_option

PATH = click.Path(path_type=Path)


@click.command("report")
@click.argument("scene")
@click.argument("roads", type=PATH, nargs=-1, required=True)
@click.argument("out", type=PATH)
@click.option("--probability", type=PATH, help="Probability raster to show over the scene.")
@options_of(ReportOptions)
@overwrite_option
@progress_option
def command(scene: str, roads: tuple[Path, ...], out: Path, progress: str, **values: Any) -> None:
    """Show ROADS over SCENE on a page for review, OUT (.html), which opens offline in any browser.

    ROADS is one or more vector files with lines, polygons, or both. Accept and reject roads on the page, save the
    decisions, and apply them with `road-extract review`. Use - as SCENE for a page without an image.
    """
    console = Console(progress)
    options = collect(ReportOptions, values)
    from road_extract.review import write_report

    done = write_report(None if scene == "-" else scene, roads, out, options=options, **values)
    console.result(f"{done.pieces:,} roads to review in {done.path}", path=str(done.path), pieces=done.pieces)
