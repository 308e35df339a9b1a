"""Averages of weights over training steps, which perform better than the last weights at almost no cost."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import keras

#: Number of steps between updates, since each update touches every weight.
_EVERY = 8


class WeightAverage:
    """Exponential moving average of all weights, including those of batch normalization.

    Polyak & Juditsky (1992). The decay rises as (1 + n) / (10 + n), so that the initial weights are soon forgotten.
    """

    def __init__(self, model: keras.Model, decay: float) -> None:
        """Start from the model's weights.

        Args:
            model: Model whose weights are averaged.
            decay: Decay per step. With 0, there is no average and the last weights are used.
        """
        import keras

        self._model, self._decay = model, decay
        # copies, here and below, because JAX reuses the memory of a model's weights at every step
        values = [np.array(weight.numpy()) for weight in model.weights] if decay else []
        self.variables = [keras.Variable(value, trainable=False, dtype="float32") for value in values]

    def update(self, step: int) -> None:
        """Update the average after a step, counted from 0."""
        from keras import ops

        if (step + 1) % _EVERY or not self._decay:
            return
        decay = min(self._decay**_EVERY, (1 + step / _EVERY) / (10 + step / _EVERY))
        for average, weight in zip(self.variables, self._model.weights, strict=True):
            now = ops.stop_gradient(ops.cast(weight.value, "float32"))
            average.assign(average.value * decay + now * (1 - decay))

    @contextmanager
    def applied(self) -> Generator[None, None, None]:
        """Use the averaged weights in the model, and restore its own weights afterwards."""
        import keras

        kept: list[Any] = [keras.ops.copy(weight.value) for weight in self._model.weights if self._decay]
        for weight, average in zip(self._model.weights, self.variables, strict=False):
            weight.assign(keras.ops.copy(average.value))
        try:
            yield
        finally:
            for weight, value in zip(self._model.weights, kept, strict=False):
                weight.assign(value)
