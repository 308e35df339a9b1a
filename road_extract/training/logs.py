"""Logs of a run: always as CSV files, and optionally as TensorBoard events."""

from __future__ import annotations

import csv
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from road_extract.base.errors import InputError

STEPS_FILE, SCORES_FILE, EVENTS_FOLDER = "steps.csv", "validation.csv", "tensorboard"


class TrainLog:
    """Appends to ``steps.csv`` (step, loss, learning rate) and ``validation.csv`` (step, break-even, IoU, threshold).

    A resumed run repeats the steps since its last checkpoint, so if a step occurs twice, the last row counts.
    """

    def __init__(self, folder: Path, tensorboard: bool) -> None:
        """Open the logs of a model folder.

        Raises:
            InputError: If TensorBoard events are requested, but TensorBoard is not installed.
        """
        self._events = _open_events(folder / EVENTS_FOLDER) if tensorboard else None
        self._files = [
            (folder / name).open("a", newline="", encoding="utf-8", buffering=1) for name in (STEPS_FILE, SCORES_FILE)
        ]
        self._steps, self._scores = (csv.writer(file) for file in self._files)

    def add_step(self, step: int, loss: float, learning_rate: float) -> None:
        """Log a step, counted from 1."""
        self._steps.writerow([step, f"{loss:.5f}", f"{learning_rate:.3g}"])
        self._add_events(step, {"loss": loss, "learning_rate": learning_rate})

    def add_scores(self, step: int, break_even: float, iou: float, threshold: float) -> None:
        """Log the validation after a step."""
        self._scores.writerow([step, f"{break_even:.4f}", f"{iou:.4f}", f"{threshold:.4f}"])
        self._add_events(step, {"validation/relaxed_break_even": break_even, "validation/exact_iou": iou})

    def _add_events(self, step: int, values: dict[str, float]) -> None:
        if self._events is None:
            return
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary

        parts = [Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()]
        self._events.add_event(Event(step=step, summary=Summary(value=parts)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        for file in self._files:
            file.close()
        if self._events is not None:
            self._events.close()


def _open_events(folder: Path) -> Any:
    try:
        from tensorboard.summary.writer.event_file_writer import EventFileWriter
    except ImportError as error:
        text = "training: TensorBoard logs require TensorBoard (pip install 'road-extract[tensorboard]')"
        raise InputError(text) from error
    return EventFileWriter(str(folder))
