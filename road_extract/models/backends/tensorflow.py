"""TensorFlow, through Keras: one graph with a fixed batch shape."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from road_extract.base.arrays import Float32Array
from road_extract.base.errors import BackendError, InputError
from road_extract.base.native import load_drivers
from road_extract.models.backends.checks import check_probabilities, processor_flags

log = logging.getLogger("road_extract")

BATCH_SIZE = 4


class TensorFlowBackend:
    """A `Backend`. Uses a GPU if TensorFlow sees one, otherwise the CPU, with bfloat16 if that is faster."""

    def __init__(
        self, model: Path, batch_size: int | None = None, precision: str = "auto", threads: int | None = None
    ) -> None:
        """Load a model.

        Args:
            model: Model folder.
            batch_size: First dimension of every batch; a suitable one by default.
            precision: ``float32``, ``bfloat16``, or ``auto``: bfloat16 on CPUs that support it natively.
            threads: CPU threads; all by default.

        Raises:
            InputError: If the model folder cannot be used, or the precision is not supported.
            BackendError: If TensorFlow cannot be imported.
        """
        if precision not in ("auto", "float32", "bfloat16"):
            raise InputError(f"backend tensorflow computes in float32 or bfloat16, not in {precision}")
        self.batch_size, self.in_flight = batch_size or BATCH_SIZE, 1
        with _quiet_start():
            self._start(model, precision, threads)

    def _start(self, model: Path, precision: str, threads: int | None) -> None:
        tf = _import_tensorflow()
        import keras

        if threads is not None:
            _limit_threads(tf, threads)

        from road_extract.models import load_model

        if precision == "auto":
            precision = "bfloat16" if _has_bfloat16() else "float32"
        previous = keras.config.dtype_policy()
        keras.config.set_dtype_policy("mixed_bfloat16" if precision == "bfloat16" else "float32")
        try:
            network = load_model(model)
        finally:
            keras.config.set_dtype_policy(previous)
        has_gpu = bool(tf.config.list_physical_devices("GPU"))
        # On the CPU, TensorFlow splits matrix products into blocks across the batch. On some CPUs (AVX2 without VNNI),
        # rows at the end of a block are summed in a different order, so the prediction for a tile would depend on its
        # place in the batch. One tile at a time is as fast on the CPU.
        self._at_once = self.batch_size if has_gpu else 1
        signature = tf.TensorSpec((self._at_once, *network.input_shape[1:]), tf.float32)
        # one traced graph: calling Keras predict() in a loop is slow and leaks memory
        self._graph = tf.function(lambda batch: network(batch, training=False)[..., 0], input_signature=[signature])
        self._firsts = range(0, self.batch_size, self._at_once)
        self._graph(np.zeros(signature.shape, np.float32))  # traces and compiles
        self.description = f"TensorFlow {tf.__version__}, {'GPU' if has_gpu else 'CPU'}, {precision}"

    def predict(self, batch: Float32Array) -> Float32Array:
        """See `Backend.predict`."""
        try:
            parts = [self._graph(batch[first : first + self._at_once]).numpy() for first in self._firsts]
        except Exception as error:
            raise BackendError(f"TensorFlow could not run the model: {error}") from error
        return check_probabilities(np.concatenate(parts))

    def close(self) -> None:
        """See `Backend.close`."""
        del self._graph


def find_device() -> str:
    """Return ``GPU`` if TensorFlow sees one, otherwise ``CPU``.

    Raises:
        BackendError: If TensorFlow cannot be imported.
    """
    with _quiet_start():
        return "GPU" if _import_tensorflow().config.list_physical_devices("GPU") else "CPU"


def export_saved_model(model: Path, folder: Path) -> None:
    """Write a SavedModel into a folder, in float32, with a signature ``serving_default``."""
    with _quiet_start():
        tf = _import_tensorflow()

        from road_extract.models import load_model

        network = load_model(model)
        signature = tf.TensorSpec((None, *network.input_shape[1:]), tf.float32, name="input")

        def serve(batch: Any) -> dict[str, Any]:
            return {"probability": network(batch, training=False)[..., 0]}

        module = tf.Module()
        module.network = network
        module.serve = tf.function(serve, input_signature=[signature])
        tf.saved_model.save(module, str(folder), signatures={"serving_default": module.serve})


@contextmanager
def _quiet_start() -> Iterator[None]:
    """Hide the start-up messages of native code, which are of no use to users, unless the start fails."""
    try:
        stderr = os.dup(2)
    except OSError:  # there is no stderr
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
    load_drivers()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    try:
        import tensorflow as tf
    except ImportError as error:
        raise BackendError(f"TensorFlow cannot be imported ({error}); install it (pip install tensorflow)") from error
    return tf


def _limit_threads(tf: Any, threads: int) -> None:
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    except RuntimeError:  # only possible before the first use of TensorFlow in a process
        log.warning("TensorFlow is already running in this process, so its number of threads cannot be changed")


def _has_bfloat16() -> bool:
    """Check whether the CPU supports bfloat16. If that is unknown, float32 is the safe choice."""
    flags = processor_flags()
    return "amx_bf16" in flags or "avx512_bf16" in flags
