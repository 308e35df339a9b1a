"""`road-extract train`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from road_extract.cli.console import format_seconds

POSITIVE = click.IntRange(1)


@click.command("train")
@click.argument("folders", nargs=-1, required=True)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Model folder to write.")
@click.option("--init", type=click.Path(path_type=Path), help="Start from the weights of this model folder.")
@click.option("--name", default="untitled", help="Of the model, for people.")
@click.option(
    "--gsd",
    "gsd_m",
    type=click.FloatRange(0.01, 1000),
    default=1.0,
    show_default=True,
    help="Ground sample distance of the scenes [m].",
)
@click.option("--steps", type=POSITIVE, default=2000, show_default=True, help="Optimizer steps in all.")
@click.option("--batch-size", type=POSITIVE, default=8, show_default=True, help="Windows a step.")
@click.option(
    "--window",
    "window_px",
    type=POSITIVE,
    default=224,
    show_default=True,
    help="Rows and columns of a window, a multiple of 8 [px].",
)
@click.option(
    "--learning-rate",
    type=click.FloatRange(0, 1, min_open=True),
    default=1e-3,
    show_default=True,
    help="Peak of the schedule.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Fixes weights and windows.")
@click.option("--leave-out", multiple=True, help="Beginning of scene names to keep for validation; repeatable.")
@click.option("--bfloat16/--float32", default=True, show_default=True, help="Precision of the convolutions.")
def command(folders: tuple[str, ...], out: Path, init: Path | None, **values: Any) -> None:
    """Train a model on FOLDERS, each with images/ and masks/ of the same file names.

    FOLDER=SHARE gives a folder's relative share of the windows (1 if left out). Masks hold 1 for road, 0 for not and
    255 for unlabelled. Run the same command again to go on after an interruption.
    The threshold in the new model's spec.json is 0.5: choose it on scenes that were left out.
    """
    from road_extract.training import TrainOptions, TrainProgress, train_model

    def report(progress: TrainProgress) -> None:
        if progress.step % 10 == 0 or progress.step == progress.steps:
            click.echo(
                f"step {progress.step}/{progress.steps}  {progress.windows_per_s:.2f} windows/s  "
                f"loss {progress.loss:.4f}  {format_seconds(progress.remaining_s)} left",
                err=True,
            )

    parsed = [_parse_folder(text) for text in folders]
    train_model(parsed, out, TrainOptions(**values), init, report)
    click.echo(f"model in {out}")


def _parse_folder(text: str) -> tuple[Path, float]:
    folder, _, share = text.rpartition("=")
    try:
        return (Path(folder), float(share)) if folder else (Path(text), 1.0)
    except ValueError as error:
        raise click.BadParameter(f"{text!r}: expected FOLDER or FOLDER=SHARE") from error
