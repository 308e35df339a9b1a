"""Reads the probability between the detected roads on demand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from road_extract.base.arrays import BoolArray, Float32Array, Float64Array, IntArray
from road_extract.base.grid import PixelFrame
from road_extract.base.windows import Window

Probability = tuple[Float32Array, BoolArray]

#: Side of the blocks in which points are looked up; tiles of common rasters are no larger.
_BLOCK_PX = 512


@dataclass(frozen=True, slots=True)
class Evidence:
    """A raster of probabilities that can be read in windows.

    Attributes:
        read: Reads the probability, 0..1, and the validity of a window inside the scene, both (rows, cols).
        threshold: Minimum probability for a pixel to count as road.
        is_mask: Whether the raster contains only 0 and 1, and therefore no information about gaps.
    """

    read: Callable[[Window], Probability]
    threshold: float
    is_mask: bool

    def sample(self, xy: Float64Array, frame: PixelFrame) -> tuple[Float64Array, BoolArray]:
        """Look up the probability of the pixels that contain given points.

        Args:
            xy: Points in metres, (..., 2).
            frame: Pixel frame of the scene.

        Returns:
            Probability, 0..1, and whether the point has data, (...) each. Points outside the scene have no data.
        """
        shape, lead = frame.shape, xy.shape[:-1]
        flat = np.floor(xy.reshape(-1, 2) / np.array(frame.pixel_size_m)).astype(np.int64)
        found, valid = np.zeros(len(flat)), np.zeros(len(flat), bool)
        inside = np.flatnonzero(((flat >= 0) & (flat < np.array(shape[::-1]))).all(axis=1))
        col, row = flat[inside].T
        block = row // _BLOCK_PX * (shape[1] // _BLOCK_PX + 1) + col // _BLOCK_PX
        order = np.argsort(block, kind="stable")
        for part in np.split(order, np.flatnonzero(np.diff(block[order])) + 1) if len(order) else []:
            found[inside[part]], valid[inside[part]] = self._read_around(row[part], col[part])
        return found.reshape(lead), valid.reshape(lead)

    def _read_around(self, row: IntArray, col: IntArray) -> Probability:
        """Probability and validity of pixels in one block, (pixels,) each."""
        top, left = int(row.min()), int(col.min())
        window = Window(left, top, int(col.max()) - left + 1, int(row.max()) - top + 1)
        probability, valid = self.read(window)
        return probability[row - top, col - left], valid[row - top, col - left]
