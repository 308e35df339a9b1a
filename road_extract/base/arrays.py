"""Types of NumPy arrays, and functions that NumPy lacks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

BoolArray = NDArray[np.bool_]
ByteArray = NDArray[np.uint8]
IntArray = NDArray[np.int64]
Float32Array = NDArray[np.float32]
Float64Array = NDArray[np.float64]
#: Of shapely geometries.
Geometries = NDArray[np.object_]


def to_geometries(geometries: Iterable[Any]) -> Geometries:
    """An array of geometries, (n,), also if there are none."""
    given = [*geometries]
    found = np.empty(len(given), object)
    found[:] = given
    return found


def ranges(starts: IntArray, sizes: IntArray) -> IntArray:
    """``[start, start + 1, ..., start + size - 1]`` of each pair, one after the other."""
    ends = np.cumsum(sizes)
    total = int(ends[-1]) if len(ends) else 0
    found: IntArray = np.arange(total) + np.repeat(starts - (ends - sizes), sizes)
    return found
