"""Estimates the memory and disk space that a scene needs, and checks that this machine has them."""

from __future__ import annotations

import math
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from road_extract.base.errors import InputError, RoadExtractError
from road_extract.base.windows import TilePlan
from road_extract.models.backends import choose_backend

#: Measured (docs/performance.md): GDAL's cache and the runtime with its model, the additional needs of TensorFlow, and
#: the additional needs of each column of the inference grid.
BASE_BYTES = 0.75e9
TENSORFLOW_BYTES = 1.1e9
BYTES_PER_COLUMN = 9_000
#: Minimum compression ratio of probability rasters, measured on scenes of cities and fields.
_COMPRESSION = 4

_CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


@dataclass(frozen=True, slots=True)
class Needs:
    """The resources that a scene needs.

    Attributes:
        memory_bytes: Estimated peak memory.
        disk_bytes: Maximum size of the probability raster.
    """

    memory_bytes: int
    disk_bytes: int


def estimate_needs(plan: TilePlan, backend: str) -> Needs:
    """Estimate the resources for predicting a scene."""
    tensorflow = TENSORFLOW_BYTES if _chosen(backend) == "tensorflow" else 0
    return Needs(int(BASE_BYTES + BYTES_PER_COLUMN * plan.width + tensorflow), plan.height * plan.width * 4 // 3)


def _chosen(backend: str) -> str:
    try:
        return choose_backend().name if backend == "auto" else backend
    except RoadExtractError:  # reported when the backend is needed
        return backend


def find_shortages(needs: Needs, folder: Path | None) -> tuple[list[str], list[str]]:
    """Compare the needs of a scene with this machine.

    Args:
        needs: Needs of the scene.
        folder: Folder of the probability raster; None if it is unknown.

    Returns:
        Shortages that make success impossible, and shortages that may prevent it.
    """
    sure: list[str] = []
    maybe: list[str] = []
    total = total_memory()
    if total is not None and needs.memory_bytes > total:
        sure.append(
            f"needs about {_gb(needs.memory_bytes)} of memory, but this machine has {_gb(total)}; process parts of the "
            "scene (--bounds), or check that its pixel size is right"
        )
    free = None if folder is None else _free_bytes(folder)
    if free is not None and needs.disk_bytes > free:
        text = f"the probability raster may need {_gb(needs.disk_bytes)}, but {folder} has {_gb(free)} free"
        (sure if needs.disk_bytes / _COMPRESSION > free else maybe).append(f"{text}; choose another folder or --bounds")
    return sure, maybe


def check_needs(scene: str, plan: TilePlan, backend: str, folder: Path) -> None:
    """Check that this machine has enough memory and disk space.

    Raises:
        InputError: If it does not.
    """
    sure, _ = find_shortages(estimate_needs(plan, backend), folder)
    if sure:
        raise InputError(f"{scene}: {sure[0]}")


def total_memory() -> int | None:
    """Return the memory in bytes that this process may use; None if the system does not report it."""
    found = [_cgroup_limit(Path(path)) for path in _CGROUP_LIMITS]
    with suppress(AttributeError, ValueError, OSError):  # Windows has none
        found.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    return min((value for value in found if value is not None and value > 0), default=None)


def _cgroup_limit(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):  # no such file, or "max"
        return None


def _free_bytes(folder: Path) -> int | None:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


def _gb(count: float) -> str:
    return f"{count / 1e9:,.1f} GB" if count < 1e10 else f"{math.ceil(count / 1e9):,} GB"
