"""Bridges gaps: joins dead ends to the most likely continuations of their roads.

Every dead end has candidates (`candidates`), each with a path (`gap_paths`) and features (`gap_features`), from which a
logistic model estimates how likely it is that a road runs there. The most likely candidates are chosen first. A dead
end is joined once, bridges cross neither roads nor each other, and no two bridges run side by side.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from scipy.spatial import KDTree

from road_extract.base.arrays import BoolArray, Float64Array, Geometries, IntArray
from road_extract.base.grid import PixelFrame
from road_extract.base.options import LineOptions
from road_extract.roads.network.adding import Bridges, add_bridges, drop_crossing
from road_extract.roads.network.candidates import Candidates, find_candidates
from road_extract.roads.network.dissolving import dissolve_nodes
from road_extract.roads.network.ends import FreeEnds, at_scene_edge, find_free_ends
from road_extract.roads.network.evidence import Evidence
from road_extract.roads.network.gap_features import measure_gaps
from road_extract.roads.network.gap_paths import GapPaths, find_gap_paths
from road_extract.roads.network.graph import Graph
from road_extract.roads.network.logistic import read_model
from road_extract.roads.network.shaping import axis_lines
from road_extract.roads.network.worth import line_worth

#: Bridges closer to each other than this (metres) along half of their length are the same road.
TWIN_M = 8.0
#: Bridges that meet a road closer to each other than this (metres) meet it in the same node.
SAME_NODE_M = 6.0
#: A bridge runs along a road where it is this close to it (metres), and may do so over this fraction of its length.
_ALONG_M = 5.0
_ALONG_SHARE = 0.5
#: Shorter bridges (metres) are exempt, because they always lie close to the roads that they join.
_SHORT_M = 25.0
#: A dash that has been joined makes further bridges likely.
_ROUNDS = 2
#: In later rounds, only dead ends this close to a bridge (metres) are considered again.
_AROUND_M = 45.0
#: The first and last metres of a bridge, which run inside the roads that it joins, may touch other roads.
_MOUTH_M = 4.0
#: A dead end that a bridge has already reached is joined again only by bridges with at least this confidence.
_SECOND_BRIDGE = 0.75


@dataclass(frozen=True, slots=True)
class Gaps:
    """The candidates of a graph, with their paths and features.

    Attributes:
        ends: The free ends.
        found: The candidates.
        paths: Their paths.
        features: Their features by name, (candidates,) each.
    """

    ends: FreeEnds
    found: Candidates
    paths: GapPaths
    features: dict[str, Float64Array]


def bridge_gaps(graph: Graph, evidence: Evidence, frame: PixelFrame, options: LineOptions) -> Graph:
    """Add bridged edges from free ends.

    Args:
        graph: Graph with extended ends.
        evidence: Probability between roads.
        frame: Pixel frame of the scene.
        options: Maximum gap (0 adds nothing) and minimum confidence.
    """
    if not options.max_gap_m or not len(graph):
        return graph
    for _ in range(_ROUNDS):
        graph = _bridge_once(graph, evidence, frame, options)
    return graph


def _bridge_once(graph: Graph, evidence: Evidence, frame: PixelFrame, options: LineOptions) -> Graph:
    gaps = measure_all_gaps(graph, evidence, frame, options.max_gap_m)
    if not len(gaps.found):
        return graph
    confidence = judge_gaps(gaps, is_mask=evidence.is_mask)
    bridges = choose_bridges(graph, gaps, confidence, options.min_confidence)
    if not len(bridges):
        return graph
    return dissolve_nodes(drop_crossing(add_bridges(graph, bridges, is_mask=evidence.is_mask), len(bridges)))


def measure_all_gaps(graph: Graph, evidence: Evidence, frame: PixelFrame, max_gap_m: float) -> Gaps:
    """Find all candidates of a graph and compute their features. For the arguments, see `bridge_gaps`."""
    ends = find_free_ends(graph, frame)
    is_open = ~at_scene_edge(graph, frame)[ends.node] & ends.heading.any(axis=1)
    is_open &= _near_bridges(graph, ends, min(max_gap_m, _AROUND_M))
    found = find_candidates(graph, ends, is_open, max_gap_m)
    arrival = np.where((found.other >= 0)[:, None], found.arrival, 0)
    start = graph.nodes.xy[ends.node[found.end]], ends.heading[found.end]
    paths = find_gap_paths(start, (found.place, arrival), evidence, frame)
    known = np.flatnonzero(paths.valid)
    found, paths = found.take(known), paths.take(known)
    worth = np.ones(len(graph)) if evidence.is_mask else line_worth(graph, evidence, frame)
    worth = np.where(graph.bridged, 1.0, worth)
    features = measure_gaps(graph, ends, found, paths, evidence)
    if not evidence.is_mask:
        features |= _worth_features(worth[ends.edge[found.end]], worth[found.edge])
    return Gaps(ends, found, paths, features)


def _worth_features(own: Float64Array, goal: Float64Array) -> dict[str, Float64Array]:
    low, high = (np.clip(worth, 0.02, 0.98) for worth in (np.minimum(own, goal), np.maximum(own, goal)))
    return {
        "low_worth": np.log(low / (1 - low)),
        "high_worth": np.log(high / (1 - high)),
        "both_worth": low * high,
        "log_both": np.log(low * high),
    }


def _near_bridges(graph: Graph, ends: FreeEnds, reach_m: float) -> BoolArray:
    """Whether each free end is near an existing bridge, (ends,); True for all if there are no bridges yet."""
    nodes = np.append(graph.start[graph.bridged], graph.end[graph.bridged])
    if not len(nodes):
        return np.ones(len(ends.node), np.bool_)
    distance, _ = KDTree(graph.nodes.xy[nodes]).query(graph.nodes.xy[ends.node])
    return np.asarray(distance <= reach_m, np.bool_)


def judge_gaps(gaps: Gaps, *, is_mask: bool) -> Float64Array:
    """Estimated probability that a road runs along each candidate, 0..1, (candidates,)."""
    return read_model("mask_gaps" if is_mask else "gaps")(gaps.features)


def choose_bridges(graph: Graph, gaps: Gaps, confidence: Float64Array, min_confidence: float) -> Bridges:
    """Choose bridges, starting with the most likely.

    Args:
        graph: The roads.
        gaps: The candidates.
        confidence: Estimated probability that each candidate is a road, (candidates,).
        min_confidence: Minimum confidence of a bridge.
    """
    order = np.lexsort((gaps.found.place[:, 0], gaps.found.place[:, 1], -confidence))
    order = order[confidence[order] >= min_confidence]
    order = order[~meet_roads(graph, gaps.paths.take(order))]
    lines = shapely.linestrings(gaps.paths.xy[order])
    chosen = order[_compete(gaps, order, confidence, _rivals(lines))]
    start = gaps.ends.node[gaps.found.end[chosen]]
    point = _share_points(graph, gaps.found.point[chosen])
    xy = _moved_to(gaps.paths.xy[chosen], graph, point)
    return Bridges(start, gaps.found.node[chosen], point, xy, gaps.paths.probability[chosen], confidence[chosen])


def meet_roads(graph: Graph, paths: GapPaths) -> BoolArray:
    """Whether each path crosses a road between its mouths, or runs along one, (paths,)."""
    lines = shapely.linestrings(paths.xy)
    if not len(lines):
        return np.zeros(0, bool)
    length = shapely.length(lines)
    inner = _inner_parts(lines, np.minimum(_MOUTH_M, length / 3), length)
    tree, meets = shapely.STRtree(axis_lines(graph)), np.zeros(len(lines), bool)
    meets[tree.query(inner, predicate="intersects")[0]] = True
    places = shapely.points(shapely.get_coordinates(inner))
    along = np.zeros(len(places), bool)
    along[tree.query(places, predicate="dwithin", distance=_ALONG_M)[0]] = True
    share = along.reshape(len(lines), -1).mean(axis=1)
    runs_along = (share > _ALONG_SHARE) & (length > _SHORT_M)
    return np.asarray(meets | runs_along, np.bool_)


def _inner_parts(lines: Geometries, mouth: Float64Array, length: Float64Array) -> Geometries:
    """The lines without their first and last metres, (lines,)."""
    steps = np.linspace(0, 1, 13)
    at = mouth[:, None] + steps * (length - 2 * mouth)[:, None]
    places = shapely.get_coordinates(shapely.line_interpolate_point(lines[:, None], at))
    parts: Geometries = shapely.linestrings(places.reshape(len(lines), len(steps), 2))
    return parts


def _rivals(lines: Geometries) -> dict[int, list[int]]:
    """For each path, the earlier paths that exclude it because they cross it or run along it."""
    first, second = shapely.STRtree(lines).query(lines, predicate="dwithin", distance=TWIN_M)
    earlier = second < first
    first, second = first[earlier], second[earlier]
    ends = shapely.get_point(lines, 0), shapely.get_point(lines, -1)
    touching = np.minimum.reduce([shapely.distance(a[first], b[second]) for a in ends for b in ends]) < 1e-6
    cross = shapely.intersects(lines[first], lines[second]) & ~touching
    places = shapely.line_interpolate_point(lines[first][:, None], np.linspace(0, 1, 9), normalized=True)
    beside = (shapely.distance(places, lines[second][:, None]) < TWIN_M).mean(axis=1) > 0.5
    rivals: dict[int, list[int]] = {}
    for one, other in zip(first[cross | beside].tolist(), second[cross | beside].tolist(), strict=True):
        rivals.setdefault(one, []).append(other)
    return rivals


def _compete(gaps: Gaps, order: IntArray, confidence: Float64Array, rivals: dict[int, list[int]]) -> IntArray:
    """Indices in ``order`` of the bridges to keep, ascending."""
    joined: set[int] = set()
    chosen: dict[int, None] = {}
    for number, candidate in enumerate(order.tolist()):
        end, other = int(gaps.found.end[candidate]), int(gaps.found.other[candidate])
        taken = (end in joined) + (other in joined)
        if end in joined and (other < 0 or other in joined):
            continue
        if taken and confidence[candidate] < _SECOND_BRIDGE:
            continue
        if any(rival in chosen for rival in rivals.get(number, [])):
            continue
        joined |= {end, other} - {-1}
        chosen[number] = None
    return np.array(list(chosen), dtype=np.int64)


def _share_points(graph: Graph, point: IntArray) -> IntArray:
    """The points of edges that bridges meet; points near an earlier one on the same edge are replaced by it."""
    edge = np.searchsorted(graph.offsets, point, "right") - 1
    taken: dict[int, list[int]] = {}
    shared = point.copy()
    for number in np.flatnonzero(point >= 0).tolist():
        place = graph.points.xy[point[number]]
        for other in taken.setdefault(int(edge[number]), []):
            if np.hypot(*(graph.points.xy[other] - place)) < SAME_NODE_M:
                shared[number] = other
                break
        else:
            taken[int(edge[number])].append(int(point[number]))
    return shared


def _moved_to(xy: Float64Array, graph: Graph, point: IntArray) -> Float64Array:
    """Paths with their last point moved to the middle of the road that they meet, (paths, samples, 2)."""
    xy = xy.copy()
    meets = point >= 0
    xy[meets, -1] = graph.points.middle[point[meets]]
    return xy
