"""The backend that `auto` chooses: the fastest one, on a device that its runtime really sees."""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from road_extract.base.errors import BackendError

#: Import name of the runtime of each backend. The distributions have the same names.
MODULES = {"openvino": "openvino", "pytorch": "torch", "onnxruntime": "onnxruntime", "tensorflow": "tensorflow"}
#: The fastest first. On the CPU, the others only replace OpenVINO if it is missing.
ON_GPU = ("pytorch", "onnxruntime", "tensorflow")
ON_PROCESSOR = ("openvino", "pytorch", "tensorflow", "onnxruntime")


@dataclass(frozen=True, slots=True)
class Choice:
    """The choice of `auto`.

    Attributes:
        name: Name of the backend.
        reason: Why, in a few words.
    """

    name: str
    reason: str


@lru_cache(maxsize=1)
def choose_backend() -> Choice:
    """Choose the fastest installed backend, on the best device that it sees.

    Runtimes are asked for a GPU only if there is a trace of one, because they have to be imported to be asked.

    Raises:
        BackendError: If no runtime is installed.
    """
    trace = gpu_trace()
    asked = [name for name in ON_GPU if is_installed(name)] if trace else []
    for name in asked:
        if (device := _device_or_none(name)) not in (None, "CPU"):
            return Choice(name, f"it sees {device}")
    return Choice(_on_processor(), _why_no_gpu(trace, asked))


def is_installed(name: str) -> bool:
    """Check whether the runtime of a backend is installed, without importing it."""
    return find_spec(MODULES[name]) is not None


def find_device(name: str) -> str:
    """Return the device that a backend would use, as its runtime sees it: ``CPU``, or the name of a GPU.

    Raises:
        BackendError: If the runtime cannot be imported.
    """
    seen: Callable[[], str] = import_module(f"road_extract.models.backends.{name}").find_device
    return seen()


def gpu_trace() -> str:
    """Return what hints at a GPU on this machine, or an empty string. A hint is not a proof: drivers may be missing."""
    if sys.platform == "darwin":
        return "Apple's processor" if platform.machine() == "arm64" else ""
    if shutil.which("nvidia-smi"):
        return "nvidia-smi"
    return next((path for path in ("/dev/nvidia0", "/dev/kfd", "/dev/dxg") if Path(path).exists()), "")


def _device_or_none(name: str) -> str | None:
    try:
        return find_device(name)
    except BackendError:  # installed but damaged: the next one may work
        return None


def _on_processor() -> str:
    for name in ON_PROCESSOR:
        if is_installed(name):
            return name
    raise BackendError("no runtime for the model is installed; install one (pip install openvino)")


def _why_no_gpu(trace: str, asked: list[str]) -> str:
    if not trace:
        return "no sign of a GPU"
    if not asked:
        advice = "install one that could use it (pip install 'road-extract[torch]')"
        return f"{trace} hints at a GPU, but no runtime for it is installed; {advice}"
    return f"{trace} hints at a GPU, but {' and '.join(asked)} {'sees' if len(asked) == 1 else 'see'} none"
