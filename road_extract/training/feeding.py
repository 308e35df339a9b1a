"""Draws batches in parallel with the training steps: in a thread, or in processes if a GPU would wait for a thread."""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from road_extract.base.arrays import ByteArray
from road_extract.base.concurrency import run_ahead
from road_extract.models.spec import ModelSpec
from road_extract.training.sampling import SamplingOptions, WindowSampler
from road_extract.training.scenes import INVALID

#: Step, images (batch, rows, cols, bands) and labels (batch, rows, cols).
Batch = tuple[int, ByteArray, ByteArray]

_BATCHES_AHEAD = 3
_DRAWS_AHEAD_PER_WORKER = 2

_sampler: WindowSampler | None = None


@contextmanager
def feeding(
    folder: Path, sampling: SamplingOptions, steps: range, workers: int
) -> Generator[Generator[Batch, None, None], None, None]:
    """Draw batches ahead of the training steps.

    Args:
        folder: Folder of prepared scenes.
        sampling: How to draw a batch.
        steps: Steps for which to draw batches, in order.
        workers: Number of processes; 0 uses one thread.
    """
    if workers == 0:
        sampler = WindowSampler(folder, sampling)
        drawn: Iterator[Batch] = ((step, *sampler.draw(step)) for step in steps)
        with closing(run_ahead(drawn, _BATCHES_AHEAD)) as batches:
            yield batches
        return
    WindowSampler(folder, sampling)  # raise errors here, not in a process
    # spawn, because forking a process with threads and a GPU is not safe
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, _open_sampler, (folder, sampling))
    try:
        with closing(run_ahead(_draw_in(pool, steps, workers), _BATCHES_AHEAD)) as batches:
            yield batches
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def to_input(images: ByteArray, labels: ByteArray, spec: ModelSpec) -> Any:
    """Normalize like `road_extract.prediction.preprocess.to_model_input`; invalid pixels become mid-grey (0).

    This runs on the device of the network, such as a GPU, because uint8 needs a quarter of the transfer of float32.

    Args:
        images: (batch, rows, cols, bands).
        labels: (batch, rows, cols).
        spec: Spec of the model.

    Returns:
        A float32 tensor of the Keras backend, (batch, rows, cols, bands).
    """
    from keras import ops

    mean, std = np.array(spec.mean, np.float32), np.array(spec.std, np.float32)
    inputs = ops.cast(ops.convert_to_tensor(images), "float32") * (1 / (255 * std)) - mean / std
    seen = ops.not_equal(ops.convert_to_tensor(labels), INVALID)
    return inputs * ops.cast(seen, "float32")[..., None]


def _draw_in(
    pool: ProcessPoolExecutor, steps: range, workers: int
) -> Generator[tuple[int, ByteArray, ByteArray], None, None]:
    pending: deque[Future[tuple[int, ByteArray, ByteArray]]] = deque()
    for step in steps:
        pending.append(pool.submit(_draw, step))
        if len(pending) > workers * _DRAWS_AHEAD_PER_WORKER:
            yield pending.popleft().result()
    while pending:
        yield pending.popleft().result()


def _open_sampler(folder: Path, sampling: SamplingOptions) -> None:
    global _sampler
    _sampler = WindowSampler(folder, sampling)


def _draw(step: int) -> tuple[int, ByteArray, ByteArray]:
    assert _sampler is not None
    return step, *_sampler.draw(step)
