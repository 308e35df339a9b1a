"""Finds the points of a graph by place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from road_extract.base.arrays import Float64Array, IntArray
from road_extract.base.grid import PixelFrame
from road_extract.base.windows import Window
from road_extract.roads.network.graph import Graph, distances_along


@dataclass(frozen=True, slots=True)
class PointIndex:
    """The points of all edges, nodes included, to be found by place.

    Attributes:
        xy: Metres, (points, 2).
        pixel: Row and column, (points, 2).
        edge: (points,).
        point: Its number among the graph's points, -1 for a node, (points,).
        from_start: Metres along the edge, (points,).
        to_end: Metres along the edge, (points,).
        cell_m: Side of the cells that points are looked up by.
        key: Cell of each point in ``order``, ascending.
        order: Points by their cells.
        stride: Cells of a row.
    """

    xy: Float64Array
    pixel: IntArray
    edge: IntArray
    point: IntArray
    from_start: Float64Array
    to_end: Float64Array
    cell_m: float
    key: IntArray
    order: IntArray
    stride: int

    @classmethod
    def of(cls, graph: Graph, cell_m: float, frame: PixelFrame) -> PointIndex:
        """Index a graph."""
        points, sizes = graph.with_ends()
        stop, along = np.cumsum(sizes), distances_along(points.xy, sizes)
        point = np.full(len(points), -1)
        inner = np.ones(len(points), bool)
        inner[stop - sizes] = inner[stop - 1] = False
        point[inner] = np.arange(len(graph.points))
        cell = np.floor(points.xy / cell_m).astype(np.int64)
        stride = int(cell[:, 0].max(initial=0)) + 3
        key = (cell[:, 1] + 1) * stride + cell[:, 0] + 1
        order = np.argsort(key, kind="stable")
        return cls(
            points.xy, np.floor(points.xy / np.array(frame.pixel_size_m)).astype(np.int64)[:, ::-1],
            np.repeat(np.arange(len(sizes)), sizes), point,
            along - np.repeat(along[stop - sizes], sizes), np.repeat(along[stop - 1], sizes) - along,
            cell_m, key[order], order, stride,
        )  # fmt: skip

    def near(self, place: Float64Array) -> IntArray:
        """The points in the cell of a place and in those around it."""
        col, row = np.floor(place / self.cell_m).astype(int)
        keys = (np.arange(row, row + 3) * self.stride) + col
        first, last = np.searchsorted(self.key, keys), np.searchsorted(self.key, keys + 3)
        return np.concatenate([self.order[a:b] for a, b in zip(first, last, strict=True)])

    def inside(self, points: IntArray, window: Window) -> IntArray:
        """Those of some points that lie in a window."""
        row, col = self.pixel[points].T
        in_rows = (row >= window.row_off) & (row < window.row_end)
        found: IntArray = points[in_rows & (col >= window.col_off) & (col < window.col_end)]
        return found
