"""What runs the model, behind one method.

Each module is the only importer of its runtime, and imports it lazily. Nothing here knows scenes or windows.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from road_extract.base.errors import BackendError, InputError
from road_extract.base.options import BACKENDS, PRECISIONS
from road_extract.models.backends.protocol import Backend as Backend
from road_extract.models.backends.symmetries import D4Backend


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
        name: One of `base.options.BACKENDS`; ``auto`` takes the fastest that is installed, see `choose_backend`.
        model: Model folder.
        batch_size: Windows that go through the model at once; the backend's own choice if left out.
        precision: One of `base.options.PRECISIONS`.
        threads: Of the processor; all if left out.
        tta: Test-time augmentation: ``none``, or ``d4`` for the mean over the eight symmetries of a tile.

    Raises:
        InputError: If there is no such backend, or the model folder cannot be used.
        BackendError: If the backend cannot be imported.
    """
    for what, value, known in (("backend", name, BACKENDS), ("precision", precision, PRECISIONS)):
        if value not in known:
            raise InputError(f"{what} {value!r} is unknown; expected one of {', '.join(known)}")
    chosen = choose_backend() if name == "auto" else name
    backend = _backend_class(chosen)(model, batch_size, precision, threads)
    return D4Backend(backend) if tta == "d4" else backend


def choose_backend() -> str:
    """The fastest backend that is installed.

    Where there is an NVIDIA GPU, ONNX Runtime if it was built for it, else TensorFlow. On the processor OpenVINO, then
    TensorFlow, then ONNX Runtime. Nothing heavy is imported to find out.
    """
    if shutil.which("nvidia-smi"):
        order = ("tensorflow", "openvino", "onnxruntime")
        if find_spec("onnxruntime") and _onnxruntime_has_cuda():
            return "onnxruntime"
    else:
        order = ("openvino", "tensorflow", "onnxruntime")
    for name in order:
        if find_spec(name):
            return name
    raise BackendError("no runtime for the model is installed; install one (pip install openvino)")


def export_network(to: str, model: Path, folder: Path) -> None:
    """Write a model's network into a folder in the format of a runtime.

    Args:
        to: ``onnx``, ``openvino`` or ``savedmodel``.
        model: Model folder.
        folder: There already.

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


def _onnxruntime_has_cuda() -> bool:
    from road_extract.models.backends.onnxruntime import has_cuda

    return has_cuda()


def _backend_class(name: str) -> Callable[[Path, int | None, str, int | None], Backend]:
    if name == "openvino":
        from road_extract.models.backends.openvino import OpenVinoBackend

        return OpenVinoBackend
    if name == "onnxruntime":
        from road_extract.models.backends.onnxruntime import OnnxRuntimeBackend

        return OnnxRuntimeBackend
    from road_extract.models.backends.tensorflow import TensorFlowBackend

    return TensorFlowBackend
