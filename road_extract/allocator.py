"""Memory that was freed goes back to the system."""

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
