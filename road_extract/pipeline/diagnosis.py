"""Describes an installation for bug reports, without revealing secrets."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from road_extract.base.urls import redact
from road_extract.base.version import __version__
from road_extract.io.raster.versions import native_versions
from road_extract.models import read_spec, shipped_model
from road_extract.models.backends import choose_backend, open_backend
from road_extract.models.backends.cache import cache_folder
from road_extract.models.backends.choosing import MODULES, is_installed
from road_extract.models.backends.listing import measure_speed

#: Packages whose versions are reported; those in the last line are optional.
PACKAGES = (
    *("numpy", "scipy", "shapely", "pyproj", "rasterio", "geopandas", "pyogrio", "pyarrow", "networkx", "click"),
    *("openvino", "torch", "onnxruntime", "onnx", "tensorflow", "keras", "dask"),
)
#: Environment variables that change what the program does. No others are reported.
VARIABLES = (
    *("ROAD_EXTRACT_CACHE", "ROAD_EXTRACT_HOME", "ROAD_EXTRACT_PYTHON", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"),
    *("GDAL_CACHEMAX", "GDAL_DATA", "GDAL_DRIVER_PATH", "GDAL_NUM_THREADS", "PROJ_DATA", "PROJ_LIB", "PROJ_NETWORK"),
    *("PYTHONHOME", "PYTHONPATH", "LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_LIBRARY_PATH"),
    *("CUDA_VISIBLE_DEVICES", "KERAS_BACKEND", "ONEDNN_MAX_CPU_ISA", "TF_ENABLE_ONEDNN_OPTS"),
)
#: Variables whose values are not shown, because they may contain a password.
SECRETIVE = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A description of an installation.

    Attributes:
        program: road_extract, Python and the system.
        machine: CPU, memory and disk.
        packages: Version of each package.
        backends: Version of each backend, and which one is chosen.
        model: The shipped model, and its speed on this machine.
        variables: Relevant environment variables that are set.
        problems: What does not work.
    """

    program: dict[str, str]
    machine: dict[str, str]
    packages: dict[str, str]
    backends: dict[str, str]
    model: dict[str, str]
    variables: dict[str, str]
    problems: list[str] = field(default_factory=list)

    def to_text(self) -> str:
        """Return text to paste into a bug report, with a block for each part."""
        lines: list[str] = []
        for name in ("program", "machine", "packages", "backends", "model", "variables"):
            values: dict[str, str] = getattr(self, name)
            lines += [name, *(f"  {key:<20} {value}" for key, value in values.items())] if values else []
        lines += ["problems", *(f"  {problem}" for problem in self.problems)] if self.problems else []
        return "\n".join(lines)


def diagnose(*, timing: bool = True) -> Diagnosis:
    """Describe this installation. Problems are reported, not raised.

    Args:
        timing: Run the shipped model for two seconds.
    """
    problems: list[str] = []
    return Diagnosis(
        program=_describe_program(),
        machine=_describe_machine(),
        packages={name: found for name in PACKAGES if (found := _version_of(name))} | native_versions(),
        backends=_describe_backends(problems),
        model=_time_model(problems) if timing else {},
        variables=_describe_variables(),
        problems=[without_home(redact(problem)) for problem in problems],
    )


def without_home(text: str) -> str:
    """Replace the user's home folder by ``~``, to hide the user's name."""
    try:
        home = str(Path.home())
    except RuntimeError:  # the user has no home folder
        return text
    return text.replace(home, "~") if len(home) > 1 else text


def _describe_program() -> dict[str, str]:
    return {
        "road_extract": __version__,
        "Python": f"{platform.python_version()} ({without_home(sys.executable)})",
        "system": platform.platform(),
    }


def _describe_machine() -> dict[str, str]:
    folders = {"disk": Path.cwd(), "disk, temporary": Path(tempfile.gettempdir()), "disk, cache": _existing_cache()}
    total, available = _memory()
    return {
        "processor": f"{_processor()}, {os.cpu_count()} threads",
        "memory": f"{total / 1e9:.1f} GB, {available / 1e9:.1f} GB available" if total else "unknown",
        "NVIDIA driver": "found" if shutil.which("nvidia-smi") else "not found",
        **{name: f"{shutil.disk_usage(path).free / 1e9:.1f} GB free" for name, path in folders.items()},
    }


def _existing_cache() -> Path:
    folder = cache_folder() or Path(tempfile.gettempdir())
    return next(path for path in (folder, *folder.parents) if path.is_dir())


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _memory() -> tuple[int, int]:
    """Return total and available bytes; zeros if the system does not report them."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return _memory_by_sysconf()
    values = {line.partition(":")[0]: int(line.split()[1]) * 1024 for line in lines if line.endswith("kB")}
    return values.get("MemTotal", 0), values.get("MemAvailable", 0)


def _memory_by_sysconf() -> tuple[int, int]:
    names: dict[str, int] = getattr(os, "sysconf_names", {})
    if not {"SC_PAGE_SIZE", "SC_PHYS_PAGES"} <= names.keys():  # Windows
        return 0, 0
    page, free = os.sysconf("SC_PAGE_SIZE"), names.keys() >= {"SC_AVPHYS_PAGES"}
    return page * os.sysconf("SC_PHYS_PAGES"), page * os.sysconf("SC_AVPHYS_PAGES") if free else 0


def _version_of(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _describe_backends(problems: list[str]) -> dict[str, str]:
    """Return the versions, and the backend that ``auto`` chooses, with the reason."""
    found = {name: _version_of(MODULES[name]) or "installed" for name in MODULES if is_installed(name)}
    missing = dict.fromkeys((name for name in MODULES if name not in found), "not installed")
    try:
        choice = choose_backend()
        chosen = {"chosen": choice.name, "because": choice.reason}
    except Exception as error:
        problems.append(str(error))
        chosen = {"chosen": "none"}
    return {**found, **missing, **chosen}


def _time_model(problems: list[str]) -> dict[str, str]:
    """Measure the speed of the shipped model, and report any error."""
    try:
        folder = shipped_model()
        spec = read_spec(folder)
        started = time.perf_counter()
        with closing(open_backend("auto", folder)) as backend:
            ready_s = time.perf_counter() - started
            rate = measure_speed(backend, (spec.tile_size_px, spec.tile_size_px, len(spec.bands)))
            return {"name": spec.name, "backend": backend.description, "ready in": f"{ready_s:.1f} s",
                    "speed": f"{rate:.0f} windows/s"}  # fmt: skip
    except Exception as error:
        problems.append(f"the model does not run: {error}")
        return {}


def _describe_variables() -> dict[str, str]:
    open_ones = {name: without_home(redact(os.environ[name])) for name in VARIABLES if name in os.environ}
    return open_ones | {name: "(set)" for name in SECRETIVE if name in os.environ or name.lower() in os.environ}
