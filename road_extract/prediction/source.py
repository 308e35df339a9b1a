"""The interface that windows are read through."""

from __future__ import annotations

from typing import Any, Protocol

from numpy.typing import NDArray

from road_extract.base.arrays import BoolArray
from road_extract.base.grid import RasterGrid
from road_extract.base.windows import Window


class RasterSource(Protocol):
    """Anything that inference can read: a file, a resampled view of a file, or an array."""

    @property
    def grid(self) -> RasterGrid:
        """The inference grid."""
        ...

    def read(self, window: Window) -> tuple[NDArray[Any], BoolArray]:
        """Read pixels (rows, cols, bands) and their validity (rows, cols) of a window inside the grid."""
        ...
