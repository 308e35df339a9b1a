"""Moves junctions to the point where their roads cross."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from road_extract.base.arrays import Float64Array, IntArray
from road_extract.roads.network.ends import to_unit
from road_extract.roads.network.graph import Graph

# Weight of the original position of a junction relative to its roads: enough to decide if all of them are parallel.
_STAY_WEIGHT = 0.05


def settle_junctions(graph: Graph) -> Graph:
    """Move junctions to the point that is nearest to the straight continuations of their edges (least squares).

    The skeleton of a junction is too close to a side road, by up to a quarter of the width. No junction moves farther
    than half the local width, and its ``half_width_m`` grows by the same amount.
    """
    at_start, at_end = (np.flatnonzero(graph.degree[ends] >= 3) for ends in (graph.start, graph.end))
    edge, is_end = np.append(at_start, at_end), np.repeat([False, True], [len(at_start), len(at_end)])
    node = np.where(is_end, graph.end[edge], graph.start[edge])
    half_width, length = graph.nodes.half_width_m[node].astype(np.float64), graph.lengths_m()[edge]
    near = graph.points_along(edge, is_end, np.minimum(1.5 * half_width, length / 3))
    far = graph.points_along(edge, is_end, np.minimum(4.5 * half_width, length))
    moved = _cross(graph.nodes.xy, node, near, to_unit(near - far))
    step = moved - graph.nodes.xy
    limit = graph.nodes.half_width_m / np.maximum(np.hypot(*step.T), 1e-12)
    step *= np.minimum(limit, 1)[:, None]
    # edges must be straight from where they leave both the old position and the new one
    half_width = graph.nodes.half_width_m + np.hypot(*step.T).astype(np.float32)
    return replace(graph, nodes=replace(graph.nodes, xy=graph.nodes.xy + step, half_width_m=half_width))


def _cross(xy: Float64Array, node: IntArray, through: Float64Array, heading: Float64Array) -> Float64Array:
    """The point with the least sum of squared distances to the lines of each node, (nodes, 2).

    With n normal to a line through p: (sum of n n^T) x = sum of n n^T p.
    """
    normal = np.stack([-heading[:, 1], heading[:, 0]], axis=1)
    outer = normal[:, :, None] * normal[:, None, :]
    matrix = np.tile(_STAY_WEIGHT * np.eye(2), (len(xy), 1, 1))
    right = np.zeros((len(xy), 2))
    np.add.at(matrix, node, outer)
    # relative to the node, to keep numbers small
    np.add.at(right, node, (outer @ (through - xy[node])[:, :, None])[:, :, 0])
    return xy + np.linalg.solve(matrix, right[:, :, None])[:, :, 0]
