"""Adds bridges to a graph: cuts the roads that they meet, and removes bridges that meet a road elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import shapely

from road_extract.base.arrays import Float64Array, IntArray, ranges
from road_extract.base.levels import PROBABILITY_MAX
from road_extract.roads.network.graph import Graph, Points
from road_extract.roads.network.shaping import axis_lines, find_meetings


@dataclass(frozen=True, slots=True)
class Bridges:
    """Bridges to add, one per row.

    Attributes:
        start: Node that the bridge leaves, (n,).
        end: Node that it reaches, (n,); -1 if it reaches a point of an edge.
        point: That point, (n,); -1 if it reaches a node.
        xy: Points along the bridge, including both ends, in metres, (n, samples, 2).
        probability: Probability at these points, 0..1, (n, samples).
        confidence: Estimated probability that the bridge is a road, 0..1, (n,).
    """

    start: IntArray
    end: IntArray
    point: IntArray
    xy: Float64Array
    probability: Float64Array
    confidence: Float64Array

    def __len__(self) -> int:
        return len(self.start)


def add_bridges(graph: Graph, bridges: Bridges, *, is_mask: bool) -> Graph:
    """Cut edges where bridges meet them, and append the bridges as the last edges, in order.

    Args:
        graph: The roads.
        bridges: The bridges.
        is_mask: Whether the probability is unknown.
    """
    cuts = np.unique(bridges.point[bridges.point >= 0])
    ends = np.where(bridges.point < 0, bridges.end, len(graph.nodes) + np.searchsorted(cuts, bridges.point))
    cut = cut_edges(graph, cuts)
    count, inner = len(bridges), bridges.xy.shape[1] - 2
    xy = bridges.xy[:, 1:-1].reshape(-1, 2)
    levels = np.rint(bridges.probability[:, 1:-1].reshape(-1) * (0 if is_mask else PROBABILITY_MAX)).astype(np.uint8)
    points = Points(xy, levels, np.zeros(len(xy), np.float32), np.zeros((len(xy), 2), np.float32))
    return replace(
        cut,
        start=np.append(cut.start, bridges.start),
        end=np.append(cut.end, ends),
        sizes=np.append(cut.sizes, np.full(count, inner)),
        points=Points.concatenate([cut.points, points]),
        bridged=np.append(cut.bridged, np.ones(count, bool)),
        confidence=np.append(cut.confidence, bridges.confidence),
    )


def cut_edges(graph: Graph, points: IntArray) -> Graph:
    """Turn points, given in ascending order, into nodes. They become the last nodes, in this order."""
    edge = np.searchsorted(graph.offsets, points, "right") - 1
    # edges without points share their offset with the next one
    pieces = np.bincount(edge, minlength=len(graph)) + 1
    of_piece = np.repeat(np.arange(len(graph)), pieces)
    first = np.cumsum(pieces) - pieces
    is_first, is_last = np.zeros(len(of_piece), bool), np.zeros(len(of_piece), bool)
    is_first[first], is_last[first + pieces - 1] = True, True
    low, high = graph.offsets[of_piece], (graph.offsets + graph.sizes)[of_piece]
    start, end = graph.start[of_piece], graph.end[of_piece]
    numbers = len(graph.nodes) + np.arange(len(points))
    low[~is_first], high[~is_last] = points + 1, points
    start[~is_first], end[~is_last] = numbers, numbers
    sizes = high - low
    nodes = Points.concatenate([graph.nodes, graph.points.take(points).moved_to_middle()])
    inner = graph.points.take(ranges(low, sizes))
    return Graph(nodes, start, end, sizes, inner, graph.bridged[of_piece], graph.confidence[of_piece])


def drop_crossing(graph: Graph, bridges: int) -> Graph:
    """Drop those of the last edges that meet another edge anywhere but at nodes; of two of them, drop the later."""
    lines = axis_lines(graph)
    new = np.arange(len(graph) - bridges, len(graph))
    first, second = find_meetings(lines, new)
    drop = np.maximum(first, second)[graph.bridged[first] | graph.bridged[second]]
    keep = np.ones(len(graph), bool)
    keep[drop] = False
    keep[new] &= shapely.is_simple(lines[new])
    return graph.take(keep)
