"""`road-extract shard`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from road_extract.base.options import BatchOptions, PredictOptions
from road_extract.cli.console import Console, show_error
from road_extract.cli.parameters import collect, options_of, progress_option


@click.command("shard")
@click.argument("inputs", nargs=-1, required=True)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of the batch.")
@click.option("--index", type=click.IntRange(0), required=True, help="Which portion, from 0.")
@click.option("--of", type=click.IntRange(1), required=True, help="Portions in all.")
@options_of(BatchOptions, leave_out=("merge", "resume", "fail_fast"))
@options_of(PredictOptions)
@progress_option
def command(inputs: tuple[str, ...], out: Path, index: int, of: int, progress: str, **values: Any) -> None:
    """Predict one portion of a batch's shards, for job arrays such as Slurm's.

    Run it once for every --index, at once or not, on machines that share --out; then `road-extract batch` with the same
    INPUTS, --out and options finds the shards done, and joins them to roads.

    Exits with 1 if a shard could not be made.
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
