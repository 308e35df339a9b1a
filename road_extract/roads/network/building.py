"""Builds a finished network from skeleton pixels: every step in order."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import shapely

from road_extract.base.arrays import BoolArray, Float32Array, Float64Array
from road_extract.base.grid import PixelFrame
from road_extract.base.levels import PROBABILITY_MAX
from road_extract.base.options import LineOptions
from road_extract.base.windows import Window
from road_extract.roads.centrelines import trace_skeleton
from road_extract.roads.groups import label_groups
from road_extract.roads.masks.strips import MaskStrip
from road_extract.roads.network.bridging import bridge_gaps
from road_extract.roads.network.cleaning import clean_graph, drop_short_pieces
from road_extract.roads.network.ends import at_scene_edge
from road_extract.roads.network.evidence import Evidence
from road_extract.roads.network.faces import open_small_faces
from road_extract.roads.network.graph import Graph, line_lengths, sort_graph
from road_extract.roads.network.moving import move_nodes
from road_extract.roads.network.road_network import RoadNetwork
from road_extract.roads.network.shaping import shape_lines
from road_extract.roads.network.tracing import trace_graph
from road_extract.roads.network.worth import prune

#: Lines with less than this fraction of the minimum worth are dropped before gaps are bridged: most of the noise in a
#: faint mask, whose dead ends would take as much time as those of roads and lead to more wrong bridges.
HOPELESS_SHARE = 1 / 3
#: Defaults of `trace_mask`: trace exactly what is in the mask.
UNBRIDGED = LineOptions(max_gap_m=0.0, min_worth=0.0, min_face_m2=0.0)


def trace_mask(
    mask: BoolArray,
    *,
    pixel_size_m: tuple[float, float] = (1.0, 1.0),
    options: LineOptions = UNBRIDGED,
    simplify_m: float = 1.0,
) -> RoadNetwork:
    """Trace the roads of a mask in memory.

    Args:
        mask: True where there is road, (rows, cols).
        pixel_size_m: Pixel size (x, y) in metres.
        options: What to drop and to bridge.
        simplify_m: Simplification tolerance in metres.

    Returns:
        The network in pixel coordinates, with probabilities NaN.
    """
    mask = np.asarray(mask, dtype=bool)
    strip = MaskStrip(0, mask, np.ones_like(mask), mask.astype(np.uint8) * np.uint8(PROBABILITY_MAX))

    def read(window: Window) -> tuple[Float32Array, BoolArray]:
        return mask[window.slices].astype(np.float32), strip.valid[window.slices]

    frame = PixelFrame(mask.shape[0], mask.shape[1], pixel_size_m)
    return trace_network([strip], frame, options, simplify_m, Evidence(read, 0.5, is_mask=True))


def trace_network(
    strips: Iterable[MaskStrip],
    frame: PixelFrame,
    options: LineOptions,
    simplify_m: float,
    evidence: Evidence,
) -> RoadNetwork:
    """Trace the roads of a streamed mask.

    Args:
        strips: Consecutive strips of the scene, from its first row, with any heights and with probability as uint8
            0..254. The result does not depend on the heights.
        frame: Pixel frame of the scene.
        options: What to drop and to bridge.
        simplify_m: Simplification tolerance in metres.
        evidence: Probability in the gaps; read after the last strip.

    Returns:
        The network in pixel coordinates.

    Raises:
        InputError: If the strips are not consecutive, or their probability has another type.
    """
    pixels = trace_skeleton(strips, frame.pixel_size_m)
    graph = clean_graph(trace_graph(pixels, frame), options.spur_widths, frame.pixel_area_m2)
    graph = move_nodes(graph, frame)
    graph = prune(graph, evidence, frame, HOPELESS_SHARE * options.min_worth)
    graph = bridge_gaps(graph, evidence, frame, options)
    graph = prune(graph, evidence, frame, options.min_worth)
    graph = open_small_faces(drop_short_pieces(graph, options.min_length_m), options.min_face_m2)
    return _finish(graph, frame, simplify_m, is_mask=evidence.is_mask)


def _finish(graph: Graph, frame: PixelFrame, simplify_m: float, *, is_mask: bool) -> RoadNetwork:
    """Sort the lines of a graph, shape them and measure them."""
    graph = sort_graph(graph)
    lines = shape_lines(graph, simplify_m)
    probability, probability_min = _probabilities(graph, is_mask)
    low, middle, high = _widths(graph)
    dead = (graph.degree == 1) & ~at_scene_edge(graph, frame)
    size = np.array(frame.pixel_size_m)
    xy, line = shapely.get_coordinates(lines, return_index=True)
    length = line_lengths(xy, np.bincount(line, minlength=len(lines)))
    return RoadNetwork(
        node_xy=graph.nodes.xy / size,
        lines=np.array(shapely.transform(lines, lambda xy: xy / size), dtype=object),
        from_node=graph.start, to_node=graph.end, length_m=length,
        probability=probability, probability_min=probability_min,
        bridged=graph.bridged, confidence=graph.confidence,
        component=label_groups(len(graph.nodes), graph.start, graph.end)[1][graph.start],
        dead_end=dead[graph.start] | dead[graph.end],
        width_m=middle, width_p10_m=low, width_p90_m=high,
    )  # fmt: skip


def _probabilities(graph: Graph, is_mask: bool) -> tuple[Float64Array, Float64Array]:
    """Mean and minimum probability of each edge, (edges,) each. For bridges, only the points inside the gap count."""
    points, sizes = graph.with_ends()
    if is_mask or not len(sizes):
        return np.full(len(sizes), np.nan), np.full(len(sizes), np.nan)
    starts = np.cumsum(sizes) - sizes
    counts = np.ones(len(points), bool)
    gap = starts[graph.bridged & (graph.sizes > 0)]
    counts[gap] = counts[gap + sizes[graph.bridged & (graph.sizes > 0)] - 1] = False
    value = points.probability / PROBABILITY_MAX
    mean = np.add.reduceat(value * counts, starts) / np.add.reduceat(counts.astype(np.int64), starts)
    return mean, np.minimum.reduceat(np.where(counts, value, 1.0), starts)


def _widths(graph: Graph) -> list[Float64Array]:
    """The 10th, 50th and 90th percentile of the width along each edge (nearest rank), (edges,) each.

    Nodes are ignored if there are other points, because a junction is wider than the roads that meet there.
    """
    points, sizes = graph.with_ends()
    edge, stop = np.repeat(np.arange(len(sizes)), sizes), np.cumsum(sizes)
    width = 2.0 * points.half_width_m
    has_inner = graph.sizes > 0
    width[(stop - sizes)[has_inner]] = width[(stop - 1)[has_inner]] = np.inf
    width = width[np.lexsort((width, edge))]
    last = np.where(has_inner, graph.sizes, 2) - 1
    found = [width[stop - sizes + np.rint(share * last).astype(np.int64)] for share in (0.1, 0.5, 0.9)]
    return [np.where(graph.bridged, np.nan, values).astype(np.float64) for values in found]
