"""Thins a mask to lines one pixel wide, revisiting only pixels whose neighbours have changed."""

from __future__ import annotations

import numpy as np

from road_extract.base.arrays import BoolArray, ByteArray, IntArray

_BACKGROUND, _ROAD, _QUEUED = 0, 1, 3
#: Neighbours clockwise from north, (row, col).
_RING = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))


def thin(mask: BoolArray) -> BoolArray:
    """The skeleton of a mask by the two-subiteration thinning of Guo and Hall (1989, algorithm A1).

    It preserves 8-connected components and holes. Everything outside the array counts as background. Whether a pixel
    is kept depends only on pixels closer than twice the number of iterations, which is about half the local width.

    Args:
        mask: Road mask, (rows, cols).

    Returns:
        Skeleton, a subset of the mask, (rows, cols).
    """
    state = np.pad(mask.astype(np.uint8), 1)
    flat, offsets = state.reshape(-1), [row * state.shape[1] + col for row, col in _RING]
    # The first two subiterations visit all road pixels, later ones only neighbours of what the last two removed.
    road = np.flatnonzero(flat)
    before = _subiterate(flat, road, offsets, 0)
    removed = _subiterate(flat, road[flat[road] == _ROAD], offsets, 1)
    parity = 0
    while len(before) or len(removed):
        queue = _neighbours(flat, (before, removed), offsets)
        before, removed = removed, _subiterate(flat, queue, offsets, parity)
        parity = 1 - parity
    skeleton: BoolArray = state[1:-1, 1:-1] != _BACKGROUND
    return skeleton


def _subiterate(flat: ByteArray, queue: IntArray, offsets: list[int], parity: int) -> IntArray:
    """Run one subiteration on the queued pixels, and return those it removed. The others are no longer queued."""
    code = np.zeros(len(queue), np.uint8)
    for bit, offset in enumerate(offsets):
        code |= (flat[queue + offset] & 1) << np.uint8(bit)
    is_removed = _TABLES[parity][code]
    flat[queue] = _ROAD
    removed: IntArray = queue[is_removed]
    flat[removed] = _BACKGROUND
    return removed


def _neighbours(flat: ByteArray, of: tuple[IntArray, IntArray], offsets: list[int]) -> IntArray:
    """The road pixels around other pixels, each once, and marked as queued."""
    found = []
    for pixels in of:
        for offset in offsets:
            near = pixels + offset
            new = near[flat[near] == _ROAD]
            flat[new] = _QUEUED
            found.append(new)
    return np.concatenate(found)


def _tables() -> list[BoolArray]:
    """For each subiteration: whether to remove a road pixel, by the code of its neighbours (bit 0 north, clockwise)."""
    n, ne, e, se, s, sw, w, nw = ((np.arange(256) >> bit & 1).astype(bool) for bit in range(8))
    crossings = sum((~a & (b | c)).astype(int) for a, b, c in ((n, ne, e), (e, se, s), (s, sw, w), (w, nw, n)))
    pairs = (
        sum((a | b).astype(int) for a, b in ((nw, n), (ne, e), (se, s), (sw, w))),
        sum((a | b).astype(int) for a, b in ((n, ne), (e, se), (s, sw), (w, nw))),
    )
    neighbours = np.minimum(*pairs)
    simple = (crossings == 1) & (neighbours >= 2) & (neighbours <= 3)
    return [simple & ~((n | ne | ~se) & e), simple & ~((s | sw | ~nw) & w)]


_TABLES = _tables()
