"""`road-extract train`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from road_extract.cli.console import format_seconds
from road_extract.cli.parameters import collect, options_of
from road_extract.training.options import BaseModels, DataOptions, TrainOptions

if TYPE_CHECKING:
    from road_extract.base.progress import Progress
    from road_extract.training.sources import TrainingSource

PATH = click.Path(path_type=Path)
_SECONDS_A_LINE = 5.0


@click.command("train")
@click.argument("sources", nargs=-1, required=True)
@click.option("--out", type=PATH, required=True, help="Model folder to write.")
@click.option("--init", help="Start from the weights of this model: standard, fast, or a model folder.")
@click.option("--teacher", help="Also learn from the predictions of this model: standard, fast, or a model folder.")
@click.option(
    "--validation",
    multiple=True,
    help="Hold out scenes whose names start with this text for validation; repeatable (default: hold out squares of "
    "ground).",
)
@options_of(DataOptions)
@options_of(TrainOptions)
def command(sources: tuple[str, ...], out: Path, validation: tuple[str, ...], **values: Any) -> None:
    """Train a model on SOURCES: scenes, folders of scenes, or folders with images/ and masks/ of the same file names.

    SOURCE=SHARE sets the relative share of training windows drawn from a source (default: 1). In masks, 1 is road, 0
    is background and nodata is unlabelled. Scenes without a mask get their labels from --roads.

    After every validation, OUT holds the best model so far, with calibrated probabilities and the threshold that suits
    all sources best, and OUT/sheets holds pictures of its predictions. To resume an interrupted run, run the same
    command again.
    """
    from road_extract.training.from_scenes import train_model

    models = BaseModels(init=_model_folder(values.pop("init")), teacher=_model_folder(values.pop("teacher")))
    data, options = collect(DataOptions, values), collect(TrainOptions, values)
    train_model(
        [_parse_source(text) for text in sources],
        out,
        options=options,
        data=data,
        validation=validation,
        models=models,
        report=_Lines(),
    )
    click.echo(f"model in {out}")


def _model_folder(model: str | None) -> Path | None:
    from road_extract.models import find_model

    return None if model is None else find_model(model)


class _Lines:
    """Prints a line every few seconds, and one for each validation."""

    def __init__(self) -> None:
        self._said = 0.0

    def __call__(self, progress: Progress) -> None:
        from road_extract.training import TrainProgress

        if not isinstance(progress, TrainProgress):
            click.echo(f"preparing {progress.done}/{progress.total} {progress.scene}", err=True)
            return
        now, last = time.monotonic(), progress.done == progress.total
        if now - self._said < _SECONDS_A_LINE and progress.scores is None and not last:
            return
        self._said = now
        text = (
            f"step {progress.done}/{progress.total}  {progress.windows_per_s:.2f} windows/s  "
            f"loss {progress.loss:.4f}  {format_seconds(progress.remaining_s)} left"
        )
        if progress.scores is not None:
            scores = progress.scores
            iou, level = float(scores.iou[scores.best]), scores.best / 254
            text += f"  validation: relaxed break-even {scores.break_even:.4f}, exact IoU {iou:.4f} at {level:.3f}"
        click.echo(text, err=True)


def _parse_source(text: str) -> TrainingSource:
    from road_extract.training.sources import TrainingSource

    path, _, share = text.rpartition("=")
    try:
        return TrainingSource(Path(path), float(share)) if path else TrainingSource(Path(text))
    except ValueError as error:
        raise click.BadParameter(f"{text!r}: expected SOURCE or SOURCE=SHARE") from error
