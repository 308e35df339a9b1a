"""Links skeleton pixels into a graph, in which a cluster of junction pixels becomes one node."""

from __future__ import annotations

import numpy as np

from road_extract.base.arrays import BoolArray, IntArray, ranges
from road_extract.base.grid import PixelFrame
from road_extract.roads.centrelines import SkeletonPixels
from road_extract.roads.groups import label_groups
from road_extract.roads.network.chains import Chains, order_chains
from road_extract.roads.network.graph import Graph, Points


def trace_graph(pixels: SkeletonPixels, frame: PixelFrame) -> Graph:
    """Link skeleton pixels into a graph.

    Two pixels are linked if they share a side, or if they share a corner but no side neighbour (m-adjacency: Gonzalez &
    Woods, Digital Image Processing, section 2.5), so that a staircase is a path and not a series of junctions. A pixel
    with three or more links is a junction. Single pixels are left out.

    Args:
        pixels: Skeleton pixels in row-major order.
        frame: Pixel frame of the scene.
    """
    size = np.array(frame.pixel_size_m)
    centres = np.stack([pixels.col, pixels.row], axis=1) + 0.5
    to_middle = (pixels.to_middle[:, ::-1] * (size / 2)).astype(np.float32)
    points = Points(centres * size, pixels.probability, pixels.half_width_m, to_middle)
    links, corners = _link(pixels)
    is_junction = np.bincount(links.ravel(), minlength=len(points)) >= 3
    junction = np.flatnonzero(is_junction)
    nodes, cluster_of = _cluster(points, junction, np.concatenate([links, corners]), is_junction)
    path = np.flatnonzero(~is_junction)
    rank = np.cumsum(~is_junction) - 1
    inside = links[~is_junction[links].any(axis=1)]
    chains = order_chains(len(path), rank[inside[:, 0]], rank[inside[:, 1]])
    return _join(points, path[chains.order], chains, nodes, _attachments(links, is_junction, cluster_of, len(points)))


def _link(pixels: SkeletonPixels) -> tuple[IntArray, IntArray]:
    """Linked pixels, and pixels that touch at a corner but are not linked, (links, 2) each."""
    stride = int(pixels.col.max(initial=0)) + 3
    keys = pixels.row.astype(np.int64) * stride + pixels.col
    index = np.arange(len(keys))
    below = np.searchsorted(keys, keys + stride - 1)
    east, _ = _find(keys, index + 1, keys + 1)
    west, _ = _find(keys, index - 1, keys - 1)
    south_west, at_sw = _find(keys, below, keys + stride - 1)
    south, at_s = _find(keys, below + south_west, keys + stride)
    south_east, at_se = _find(keys, below + south_west + south, keys + stride + 1)
    linked = [
        (east, index + 1), (south, at_s), (south_west & ~south & ~west, at_sw), (south_east & ~south & ~east, at_se),
    ]  # fmt: skip
    corners = [(south_west & (south | west), at_sw), (south_east & (south | east), at_se)]
    return _pairs(linked), _pairs(corners)


def _find(keys: IntArray, place: IntArray, wanted: IntArray) -> tuple[BoolArray, IntArray]:
    """Whether the wanted keys are at these positions, and the positions."""
    safe = np.clip(place, 0, max(len(keys) - 1, 0))
    return keys[safe] == wanted, safe


def _pairs(found: list[tuple[BoolArray, IntArray]]) -> IntArray:
    pairs = [np.stack([np.flatnonzero(there), at[there]], axis=1) for there, at in found]
    return np.concatenate(pairs).astype(np.int64)


def _cluster(points: Points, junction: IntArray, links: IntArray, is_junction: BoolArray) -> tuple[Points, IntArray]:
    """Merge touching junction pixels into nodes. Returns the nodes, and the node of each pixel, or -1, (pixels,)."""
    rank = np.cumsum(is_junction) - 1
    touching = rank[links[is_junction[links].all(axis=1)]]
    count, group = label_groups(len(junction), touching[:, 0], touching[:, 1])
    members = np.maximum(np.bincount(group, minlength=count), 1)
    xy = np.stack([np.bincount(group, axis, minlength=count) for axis in points.xy[junction].T], axis=1)
    probability = np.rint(np.bincount(group, points.probability[junction], minlength=count) / members)
    half_width = np.zeros(count, np.float32)
    np.maximum.at(half_width, group, points.half_width_m[junction])
    cluster_of = np.full(len(points), -1)
    cluster_of[junction] = group
    nodes = Points(xy / members[:, None], probability.astype(np.uint8), half_width, np.zeros((count, 2), np.float32))
    return nodes, cluster_of


def _attachments(links: IntArray, is_junction: BoolArray, cluster_of: IntArray, count: int) -> IntArray:
    """The clusters to which each path pixel is linked, (pixels, 2); -1 for none, with the first column filled first."""
    mixed = links[is_junction[links].sum(axis=1) == 1]
    flip = is_junction[mixed[:, 0]]
    pixel, cluster = np.where(flip, mixed[:, 1], mixed[:, 0]), cluster_of[np.where(flip, mixed[:, 0], mixed[:, 1])]
    order = np.lexsort((cluster, pixel))
    pixel, cluster = pixel[order], cluster[order]
    second = np.append(False, pixel[1:] == pixel[:-1])[: len(pixel)].astype(np.int64)
    attached = np.full((count, 2), -1)
    attached[pixel, second] = cluster
    return attached


def _join(points: Points, order: IntArray, chains: Chains, clusters: Points, attached: IntArray) -> Graph:
    """Make edges of chains of path pixels. Ends without a cluster, and the starts of rings, become nodes."""
    first, last = order[chains.starts], order[chains.starts + chains.sizes - 1]
    single = chains.sizes == 1
    start, end = attached[first, 0], np.where(single, attached[last, 1], attached[last, 0])
    # a single pixel beside one cluster is a dead end; without a cluster it is a speck
    speck = single & (start < 0)
    ring, open_start, open_end = chains.closed, (start < 0) & ~speck, (end < 0) & ~chains.closed & ~speck
    start_pixel, end_pixel = first[open_start], last[open_end]
    count = len(clusters)
    start[open_start] = count + np.arange(len(start_pixel))
    end[open_end] = count + len(start_pixel) + np.arange(len(end_pixel))
    end[ring] = start[ring]
    inner_sizes = chains.sizes - open_start - open_end
    inner = order[ranges(chains.starts + open_start, np.where(speck, 0, inner_sizes))]
    keep = ~speck
    return Graph(
        Points.concatenate([clusters, points.take(np.append(start_pixel, end_pixel)).moved_to_middle()]),
        start[keep], end[keep], inner_sizes[keep], points.take(inner), np.zeros(int(keep.sum()), bool),
        np.full(int(keep.sum()), np.nan),
    )  # fmt: skip
