"""Runtimes for the model, behind one interface.

Each runtime is imported by one module only, and only when it is needed. Nothing here knows about scenes or windows.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from road_extract.base.errors import InputError
from road_extract.base.options import BACKENDS, PRECISIONS
from road_extract.models.backends.choosing import choose_backend as choose_backend
from road_extract.models.backends.protocol import Backend as Backend
from road_extract.models.backends.symmetries import D4Backend

log = logging.getLogger("road_extract")


def open_backend(
    name: str,
    model: Path,
    batch_size: int | None = None,
    precision: str = "auto",
    threads: int | None = None,
    tta: str = "none",
) -> Backend:
    """Load a model into a backend.

    Args:
        name: One of `base.options.BACKENDS`; ``auto`` chooses the fastest one installed, see `choose_backend`, and logs
            the reason.
        model: Model folder.
        batch_size: Windows per batch; chosen by the backend by default.
        precision: One of `base.options.PRECISIONS`.
        threads: CPU threads; all by default.
        tta: Test-time augmentation: ``none``, or ``d4`` for the mean over the eight symmetries of a tile.

    Raises:
        InputError: If there is no such backend, or the model folder cannot be used.
        BackendError: If the backend cannot be imported.
    """
    for what, value, known in (("backend", name, BACKENDS), ("precision", precision, PRECISIONS)):
        if value not in known:
            raise InputError(f"{what} {value!r} is unknown; expected one of {', '.join(known)}")
    if name == "auto":
        choice = choose_backend()
        log.info("backend %s: %s", choice.name, choice.reason)
        name = choice.name
    backend = _backend_class(name)(model, batch_size, precision, threads)
    return D4Backend(backend) if tta == "d4" else backend


def check_any_place(backend: Backend) -> None:
    """Reject a backend that is unsuitable for shards, whose pixels must equal those of the whole scene.

    Raises:
        InputError: If the prediction for a tile depends on the other tiles of its batch.
    """
    if not getattr(backend, "any_place", True):
        raise InputError(
            f"{backend.description}: the last bits of a prediction depend on the other tiles of its batch, so "
            "shards would differ from the whole scene; choose another --precision, such as bfloat16 or float32"
        )


def export_network(to: str, model: Path, folder: Path) -> None:
    """Export the network of a model to a folder, in the format of a runtime.

    Args:
        to: ``onnx``, ``openvino`` or ``savedmodel``.
        model: Model folder.
        folder: Existing folder.

    Raises:
        InputError: If the format is unknown, or the model cannot be used.
        BackendError: If the runtime cannot be imported.
    """
    if to == "onnx":
        from road_extract.models.backends.onnxruntime import export_onnx

        export_onnx(model, folder)
    elif to == "openvino":
        from road_extract.models.backends.openvino import export_openvino

        export_openvino(model, folder)
    elif to == "savedmodel":
        from road_extract.models.backends.tensorflow import export_saved_model

        export_saved_model(model, folder)
    else:
        raise InputError(f"format {to!r} is unknown; expected onnx, openvino or savedmodel")


def _backend_class(name: str) -> Callable[[Path, int | None, str, int | None], Backend]:
    if name == "openvino":
        from road_extract.models.backends.openvino import OpenVinoBackend

        return OpenVinoBackend
    if name == "onnxruntime":
        from road_extract.models.backends.onnxruntime import OnnxRuntimeBackend

        return OnnxRuntimeBackend
    if name == "pytorch":
        from road_extract.models.backends.pytorch import PyTorchBackend

        return PyTorchBackend
    from road_extract.models.backends.tensorflow import TensorFlowBackend

    return TensorFlowBackend
