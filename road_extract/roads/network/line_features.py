"""Computes the features from which logistic models assess detected lines."""

from __future__ import annotations

import numpy as np
from scipy.spatial import KDTree

from road_extract.base.arrays import BoolArray, Float64Array, IntArray
from road_extract.base.levels import PROBABILITY_MAX
from road_extract.roads.network.ends import to_unit
from road_extract.roads.network.graph import Graph, distances_along

#: Length in metres beyond which a line is no more likely to be a road.
_LONG_M = 300.0
#: Headings at nodes are measured over this distance, in metres.
_HEADING_M = 20.0
#: A line continues another if it deviates from its direction by less than about 30 degrees.
_CONTINUES = 0.85
#: Density is measured at points with this spacing, within this radius, in metres.
_STEP_M = 4.0
_DENSITY_RADIUS_M = 100.0
#: Weak points are counted within this radius, in metres; their level is lower than `_WEAK_LEVEL`.
_WEAK_RADIUS_M = 60.0
_WEAK_LEVEL = 0.7
#: A level that stands for a clear road.
_CLEAR_LEVEL = 2.0
#: The level of a neighbour that does not exist.
_NO_LEVEL = -4.0
#: Turns are added up over this number of points along a line.
_TURN_POINTS = 9


def to_levels(probability: Float64Array, threshold: float) -> Float64Array:
    """The log odds of probabilities minus those of the threshold, (n,): 0 at the threshold, positive above it."""
    odds = np.clip(np.append(probability, threshold), 0.02, 0.98)
    log_odds = np.log(odds / (1 - odds))
    return np.asarray(log_odds[:-1] - log_odds[-1], np.float64)


def measure_lines(graph: Graph, threshold: float) -> dict[str, Float64Array]:
    """Compute the features of edges, (edges,) each, by name.

    Args:
        graph: The roads; not empty.
        threshold: Minimum probability of a road.
    """
    points, sizes = graph.with_ends()
    starts, length = np.cumsum(sizes) - sizes, graph.lengths_m()
    probability = points.probability / PROBABILITY_MAX
    level = to_levels(probability, threshold)
    share = np.minimum(probability / threshold, 2)
    low, middle, high = _ranked(level, sizes, (0.1, 0.5, 0.75))
    mean = np.add.reduceat(level, starts) / sizes
    piece = graph.components()[graph.start]
    piece_m = np.bincount(piece, length * ~graph.bridged, minlength=1)[piece]
    return {
        "log_length": np.log(np.clip(length, 1, _LONG_M)),
        "share": np.add.reduceat(share, starts) / sizes,
        "level_low": low,
        "level_middle": middle,
        "level_high": high,
        "clear": np.add.reduceat((level >= _CLEAR_LEVEL).astype(np.float64), starts) / sizes,
        "half_width": _ranked(points.half_width_m.astype(np.float64), sizes, (0.5,))[0],
        "turning": _turning(graph, length),
        "others": np.log1p(np.minimum(piece_m - length, 10 * _LONG_M).clip(0)),
        **_measure_neighbours(graph, mean, length),
        **_measure_density(graph, level),
    }


def _ranked(values: Float64Array, sizes: IntArray, shares: tuple[float, ...]) -> list[Float64Array]:
    """Quantiles of the values of each edge (nearest rank), (edges,) each."""
    edge, starts = np.repeat(np.arange(len(sizes)), sizes), np.cumsum(sizes) - sizes
    ordered = values[np.lexsort((values, edge))]
    return [ordered[starts + np.rint(share * (sizes - 1)).astype(np.int64)] for share in shares]


def _turning(graph: Graph, length: Float64Array) -> Float64Array:
    """Sum of the turns along each edge in radians, relative to the logarithm of its length, (edges,)."""
    edge = np.repeat(np.arange(len(graph)), _TURN_POINTS)
    at = np.tile(np.linspace(0, 1, _TURN_POINTS), len(graph)) * length[edge]
    xy = graph.points_along(edge, np.zeros(len(edge), np.bool_), at).reshape(-1, _TURN_POINTS, 2)
    step = np.diff(xy, axis=1)
    turn = np.diff(np.arctan2(step[..., 1], step[..., 0]), axis=1)
    turn = np.abs((turn + np.pi) % (2 * np.pi) - np.pi)
    return np.asarray(turn.sum(axis=1) / np.maximum(np.log(length + 1), 1), np.float64)


def _measure_neighbours(graph: Graph, level: Float64Array, length: Float64Array) -> dict[str, Float64Array]:
    """Features of the edges that each edge meets at its two nodes, (edges,) each.

    Args:
        graph: The roads.
        level: Mean level of each edge, (edges,).
        length: Its length in metres, (edges,).
    """
    count = len(graph)
    edge, node = np.tile(np.arange(count), 2), np.append(graph.start, graph.end)
    at_end = np.repeat([False, True], count)
    ahead = graph.points_along(edge, at_end, np.minimum(_HEADING_M, length)[edge])
    away = to_unit(ahead - graph.nodes.xy[node])
    first, second = _pairs_at_nodes(node, len(graph.nodes))
    cosine = -(away[first] * away[second]).sum(axis=1)
    other = edge[second]

    def best(values: Float64Array, none: float) -> Float64Array:
        found = np.full(2 * count, none)
        np.maximum.at(found, first, values)
        return found.reshape(2, count)

    continued = np.where(cosine > _CONTINUES, level[other], _NO_LEVEL)
    return {
        "straight_on": best(cosine, -1.0).max(axis=0),
        "continued": best(continued, _NO_LEVEL).max(axis=0),
        "neighbour": best(level[other], _NO_LEVEL).min(axis=0),
        "neighbour_length": best(np.log(np.clip(length[other], 1, _LONG_M)), 0.0).min(axis=0),
    }


def _pairs_at_nodes(node: IntArray, nodes: int) -> tuple[IntArray, IntArray]:
    """All ordered pairs of different edge ends at the same node; ``node`` is the node of each end, (ends,)."""
    order = np.argsort(node, kind="stable")
    counts = np.bincount(node, minlength=nodes)
    starts = np.cumsum(counts) - counts
    repeats = counts[node]
    first = np.repeat(np.arange(len(node)), repeats)
    within = np.arange(len(first)) - np.repeat(np.cumsum(repeats) - repeats, repeats)
    second = order[np.repeat(starts[node], repeats) + within]
    keep = first != second
    return first[keep], second[keep]


def _measure_density(graph: Graph, level: Float64Array) -> dict[str, Float64Array]:
    """Points of roads around the middle of each edge, and weak ones among them, in points per metre, (edges,) each."""
    points, sizes = graph.with_ends()
    keep = _spaced(points.xy, sizes)
    xy, weak = points.xy[keep], level[keep] < _WEAK_LEVEL
    middle = graph.points_along(np.arange(len(graph)), np.zeros(len(graph), np.bool_), graph.lengths_m() / 2)
    return {
        "density": _count_within(xy, middle, _DENSITY_RADIUS_M),
        "weak_density": _count_within(xy[weak], middle, _WEAK_RADIUS_M),
    }


def _spaced(xy: Float64Array, sizes: IntArray) -> BoolArray:
    """Whether to keep each point, so that those kept are `_STEP_M` apart along their edge."""
    along = distances_along(xy, sizes)
    edge = np.repeat(np.arange(len(sizes)), sizes)
    step = np.floor((along - np.repeat(along[np.cumsum(sizes) - sizes], sizes)) / _STEP_M)
    moved = (step[1:] != step[:-1]) | (edge[1:] != edge[:-1])
    return np.asarray(np.append(True, moved)[: len(xy)], np.bool_)


def _count_within(xy: Float64Array, centres: Float64Array, radius_m: float) -> Float64Array:
    """Number of points within a radius of each centre, divided by the radius, (centres,)."""
    if not len(xy):
        return np.zeros(len(centres))
    found = KDTree(xy).query_ball_point(centres, radius_m, return_length=True)
    return np.asarray(found / radius_m, np.float64)
