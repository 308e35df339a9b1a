"""Half the width of a road, at each pixel of its skeleton."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from road_extract.centrelines.thinning import BoolArray, IntArray

#: So far, in pixels, neighbours are tried one by one; wider places are few and go through a search tree.
_NEAR_PX = 12


def half_widths_m(mask: BoolArray, pixels: IntArray, pixel_size_m: tuple[float, float]) -> NDArray[np.float32]:
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
