"""The network during construction: nodes, and edges as sequences of points, in flat arrays."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from road_extract.base.arrays import BoolArray, ByteArray, Float32Array, Float64Array, IntArray, ranges
from road_extract.roads.groups import label_groups


@dataclass(frozen=True, slots=True)
class Points:
    """Points along roads, in metres from the upper left corner of the grid: x along its rows, y down its columns.

    Attributes:
        xy: Coordinates, (points, 2).
        probability: 0..254 for 0..1, (points,).
        half_width_m: Distance to the edge of the road, (points,).
        to_middle: Offset to the middle of the road, at most half a pixel, (points, 2). It is added only when lines are
            shaped, because chains of pixels cannot cross.
    """

    xy: Float64Array
    probability: ByteArray
    half_width_m: Float32Array
    to_middle: Float32Array

    @property
    def middle(self) -> Float64Array:
        """Coordinates on the road's axis, (points, 2)."""
        return self.xy + self.to_middle

    def __len__(self) -> int:
        return len(self.xy)

    def take(self, index: IntArray | BoolArray) -> Points:
        """A subset of the points."""
        return Points(self.xy[index], self.probability[index], self.half_width_m[index], self.to_middle[index])

    def moved_to_middle(self) -> Points:
        """The same points, moved to the middle of the road."""
        return replace(self, xy=self.middle, to_middle=np.zeros_like(self.to_middle))

    @classmethod
    def concatenate(cls, parts: list[Points]) -> Points:
        """Concatenate points."""
        return cls(
            np.concatenate([part.xy for part in parts]),
            np.concatenate([part.probability for part in parts]),
            np.concatenate([part.half_width_m for part in parts]),
            np.concatenate([part.to_middle for part in parts]),
        )


@dataclass(frozen=True, slots=True)
class Graph:
    """A multigraph: parallel edges and loops are ordinary edges.

    Attributes:
        nodes: Junctions and ends; some may have no edges.
        start: Node where each edge starts, (edges,).
        end: Node where it ends, (edges,).
        sizes: Number of its points between the two nodes, (edges,).
        points: Those points, edge by edge.
        bridged: Whether the edge bridges a gap, (edges,).
        confidence: Estimated probability that a bridge is a road, 0..1; NaN for detected edges, (edges,).
    """

    nodes: Points
    start: IntArray
    end: IntArray
    sizes: IntArray
    points: Points
    bridged: BoolArray
    confidence: Float64Array

    def __len__(self) -> int:
        return len(self.start)

    @property
    def offsets(self) -> IntArray:
        """Index of the first point of each edge, (edges,)."""
        offsets: IntArray = np.cumsum(self.sizes) - self.sizes
        return offsets

    @property
    def degree(self) -> IntArray:
        """Number of edge ends at each node, (nodes,); a loop counts twice."""
        return np.bincount(np.append(self.start, self.end), minlength=len(self.nodes))

    def take(self, edges: IntArray | BoolArray) -> Self:
        """A subset of the edges, with all nodes."""
        sizes = self.sizes[edges]
        index = ranges(self.offsets[edges], sizes)
        return replace(
            self, start=self.start[edges], end=self.end[edges], sizes=sizes, points=self.points.take(index),
            bridged=self.bridged[edges], confidence=self.confidence[edges],
        )  # fmt: skip

    def with_ends(self) -> tuple[Points, IntArray]:
        """The points of all edges including their end nodes, and their number per edge."""
        sizes = self.sizes + 2
        stop = np.cumsum(sizes)
        index = np.empty(int(stop[-1]) if len(stop) else 0, np.int64)
        inner = np.ones(len(index), bool)
        inner[stop - sizes] = inner[stop - 1] = False
        index[stop - sizes], index[stop - 1] = self.start, self.end
        index[inner] = np.arange(len(self.points), dtype=np.int64) + len(self.nodes)
        return Points.concatenate([self.nodes, self.points]).take(index), sizes

    def flipped(self, which: BoolArray) -> Self:
        """The same graph with some edges reversed."""
        step = np.repeat(np.where(which, -1, 1), self.sizes).astype(np.int64)
        first = np.repeat(self.offsets + np.where(which, self.sizes - 1, 0), self.sizes)
        index: IntArray = first + step * ranges(np.zeros_like(self.sizes), self.sizes)
        start, end = np.where(which, self.end, self.start), np.where(which, self.start, self.end)
        return replace(self, start=start, end=end, points=self.points.take(index))

    def lengths_m(self) -> Float64Array:
        """Length of each edge, (edges,)."""
        points, sizes = self.with_ends()
        return line_lengths(points.xy, sizes)

    def points_along(self, edge: IntArray, from_end: BoolArray, distance: Float64Array) -> Float64Array:
        """Points on edges at a distance (metres, at most the length) from their starts or ends, (len(edge), 2)."""
        points, sizes = self.with_ends()
        if not len(edge):
            return np.zeros((0, 2))
        stop = np.cumsum(sizes)
        middle = points.middle
        along = distances_along(middle, sizes)
        first, last = (stop - sizes)[edge], stop[edge] - 1
        target = np.where(from_end, along[last] - distance, along[first] + distance)
        after = np.clip(np.searchsorted(along, target), first + 1, last)
        share = (target - along[after - 1]) / np.maximum(along[after] - along[after - 1], 1e-12)
        return middle[after - 1] + (middle[after] - middle[after - 1]) * np.clip(share, 0, 1)[:, None]

    def components(self) -> IntArray:
        """The connected component of each node, (nodes,)."""
        return label_groups(len(self.nodes), self.start, self.end)[1]


def sort_graph(graph: Graph) -> Graph:
    """Drop nodes without edges, number nodes from top to bottom, direct edges to the higher number, and sort them."""
    used = np.flatnonzero(graph.degree)
    x, y = graph.nodes.xy[used].T
    used = used[np.lexsort((x, y))]
    number = np.zeros(len(graph.nodes), np.int64)
    number[used] = np.arange(len(used))
    graph = replace(graph, nodes=graph.nodes.take(used), start=number[graph.start], end=number[graph.end])
    graph = graph.flipped(graph.start > graph.end)
    return graph.take(np.lexsort((graph.lengths_m(), graph.end, graph.start)))


def distances_along(xy: Float64Array, sizes: IntArray) -> Float64Array:
    """Distance of each point from the start of the first line along all concatenated lines, (points,)."""
    steps = np.hypot(*np.diff(xy, axis=0, prepend=xy[:1]).T)
    steps[np.cumsum(sizes) - sizes] = 0
    return np.cumsum(steps)


def line_lengths(xy: Float64Array, sizes: IntArray) -> Float64Array:
    """Lengths of lines with at least two points each; (points, 2) and (lines,) to (lines,)."""
    if not len(sizes):
        return np.zeros(0)
    stop, along = np.cumsum(sizes), distances_along(xy, sizes)
    lengths: Float64Array = along[stop - 1] - along[stop - sizes]
    return lengths


def mean_half_widths(graph: Graph) -> Float64Array:
    """Mean half width along each edge, in metres, (edges,)."""
    points, sizes = graph.with_ends()
    total = np.add.reduceat(np.append(points.half_width_m, 0).astype(np.float64), np.cumsum(sizes) - sizes)
    return total / sizes if len(sizes) else np.zeros(0)
