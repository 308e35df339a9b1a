"""TensorFlow, through Keras: one graph with a fixed batch shape."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from road_extract.errors import BackendError


class TensorFlowBackend:
    """A `Backend`. Uses a GPU where TensorFlow sees one, else the CPU, in bfloat16 where that pays."""

    def __init__(self, model: Path, batch_size: int, precision: str = "auto") -> None:
        """Load a model.

        Args:
            model: Model folder.
            batch_size: First dimension of every batch.
            precision: ``float32``, ``bfloat16``, or ``auto``: bfloat16 on processors with instructions for it.

        Raises:
            InputError: If the model folder cannot be used.
            BackendError: If TensorFlow cannot be imported.
        """
        with _quiet_start():
            self._start(model, batch_size, precision)

    def _start(self, model: Path, batch_size: int, precision: str) -> None:
        tf = _import_tensorflow()
        import keras

        from road_extract.model import load_model

        if precision == "auto":
            precision = "bfloat16" if _has_bfloat16() else "float32"
        previous = keras.config.dtype_policy()
        keras.config.set_dtype_policy("mixed_bfloat16" if precision == "bfloat16" else "float32")
        try:
            network = load_model(model)
        finally:
            keras.config.set_dtype_policy(previous)
        signature = tf.TensorSpec((batch_size, *network.input_shape[1:]), tf.float32)
        # one traced graph: calling keras' predict() in a loop is slow and leaks
        self._graph = tf.function(lambda batch: network(batch, training=False)[..., 0], input_signature=[signature])
        self._graph(np.zeros(signature.shape, np.float32))  # traces and compiles
        device = "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
        self.description = f"TensorFlow {tf.__version__}, {device}, {precision}"

    def predict(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `Backend.predict`."""
        try:
            probability: NDArray[np.float32] = self._graph(batch).numpy()
        except Exception as error:
            raise BackendError(f"TensorFlow could not run the model: {error}") from error
        # written so that NaN fails too
        if not (probability.min() >= 0 and probability.max() <= 1):
            raise BackendError("the model gave values that are no probabilities; its weights may be damaged")
        return probability

    def close(self) -> None:
        """See `Backend.close`."""
        del self._graph


@contextmanager
def _quiet_start() -> Iterator[None]:
    """Keep what native code prints at its start, which tells users nothing, from stderr, unless the start fails."""
    try:
        stderr = os.dup(2)
    except OSError:  # no stderr to keep quiet
        yield
        return
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        try:
            yield
        except BaseException:
            said.seek(0)
            os.write(stderr, said.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def _import_tensorflow() -> Any:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    try:
        import tensorflow as tf
    except ImportError as error:
        raise BackendError(f"TensorFlow cannot be imported ({error}); install it (pip install tensorflow)") from error
    return tf


def _has_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 (Linux tells; elsewhere float32 is the safe choice)."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return "amx_bf16" in flags or "avx512_bf16" in flags
