"""Least-cost paths across a gap: how far the probability carries a road that ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from road_extract.base.arrays import BoolArray, Float32Array, Float64Array, IntArray
from road_extract.base.grid import PixelFrame
from road_extract.base.windows import Window

#: A metre without any probability counts as so many of the longest gap, one at the threshold as one.
NOTHING_COSTS = 4.0
#: The same where nothing is known but the mask.
MASK_COSTS = 2.0
#: A straight path is taken if it costs no more than so many times the best one.
STRAIGHT_IS_FINE = 1.15
#: Farther off the heading (cosine of 50 degrees) no way is looked for.
_CONE = 0.64

Probability = tuple[Float32Array, BoolArray]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known between the roads that were seen.

    Attributes:
        read: A window inside the scene to its probability, 0..1, and validity, both (rows, cols).
        threshold: Probability from which a pixel is road.
        is_mask: There is no probability, only 0 and 1.
    """

    read: Callable[[Window], Probability]
    threshold: float
    is_mask: bool

    def costs(self, probability: Float32Array, valid: BoolArray) -> Float64Array:
        """What a metre costs at each pixel, (rows, cols); infinite without data: nothing is said there."""
        if self.is_mask:
            return np.where(valid, MASK_COSTS, np.inf)
        share = np.minimum(probability.astype(np.float64) / self.threshold, 1)
        return np.where(valid, NOTHING_COSTS - (NOTHING_COSTS - 1) * share, np.inf)


@dataclass(frozen=True, slots=True)
class GapPath:
    """A way from a free end to something else.

    Attributes:
        target: Index of what it leads to, among the targets given.
        cost: In metres of probability at the threshold.
        pixels: Row and column of the pixels in between, (pixels, 2).
        probability: At those pixels, 0..1.
    """

    target: int
    cost: float
    pixels: IntArray
    probability: Float32Array


def plan_window(
    place: Float64Array,
    heading: Float64Array,
    reach_m: float,
    frame: PixelFrame,
) -> Window:
    """The window that holds all that is looked at from a free end.

    Args:
        place: Of the end, metres.
        heading: Unit vector.
        reach_m: How far.
        frame: The scene's pixels.
    """
    turn = np.arccos(_CONE) * np.linspace(-1, 1, 11)
    ahead = np.stack([np.cos(turn), np.sin(turn)], axis=1) @ np.array([heading, [-heading[1], heading[0]]])
    corners = np.concatenate([place[None], place + 1.02 * reach_m * ahead]) / np.array(frame.pixel_size_m)
    low = np.clip(np.floor(corners.min(axis=0) - 2), 0, None).astype(int)
    high = np.minimum(np.ceil(corners.max(axis=0) + 2).astype(int), frame.shape[::-1])
    return Window(int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1]))


def find_gap_path(
    end: tuple[Float64Array, Float64Array],
    targets: IntArray,
    barred: IntArray,
    window: Window,
    evidence: Evidence,
    frame: PixelFrame,
    max_cost: float,
) -> GapPath | None:
    """The cheapest way from a free end within 50 degrees of its heading to the first of some pixels.

    Args:
        end: Its place in metres, and its heading.
        targets: Row and column of the pixels to reach, in the window, (n, 2).
        barred: Pixels that no path may touch: the road's own, (m, 2).
        window: Where to look.
        evidence: The probability.
        frame: The scene's pixels.
        max_cost: Nothing dearer is looked for.

    Returns:
        The path, or None if there is none.
    """
    probability, valid = evidence.read(window)
    cost = evidence.costs(probability, valid)
    shape, corner = cost.shape, np.array([window.row_off, window.col_off])
    offset = _offsets(end[0], window, frame)
    start = _pixel_of(end[0], corner, frame, shape)
    cone = _in_cone(offset, end[1], max(frame.pixel_size_m))
    cost[~cone] = np.inf
    cost.reshape(-1)[_flat(barred, corner, shape)] = np.inf
    cost.reshape(-1)[start] = 1.0
    goals = _flat(targets, corner, shape)
    distance, before = _search(cost, start, goals, frame, max_cost)
    best = int(np.argmin(distance[goals])) if len(goals) else -1
    if best < 0 or not np.isfinite(distance[goals[best]]):
        return None
    way = _walk_back(before, int(goals[best]), start)
    way = _straighten(way, cost, float(distance[goals[best]]), frame)
    pixels = np.stack(np.divmod(way, shape[1]), axis=1) + corner
    return GapPath(best, float(distance[goals[best]]), pixels, probability.reshape(-1)[way])


def _offsets(end: Float64Array, window: Window, frame: PixelFrame) -> Float64Array:
    """From the end to each pixel's centre, metres, (rows, cols, 2) as x, y."""
    x = (np.arange(window.width) + window.col_off + 0.5) * frame.pixel_size_m[0] - end[0]
    y = (np.arange(window.height) + window.row_off + 0.5) * frame.pixel_size_m[1] - end[1]
    return np.stack(np.broadcast_arrays(x[None, :], y[:, None]), axis=-1)


def _in_cone(offset: Float64Array, heading: Float64Array, pixel_m: float) -> BoolArray:
    far = np.hypot(offset[..., 0], offset[..., 1])
    inside: BoolArray = (offset @ heading >= _CONE * far) | (far < 1.5 * pixel_m)
    return inside


def _pixel_of(place: Float64Array, corner: IntArray, frame: PixelFrame, shape: tuple[int, ...]) -> int:
    """The pixel under a place in metres, as an index into the window's flat array."""
    col, row = np.floor(place / np.array(frame.pixel_size_m)).astype(int) - corner[::-1]
    return int(np.clip(row, 0, shape[0] - 1) * shape[1] + np.clip(col, 0, shape[1] - 1))


def _flat(pixels: IntArray, corner: IntArray, shape: tuple[int, ...]) -> IntArray:
    local = pixels - corner
    flat: IntArray = local[:, 0] * shape[1] + local[:, 1]
    return flat


def _search(
    cost: Float64Array, start: int, goals: IntArray, frame: PixelFrame, max_cost: float
) -> tuple[Float64Array, IntArray]:
    """Dijkstra over pixels with eight neighbours; no path leads on from a goal, nor over a pixel of infinite cost."""
    rows, cols = cost.shape
    flat, index = cost.reshape(-1), np.arange(cost.size).reshape(rows, cols)
    size_x, size_y = frame.pixel_size_m
    parts = [
        (index[:, :-1], index[:, 1:], size_x), (index[:-1], index[1:], size_y),
        (index[:-1, :-1], index[1:, 1:], np.hypot(size_x, size_y)),
        (index[:-1, 1:], index[1:, :-1], np.hypot(size_x, size_y)),
    ]  # fmt: skip
    a, b = (np.concatenate([part[side].ravel() for part in parts]) for side in (0, 1))
    metres = np.repeat([part[2] for part in parts], [part[0].size for part in parts])
    weight = metres * (flat[a] + flat[b]) / 2
    open_ = np.isfinite(weight)
    a, b, weight = a[open_], b[open_], weight[open_]
    a, b, weight = np.append(a, b), np.append(b, a), np.append(weight, weight)
    is_goal = np.zeros(cost.size, bool)
    is_goal[goals] = True
    leads_on = ~is_goal[a]
    graph = coo_array((weight[leads_on], (a[leads_on], b[leads_on])), shape=(cost.size, cost.size)).tocsr()
    distance, before = dijkstra(graph, indices=start, return_predecessors=True, limit=max_cost)
    return distance, before.astype(np.int64)


def _walk_back(before: IntArray, goal: int, start: int) -> IntArray:
    way = [goal]
    while way[-1] != start:
        way.append(int(before[way[-1]]))
    return np.array(way[::-1], dtype=np.int64)


def _straighten(way: IntArray, cost: Float64Array, found: float, frame: PixelFrame) -> IntArray:
    """The straight line between the ends of a path, if it is about as cheap."""
    ends = np.stack(np.divmod(way[[0, -1]], cost.shape[1]), axis=1)
    steps = int(np.abs(ends[1] - ends[0]).max())
    straight = np.rint(np.linspace(ends[0], ends[1], steps + 1)).astype(np.int64)
    flat = straight[:, 0] * cost.shape[1] + straight[:, 1]
    metres = float(np.hypot(*((ends[1] - ends[0]) * np.array(frame.pixel_size_m[::-1]))))
    price = float(np.mean(cost.reshape(-1)[flat])) * metres
    return flat if price <= STRAIGHT_IS_FINE * found else way
