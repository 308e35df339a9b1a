"""Measures half the width of a road, and the direction of its middle, at each pixel of its skeleton."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from road_extract.base.arrays import BoolArray, Float32Array, IntArray

#: Up to this distance, in pixels, neighbours are tried one by one; the few wider places use a search tree.
_NEAR_PX = 12


def half_widths_m(mask: BoolArray, pixels: IntArray, pixel_size_m: tuple[float, float]) -> Float32Array:
    """Distance from road pixels to the edge of the road: the Euclidean distance transform minus half a pixel.

    Everything outside the array counts as background.

    Args:
        mask: Road mask, (rows, cols).
        pixels: Road pixels (row, col), (n, 2).
        pixel_size_m: Pixel size (x, y) in metres.

    Returns:
        Distances in metres, (n,).
    """
    padded = np.pad(mask, _NEAR_PX)
    flat, (row, col) = padded.reshape(-1), (pixels + _NEAR_PX).T
    place = row * padded.shape[1] + col
    distance = np.empty(len(pixels), np.float32)
    waiting = np.arange(len(pixels))
    for offset, metres in _offsets_by_distance(padded.shape[1], pixel_size_m):
        edge = ~flat[place[waiting] + offset]
        distance[waiting[edge]] = metres
        waiting = waiting[~edge]
        if not len(waiting):
            break
    if len(waiting):
        size = np.array(pixel_size_m[::-1])
        distance[waiting] = KDTree(_edge_pixels(padded) * size).query(np.stack([row, col], 1)[waiting] * size)[0]
    return distance - np.float32(0.5 * np.sqrt(pixel_size_m[0] * pixel_size_m[1]))


def _offsets_by_distance(width: int, pixel_size_m: tuple[float, float]) -> list[tuple[int, float]]:
    """Offsets in the flat array and their distances in metres, nearest first, within the largest ellipse that fits."""
    rows, cols = np.mgrid[-_NEAR_PX : _NEAR_PX + 1, -_NEAR_PX : _NEAR_PX + 1]
    metres = np.hypot(rows * pixel_size_m[1], cols * pixel_size_m[0]).ravel()
    order = np.argsort(metres, kind="stable")
    order = order[(metres[order] > 0) & (metres[order] <= _NEAR_PX * min(pixel_size_m))]
    return list(zip((rows * width + cols).ravel()[order].tolist(), metres[order].tolist(), strict=True))


def _edge_pixels(padded: BoolArray) -> IntArray:
    """Background pixels beside a road pixel, (n, 2). They include the nearest background pixel of every road pixel."""
    beside = np.zeros_like(padded)
    beside[1:] |= padded[:-1]
    beside[:-1] |= padded[1:]
    beside[:, 1:] |= padded[:, :-1]
    beside[:, :-1] |= padded[:, 1:]
    return np.argwhere(beside & ~padded)


def steps_to_middle(mask: BoolArray, pixels: IntArray) -> NDArray[np.int8]:
    """Direction of the middle of the road from road pixels that are off it by half a pixel or one pixel.

    It is measured along the row or the column, whichever crosses the road in fewer pixels: the middle of a chord of a
    straight road lies on its axis. If that is more than a pixel away (side roads, wide places), the direction is 0.

    Args:
        mask: Road mask, (rows, cols).
        pixels: Road pixels (row, col), (n, 2).

    Returns:
        Directions -1, 0 or 1 along (y, x), (n, 2); at least one of the two is 0.
    """
    padded = np.pad(mask, _NEAR_PX)
    flat, width = padded.reshape(-1), padded.shape[1]
    place = (pixels[:, 0] + _NEAR_PX) * width + pixels[:, 1] + _NEAR_PX
    up, down, left, right = (_run_lengths(flat, place, step) for step in (-width, width, -1, 1))
    across = up + down < left + right
    off = np.where(across, down - up, right - left)
    known = (np.where(across, up + down, left + right) < _NEAR_PX) & (np.abs(off) <= 2)
    step = np.where(known, np.sign(off), 0).astype(np.int8)
    return np.stack([step * across, step * ~across], axis=1)


def _run_lengths(flat: BoolArray, place: IntArray, step: int) -> IntArray:
    """Number of consecutive road pixels on one side, at most `_NEAR_PX`, (n,)."""
    run = np.zeros(len(place), np.int64)
    waiting = np.arange(len(place))
    for far in range(1, _NEAR_PX + 1):
        waiting = waiting[flat[place[waiting] + far * step]]
        run[waiting] = far
    return run
