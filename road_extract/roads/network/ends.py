"""Dead ends: a skeleton stops half a road's width before the road does."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from road_extract.base.arrays import BoolArray, Float64Array, IntArray
from road_extract.base.grid import PixelFrame
from road_extract.roads.network.graph import Graph, distances_along, mean_half_widths


@dataclass(frozen=True, slots=True)
class FreeEnds:
    """Ends of edges that meet no other edge.

    Attributes:
        edge: (ends,).
        node: (ends,).
        anchor: Where the heading is taken, a little before the end, (ends, 2).
        before: How far that is along the edge, metres, (ends,).
        heading: Unit vector outwards, (ends, 2); zero where an edge is too short to tell.
    """

    edge: IntArray
    node: IntArray
    anchor: Float64Array
    before: Float64Array
    heading: Float64Array


def find_free_ends(graph: Graph, frame: PixelFrame) -> FreeEnds:
    """The free ends of seen edges, with their headings over two widths of road.

    The last width is left out: there a skeleton often turns to a corner of the road's end.
    """
    stretch = max(frame.pixel_size_m) / min(frame.pixel_size_m)
    free, seen = graph.degree == 1, ~graph.bridged
    at_start, at_end = np.flatnonzero(free[graph.start] & seen), np.flatnonzero(free[graph.end] & seen)
    edge, is_end = np.append(at_start, at_end), np.repeat([False, True], [len(at_start), len(at_end)])
    node, length = np.where(is_end, graph.end[edge], graph.start[edge]), graph.lengths_m()[edge]
    half_width = mean_half_widths(graph)[edge] * stretch
    before = np.minimum(2 * half_width, length / 4)
    anchor = graph.points_along(edge, is_end, before)
    step = anchor - graph.points_along(edge, is_end, np.minimum(before + 4 * half_width, length))
    return FreeEnds(edge, node, anchor, before, to_unit(step))


def to_unit(vectors: Float64Array) -> Float64Array:
    """Vectors of length one; zero stays zero. (vectors, 2)."""
    norm = np.hypot(*vectors.T)[:, None]
    unit: Float64Array = np.divide(vectors, norm, out=np.zeros_like(vectors), where=norm > 0)
    return unit


def extend_ends(graph: Graph, frame: PixelFrame) -> Graph:
    """Extend free ends straight on to the end of the road, or to the scene's edge where that is about as near.

    Args:
        graph: Cleaned.
        frame: The scene's pixels.
    """
    ends = find_free_ends(graph, frame)
    xy = graph.nodes.xy.copy()
    ahead = ((xy[ends.node] - ends.anchor) * ends.heading).sum(axis=1)
    reach = np.maximum(ahead, 0) + graph.nodes.half_width_m[ends.node] * _stretch_along(ends.heading, frame)
    to_edge = _distance_to_edge(ends, frame)
    at_edge = to_edge <= reach + mean_half_widths(graph)[ends.edge] + max(frame.pixel_size_m)
    moved = ends.anchor + ends.heading * np.where(at_edge, to_edge, reach)[:, None]
    known = ends.heading.any(axis=1)
    # exactly on the edge, so that it can be told from the place alone
    xy[ends.node[known]] = np.clip(moved[known], 0, frame.extent_m)
    return replace(_cut_ends(graph, ends), nodes=replace(graph.nodes, xy=xy))


def _stretch_along(heading: Float64Array, frame: PixelFrame) -> Float64Array:
    """Metres of a pixel along a heading by those across it, (headings,).

    Thinning counts pixels: it stops as many of them before a road's end as the road has beside its axis.
    """
    size = np.array(frame.pixel_size_m)
    along, across = np.hypot(*(heading / size).T), np.hypot(*(heading[:, ::-1] / size).T)
    stretch: Float64Array = np.divide(across, along, out=np.ones_like(along), where=along > 0)
    return stretch


def _distance_to_edge(ends: FreeEnds, frame: PixelFrame) -> Float64Array:
    """Along the heading from the anchor to the scene's edge, metres, (ends,)."""
    ahead = np.where(ends.heading > 0, np.array(frame.extent_m) - ends.anchor, ends.anchor)
    speed = np.abs(ends.heading)
    distance = np.divide(ahead, speed, out=np.full_like(ahead, np.inf), where=speed > 1e-9)
    nearest: Float64Array = distance.min(axis=1, initial=np.inf)
    return nearest


def _cut_ends(graph: Graph, ends: FreeEnds) -> Graph:
    """Drop the points of edges between the anchors of their free ends and these ends."""
    points, sizes = graph.with_ends()
    if not len(sizes):
        return graph
    stop, along = np.cumsum(sizes), distances_along(points.xy, sizes)
    from_start, to_end = along - np.repeat(along[stop - sizes], sizes), np.repeat(along[stop - 1], sizes) - along
    cut_start, cut_end = np.zeros(len(graph)), np.zeros(len(graph))
    at_start = graph.start[ends.edge] == ends.node
    cut_start[ends.edge[at_start]] = ends.before[at_start]
    cut_end[ends.edge[~at_start]] = ends.before[~at_start]
    keep = (from_start >= np.repeat(cut_start, sizes)) & (to_end >= np.repeat(cut_end, sizes))
    inner = np.ones(len(points), bool)
    inner[stop - sizes] = inner[stop - 1] = False
    edge = np.repeat(np.arange(len(graph)), graph.sizes)
    kept = keep[inner]
    return replace(graph, points=graph.points.take(kept), sizes=np.bincount(edge[kept], minlength=len(graph)))


def at_scene_edge(graph: Graph, frame: PixelFrame) -> BoolArray:
    """Nodes that lie on the scene's edge, (nodes,)."""
    near = np.minimum(graph.nodes.xy, np.array(frame.extent_m) - graph.nodes.xy).min(axis=1, initial=np.inf)
    on_edge: BoolArray = near <= 1e-9 * max(frame.extent_m)
    return on_edge
