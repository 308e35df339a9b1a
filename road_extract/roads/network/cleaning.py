"""Removes artefacts of the skeleton: spurs, and crossings that are split into two junctions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from road_extract.base.arrays import BoolArray, Float64Array, IntArray
from road_extract.roads.network.dissolving import dissolve_nodes
from road_extract.roads.network.graph import Graph, mean_half_widths
from road_extract.roads.network.junctions import settle_junctions

#: Two junctions are one crossing if their roads cross within this many road widths of each other.
CROSSING_WIDTHS = 1.25
#: At an acute crossing, the skeleton between the junctions may be longer than `CROSSING_WIDTHS` by up to this factor.
LONGEST_CROSSING = 2.5
# A loop with at most this area (pixels) encloses no pixel: it joins four pixels of a square.
_EMPTY_LOOP_PX = 1.5


def clean_graph(graph: Graph, spur_widths: float, pixel_area_m2: float) -> Graph:
    """Remove spurs, then contract crossings. Also dissolve nodes of degree two, and drop loops that enclose no pixel.

    Args:
        graph: Graph as traced.
        spur_widths: Dead-end branches shorter than this many times their own width are removed.
        pixel_area_m2: Area of a pixel.
    """
    graph = dissolve_nodes(drop_empty_loops(graph, pixel_area_m2))
    graph = contract_crossings(remove_spurs(graph, spur_widths))
    return dissolve_nodes(drop_empty_loops(graph, pixel_area_m2))


def drop_empty_loops(graph: Graph, pixel_area_m2: float) -> Graph:
    """Drop loops that enclose no pixel: remnants of squares of four pixels, and of contracted crossings."""
    loops = np.flatnonzero(graph.start == graph.end)
    points, sizes = graph.take(loops).with_ends()
    keep = np.ones(len(graph), bool)
    keep[loops] = _enclosed_areas(points.xy, sizes) > _EMPTY_LOOP_PX * pixel_area_m2
    return graph.take(keep)


def _enclosed_areas(xy: Float64Array, sizes: IntArray) -> Float64Array:
    """Area that each closed line encloses (shoelace formula), (lines,)."""
    if not len(sizes):
        return np.zeros(0)
    starts = np.cumsum(sizes) - sizes
    local = xy - np.repeat(xy[starts], sizes, axis=0)
    following = np.roll(local, -1, axis=0)
    cross = local[:, 0] * following[:, 1] - local[:, 1] * following[:, 0]
    cross[starts + sizes - 1] = 0
    return np.abs(np.add.reduceat(cross, starts)) / 2


def remove_spurs(graph: Graph, spur_widths: float) -> Graph:
    """Remove dead-end branches that are shorter than ``spur_widths`` times their own mean width.

    Where several meet, the shortest is removed first, because the others may then form one road.
    """
    while True:
        is_removed = _shortest_at_node(graph, *_find_spurs(graph, spur_widths))
        if not is_removed.any():
            return graph
        graph = dissolve_nodes(graph.take(~is_removed))


def _find_spurs(graph: Graph, spur_widths: float) -> tuple[IntArray, Float64Array]:
    """Edges that are spurs, and the distance from the junction to the end of the road for each, in metres."""
    degree = graph.degree
    at_start, at_end = degree[graph.start], degree[graph.end]
    branches = np.flatnonzero(
        (np.minimum(at_start, at_end) == 1) & (np.maximum(at_start, at_end) >= 3) & ~graph.bridged
    )
    branch = graph.take(branches)
    free_end = np.where(degree[branch.start] == 1, branch.start, branch.end)
    reach = branch.lengths_m() + graph.nodes.half_width_m[free_end]
    short = reach < spur_widths * 2 * mean_half_widths(branch)
    return branches[short], reach[short]


def _shortest_at_node(graph: Graph, spur: IntArray, reach: Float64Array) -> BoolArray:
    """Whether each edge is the shortest spur at its junction, (edges,)."""
    junction = np.where(graph.degree[graph.start[spur]] == 1, graph.end[spur], graph.start[spur])
    is_removed = np.zeros(len(graph), bool)
    is_removed[spur[_first_of_each(junction, reach)]] = True
    return is_removed


def _first_of_each(key: IntArray, value: Float64Array) -> IntArray:
    """The index of the smallest value of each key; the first of equal ones."""
    order = np.lexsort((value, key))
    first: IntArray = order[np.append(True, key[order][1:] != key[order][:-1])[: len(order)]]
    return first


def contract_crossings(graph: Graph) -> Graph:
    """Merge two junctions into one node if their roads cross within about one road width of each other.

    The skeleton of an oblique crossing has two junctions with three edges each. A pair is contracted only if each is
    the nearest such neighbour of the other, so that chains of junctions do not collapse.
    """
    settled = settle_junctions(graph).nodes.xy
    return dissolve_nodes(_contract(graph, _crossing_edges(graph, settled), settled))


def _crossing_edges(graph: Graph, xy: Float64Array) -> BoolArray:
    length, degree, half_width = graph.lengths_m(), graph.degree, graph.nodes.half_width_m
    apart = np.hypot(*(xy[graph.start] - xy[graph.end]).T)
    limit = CROSSING_WIDTHS * (half_width[graph.start] + half_width[graph.end])
    short = np.flatnonzero(
        (apart < limit) & (length < LONGEST_CROSSING * limit) & (graph.start != graph.end) & ~graph.bridged
        & (degree[graph.start] >= 3) & (degree[graph.end] >= 3)
    )  # fmt: skip
    ends, edges = np.append(graph.start[short], graph.end[short]), np.append(short, short)
    first = _first_of_each(ends, length[edges])
    nearest = np.full(len(graph.nodes), -1)
    nearest[ends[first]] = edges[first]
    mutual = np.zeros(len(graph), bool)
    mutual[short] = (nearest[graph.start[short]] == short) & (nearest[graph.end[short]] == short)
    return mutual


def _contract(graph: Graph, pair: BoolArray, settled: Float64Array) -> Graph:
    """Remove some edges, which share no nodes, and merge the two nodes of each.

    ``settled`` contains the place where the roads at each node cross, (nodes, 2).
    """
    first, second = graph.start[pair], graph.end[pair]
    node = np.arange(len(graph.nodes))
    node[second] = first
    xy, half_width = graph.nodes.xy.copy(), graph.nodes.half_width_m.copy()
    xy[first] = (settled[first] + settled[second]) / 2
    # as wide as the split crossing is long, so that edges are straight from where they leave it
    apart = np.hypot(*(graph.nodes.xy[first] - graph.nodes.xy[second]).T)
    half_width[first] = np.maximum(half_width[first], half_width[second]) + apart / 2
    nodes = replace(graph.nodes, xy=xy, half_width_m=half_width)
    return replace(graph, nodes=nodes, start=node[graph.start], end=node[graph.end]).take(~pair)


def drop_short_pieces(graph: Graph, min_length_m: float) -> Graph:
    """Drop connected pieces of which nothing, or less than ``min_length_m``, was detected."""
    piece = graph.components()[graph.start]
    seen_m = np.bincount(piece, graph.lengths_m() * ~graph.bridged, minlength=1)[piece]
    return graph.take((seen_m > 0) & (seen_m >= min_length_m))
