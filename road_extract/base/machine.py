"""Finds out how much memory and disk space this machine has."""

from __future__ import annotations

import math
import os
import shutil
from contextlib import suppress
from pathlib import Path

_CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def total_memory() -> int | None:
    """Bytes of memory that this process may use; None if the system does not say."""
    found = [_cgroup_limit(Path(path)) for path in _CGROUP_LIMITS]
    with suppress(AttributeError, ValueError, OSError):  # Windows has none
        found.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    return min((value for value in found if value is not None and value > 0), default=None)


def _cgroup_limit(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):  # no such file, or "max"
        return None


def free_bytes(folder: Path) -> int | None:
    """Free bytes on the disk of a folder; None if the system does not say."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


def in_gb(count: float) -> str:
    """Format a number of bytes in gigabytes, for messages."""
    return f"{count / 1e9:,.1f} GB" if count < 1e10 else f"{math.ceil(count / 1e9):,} GB"
