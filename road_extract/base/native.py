"""What native libraries need to be told: free memory goes back to the system, and who is loaded first."""

from __future__ import annotations

import ctypes
import sys


def release_free_memory() -> None:
    """Return what the C library keeps of freed memory, where it can: a stage that follows allocates other sizes.

    Without this, the peak of a second stage lies on top of what the first one left behind.
    """
    if sys.platform != "linux":
        return
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # of glibc; musl has none and needs none
    if trim is not None:
        trim(0)


def load_drivers() -> None:
    """Load GDAL's vector drivers; to be called before TensorFlow is imported.

    Both carry an SQLite, and the one that is loaded first serves both. TensorFlow's has no R-tree, so that GeoPackages
    would come out without their spatial index.
    """
    import pyogrio  # noqa: F401
