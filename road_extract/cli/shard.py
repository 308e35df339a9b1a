"""`road-extract shard`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from road_extract.base.options import BatchOptions, PredictOptions
from road_extract.cli.console import Console, show_error
from road_extract.cli.parameters import LOCATION, collect, options_of, progress_option


@click.command("shard")
@click.argument("inputs", nargs=-1, required=True)
@click.option("--out", type=LOCATION, required=True, help="Output folder of the batch, or s3://, gs://, az://.")
@click.option("--index", type=click.IntRange(0), required=True, help="Number of this portion, counted from 0.")
@click.option("--of", type=click.IntRange(1), required=True, help="Total number of portions.")
@options_of(BatchOptions, leave_out=("merge", "resume", "fail_fast"))
@options_of(PredictOptions)
@progress_option
def command(inputs: tuple[str, ...], out: str | Path, index: int, of: int, progress: str, **values: Any) -> None:
    """Predict one portion of a batch's shards, for job arrays such as Slurm's.

    Run this command once for every --index, in parallel or not, on machines that share --out. Then run
    `road-extract batch` with the same INPUTS, --out and options: it finds the finished shards and turns them into
    roads.

    The exit code is 1 if a shard failed.
    """
    console = Console(progress)
    batch, predict = collect(BatchOptions, values), collect(PredictOptions, values)
    from road_extract.batch import predict_portion

    done = predict_portion(inputs, out, index, of, predict=predict, batch=batch, report=console.report)
    console.result(f"{done.made} shards made in {out}", made=done.made, errors=done.errors)
    for name, sentence in done.errors.items():
        show_error(f"{name}: {sentence}")
    if done.errors:
        click.get_current_context().exit(1)
