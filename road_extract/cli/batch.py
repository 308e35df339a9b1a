"""`road-extract batch`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from road_extract.base.options import BatchOptions, LineOptions, PredictOptions, VectorizeOptions
from road_extract.cli.console import Console, show_error
from road_extract.cli.parameters import LOCATION, collect, options_of, progress_option


@click.command("batch")
@click.argument("inputs", nargs=-1, required=True)
@click.option("--out", type=LOCATION, required=True, help="Output folder, or s3://, gs://, az://.")
@options_of(BatchOptions)
@options_of(PredictOptions)
@options_of(VectorizeOptions)
@options_of(LineOptions)
@progress_option
def command(inputs: tuple[str, ...], out: str | Path, progress: str, **values: Any) -> None:
    """Extract roads from many scenes into the folder --out, or into a bucket.

    INPUTS are files, folders, globs, text or CSV lists, STAC items, collections or catalogues (files or URLs), and
    any path or URL that GDAL can open: /vsi..., http(s)://, s3://. Each scene gets a folder with its roads, a record
    (.json) and a STAC Item; summary.json lists the outcome for every scene. To resume an interrupted batch, run the
    same command again.

    The exit code is 1 if any output is missing at the end.
    """
    console = Console(progress)
    predict, vectorize = collect(PredictOptions, values), collect(VectorizeOptions, values)
    lines, batch = collect(LineOptions, values), collect(BatchOptions, values)
    from road_extract.batch import extract_batch

    try:
        done = extract_batch(
            inputs, out, predict=predict, vectorize=vectorize, lines=lines, batch=batch, report=console.report
        )
    except KeyboardInterrupt:
        show_error("interrupted; finished work is kept, run the same command again to resume")
        click.get_current_context().exit(130)
    console.result(done.to_text(), **done.to_values())
    if done.error:
        show_error(done.error)
    if not done.complete:
        click.get_current_context().exit(1)
