"""Computes the features from which a logistic model assesses bridges."""

from __future__ import annotations

import numpy as np

from road_extract.base.arrays import Float64Array
from road_extract.roads.network.candidates import Candidates
from road_extract.roads.network.ends import FreeEnds, to_unit
from road_extract.roads.network.evidence import Evidence
from road_extract.roads.network.gap_paths import GapPaths
from road_extract.roads.network.graph import Graph

#: Unit of turns in degrees, chosen so that weights are of similar size.
_TURN_UNIT_DEG = 45.0
#: Breakpoints in metres: from each to twice its value, length has an additional weight.
_FAR_M = (5, 10, 20, 40)
#: Lengths of roads beyond this (metres) make no further difference.
_LONG_ROAD_M = 200.0


def measure_gaps(
    graph: Graph, ends: FreeEnds, found: Candidates, paths: GapPaths, evidence: Evidence
) -> dict[str, Float64Array]:
    """Compute the features of candidates, (n,) each, by name.

    Args:
        graph: Graph to which the candidates belong.
        ends: Its free ends.
        found: The candidates.
        paths: Their paths.
        evidence: The probability.
    """
    features = _shape_features(ends, found, paths) | _road_features(graph, ends, found, paths)
    if not evidence.is_mask:
        features |= _probability_features(graph, ends, found, paths, evidence.threshold)
    return features


def _shape_features(ends: FreeEnds, found: Candidates, paths: GapPaths) -> dict[str, Float64Array]:
    length = paths.length_m
    direction = to_unit(paths.xy[:, -1] - paths.xy[:, 0])
    is_end = (found.other >= 0).astype(np.float64)
    turn = _turn(ends.heading[found.end], direction)
    arrival = _turn(found.arrival, direction)
    # a side road most plausibly meets at a right angle, whichever way the road runs
    askew = np.abs(np.minimum(arrival, 180 / _TURN_UNIT_DEG - arrival) - 90 / _TURN_UNIT_DEG)
    side_turn = turn * (1 - is_end)
    is_side = (found.point >= 0).astype(np.float64)
    return {
        "length": length / 30,
        "log_length": np.log(np.maximum(length, 1)),
        "turn": turn,
        "turn_squared": turn**2,
        "is_end": is_end,
        "is_side": is_side,
        "end_turn": arrival * is_end,
        "end_turn_squared": arrival**2 * is_end,
        "side_askew": askew * is_side,
        "far_turn": turn * length / 30,
        "far_side": (1 - is_end) * length / 30,
        **{f"over_{far}": np.maximum(length / far - 1, 0).clip(max=1) for far in _FAR_M},
        **{f"end_over_{far}": np.maximum(length / far - 1, 0).clip(max=1) * is_end for far in _FAR_M},
        "askew_far": side_turn * length / 30,
    }


def _road_features(graph: Graph, ends: FreeEnds, found: Candidates, paths: GapPaths) -> dict[str, Float64Array]:
    length, component = graph.lengths_m(), graph.components()
    of_edge = component[graph.start] if len(graph) else np.empty(0, np.int64)
    total = np.bincount(of_edge, length, minlength=1)
    own, other = of_edge[ends.edge[found.end]], of_edge[found.edge]
    pieces = np.stack([total[own], total[other]])
    detour = np.minimum(found.detour_m / np.maximum(paths.length_m, 1), 10)
    return {
        "own_edge": np.log1p(np.minimum(length[ends.edge[found.end]], _LONG_ROAD_M)),
        "small_piece": np.log1p(np.minimum(pieces.min(axis=0), _LONG_ROAD_M)),
        "large_piece": np.log1p(np.minimum(pieces.max(axis=0), 10 * _LONG_ROAD_M)),
        "same_piece": (own == other).astype(np.float64),
        "detour": np.where(np.isfinite(found.detour_m), detour, 10) / 10,
    }


def _probability_features(
    graph: Graph, ends: FreeEnds, found: Candidates, paths: GapPaths, threshold: float
) -> dict[str, Float64Array]:
    share = np.minimum(paths.probability / threshold, 1)[:, 2:-2]
    beside = np.minimum(paths.beside / threshold, 1)
    mean = share.mean(axis=1)
    lowest = np.partition(share, 3, axis=1)[:, :4].mean(axis=1)
    strength = _edge_strength(graph, threshold)
    is_end = (found.other >= 0).astype(np.float64)
    return {
        "share": mean,
        "share_low": lowest,
        "share_root": np.sqrt(mean),
        "contrast": mean - beside,
        "beside": beside,
        "own_strength": strength[ends.edge[found.end]],
        "goal_strength": strength[found.edge],
        "missing": (1 - mean) * paths.length_m / 30,
        "log_missing": np.log((1 - mean) * paths.length_m + 3),
        "dark_end": (1 - mean) ** 2 * is_end,
        "dark_far": np.minimum((1 - mean) ** 4 * paths.length_m / 20, 3) * (1 - is_end),
        "dark_far_end": np.minimum((1 - mean) ** 4 * paths.length_m / 20, 3) * is_end,
    }


def _edge_strength(graph: Graph, threshold: float) -> Float64Array:
    """Mean probability along each edge in units of the threshold, at most 2, (edges,)."""
    points, sizes = graph.with_ends()
    total = np.add.reduceat(np.append(points.probability, 0).astype(np.float64), np.cumsum(sizes) - sizes)
    return np.asarray(np.minimum(total / np.maximum(sizes, 1) / 254 / threshold, 2), np.float64)


def _turn(heading: Float64Array, direction: Float64Array) -> Float64Array:
    """Angle between unit vectors in units of `_TURN_UNIT_DEG`, (n,)."""
    cosine = np.clip((heading * direction).sum(axis=1), -1, 1)
    return np.asarray(np.degrees(np.arccos(cosine)) / _TURN_UNIT_DEG, np.float64)
