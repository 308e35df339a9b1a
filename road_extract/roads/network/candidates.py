"""Finds what a dead end could be joined to: other dead ends, junctions, and the sides of roads nearby."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import KDTree

from road_extract.base.arrays import BoolArray, Float64Array, IntArray
from road_extract.roads.network.ends import FreeEnds, to_unit
from road_extract.roads.network.graph import Graph, distances_along, mean_half_widths

#: Maximum angle between the heading and a candidate, in degrees.
MAX_TURN_DEG = 65.0
#: The same for candidates nearer than `NEAR_M`: a short skeleton says little about where its road was heading.
MAX_TURN_NEAR_DEG = 105.0
NEAR_M = 12.0
#: Two dead ends are not joined if the road would turn back by more than this between them, in degrees: roads that end
#: side by side are different roads.
MAX_TURN_BACK_DEG = 110.0
#: When the best place on a road is chosen, a turn by this angle (degrees) doubles the effort.
_TURN_DOUBLES_DEG = 40.0
#: A bridge that meets a road within this many road widths of a node is moved to the node.
_NODE_WIDTHS = 0.75
#: Points of the same road are candidates only if they are this many times farther along the road than straight across.
_OWN_DETOUR = 4.0
#: Spacing of the points of roads that are considered.
_POINT_STEP_M = 3.0
#: Maximum number of candidates per dead end; those with the least effort are kept.
_MAX_PER_END = 8


@dataclass(frozen=True, slots=True)
class Candidates:
    """Possible bridges, one per row.

    Attributes:
        end: Index of the free end that the bridge leaves, (n,).
        other: Index of the free end that it reaches, (n,); -1 if it reaches something else.
        node: Node that it reaches, (n,); -1 if it reaches a point of an edge.
        point: That point, (n,); -1 if it reaches a node.
        edge: An edge that it reaches, (n,).
        place: Where it ends, in metres, (n, 2).
        arrival: Unit vector along the road that it reaches, (n, 2).
        detour_m: Distance between both ends along the network if their edges meet, otherwise infinite, (n,).
    """

    end: IntArray
    other: IntArray
    node: IntArray
    point: IntArray
    edge: IntArray
    place: Float64Array
    arrival: Float64Array
    detour_m: Float64Array

    def __len__(self) -> int:
        return len(self.end)

    def take(self, which: IntArray | BoolArray) -> Candidates:
        """A subset of the rows."""
        return Candidates(
            self.end[which], self.other[which], self.node[which], self.point[which], self.edge[which],
            self.place[which], self.arrival[which], self.detour_m[which],
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _RoadPoints:
    """Points along all edges, including nodes: place, edge, graph point (-1 for nodes), distances to both nodes."""

    xy: Float64Array
    edge: IntArray
    point: IntArray
    from_start: Float64Array
    to_end: Float64Array
    along: Float64Array


def find_candidates(graph: Graph, ends: FreeEnds, is_open: BoolArray, reach_m: float) -> Candidates:
    """Find what free ends could be joined to.

    On each road near an end, the place with the least effort (distance and turn) is a candidate, and the nearest place
    if it is a different one. A place near a node is replaced by the node. A pair of dead ends is one candidate.

    Args:
        graph: Graph with extended ends.
        ends: Its free ends.
        is_open: Whether each of them may be joined, (ends,).
        reach_m: Maximum length of a bridge.
    """
    road = _road_points(graph)
    start = graph.nodes.xy[ends.node]
    end, point = _pairs_within(start, road.xy, np.flatnonzero(is_open), reach_m)
    distance, turn = _distance_and_turn(road.xy[point] - start[end], ends.heading[end])
    near = distance < NEAR_M
    keep = (turn <= np.where(near, MAX_TURN_NEAR_DEG, MAX_TURN_DEG)) & (distance > 0)
    keep &= ~_is_own_road(graph, ends, end, road, point, distance)
    end, point, distance, turn = end[keep], point[keep], distance[keep], turn[keep]
    effort = distance * (1 + (turn / _TURN_DOUBLES_DEG) ** 2)
    pair = end * np.int64(len(graph) + 1) + road.edge[point]
    chosen = np.unique(np.concatenate([_first_of_each(pair, effort), _first_of_each(pair, distance)]))
    found = _without_repeats(_describe(graph, ends, road, end[chosen], point[chosen]), effort[chosen])
    onward = (ends.heading[found.end] * found.arrival).sum(axis=1) > np.cos(np.radians(MAX_TURN_BACK_DEG))
    return found.take((found.other < 0) | onward)


def _road_points(graph: Graph) -> _RoadPoints:
    points, sizes = graph.with_ends()
    stop, along = np.cumsum(sizes), distances_along(points.xy, sizes)
    number = np.full(len(points), -1)
    inner = np.ones(len(points), bool)
    inner[stop - sizes] = inner[stop - 1] = False
    number[inner] = np.arange(len(graph.points))
    from_start = along - np.repeat(along[stop - sizes], sizes)
    to_end = np.repeat(along[stop - 1], sizes) - along
    edge = np.repeat(np.arange(len(sizes)), sizes)
    step = np.floor(from_start / _POINT_STEP_M)
    keep = ~inner | np.append(True, (step[1:] != step[:-1]) | (edge[1:] != edge[:-1]))[: len(points)]
    chord = np.zeros_like(points.xy)
    last = np.repeat(stop - 1, sizes)
    first = np.repeat(stop - sizes, sizes)
    index = np.arange(len(points))
    chord = to_unit(points.xy[np.minimum(index + 5, last)] - points.xy[np.maximum(index - 5, first)])
    return _RoadPoints(points.xy[keep], edge[keep], number[keep], from_start[keep], to_end[keep], chord[keep])


def _pairs_within(start: Float64Array, xy: Float64Array, which: IntArray, reach_m: float) -> tuple[IntArray, IntArray]:
    """Pairs of a free end and a point within reach, (pairs,) each."""
    if not len(which) or not len(xy):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    near = KDTree(xy).query_ball_point(start[which], reach_m, return_sorted=True)
    counts = np.array([len(points) for points in near])
    return np.repeat(which, counts), np.concatenate([np.asarray(points, np.int64) for points in near])


def _distance_and_turn(offset: Float64Array, heading: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Lengths of offsets, and their angles to a heading in degrees, (pairs,) each."""
    distance = np.hypot(*offset.T)
    cosine = np.divide((offset * heading).sum(axis=1), distance, out=np.ones_like(distance), where=distance > 0)
    return distance, np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def _is_own_road(
    graph: Graph, ends: FreeEnds, end: IntArray, road: _RoadPoints, point: IntArray, distance: Float64Array
) -> BoolArray:
    """Whether each point lies on the road of the dead end, and not far along it, (pairs,)."""
    own = road.edge[point] == ends.edge[end]
    along = np.where(graph.start[ends.edge[end]] == ends.node[end], road.from_start[point], road.to_end[point])
    is_near = along < _OWN_DETOUR * distance + NEAR_M
    return np.asarray(own & is_near, np.bool_)


def _first_of_each(key: IntArray, value: Float64Array) -> IntArray:
    """The index of the smallest value of each key; the first of equal ones."""
    order = np.lexsort((value, key))
    first: IntArray = order[np.append(True, key[order][1:] != key[order][:-1])[: len(order)]]
    return first


def _describe(graph: Graph, ends: FreeEnds, road: _RoadPoints, end: IntArray, point: IntArray) -> Candidates:
    """Candidates from free ends to road points; points near a node are replaced by the node."""
    edge, start_node = road.edge[point], ends.node[end]
    node = np.full(len(end), -1)
    for which, along in ((graph.end, road.to_end), (graph.start, road.from_start)):
        # a dead end takes up the whole mouth of its road, a junction only what is within its width
        reach = _NODE_WIDTHS * 2 * np.maximum(graph.nodes.half_width_m[which[edge]], mean_half_widths(graph)[edge])
        at_node = (along[point] <= reach) & (which[edge] != start_node)
        node = np.where(at_node, which[edge], node)
    is_point = node < 0
    number_of_end = np.full(len(graph.nodes), -1)
    number_of_end[ends.node] = np.arange(len(ends.node))
    other = np.where(is_point, -1, number_of_end[node])
    place = np.where(is_point[:, None], road.xy[point], graph.nodes.xy[node])
    arrival = np.where((other >= 0)[:, None], -ends.heading[other], road.along[point])
    found = Candidates(
        end, other, node, np.where(is_point, road.point[point], -1), edge, place, arrival,
        _detours(graph, ends, road, end, point),
    )  # fmt: skip
    return found.take(~is_point | (found.point >= 0))


def _detours(graph: Graph, ends: FreeEnds, road: _RoadPoints, end: IntArray, point: IntArray) -> Float64Array:
    """Distances along the network from free ends to points of the edges that their own edges meet, metres, (n,)."""
    own, edge = ends.edge[end], road.edge[point]
    length = graph.lengths_m()
    root = np.where(graph.start[own] == ends.node[end], graph.end[own], graph.start[own])
    along = np.where(graph.start[edge] == root, road.from_start[point], np.inf)
    along = np.minimum(along, np.where(graph.end[edge] == root, road.to_end[point], np.inf))
    return np.asarray(length[own] + along, np.float64)


def _without_repeats(found: Candidates, effort: Float64Array) -> Candidates:
    """Keep one candidate per pair of a dead end and its goal, and a limited number per dead end."""
    a, b = found.end, np.where(found.other >= 0, found.other, -1)
    low, high = np.where(b >= 0, np.minimum(a, b), a), np.where(b >= 0, np.maximum(a, b), -1)
    key = np.stack([low, high, found.node, found.point])
    _, pair = np.unique(key, axis=1, return_inverse=True)
    keep = _first_of_each(pair.reshape(-1), effort)
    found, effort = found.take(keep), effort[keep]
    order = np.lexsort((effort, found.end))
    rank = np.arange(len(order)) - np.searchsorted(found.end[order], found.end[order])
    return found.take(np.sort(order[rank < _MAX_PER_END]))
