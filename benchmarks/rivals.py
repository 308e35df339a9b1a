"""Published recipes for road lines, to be scored alongside ours on the same probability arrays.

Each recipe takes a probability (rows, cols) and a threshold, and returns LineStrings in pixel coordinates (x = column,
y = row, pixel centres at halves). Recipes use the defaults of their libraries where these exist; the first one is the
best that was found by hand. Recipes whose libraries are not installed are skipped; ``pip install -e '.[rivals]'``
installs them all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import networkx as nx
import numpy as np
import shapely
from scipy import ndimage
from scipy.spatial import KDTree

from road_extract.base.arrays import BoolArray, Float64Array, Geometries

#: Areas smaller than this are dropped, and holes filled, before a mask is thinned, in pixels.
MIN_AREA_PX, MIN_HOLE_PX = 25, 50

Recipe = Callable[[Float64Array, float], Geometries]


def clean_mask(probability: Float64Array, threshold: float) -> BoolArray:
    """The mask at the threshold, without small areas and holes."""
    mask = probability >= threshold
    labels, _ = ndimage.label(mask)
    mask &= np.bincount(labels.ravel())[labels] >= MIN_AREA_PX
    holes, _ = ndimage.label(~mask)
    return np.asarray(mask | (np.bincount(holes.ravel())[holes] < MIN_HOLE_PX), np.bool_)


def skeleton_graph(mask: BoolArray) -> Any:
    """The skeleton of a mask as a multigraph from sknw: nodes with ``o`` and edges with ``pts``, as (row, col)."""
    import sknw
    from skimage.morphology import skeletonize

    return sknw.build_sknw(skeletonize(mask).astype(np.uint16), multi=True)


def to_lines(graph: Any) -> list[Any]:
    """The edges of a graph from sknw as lines."""
    lines = []
    for a, b, data in graph.edges(data=True):
        xy = np.concatenate([[graph.nodes[a]["o"]], data["pts"], [graph.nodes[b]["o"]]])[:, ::-1] + 0.5
        if len(np.unique(xy, axis=0)) > 1:
            lines.append(shapely.LineString(xy))
    return lines


def prune_spurs(graph: Any, shortest_px: float) -> Any:
    """Drop dead-end edges that are shorter than this, and nodes that become isolated."""
    graph = graph.copy()
    short = [
        (a, b, key)
        for a, b, key, data in graph.edges(keys=True, data=True)
        if data["weight"] < shortest_px and sorted((graph.degree(a), graph.degree(b)))[0] == 1
        and max(graph.degree(a), graph.degree(b)) > 2
    ]  # fmt: skip
    graph.remove_edges_from(short)
    graph.remove_nodes_from(list(nx.isolates(graph)))
    return graph


def sknw_neatnet(probability: Float64Array, threshold: float) -> Geometries:
    """Skeleton, with spurs under 14 m pruned, Douglas-Peucker at 1 m, dead ends extended by up to 30 m by neatnet."""
    import geopandas
    import neatnet

    lines = to_lines(prune_spurs(skeleton_graph(clean_mask(probability, threshold)), 14))
    frame = geopandas.GeoDataFrame(geometry=shapely.simplify(lines, 1.0), crs="EPSG:32633")
    return np.asarray(neatnet.extend_lines(frame, 30).geometry.values, dtype=object)


def sknw_alone(probability: Float64Array, threshold: float) -> Geometries:
    """Skeleton, with spurs under 14 m pruned and Douglas-Peucker at 1 m."""
    lines = to_lines(prune_spurs(skeleton_graph(clean_mask(probability, threshold)), 14))
    return np.asarray(shapely.simplify(lines, 1.0), dtype=object)


def cresi_like(probability: Float64Array, threshold: float) -> Geometries:
    """The method of the CRESI paper: skeletonize, drop short pieces and spurs, link dead ends to nearby pieces.

    A. Van Etten (2020), "City-Scale Road Extraction from Satellite Imagery v2", section 3: a refined mask is
    skeletonized to a graph, subgraphs below 80 m are dropped, and terminal nodes are linked to the nearest node of
    another subgraph within about 24 m.
    """
    graph = prune_spurs(skeleton_graph(clean_mask(probability, threshold)), 10)
    for part in list(nx.connected_components(graph)):
        if graph.subgraph(part).size("weight") < 80:
            graph.remove_nodes_from(part)
    piece = {node: number for number, part in enumerate(nx.connected_components(graph)) for node in part}
    nodes = list(graph.nodes)
    lines = to_lines(graph)
    if nodes:
        places = np.array([graph.nodes[node]["o"] for node in nodes])
        for node in [node for node in nodes if graph.degree(node) == 1]:
            near = KDTree(places).query_ball_point(graph.nodes[node]["o"], 24)
            others = [nodes[i] for i in near if piece[nodes[i]] != piece[node]]
            if others:
                gaps = [np.hypot(*(graph.nodes[other]["o"] - graph.nodes[node]["o"])) for other in others]
                ends = [graph.nodes[node]["o"], graph.nodes[others[int(np.argmin(gaps))]]["o"]]
                lines.append(shapely.LineString(np.array(ends)[:, ::-1] + 0.5))
    return np.asarray(shapely.simplify(lines, 1.0), dtype=object)


def _outlines(probability: Float64Array, threshold: float) -> Geometries:
    from rasterio import features

    mask = clean_mask(probability, threshold)
    shapes = [shapely.geometry.shape(shape) for shape, _ in features.shapes(mask.astype(np.uint8), mask=mask)]
    return np.asarray(shapely.simplify(np.array(shapes, dtype=object), 1.0), dtype=object)


def pygeoops_centreline(probability: Float64Array, threshold: float) -> Geometries:
    """``pygeoops.centerline`` of the road polygons, with its defaults."""
    import pygeoops

    found = pygeoops.centerline(_outlines(probability, threshold))
    parts = shapely.get_parts(np.asarray(found, dtype=object))
    return np.asarray(shapely.simplify(parts[shapely.length(parts) > 0], 1.0), dtype=object)


def voronoi_centreline(probability: Float64Array, threshold: float) -> Geometries:
    """``centerline`` (a Voronoi diagram of outline points) of the road polygons, with twigs under 14 m pruned."""
    from centerline.geometry import Centerline

    lines = []
    for polygon in _outlines(probability, threshold):
        try:
            merged = shapely.get_parts(shapely.line_merge(Centerline(polygon, 3.0).geometry))
        except Exception:  # the library raises various errors on narrow polygons
            continue
        ends = shapely.get_coordinates(shapely.get_point(merged, [[0], [-1]])).reshape(2, -1, 2)
        _, index, counts = np.unique(np.round(ends.reshape(-1, 2), 6), axis=0, return_inverse=True, return_counts=True)
        free = (counts[index.reshape(2, -1)] == 1).any(axis=0)
        lines.append(merged[~free | (shapely.length(merged) >= 14)])
    return np.asarray(shapely.simplify(np.concatenate(lines), 1.0), dtype=object)


def road_vectorizer_graph(probability: Float64Array, threshold: float) -> Geometries:
    """``road_vectorizer.build_graph`` of the probability within the mask, with its defaults."""
    from road_vectorizer import build_graph

    graph = build_graph(np.where(clean_mask(probability, threshold), probability, 0))
    lines = []
    for a, b, data in graph.edges(data=True):
        xy = np.array([a, *data.get("path", []), b], dtype=float)[:, ::-1] + 0.5
        lines.append(shapely.LineString(xy))
    return np.asarray(shapely.simplify([line for line in lines if line.length > 0], 1.0), dtype=object)


RECIPES: dict[str, Recipe] = {
    "sknw + neatnet": sknw_neatnet,
    "sknw": sknw_alone,
    "as CRESI": cresi_like,
    "road-vectorizer": road_vectorizer_graph,
    "centerline": voronoi_centreline,
    "pygeoops": pygeoops_centreline,
}
