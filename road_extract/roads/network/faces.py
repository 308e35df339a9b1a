"""Removes faces that are too small for a map: triangles where roads merge, rungs between them, roads drawn twice."""

from __future__ import annotations

import numpy as np
import shapely

from road_extract.base.arrays import BoolArray, Float64Array, Geometries, IntArray
from road_extract.base.levels import PROBABILITY_MAX
from road_extract.roads.network.dissolving import dissolve_nodes
from road_extract.roads.network.graph import Graph
from road_extract.roads.network.shaping import axis_lines
from road_extract.roads.network.worth import drop_dangling_bridges

#: Smoothing and simplification shrink a face a little.
_SLACK = 1.15
#: Faces with a lower mean width (metres) are roads drawn twice, however long they are.
_SLIVER_M = 3.0
_ROUNDS = 6


def open_small_faces(graph: Graph, min_face_m2: float) -> Graph:
    """Drop one edge of every small or narrow face: a bridge if there is one, otherwise the least probable edge.

    Each round opens only faces without common nodes; otherwise two neighbouring faces could lose both connections.

    Args:
        graph: Graph with its bridges.
        min_face_m2: Faces smaller than this are opened, and narrow ones of any size; 0 opens none.
    """
    for _ in range(_ROUNDS if min_face_m2 else 0):
        drop = _edges_to_drop(graph, _SLACK * min_face_m2)
        if not drop.any():
            return graph
        graph = dissolve_nodes(drop_dangling_bridges(graph.take(~drop)))
    return graph


def _edges_to_drop(graph: Graph, min_face_m2: float) -> BoolArray:
    """Whether to drop each edge, (edges,): one per small or narrow face, for faces that do not touch each other."""
    drop = np.zeros(len(graph), bool)
    if not len(graph):
        return drop
    lines = axis_lines(graph)
    faces = shapely.get_parts(shapely.polygonize(lines))
    area = shapely.area(faces)
    # a long rectangle is twice its area divided by its perimeter wide
    faces = faces[(area < min_face_m2) | (2 * area < _SLIVER_M * shapely.length(faces))]
    face, edge = _edges_of(faces, lines)
    value, used = _values(graph), np.zeros(len(graph.nodes), bool)
    for edges in np.split(edge, np.flatnonzero(np.diff(face)) + 1) if len(face) else []:
        nodes = np.append(graph.start[edges], graph.end[edges])
        if not used[nodes].any():
            used[nodes] = True
            drop[edges[np.argmin(value[edges])]] = True
    return drop


def _edges_of(faces: Geometries, lines: Geometries) -> tuple[IntArray, IntArray]:
    """Pairs of a face and an edge on its boundary, sorted by face."""
    middles = shapely.line_interpolate_point(lines, 0.5, normalized=True)
    outlines = shapely.boundary(faces)
    face, edge = shapely.STRtree(middles).query(outlines, predicate="dwithin", distance=1e-6)
    order = np.lexsort((edge, face))
    return face[order].astype(np.int64), edge[order].astype(np.int64)


def _values(graph: Graph) -> Float64Array:
    """The value of each edge: bridges have less than detected edges, and long edges a little less than short ones."""
    points, sizes = graph.with_ends()
    mean = np.add.reduceat(points.probability.astype(np.float64), np.cumsum(sizes) - sizes) / sizes / PROBABILITY_MAX
    return np.asarray(np.where(graph.bridged, graph.confidence - 2, mean) - 1e-3 * graph.lengths_m(), np.float64)
