"""The training loop: resumable to the step, the same on every backend of Keras."""

from __future__ import annotations

import csv
import os
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from road_extract.concurrency import run_ahead
from road_extract.errors import InputError
from road_extract.model import STRIDE, build_resunet, load_weights, logits_model, save_model
from road_extract.model_spec import ModelSpec
from road_extract.training.losses import bce_dice_loss
from road_extract.training.sampling import WindowSampler, open_groups

if TYPE_CHECKING:
    import keras

CHECKPOINT_FILE = "checkpoint.npz"
LOG_FILE = "log.csv"
_BATCHES_AHEAD = 2
LOSS = "bce + dice / 2"


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """How to train.

    Attributes:
        name: Of the model, for people.
        gsd_m: Of the scenes, metres; recorded in the model's spec, so that it is fed alike.
        steps: Optimizer steps in all, those of earlier, interrupted runs included.
        batch_size: Windows a step.
        window_px: Rows and columns of a training window, a multiple of 8.
        learning_rate: Peak, reached after the warm-up.
        warmup_steps: Steps of linear rise.
        weight_decay: Of AdamW.
        seed: Fixes weights and windows.
        checkpoint_s: Seconds between checkpoints.
        leave_out: Beginnings of scene names that are kept for validation.
        bfloat16: Convolutions in bfloat16, about twice as fast where the processor has it.
    """

    name: str = "untitled"
    gsd_m: float = 1.0
    steps: int = 2000
    batch_size: int = 8
    window_px: int = 224
    learning_rate: float = 1e-3
    warmup_steps: int = 60
    weight_decay: float = 1e-4
    seed: int = 0
    checkpoint_s: float = 120.0
    leave_out: tuple[str, ...] = ()
    bfloat16: bool = True


@dataclass(frozen=True, slots=True)
class TrainProgress:
    """One report: steps done and planned, windows a second, smoothed loss, seconds to go."""

    step: int
    steps: int
    windows_per_s: float
    loss: float
    remaining_s: float


def train_model(
    folders: Sequence[tuple[Path, float]],
    out: Path,
    options: TrainOptions,
    init: Path | None = None,
    report: Callable[[TrainProgress], None] = lambda progress: None,
) -> Path:
    """Train a ResUNet and write a model folder.

    An interrupted run goes on from its last checkpoint when called again with the same arguments.

    Args:
        folders: Folders with ``images/`` and ``masks/``, each with its relative share of the windows.
        out: Model folder to write; the checkpoint and ``log.csv`` lie there too.
        options: How to train.
        init: Model folder whose weights are the start.
        report: Called after every step.

    Returns:
        ``out``.

    Raises:
        InputError: If the scenes cannot be used, or ``out`` holds a run with other options.
    """
    import keras

    if min(options.steps, options.batch_size, options.window_px) < 1 or options.window_px % STRIDE:
        raise InputError(f"training: steps and batch size must be above 0, the window a multiple of {STRIDE} px")
    groups = open_groups(folders, options.leave_out)
    sampler = WindowSampler(groups, options.window_px, options.batch_size, options.seed)
    spec = ModelSpec(options.name, gsd_m=options.gsd_m, provenance={"recipe": {**asdict(options), "loss": LOSS}})
    keras.utils.set_random_seed(options.seed)
    previous = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16" if options.bfloat16 else "float32")
    try:
        model = build_resunet((None, None, 3))
        if init is not None:
            load_weights(model, init)
        trained = _compile(model, options)
        out.mkdir(parents=True, exist_ok=True)
        scenes = [(scene.name, group.share) for group in groups for scene in group.scenes]
        fingerprint = repr((sorted(asdict(options).items()), scenes, str(init)))
        first = _restore(trained, out / CHECKPOINT_FILE, fingerprint)
        _run(trained, sampler, options, first, out, fingerprint, spec, report)
        save_model(trained, spec, out)
    finally:
        keras.config.set_dtype_policy(previous)
    return out


def _compile(model: keras.Model, options: TrainOptions) -> keras.Model:
    import keras

    schedule = keras.optimizers.schedules.CosineDecay(
        0.0,
        max(1, options.steps - options.warmup_steps),
        alpha=0.01,
        warmup_target=options.learning_rate,
        warmup_steps=options.warmup_steps,
    )
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=options.weight_decay, global_clipnorm=1.0)
    trained = logits_model(model)
    trained.compile(optimizer=optimizer, loss=bce_dice_loss, jit_compile=False)
    optimizer.build(trained.trainable_variables)
    return trained


def _run(
    model: keras.Model,
    sampler: WindowSampler,
    options: TrainOptions,
    first: int,
    out: Path,
    fingerprint: str,
    spec: ModelSpec,
    report: Callable[[TrainProgress], None],
) -> None:
    started = saved = time.monotonic()
    smooth: float | None = None
    with (out / LOG_FILE).open("a", newline="", encoding="utf-8") as log, ExitStack() as stack:
        writer = csv.writer(log)
        drawn = ((step, *sampler.draw(step)) for step in range(first, options.steps))
        batches = stack.enter_context(closing(run_ahead(drawn, _BATCHES_AHEAD)))
        for step, images, targets in batches:
            inputs = (images - np.array(spec.mean, np.float32)) / np.array(spec.std, np.float32)
            loss = float(np.asarray(model.train_on_batch(inputs, targets)).ravel()[0])
            if not np.isfinite(loss):
                raise InputError(f"training: the loss became {loss} at step {step}; lower the learning rate")
            smooth = loss if smooth is None else 0.98 * smooth + 0.02 * loss
            writer.writerow([step, f"{loss:.5f}"])
            now, done = time.monotonic(), step + 1
            rate = (done - first) / (now - started)
            report(TrainProgress(done, options.steps, rate * options.batch_size, smooth, (options.steps - done) / rate))
            if now - saved > options.checkpoint_s or done == options.steps:
                log.flush()
                _save_checkpoint(model, out / CHECKPOINT_FILE, done, fingerprint)
                saved = now


def _save_checkpoint(model: keras.Model, path: Path, step: int, fingerprint: str) -> None:
    """Weights, optimizer state and step, without pickle; replaced in one move so that a kill leaves the old one."""
    arrays: dict[str, NDArray[Any]] = {f"w{i}": w.numpy() for i, w in enumerate(model.weights)}
    arrays |= {f"o{i}": np.asarray(v) for i, v in enumerate(model.optimizer.variables)}
    temp = path.with_suffix(".tmp.npz")
    np.savez(temp, step=np.array(step), fingerprint=np.array(fingerprint), **arrays)  # type: ignore[arg-type]
    os.replace(temp, path)


def _restore(model: keras.Model, path: Path, fingerprint: str) -> int:
    """Load a checkpoint if there is one; returns the number of steps it had done."""
    if not path.exists():
        return 0
    with np.load(path, allow_pickle=False) as arrays:
        if str(arrays["fingerprint"]) != fingerprint:
            raise InputError(f"{path.parent}: holds a run with other options; give the same ones or another folder")
        for i, weight in enumerate(model.weights):
            weight.assign(arrays[f"w{i}"])
        for i, variable in enumerate(model.optimizer.variables):
            variable.assign(arrays[f"o{i}"])
        return int(arrays["step"])
