"""Turns pixels into blended probability; reading, the model and blending run concurrently."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from road_extract.base.arrays import BoolArray, Float32Array
from road_extract.base.concurrency import run_ahead
from road_extract.base.progress import Progress, Report, no_report
from road_extract.base.windows import TilePlan, Window
from road_extract.models.backends import Backend
from road_extract.models.spec import ModelSpec
from road_extract.prediction.blending import iter_blended
from road_extract.prediction.preprocess import Scaling, pad_to, to_model_input

if TYPE_CHECKING:  # the scene may be an array, because training does not use GDAL
    from road_extract.prediction.source import RasterSource

#: Batches of tiles to read ahead for each call in flight, and blended strips that may wait for the writer.
_BATCHES_AHEAD = 4
_STRIPS_AHEAD = 1

Tile = tuple[Window, Float32Array | None]
#: A window's pixels and their validity; None for one without valid pixels.
Pixels = tuple[Window, tuple[NDArray[Any], BoolArray] | None]


@dataclass(frozen=True, slots=True)
class Inference:
    """A loaded model and how its input is prepared.

    Attributes:
        backend: Runs the model.
        spec: Describes the model.
        scaling: Scaling of the whole scene, even if only part of it is read.
    """

    backend: Backend
    spec: ModelSpec
    scaling: Scaling


def iter_probability(
    source: RasterSource,
    plan: TilePlan,
    inference: Inference,
    core: Window | None = None,
    report: Report = no_report,
) -> Generator[tuple[Float32Array, BoolArray], None, None]:
    """Run the model over a scene, or over a core of it, and blend.

    Args:
        source: Scene, read in one other thread.
        plan: Plan of the whole scene, even if only a core is computed.
        inference: The model.
        core: Part to compute; the whole scene by default.
        report: Called with the number of finished windows, from another thread.

    Yields:
        Strips from the top, each as probability and validity, both (rows, core columns).
    """
    core = core or Window(0, 0, plan.width, plan.height)
    backend = inference.backend
    validity = _Validity(core)
    stopped = threading.Event()
    pixels = _iter_pixels(source, plan, core, validity)
    # the reading thread passes batches, not windows: a GPU processes more windows per second than threads can pass on
    groups = run_ahead(_iter_groups(pixels, backend.batch_size), _BATCHES_AHEAD * backend.in_flight)
    predicted = _iter_predicted(groups, plan.size_px, inference, stopped)
    reported = _iter_reported(predicted, sum(1 for _ in plan.touching(core)), report)
    strips = run_ahead(iter_blended(plan, reported, core), _STRIPS_AHEAD, stopped)
    # closed explicitly, and blending before the reading that feeds it: after an error, tracebacks keep generators
    # alive, and a thread that still reads while its dataset is closed would crash the process
    with closing(groups), closing(predicted), closing(strips):
        for strip in strips:
            yield strip.probability, validity.take(strip.row_off, len(strip.probability))


def _iter_pixels(source: RasterSource, plan: TilePlan, core: Window, validity: _Validity) -> Iterator[Pixels]:
    """Read pixels in the order of the plan; None stands for a window without valid pixels.

    Windows are read one at a time, not in strips, because resampled pixels may depend on the size of the read, and a
    shard must get the same pixels as the whole scene.
    """
    for window in plan.touching(core):
        inside = window.clipped(source.grid.height, source.grid.width)
        pixels, valid = source.read(inside)
        validity.add(inside, valid)
        yield window, (pixels, valid) if valid.any() else None


def _iter_predicted(
    groups: Iterable[list[Pixels]], size_px: int, inference: Inference, stopped: threading.Event
) -> Generator[Tile, None, None]:
    """Replace pixels by their probabilities, in order, with as many batches in flight as the backend can use."""
    in_flight = inference.backend.in_flight
    # one more thread than calls in flight scales the next batch, so that the next call is ready when one ends
    with ThreadPoolExecutor(in_flight + 1, "predict") as pool:
        pending: deque[Future[list[Tile]]] = deque()
        try:
            for group in groups:
                if stopped.is_set():  # do not wait for the strip: in a wide scene, it consists of many batches
                    return
                pending.append(pool.submit(_predict, group, size_px, inference))
                if len(pending) > in_flight + 1:
                    yield from pending.popleft().result()
            while pending:
                yield from pending.popleft().result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _iter_groups(windows: Iterable[Pixels], batch_size: int) -> Iterator[list[Pixels]]:
    """Group windows so that each group but the last fills a batch. Windows without valid pixels do not count."""
    group: list[Pixels] = []
    full = 0
    for window, pixels in windows:
        group.append((window, pixels))
        full += pixels is not None
        if full == batch_size or len(group) > 64 * batch_size:
            yield group
            group, full = [], 0
    yield group


def _predict(windows: list[Pixels], size_px: int, inference: Inference) -> list[Tile]:
    """Run one batch. All batches have the same shape: the last one is filled up with zeros."""
    full = [pixels for _, pixels in windows if pixels is not None]
    if not full:
        return [(window, None) for window, _ in windows]
    batch = np.zeros((inference.backend.batch_size, size_px, size_px, len(inference.spec.bands)), np.float32)
    for tile, (pixels, valid) in zip(batch, full, strict=False):
        tile[:] = pad_to(to_model_input(pixels, valid, inference.scaling, inference.spec), size_px)
    results = iter(inference.backend.predict(batch))
    return [(window, None if pixels is None else next(results)) for window, pixels in windows]


def _iter_reported(tiles: Iterable[Tile], total: int, report: Report) -> Iterator[Tile]:
    for done, tile in enumerate(tiles, 1):
        yield tile
        report(Progress("predict", done, total, "windows"))


class _Validity:
    """Stores which pixels of a core are valid, from reading until their strip is blended."""

    def __init__(self, core: Window) -> None:
        self._core = core
        self._rows: dict[int, BoolArray] = {}

    def add(self, window: Window, valid: BoolArray) -> None:
        rows = self._rows.setdefault(window.row_off, np.zeros((window.height, self._core.width), np.bool_))
        core = Window(self._core.col_off, window.row_off, self._core.width, window.height)
        if (shared := window.intersection(core)) is not None:
            rows[shared.slices_in(core)] = valid[shared.slices_in(window)]

    def take(self, row_off: int, rows: int) -> BoolArray:
        """Validity of a blended strip, which lies within the last row of windows that starts at or above it."""
        first = max(row for row in list(self._rows) if row <= row_off)
        for row in [row for row in list(self._rows) if row < first]:
            del self._rows[row]
        return self._rows[first][row_off - first : row_off - first + rows]
