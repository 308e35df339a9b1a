"""Turns edges into smooth lines with few vertices, which do not cross or touch where the edges do not."""

from __future__ import annotations

import numpy as np
import shapely

from road_extract.base.arrays import BoolArray, Float64Array, Geometries, IntArray
from road_extract.roads.network.graph import Graph, distances_along

#: Rounds of (1, 2, 1) / 4; together close to a Gaussian with standard deviation sqrt(rounds / 2), in pixels.
SMOOTHING_ROUNDS = 12


def shape_lines(graph: Graph, tolerance_m: float) -> Geometries:
    """Make a LineString of each edge, in metres. Nodes do not move.

    Lines that would meet where they should not are simplified less, or not at all, and in the last resort not smoothed.

    Args:
        graph: Cleaned graph.
        tolerance_m: Simplification tolerance in metres.
    """
    points, sizes = graph.with_ends()
    axes = _straighten_at_junctions(graph, points.middle, sizes)
    smooth = to_lines(_smooth(axes, sizes), sizes)
    lines = simplify(smooth, tolerance_m)
    for plainer in (simplify(smooth, tolerance_m / 4), smooth, to_lines(axes, sizes), to_lines(points.xy, sizes)):
        wrong = find_conflicts(lines)
        if not wrong.any():
            break
        lines[wrong] = plainer[wrong]
    return lines


def axis_lines(graph: Graph) -> Geometries:
    """A LineString of each edge along the road's axis, neither smoothed nor simplified."""
    points, sizes = graph.with_ends()
    return to_lines(_straighten_at_junctions(graph, points.middle, sizes), sizes)


def to_lines(xy: Float64Array, sizes: IntArray) -> Geometries:
    """Make LineStrings of consecutive points; (points, 2) and (lines,) to (lines,)."""
    lines: Geometries = shapely.linestrings(xy, indices=np.repeat(np.arange(len(sizes)), sizes))
    return lines


def simplify(lines: Geometries, tolerance_m: float) -> Geometries:
    """Simplify lines within a tolerance, keeping their ends (Douglas & Peucker 1973)."""
    if not tolerance_m:
        return lines.copy()
    simple = np.array(shapely.simplify(lines, tolerance_m, preserve_topology=False), dtype=object)
    closed = shapely.is_closed(lines)  # these could collapse to a point
    simple[closed] = shapely.simplify(lines[closed], tolerance_m, preserve_topology=True)
    return simple


def _straighten_at_junctions(graph: Graph, xy: Float64Array, sizes: IntArray) -> Float64Array:
    """Straighten edges within half a width of a junction, where the skeleton bends towards side roads."""
    radius = np.where(graph.degree >= 3, graph.nodes.half_width_m, 0).astype(np.float64)
    xy = xy.copy()
    for node, flip in ((graph.start, False), (graph.end, True)):
        _straighten_one_end(xy, sizes, radius[node], flip)
    return xy


def _straighten_one_end(xy: Float64Array, sizes: IntArray, radius: Float64Array, flip: bool) -> None:
    """Straighten one end of each line in place: the start, or with ``flip`` the end."""
    if not len(sizes):
        return
    stop, along = np.cumsum(sizes), distances_along(xy, sizes)
    first, last = stop - sizes, stop - 1
    radius = np.minimum(radius, (along[last] - along[first]) / 3)
    if flip:
        from_node = np.repeat(along[last], sizes) - along
        anchor = np.clip(np.searchsorted(along, along[last] - radius, "right") - 1, first, last)
        node = last
    else:
        from_node = along - np.repeat(along[first], sizes)
        anchor = np.clip(np.searchsorted(along, along[first] + radius), first, last)
        node = first
    reach = np.repeat(np.abs(along[anchor] - along[node]), sizes)
    near = (from_node < reach) & (reach > 0)
    share = (from_node[near] / reach[near])[:, None]
    xy[near] = (
        np.repeat(xy[node], sizes, axis=0)[near] * (1 - share) + np.repeat(xy[anchor], sizes, axis=0)[near] * share
    )


def _smooth(xy: Float64Array, sizes: IntArray) -> Float64Array:
    """Apply binomial smoothing along each line, keeping its ends."""
    xy = xy.copy()
    stop = np.cumsum(sizes)
    inner = np.ones(len(xy), bool)
    inner[stop - sizes] = inner[stop - 1] = False
    index = np.flatnonzero(inner)
    for _ in range(SMOOTHING_ROUNDS):
        xy[index] = 0.5 * xy[index] + 0.25 * (xy[index - 1] + xy[index + 1])
    return xy


def find_conflicts(lines: Geometries) -> BoolArray:
    """Whether each line is a point, crosses itself, or meets another anywhere but at ends of both, (lines,)."""
    wrong: BoolArray = ~shapely.is_simple(lines) | _is_collapsed(lines)
    first, second = find_meetings(lines, np.arange(len(lines)))
    wrong[first] = wrong[second] = True
    return wrong


def find_meetings(lines: Geometries, which: IntArray) -> tuple[IntArray, IntArray]:
    """Pairs of lines that meet anywhere but at ends of both; at least one of the two is among ``which``."""
    # GEOS sees no ends in a ring, so rings are tested in two halves
    parts, owner = _open_parts(lines)
    asked = np.flatnonzero(np.isin(owner, which))
    first, second = shapely.STRtree(parts).query(parts[asked], predicate="intersects")
    first = asked[first]
    other = owner[first] != owner[second]
    first, second = first[other], second[other]
    # neither interior meets the other's interior or ends
    wrong = ~shapely.relate_pattern(parts[first], parts[second], "FF*F*****")
    return owner[first[wrong]], owner[second[wrong]]


def _is_collapsed(lines: Geometries) -> BoolArray:
    """Whether a line ends where it starts without enclosing anything, (lines,)."""
    collapsed: BoolArray = shapely.is_closed(lines) & (shapely.get_num_coordinates(lines) < 4)
    return collapsed


def _open_parts(lines: Geometries) -> tuple[Geometries, IntArray]:
    closed = np.flatnonzero(shapely.is_closed(lines) & ~_is_collapsed(lines))
    halves, owner = [], []
    for index in closed.tolist():
        xy = shapely.get_coordinates(lines[index])
        middle = len(xy) // 2
        halves += [shapely.LineString(xy[: middle + 1]), shapely.LineString(xy[middle:])]
        owner += [index, index]
    opened = np.setdiff1d(np.arange(len(lines)), closed)
    parts = np.append(lines[opened], np.array(halves, dtype=object))
    return parts, np.append(opened, np.array(owner, dtype=np.int64))
