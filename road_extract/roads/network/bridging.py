"""Bridges gaps: joins a dead end to what lies ahead of it, where distance, heading and probability agree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import shapely

from road_extract.base.arrays import BoolArray, Float64Array, IntArray, ranges
from road_extract.base.grid import PixelFrame
from road_extract.base.levels import PROBABILITY_MAX
from road_extract.roads.network.dissolving import dissolve_nodes
from road_extract.roads.network.ends import FreeEnds, at_scene_edge, find_free_ends, to_unit
from road_extract.roads.network.gap_paths import Evidence, GapPath, find_gap_path, plan_window
from road_extract.roads.network.graph import Graph, Points
from road_extract.roads.network.point_index import PointIndex
from road_extract.roads.network.shaping import axis_lines, find_meetings

#: Two dead ends are joined if the second one does not look away from the first (cosine of 80 degrees).
_FACING = 0.17
#: A bridge that meets a road within so many widths of a node meets that node.
_NODE_WIDTHS = 0.75
#: Points of the road itself are no aim as far along it as so many times the longest gap.
_OWN_ROAD = 3.0


@dataclass(frozen=True, slots=True)
class _Bridge:
    """From a free end (its node) to a node, or to a point of an edge if ``point`` is not -1."""

    node: int
    to_node: int
    point: int
    path: GapPath


def bridge_gaps(graph: Graph, evidence: Evidence, frame: PixelFrame, max_gap_m: float) -> Graph:
    """Add bridged edges from free ends.

    From each free end the cheapest path is sought, within 50 degrees of its heading, to the first road that it meets:
    the dead end of another one that faces it, or a road's side. A path's length is weighted by the lack of probability
    and may not exceed ``max_gap_m``. The cheapest bridges come first; none crosses a road or another bridge.

    Args:
        graph: With extended ends.
        evidence: The probability between roads.
        frame: The scene's pixels.
        max_gap_m: Longest gap; 0 adds nothing.
    """
    if not max_gap_m or not len(graph):
        return graph
    chosen = _choose(graph, list(_iter_bridges(graph, evidence, frame, max_gap_m)))
    if not chosen:
        return graph
    return dissolve_nodes(drop_crossing(_add(graph, chosen, frame, is_mask=evidence.is_mask), len(chosen)))


def _choose(graph: Graph, found: list[_Bridge]) -> list[_Bridge]:
    """The cheapest bridges first; a dead end that one of them leaves or reaches needs no other of its own."""
    taken: set[int] = set()
    ends = set(np.flatnonzero(graph.degree == 1).tolist())
    chosen = []
    for bridge in sorted(found, key=lambda bridge: (bridge.path.cost, bridge.node)):
        if bridge.node not in taken:
            taken |= {bridge.node} | ({bridge.to_node} & ends)
            chosen.append(bridge)
    return chosen


def _iter_bridges(graph: Graph, evidence: Evidence, frame: PixelFrame, max_gap_m: float) -> Iterator[_Bridge]:
    size, ends = np.array(frame.pixel_size_m), find_free_ends(graph, frame)
    index = PointIndex.of(graph, max_gap_m, frame)
    open_ = ~at_scene_edge(graph, frame)[ends.node] & ends.heading.any(axis=1)
    # by place, so that windows read one after the other lie in the same blocks of the file
    cells = np.floor(graph.nodes.xy[ends.node] / (256 * size)).astype(np.int64)
    order = np.lexsort((cells[:, 0], cells[:, 1]))
    for end in order[open_[order]].tolist():
        place, heading = graph.nodes.xy[ends.node[end]], ends.heading[end]
        near = index.near(place)
        is_own = _is_own_road(graph, index, near, int(ends.edge[end]), int(ends.node[end]), _OWN_ROAD * max_gap_m)
        aims = near[~is_own]
        if not _lies_ahead(index.xy[aims] - place, heading, max_gap_m):
            continue
        window = plan_window(place, heading, max_gap_m, frame)
        aims, own = index.inside(aims, window), index.inside(near[is_own], window)
        path = find_gap_path((place, heading), index.pixel[aims], index.pixel[own], window, evidence, frame, max_gap_m)
        bridge = None if path is None else _judge(graph, index, ends, end, path, int(aims[path.target]))
        if bridge is not None:
            yield bridge


def _is_own_road(graph: Graph, index: PointIndex, near: IntArray, edge: int, node: int, reach_m: float) -> BoolArray:
    """Which points lie on the road that ends, no farther along it than ``reach_m``, (near,)."""
    along = index.from_start[near] if graph.start[edge] == node else index.to_end[near]
    own: BoolArray = (index.edge[near] == edge) & (along <= reach_m)
    return own


def _lies_ahead(offset: Float64Array, heading: Float64Array, max_gap_m: float) -> bool:
    far = np.hypot(*offset.T)
    return bool(((far <= max_gap_m) & (offset @ heading >= 0.5 * far)).any())


def _judge(graph: Graph, index: PointIndex, ends: FreeEnds, end: int, path: GapPath, aim: int) -> _Bridge | None:
    """The bridge to a point of a road, or to the node that is near it there; None if they meet at a wrong angle."""
    start = int(ends.node[end])
    towards = to_unit((index.xy[aim] - graph.nodes.xy[start])[None])[0]
    edge = index.edge[aim]
    for node, along in ((graph.start[edge], index.from_start[aim]), (graph.end[edge], index.to_end[aim])):
        if along <= _NODE_WIDTHS * 2 * graph.nodes.half_width_m[node] and node != start:
            facing = ends.heading[(ends.node == node)]
            meets = not len(facing) or float(facing[0] @ towards) <= _FACING
            return _Bridge(start, int(node), -1, path) if meets else None
    return None if index.point[aim] < 0 else _Bridge(start, -1, int(index.point[aim]), path)


def _add(graph: Graph, bridges: list[_Bridge], frame: PixelFrame, *, is_mask: bool) -> Graph:
    """The graph with its edges cut where bridges meet them, and the bridges as its last edges, in their order."""
    cuts = np.unique([bridge.point for bridge in bridges if bridge.point >= 0]).astype(np.int64)
    ends = [
        bridge.to_node if bridge.point < 0 else len(graph.nodes) + int(np.searchsorted(cuts, bridge.point))
        for bridge in bridges
    ]
    cut = cut_edges(graph, cuts)
    ways = [bridge.path.pixels[1:-1] for bridge in bridges]
    pixels = np.concatenate(ways)
    chance = np.concatenate([bridge.path.probability[1:-1] for bridge in bridges])
    stored = np.zeros(len(pixels)) if is_mask else np.rint(chance * PROBABILITY_MAX)
    xy = (pixels[:, ::-1] + 0.5) * np.array(frame.pixel_size_m)
    points = Points(
        xy, stored.astype(np.uint8), np.zeros(len(pixels), np.float32), np.zeros((len(pixels), 2), np.float32)
    )
    return replace(
        cut,
        start=np.append(cut.start, [bridge.node for bridge in bridges]),
        end=np.append(cut.end, ends),
        sizes=np.append(cut.sizes, [len(way) for way in ways]),
        points=Points.concatenate([cut.points, points]),
        bridged=np.append(cut.bridged, np.ones(len(bridges), bool)),
    )


def cut_edges(graph: Graph, points: IntArray) -> Graph:
    """Make nodes of some points, given in ascending order: they become the last nodes, in this order."""
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
    return Graph(nodes, start, end, sizes, inner, graph.bridged[of_piece])


def drop_crossing(graph: Graph, bridges: int) -> Graph:
    """Drop those of the last edges that meet another edge elsewhere than at nodes; of two the later one."""
    lines = axis_lines(graph)
    new = np.arange(len(graph) - bridges, len(graph))
    first, second = find_meetings(lines, new)
    drop = np.maximum(first, second)[graph.bridged[first] | graph.bridged[second]]
    keep = np.ones(len(graph), bool)
    keep[drop] = False
    keep[new] &= shapely.is_simple(lines[new])
    return graph.take(keep)
