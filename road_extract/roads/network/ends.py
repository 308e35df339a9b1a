"""Finds dead ends and extends them, because a skeleton stops half a width before the road does."""

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
        edge: Edge of each end, (ends,).
        node: Node of each end, (ends,).
        anchor: Point a little before the end at which the heading is measured, (ends, 2).
        before: Distance from there to the end along the edge, in metres, (ends,).
        heading: Outward unit vector, (ends, 2); zero if the edge is too short.
    """

    edge: IntArray
    node: IntArray
    anchor: Float64Array
    before: Float64Array
    heading: Float64Array


def find_free_ends(graph: Graph, frame: PixelFrame) -> FreeEnds:
    """The free ends of detected edges, with their headings over two road widths.

    The last width is excluded, because there a skeleton often turns towards a corner of the road's end.
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
    """Normalize vectors, (vectors, 2); zero vectors remain zero."""
    norm = np.hypot(*vectors.T)[:, None]
    unit: Float64Array = np.divide(vectors, norm, out=np.zeros_like(vectors), where=norm > 0)
    return unit


def extend_ends(graph: Graph, frame: PixelFrame) -> Graph:
    """Extend free ends straight to the end of the road, or to the edge of the scene if that is about as near.

    Args:
        graph: Cleaned graph.
        frame: Pixel frame of the scene.
    """
    ends = find_free_ends(graph, frame)
    xy = graph.nodes.xy.copy()
    ahead = ((xy[ends.node] - ends.anchor) * ends.heading).sum(axis=1)
    reach = np.maximum(ahead, 0) + graph.nodes.half_width_m[ends.node] * _stretch_along(ends.heading, frame)
    to_edge = _distance_to_edge(ends, frame)
    at_edge = to_edge <= reach + mean_half_widths(graph)[ends.edge] + max(frame.pixel_size_m)
    moved = ends.anchor + ends.heading * np.where(at_edge, to_edge, reach)[:, None]
    known = ends.heading.any(axis=1)
    # exactly on the edge, so that the position alone shows it
    xy[ends.node[known]] = np.clip(moved[known], 0, frame.extent_m)
    return replace(_cut_ends(graph, ends), nodes=replace(graph.nodes, xy=xy))


def _stretch_along(heading: Float64Array, frame: PixelFrame) -> Float64Array:
    """Ratio of the pixel size along a heading to that across it, (headings,).

    Thinning counts pixels: it stops as many pixels before the end of a road as there are on each side of its axis.
    """
    size = np.array(frame.pixel_size_m)
    along, across = np.hypot(*(heading / size).T), np.hypot(*(heading[:, ::-1] / size).T)
    stretch: Float64Array = np.divide(across, along, out=np.ones_like(along), where=along > 0)
    return stretch


def _distance_to_edge(ends: FreeEnds, frame: PixelFrame) -> Float64Array:
    """Distance along the heading from the anchor to the edge of the scene, in metres, (ends,)."""
    ahead = np.where(ends.heading > 0, np.array(frame.extent_m) - ends.anchor, ends.anchor)
    speed = np.abs(ends.heading)
    distance = np.divide(ahead, speed, out=np.full_like(ahead, np.inf), where=speed > 1e-9)
    nearest: Float64Array = distance.min(axis=1, initial=np.inf)
    return nearest


def _cut_ends(graph: Graph, ends: FreeEnds) -> Graph:
    """Drop the points of edges between the anchors of their free ends and the ends."""
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
    """Whether each node lies on the edge of the scene, (nodes,)."""
    near = np.minimum(graph.nodes.xy, np.array(frame.extent_m) - graph.nodes.xy).min(axis=1, initial=np.inf)
    on_edge: BoolArray = near <= 1e-9 * max(frame.extent_m)
    return on_edge
