"""Pixels to blended probability: reading, the model and blending, each beside the next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from road_extract.backends import Backend
from road_extract.blending import FloatArray, iter_blended
from road_extract.concurrency import run_ahead
from road_extract.model_spec import ModelSpec
from road_extract.preprocess import Scaling, pad_to, to_model_input
from road_extract.progress import Progress, Report, no_report
from road_extract.raster_io import RasterSource
from road_extract.windows import TilePlan, Window

#: Batches of tiles read ahead of the model, and blended strips that may wait for the writer.
_BATCHES_AHEAD = 4
_STRIPS_AHEAD = 1

BoolArray = NDArray[np.bool_]
Tile = tuple[Window, FloatArray | None]


@dataclass(frozen=True, slots=True)
class Inference:
    """A loaded model and how it is fed.

    Attributes:
        backend: Runs it.
        spec: Describes it.
        scaling: Of the whole scene, whatever part is read.
        batch_size: The backend's.
    """

    backend: Backend
    spec: ModelSpec
    scaling: Scaling
    batch_size: int


def iter_probability(
    source: RasterSource,
    plan: TilePlan,
    inference: Inference,
    core: Window | None = None,
    report: Report = no_report,
) -> Iterator[tuple[FloatArray, BoolArray]]:
    """Run the model over a scene, or over a core of it, and blend.

    Args:
        source: Read in one other thread.
        plan: Of the whole scene, whatever the core.
        inference: The model.
        core: Part to give; the whole scene if left out.
        report: Told the windows done, from another thread.

    Yields:
        Strips of probability and of the validity of its pixels, each (rows, core columns), from the top.
    """
    core = core or Window(0, 0, plan.width, plan.height)
    validity = _Validity(core)
    tiles = run_ahead(_iter_tiles(source, plan, inference, core, validity), _BATCHES_AHEAD * inference.batch_size)
    predicted = _iter_predicted(tiles, inference)
    reported = _iter_reported(predicted, sum(1 for _ in plan.touching(core)), report)
    for strip in run_ahead(iter_blended(plan, reported, core), _STRIPS_AHEAD):
        yield strip.probability, validity.take(strip.row_off, len(strip.probability))


def _iter_tiles(
    source: RasterSource, plan: TilePlan, inference: Inference, core: Window, validity: _Validity
) -> Iterator[Tile]:
    """Tiles in the plan's order; None in place of one without valid pixels."""
    for _, row in groupby(plan.touching(core), key=lambda window: window.row_off):
        windows = list(row)
        strip = _clip(windows[0], windows[-1], source)
        pixels, valid = source.read(strip)
        validity.add(strip, valid)
        for window in windows:
            cols = slice(window.col_off - strip.col_off, window.col_end - strip.col_off)
            if not valid[:, cols].any():
                yield window, None
                continue
            tile = to_model_input(pixels[:, cols], valid[:, cols], inference.scaling, inference.spec)
            yield window, pad_to(tile, plan.size_px)


def _clip(first: Window, last: Window, source: RasterSource) -> Window:
    """From the first to the last window of a row, without what lies outside the scene."""
    col_end, row_end = min(last.col_end, source.grid.width), min(first.row_end, source.grid.height)
    return Window(first.col_off, first.row_off, col_end - first.col_off, row_end - first.row_off)


def _iter_predicted(tiles: Iterable[Tile], inference: Inference) -> Iterator[Tile]:
    """Probabilities in place of tiles, in the same order. Every batch has the same shape, the last is filled up."""
    waiting: list[Tile] = []
    full = 0
    for window, tile in tiles:
        waiting.append((window, tile))
        full += tile is not None
        if full == inference.batch_size or len(waiting) > 64 * inference.batch_size:
            yield from _predict(waiting, inference)
            waiting, full = [], 0
    yield from _predict(waiting, inference)


def _predict(tiles: list[Tile], inference: Inference) -> Iterator[Tile]:
    inputs = [tile for _, tile in tiles if tile is not None]
    if inputs:
        batch = np.zeros((inference.batch_size, *inputs[0].shape), np.float32)
        batch[: len(inputs)] = inputs
        results = iter(inference.backend.predict(batch))
    for window, tile in tiles:
        yield window, None if tile is None else next(results)


def _iter_reported(tiles: Iterable[Tile], total: int, report: Report) -> Iterator[Tile]:
    for done, tile in enumerate(tiles, 1):
        yield tile
        report(Progress("predict", done, total, "windows"))


class _Validity:
    """Which pixels are valid, kept from their reading until their strip is blended."""

    def __init__(self, core: Window) -> None:
        self._core = core
        self._read: dict[int, BoolArray] = {}

    def add(self, strip: Window, valid: BoolArray) -> None:
        start = self._core.col_off - strip.col_off
        self._read[strip.row_off] = valid[:, start : start + self._core.width]

    def take(self, row_off: int, rows: int) -> BoolArray:
        """A blended strip lies within the last row of windows that starts at it or above."""
        first = max(row for row in list(self._read) if row <= row_off)
        for row in [row for row in list(self._read) if row < first]:
            del self._read[row]
        return self._read[first][row_off - first : row_off - first + rows]
