"""The backends on this machine: what is installed, which device each one sees, and how fast it is."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from road_extract.models.backends import open_backend
from road_extract.models.backends.choosing import MODULES, choose_backend, find_device, is_installed
from road_extract.models.backends.protocol import Backend
from road_extract.models.storage import find_model, read_spec, shipped_model

#: Extras that install a missing runtime.
_EXTRAS = {"pytorch": "torch", "onnxruntime": "onnxruntime"}


@dataclass(frozen=True, slots=True)
class BackendReport:
    """One backend on this machine.

    Attributes:
        name: Name, as in `--backend`.
        version: Version of its runtime; empty if it is not installed.
        device: Device that it would use, as reported by the runtime.
        description: Runtime, device and precision, as recorded in rasters; empty if it was not run.
        windows_s: Measured windows per second; None if it was not run.
        chosen: Why `auto` chooses this backend; empty if it chooses another one.
        problem: Why it cannot be used, and what to do about it.
    """

    name: str
    version: str = ""
    device: str = ""
    description: str = ""
    windows_s: float | None = None
    chosen: str = ""
    problem: str = ""

    def __str__(self) -> str:
        speed = "" if self.windows_s is None else f", {self.windows_s:.3g} windows/s"
        state = self.problem or f"{self.description or f'{self.version}, {self.device}'}{speed}"
        taken = f"\n{'':<14}chosen by auto: {self.chosen}" if self.chosen else ""
        return f"{self.name:<14}{state}{taken}"


def list_backends(
    *, model: str | Path | None = None, precision: str = "auto", timing: bool = True
) -> list[BackendReport]:
    """Ask every runtime which device it sees, and run the model on it for two seconds.

    Args:
        model: Model folder; the shipped model by default.
        precision: Precision to open each backend with.
        timing: Run the model; otherwise, only versions and devices are reported.

    Returns:
        The backends in the order of `MODULES`. If one of them fails, its `problem` says why; no error is raised.

    Raises:
        InputError: If the model folder cannot be used.
    """
    folder = shipped_model() if model is None else find_model(model)
    read_spec(folder)
    return list(_iter_reports(folder, precision, timing))


def measure_speed(backend: Backend, tile_shape: tuple[int, int, int], seconds: float = 2.0) -> float:
    """Measure windows per second, with as many concurrent calls as the backend can use.

    Args:
        backend: An open backend.
        tile_shape: (rows, cols, bands).
        seconds: Duration, after one call each that is not counted.
    """
    batches = [np.zeros((backend.batch_size, *tile_shape), np.float32)] * backend.in_flight
    with ThreadPoolExecutor(backend.in_flight) as pool:
        list(pool.map(backend.predict, batches))  # the first run compiles the network
        started, runs = time.perf_counter(), 0
        while (passed := time.perf_counter() - started) < seconds:
            list(pool.map(backend.predict, batches))
            runs += len(batches)
        passed = time.perf_counter() - started
    return runs * backend.batch_size / passed


def _iter_reports(folder: Path, precision: str, timing: bool) -> Iterator[BackendReport]:
    choice = choose_backend()
    for name in MODULES:
        reason = choice.reason if name == choice.name else ""
        if not is_installed(name):
            package = f"'road-extract[{_EXTRAS[name]}]'" if name in _EXTRAS else name
            yield BackendReport(name, problem=f"not installed (pip install {package})")
            continue
        try:
            device = find_device(name)
            run = _run(name, folder, precision) if timing else ("", None)
        except Exception as error:  # any error of a runtime: the other backends still have to be reported
            yield BackendReport(name, _version_of(name), chosen=reason, problem=str(error))
            continue
        yield BackendReport(name, _version_of(name), device, *run, chosen=reason)


def _run(name: str, folder: Path, precision: str) -> tuple[str, float | None]:
    spec = read_spec(folder)
    with closing(open_backend(name, folder, precision=precision)) as backend:
        shape = spec.tile_size_px, spec.tile_size_px, len(spec.bands)
        return backend.description, measure_speed(backend, shape)


def _version_of(name: str) -> str:
    try:
        return version(MODULES[name])
    except PackageNotFoundError:  # installed from another distribution, such as onnxruntime-gpu
        return "installed"
