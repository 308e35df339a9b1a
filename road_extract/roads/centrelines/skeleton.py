"""Finds the skeleton pixels of a streamed mask, independently of the strips in which it arrives.

The mask is thinned in block rows that are fixed to the scene's grid, each with a halo above and below that is
discarded. Thinning is local: with `HALO_PX` extra rows, blocks agree at their seam unless a solid square of `SOLID_PX`
pixels lies there. In that case the seam is closed except for one pixel, in both blocks alike. The skeleton of such a
blob differs from that of the whole mask, but is still connected.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from road_extract.base.arrays import BoolArray, ByteArray, Float32Array
from road_extract.base.errors import InputError
from road_extract.roads.centrelines.half_widths import half_widths_m, steps_to_middle
from road_extract.roads.centrelines.thinning import thin
from road_extract.roads.masks.strips import MaskStrip, RowBuffer, iter_checked

BLOCK_ROWS = 1024
HALO_PX = 128
SOLID_PX = 64


@dataclass(frozen=True, slots=True)
class SkeletonPixels:
    """Pixels of a skeleton in row-major order, 15 bytes each.

    Attributes:
        row: int32, (n,).
        col: int32, (n,).
        probability: uint8, 0..254 for 0..1, (n,).
        half_width_m: Distance to the edge of the road, float32, (n,).
        to_middle: Offset from the pixel's centre to the road's middle along (y, x), in half pixels: -1, 0 or 1, int8,
            (n, 2).
    """

    row: NDArray[np.int32]
    col: NDArray[np.int32]
    probability: ByteArray
    half_width_m: Float32Array
    to_middle: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.row)


def trace_skeleton(strips: Iterable[MaskStrip], pixel_size_m: tuple[float, float] = (1.0, 1.0)) -> SkeletonPixels:
    """Collect the skeleton of a mask.

    Args:
        strips: Consecutive strips of the scene, from its first row, with any heights and with probability as uint8
            0..254. The result does not depend on the heights.
        pixel_size_m: Pixel size (x, y) in metres; used only for the half widths.

    Raises:
        InputError: If the strips are not consecutive, or their probability has another type.
    """
    parts = [_skeleton_of(block, core, pixel_size_m) for block, core in _iter_blocks(strips) if block.mask.any()]
    return SkeletonPixels(
        np.concatenate([part.row for part in parts] or [np.empty(0, np.int32)]),
        np.concatenate([part.col for part in parts] or [np.empty(0, np.int32)]),
        np.concatenate([part.probability for part in parts] or [np.empty(0, np.uint8)]),
        np.concatenate([part.half_width_m for part in parts] or [np.empty(0, np.float32)]),
        np.concatenate([part.to_middle for part in parts] or [np.empty((0, 2), np.int8)]),
    )


def _iter_blocks(strips: Iterable[MaskStrip]) -> Iterator[tuple[MaskStrip, range]]:
    """Block rows with their halos, and the rows of each to keep."""
    buffer, row = RowBuffer(), 0
    for strip in iter_checked(strips):
        if strip.probability.dtype != np.uint8:
            raise InputError(f"a mask strip's probability is {strip.probability.dtype}; expected uint8, 254 for 1")
        buffer.push(strip)
        while buffer.row_end >= row + BLOCK_ROWS + HALO_PX:
            yield buffer.take(max(row - HALO_PX, 0), row + BLOCK_ROWS + HALO_PX), range(row, row + BLOCK_ROWS)
            row += BLOCK_ROWS
            buffer.drop_before(row - HALO_PX)
    while row < buffer.row_end:
        end = min(row + BLOCK_ROWS, buffer.row_end)
        yield buffer.take(max(row - HALO_PX, 0), min(end + HALO_PX, buffer.row_end)), range(row, end)
        row = end


def _skeleton_of(block: MaskStrip, core: range, pixel_size_m: tuple[float, float]) -> SkeletonPixels:
    mask = block.mask.copy()
    for seam in {core.start, core.stop} - {0, block.row_off, block.row_end}:
        _gate_solid_blobs(mask, seam - block.row_off)
    kept = thin(mask)[core.start - block.row_off : core.stop - block.row_off]
    row, col = np.divmod(np.flatnonzero(kept), kept.shape[1])
    pixels = np.stack([row + core.start - block.row_off, col], axis=1)
    return SkeletonPixels(
        (row + core.start).astype(np.int32),
        col.astype(np.int32),
        np.asarray(block.probability[pixels[:, 0], col], np.uint8),
        half_widths_m(block.mask, pixels, pixel_size_m),
        steps_to_middle(block.mask, pixels),
    )


def _gate_solid_blobs(mask: BoolArray, seam: int) -> None:
    """Close the two rows at a seam, except for one pixel in the middle, where a solid square lies on it. In place."""
    half = SOLID_PX // 2
    runs, count = ndimage.label(mask[max(seam - half, 0) : seam + half].all(axis=0))
    for (run,) in ndimage.find_objects(runs, count):
        if run.stop - run.start >= SOLID_PX:
            middle = (run.start + run.stop) // 2
            mask[seam - 1 : seam + 1, run] = False
            mask[seam - 1 : seam + 1, middle] = True
