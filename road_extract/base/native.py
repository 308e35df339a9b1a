"""Care for native libraries: giving free memory back to the system, and loading drivers in the right order."""

from __future__ import annotations

import ctypes
import sys


def release_free_memory() -> None:
    """Let the C library return freed memory to the system, where it can.

    The next stage allocates other sizes. Without this, its peak would come on top of what the first stage left behind.
    """
    if sys.platform != "linux":
        return
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it; musl does not need it
    if trim is not None:
        trim(0)


def load_drivers() -> None:
    """Load GDAL's vector drivers. Call this before TensorFlow is imported.

    Both bring a copy of SQLite, and the one that is loaded first serves both. TensorFlow's copy has no R-tree, so
    GeoPackages would have no spatial index.
    """
    import pyogrio  # noqa: F401
