"""Moves nodes to their proper places, unless lines would meet as a result."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from road_extract.base.arrays import BoolArray
from road_extract.base.grid import PixelFrame
from road_extract.roads.network.ends import extend_ends
from road_extract.roads.network.graph import Graph, Points
from road_extract.roads.network.junctions import settle_junctions
from road_extract.roads.network.shaping import axis_lines, find_conflicts

_ROUNDS = 3


def move_nodes(graph: Graph, frame: PixelFrame) -> Graph:
    """Settle junctions and extend dead ends. Nodes do not move if lines would cross or touch as a result.

    Args:
        graph: Cleaned graph.
        frame: Pixel frame of the scene.
    """
    graph = _keep_inside(graph, frame)
    moved = extend_ends(_keep_inside(settle_junctions(graph), frame), frame)
    for _ in range(_ROUNDS):
        wrong = find_conflicts(axis_lines(moved))
        if not wrong.any():
            break
        moved = _restore(graph, moved, wrong)
    return moved


def _keep_inside(graph: Graph, frame: PixelFrame) -> Graph:
    """Clip nodes to the scene."""
    return replace(graph, nodes=replace(graph.nodes, xy=np.clip(graph.nodes.xy, 0, frame.extent_m)))


def _restore(before: Graph, moved: Graph, which: BoolArray) -> Graph:
    """Restore some edges and their nodes to their earlier state. Both graphs have the same edges and nodes."""
    back = np.zeros(len(before.nodes), bool)
    back[before.start[which]] = back[before.end[which]] = True
    count = len(before.nodes)
    nodes = Points.concatenate([moved.nodes, before.nodes]).take(np.arange(count) + np.where(back, count, 0))
    both = replace(
        moved, nodes=nodes, start=np.tile(moved.start, 2), end=np.tile(moved.end, 2), bridged=np.tile(moved.bridged, 2),
        confidence=np.tile(moved.confidence, 2),
        sizes=np.append(moved.sizes, before.sizes), points=Points.concatenate([moved.points, before.points]),
    )  # fmt: skip
    return both.take(np.arange(len(moved)) + np.where(which, len(moved), 0))
