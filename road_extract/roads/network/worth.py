"""Drops lines that are unlikely to be roads, judging by their length, probability, shape and connections.

Lines are traced with a low threshold, so that faint roads are complete. This adds noise, which is removed here with one
logistic model for each kind of line: loose lines, stubs with one dead end, and links between junctions.
"""

from __future__ import annotations

import numpy as np

from road_extract.base.arrays import BoolArray, Float64Array, IntArray
from road_extract.base.grid import PixelFrame
from road_extract.base.levels import PROBABILITY_MAX
from road_extract.roads.network.dissolving import dissolve_nodes
from road_extract.roads.network.ends import at_scene_edge, to_unit
from road_extract.roads.network.evidence import Evidence
from road_extract.roads.network.graph import Graph, mean_half_widths
from road_extract.roads.network.logistic import read_model

#: Kinds of lines by the number of dead ends.
KINDS = ("link", "stub", "loose")
#: The surroundings of a line are sampled at this distance from it, in metres, at this many places.
_BESIDE_M = 11.0
_PLACES = 8
#: Length in metres beyond which a line is no more likely to be a road.
_LONG_M = 300.0
_ROUNDS = 3
_LINK_SHARE = 1 / 3


def prune(graph: Graph, evidence: Evidence, frame: PixelFrame, min_worth: float) -> Graph:
    """Drop lines that are unlikely to be roads, and bridges that then lead nowhere.

    Args:
        graph: Graph with its bridges.
        evidence: The probability.
        frame: Pixel frame of the scene.
        min_worth: Minimum estimated probability of a line. For links it is a third of this, because without a link all
            routes over it are lost. 0 keeps all lines.
    """
    if not min_worth or evidence.is_mask:
        return graph
    for _ in range(_ROUNDS):
        if not len(graph):
            return graph
        least = np.where(line_kinds(graph, frame) == 0, _LINK_SHARE, 1.0) * min_worth
        keep = graph.bridged | (line_worth(graph, evidence, frame) >= least)
        if keep.all():
            return graph
        graph = dissolve_nodes(drop_dangling_bridges(graph.take(keep)))
    return graph


def line_worth(graph: Graph, evidence: Evidence, frame: PixelFrame) -> Float64Array:
    """Estimated probability that each edge is a road, 0..1, (edges,). For the arguments, see `prune`."""
    features = measure_lines(graph, evidence, frame)
    kind, worth = line_kinds(graph, frame), np.zeros(len(graph))
    for number, name in enumerate(KINDS):
        of_kind = kind == number
        worth[of_kind] = read_model(name)({key: values[of_kind] for key, values in features.items()})
    return worth


def line_kinds(graph: Graph, frame: PixelFrame) -> IntArray:
    """The number of dead ends of each edge, not counting those on the edge of the scene, (edges,)."""
    free = (graph.degree == 1) & ~at_scene_edge(graph, frame)
    return np.asarray(free[graph.start].astype(np.int64) + free[graph.end], np.int64)


def measure_lines(graph: Graph, evidence: Evidence, frame: PixelFrame) -> dict[str, Float64Array]:
    """Compute the features of edges, (edges,) each, by name. For the arguments, see `prune`."""
    points, sizes = graph.with_ends()
    starts, length = np.cumsum(sizes) - sizes, graph.lengths_m()
    share = np.minimum(points.probability / PROBABILITY_MAX / evidence.threshold, 2)
    mean = np.add.reduceat(share, starts) / sizes
    seen = np.add.reduceat((share >= 1).astype(np.float64), starts) / sizes
    chord = np.hypot(*(graph.nodes.xy[graph.end] - graph.nodes.xy[graph.start]).T)
    half_width = mean_half_widths(graph)
    spread = np.sqrt(
        np.maximum(np.add.reduceat(points.half_width_m.astype(float) ** 2, starts) / sizes - half_width**2, 0)
    )
    piece = graph.components()[graph.start]
    piece_m = np.bincount(piece, length * ~graph.bridged, minlength=1)[piece]
    bridges = np.bincount(np.append(graph.start, graph.end)[np.tile(graph.bridged, 2)], minlength=len(graph.nodes))
    beside = np.minimum(_probability_beside(graph, evidence, frame) / evidence.threshold, 2)
    return {
        "log_length": np.log(np.clip(length, 1, _LONG_M)),
        "share": mean,
        "share_low": np.minimum.reduceat(share, starts),
        "share_high": np.minimum(np.maximum.reduceat(share, starts), 2),
        "seen": seen,
        "seen_length": np.log1p(np.minimum(seen * length, _LONG_M)),
        "straightness": np.minimum(chord / np.maximum(length, 1e-6), 1),
        "half_width": np.minimum(half_width, 10) / 5,
        "width_spread": np.minimum(spread / np.maximum(half_width, 0.5), 2),
        "beside": beside,
        "contrast": mean - beside,
        "others": np.log1p(np.minimum(piece_m - length, 10 * _LONG_M).clip(0)),
        "bridges": np.minimum(bridges[graph.start] + bridges[graph.end], 2).astype(np.float64),
    }


def _probability_beside(graph: Graph, evidence: Evidence, frame: PixelFrame) -> Float64Array:
    """Mean probability on both sides of each edge, a little more than a road's width away, (edges,)."""
    length, edge = graph.lengths_m(), np.repeat(np.arange(len(graph)), _PLACES)
    at = np.tile((np.arange(_PLACES) + 0.5) / _PLACES, len(graph)) * length[edge]
    from_start = np.zeros(len(edge), bool)
    here = graph.points_along(edge, from_start, at)
    ahead = graph.points_along(edge, from_start, np.minimum(at + 4, length[edge]))
    behind = graph.points_along(edge, from_start, np.maximum(at - 4, 0))
    along = to_unit(ahead - behind)
    across = _BESIDE_M * np.stack([-along[:, 1], along[:, 0]], axis=1)
    probability, _ = evidence.sample(np.stack([here + across, here - across]), frame)
    return np.asarray(probability.mean(axis=0).reshape(-1, _PLACES).mean(axis=1), np.float64)


def drop_dangling_bridges(graph: Graph) -> Graph:
    """Drop bridges with a dead end, and repeat as long as this leaves others dangling."""
    while True:
        free = graph.degree == 1
        dangling: BoolArray = graph.bridged & (free[graph.start] | free[graph.end])
        if not dangling.any():
            return graph
        graph = graph.take(~dangling)
