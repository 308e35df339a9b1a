"""Compare the speed of training steps in float32 and bfloat16 on the backend given by KERAS_BACKEND.

    python benchmarks/training.py [--batch-size N] [--window PX] [--steps N] [--rounds N]

The tiles are random; only the step itself is timed: forward pass, backward pass and update. Each round times both
precisions, so that other load on the machine affects both equally; the result is the median of the rounds.
"""

from __future__ import annotations

import statistics
import time

import click
import keras
import numpy as np

from road_extract.models import build_resunet, logits_model
from road_extract.training.recipes import Recipe

POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16"}


def windows_per_s(model: keras.Model, batch_size: int, window_px: int, steps: int) -> float:
    """Measure windows per second over some steps, excluding the first one, which traces and compiles."""
    rng = np.random.default_rng(0)
    images = rng.normal(0, 1, (batch_size, window_px, window_px, 3)).astype(np.float32)
    labels = rng.integers(0, 2, (batch_size, window_px, window_px, 1)).astype(np.uint8)
    model.train_on_batch(images, labels)
    started = time.perf_counter()
    for _ in range(steps):
        model.train_on_batch(images, labels)
    return steps * batch_size / (time.perf_counter() - started)


def build(policy: str) -> keras.Model:
    """Build a model that is ready for training."""
    keras.config.set_dtype_policy(policy)
    model = logits_model(build_resunet((None, None, 3)))
    Recipe("default", 1000, 1e-4, 10, 0.05).compile(model)
    return model


@click.command()
@click.option("--batch-size", default=4, show_default=True)
@click.option("--window", "window_px", default=224, show_default=True)
@click.option("--steps", default=3, show_default=True, help="Timed steps per round.")
@click.option("--rounds", default=3, show_default=True)
def main(batch_size: int, window_px: int, steps: int, rounds: int) -> None:
    """Print windows per second."""
    models = {name: build(policy) for name, policy in POLICIES.items()}
    found: dict[str, list[float]] = {name: [] for name in models}
    for number in range(rounds):
        for name, model in models.items():
            found[name].append(windows_per_s(model, batch_size, window_px, steps))
            click.echo(f"round {number + 1}/{rounds} {name}: {found[name][-1]:.2f} windows/s", err=True)
    median = {name: statistics.median(rates) for name, rates in found.items()}
    click.echo(f"backend {keras.backend.backend()}, {batch_size} windows of {window_px} px per step")
    for name, rate in median.items():
        click.echo(f"{name:10} {rate:8.2f} windows/s  {rate / median['float32']:.2f} times float32")


if __name__ == "__main__":
    main()
