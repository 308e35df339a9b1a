"""Drops lines that are unlikely to be roads, judging by their length, probability, shape and connections.

Lines are traced with a low threshold, so that faint roads are complete. This adds noise, which is removed here with one
logistic model for each kind of line: loose lines, stubs with one dead end, and links between junctions.
"""

from __future__ import annotations

import numpy as np

from road_extract.base.arrays import BoolArray, Float64Array, IntArray
from road_extract.base.grid import PixelFrame
from road_extract.roads.network.dissolving import dissolve_nodes
from road_extract.roads.network.ends import at_scene_edge
from road_extract.roads.network.evidence import Evidence
from road_extract.roads.network.graph import Graph
from road_extract.roads.network.line_features import measure_lines
from road_extract.roads.network.logistic import read_model

#: Kinds of lines by the number of dead ends.
KINDS = ("link", "stub", "loose")
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
    features = measure_lines(graph, evidence.threshold)
    kind, worth = line_kinds(graph, frame), np.zeros(len(graph))
    for number, name in enumerate(KINDS):
        of_kind = kind == number
        worth[of_kind] = read_model(name)({key: values[of_kind] for key, values in features.items()})
    return worth


def line_kinds(graph: Graph, frame: PixelFrame) -> IntArray:
    """The number of dead ends of each edge, not counting those on the edge of the scene, (edges,)."""
    free = (graph.degree == 1) & ~at_scene_edge(graph, frame)
    return np.asarray(free[graph.start].astype(np.int64) + free[graph.end], np.int64)


def drop_dangling_bridges(graph: Graph) -> Graph:
    """Drop bridges with a dead end, and repeat as long as this leaves others dangling."""
    while True:
        free = graph.degree == 1
        dangling: BoolArray = graph.bridged & (free[graph.start] | free[graph.end])
        if not dangling.any():
            return graph
        graph = graph.take(~dangling)
