"""Road lines as a noded graph, with places along its edges and distances between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from scipy import sparse

from road_extract.base.arrays import BoolArray, Float64Array, Geometries, IntArray

#: Lines this close are joined: files round coordinates, so ends can miss the lines that they meet.
NODING_M = 0.1


@dataclass(frozen=True, slots=True)
class Places:
    """Places on the edges of a graph.

    Attributes:
        edge: Index of the edge, (n,); -1 for a place that is not on the graph.
        offset_m: Distance from the start of the edge, in metres, (n,).
    """

    edge: IntArray
    offset_m: Float64Array

    @property
    def found(self) -> BoolArray:
        """Whether each place is on the graph, (n,)."""
        return self.edge >= 0

    def only_found(self) -> Places:
        """The places that are on the graph."""
        return Places(self.edge[self.found], self.offset_m[self.found])


@dataclass(frozen=True, slots=True)
class LineGraph:
    """Lines that meet only at nodes.

    Attributes:
        edges: LineStrings in metres, (e,).
        ends: Indices of the nodes at the first and last vertex, (e, 2).
        nodes: x and y in metres, (n, 2).
        length_m: Lengths of the edges, (e,).
    """

    edges: Geometries
    ends: IntArray
    nodes: Float64Array
    length_m: Float64Array

    def points_at(self, places: Places) -> Float64Array:
        """Coordinates of places on the graph, (n, 2)."""
        points = shapely.line_interpolate_point(self.edges[places.edge], places.offset_m)
        return np.asarray(shapely.get_coordinates(points), np.float64)

    def locate(self, points: Float64Array, within_m: float) -> Places:
        """The place on the graph nearest to each point (n, 2), if it is within a distance."""
        edge, offset = np.full(len(points), -1, np.int64), np.zeros(len(points))
        shapes = shapely.points(points)
        found, nearest = shapely.STRtree(self.edges).query_nearest(
            shapes, max_distance=within_m + 1e-6, all_matches=False
        )
        edge[found] = nearest
        offset[found] = shapely.line_locate_point(self.edges[nearest], shapes[found])
        return Places(edge, offset)

    def spread(self, spacing_m: float) -> Places:
        """Places that divide each edge into equal parts of at most ``spacing_m``, excluding its ends."""
        parts = np.maximum(np.ceil(self.length_m / spacing_m - 1e-9), 1).astype(np.int64)
        edge = np.repeat(np.arange(len(parts)), parts - 1)
        number = np.arange(len(edge)) - np.repeat(np.cumsum(parts - 1) - (parts - 1), parts - 1) + 1
        return Places(edge, number * self.length_m[edge] / parts[edge])

    def with_places(self, places: Places) -> tuple[Any, IntArray]:
        """Add places on the graph as nodes.

        Returns:
            Link lengths as a symmetric sparse matrix (nodes + places, nodes + places), and the rows of the places in
            it.
        """
        rows = len(self.nodes) + np.arange(len(places.edge))
        each = np.arange(len(self.edges))
        edge = np.concatenate([each, places.edge, each])
        node = np.concatenate([self.ends[:, 0], rows, self.ends[:, 1]])
        offset = np.concatenate([np.zeros(len(each)), places.offset_m, self.length_m])
        rank = np.repeat([0, 1, 2], [len(each), len(rows), len(each)])
        order = np.lexsort((offset, rank, edge))
        edge, node, offset = edge[order], node[order], offset[order]
        linked = edge[1:] == edge[:-1]
        length = np.diff(offset)[linked]  # 0 between coinciding places: stored explicitly, so it is still a link
        return _symmetric(node[:-1][linked], node[1:][linked], length, len(self.nodes) + len(rows)), rows


def build_graph(lines: Geometries) -> LineGraph:
    """Node lines wherever they touch or cross, and where one ends within `NODING_M` of another.

    Nodes are crossings, junctions and ends. There is no node where one line merely continues another, so it does not
    matter how a road is split into features.

    Args:
        lines: LineStrings in metres, (n,).
    """
    noded = shapely.union_all(lines, grid_size=NODING_M)
    edges = shapely.get_parts(shapely.line_merge(noded))
    edges = edges[shapely.length(edges) > 0]
    first, last = (shapely.get_coordinates(shapely.get_point(edges, index)) for index in (0, -1))
    nodes, ends = np.unique(np.concatenate([first, last]), axis=0, return_inverse=True)
    return LineGraph(edges, ends.reshape(2, -1).T, nodes, shapely.length(edges))


def _symmetric(start: IntArray, end: IntArray, length: Float64Array, size: int) -> Any:
    """A symmetric matrix of links. Of parallel links only the shortest is kept: a sparse matrix would add them up."""
    low, high = np.minimum(start, end), np.maximum(start, end)
    order = np.lexsort((length, high, low))
    low, high, length = low[order], high[order], length[order]
    first = np.append(True, (np.diff(low) != 0) | (np.diff(high) != 0))[: len(low)]
    low, high, length = low[first], high[first], length[first]
    pairs = (np.concatenate([low, high]), np.concatenate([high, low]))
    loops = pairs[0] != pairs[1]
    values = np.concatenate([length, length])[loops]
    return sparse.csr_array((values, (pairs[0][loops], pairs[1][loops])), shape=(size, size))
