"""Half the width of a road, and the way to its middle, at each pixel of its skeleton."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from road_extract.base.arrays import BoolArray, Float32Array, IntArray

#: So far, in pixels, neighbours are tried one by one; wider places are few and go through a search tree.
_NEAR_PX = 12


def half_widths_m(mask: BoolArray, pixels: IntArray, pixel_size_m: tuple[float, float]) -> Float32Array:
    """Distance from road pixels to the edge of the road: the Euclidean distance transform, less half a pixel.

    What lies outside of the array is no road.

    Args:
        mask: (rows, cols).
        pixels: Road pixels as (n, 2) of row and column.
        pixel_size_m: A pixel's size (x, y) in metres.

    Returns:
        Metres, (n,).
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
    """Offsets in the flat array within the largest ellipse that `_NEAR_PX` holds, nearest first, with their metres."""
    rows, cols = np.mgrid[-_NEAR_PX : _NEAR_PX + 1, -_NEAR_PX : _NEAR_PX + 1]
    metres = np.hypot(rows * pixel_size_m[1], cols * pixel_size_m[0]).ravel()
    order = np.argsort(metres, kind="stable")
    order = order[(metres[order] > 0) & (metres[order] <= _NEAR_PX * min(pixel_size_m))]
    return list(zip((rows * width + cols).ravel()[order].tolist(), metres[order].tolist(), strict=True))


def _edge_pixels(padded: BoolArray) -> IntArray:
    """Pixels without road beside one with road, (n, 2). The nearest one of any road pixel is among them."""
    beside = np.zeros_like(padded)
    beside[1:] |= padded[:-1]
    beside[:-1] |= padded[1:]
    beside[:, 1:] |= padded[:, :-1]
    beside[:, :-1] |= padded[:, 1:]
    return np.argwhere(beside & ~padded)


def steps_to_middle(mask: BoolArray, pixels: IntArray) -> NDArray[np.int8]:
    """Which way the middle of the road lies from road pixels that are off it by half a pixel or one.

    Looked at along the row or the column, whichever crosses the road sooner: the middle of a chord of a straight road
    lies on its axis. Where that is farther than a pixel away (side roads, wide places), nothing is said.

    Args:
        mask: (rows, cols).
        pixels: Road pixels as (n, 2) of row and column.

    Returns:
        -1, 0 or 1 along rows and along columns (y, x), (n, 2); of the two one at least is 0.
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
    """Road pixels on one side, as far as they are looked at, (n,)."""
    run = np.zeros(len(place), np.int64)
    waiting = np.arange(len(place))
    for far in range(1, _NEAR_PX + 1):
        waiting = waiting[flat[place[waiting] + far * step]]
        run[waiting] = far
    return run
