"""The finished network, as an immutable value."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from affine import Affine

from road_extract.base.arrays import BoolArray, Float64Array, Geometries, IntArray
from road_extract.base.placing import place, place_xy


@dataclass(frozen=True, slots=True)
class RoadNetwork:
    """A multigraph of nodes and the lines between them, in an order that depends only on their positions.

    `trace_mask` and `trace_network` return pixel coordinates (x = column, y = row; the centre of pixel (row, col) is at
    (col + 0.5, row + 0.5)); `placed` converts them to map coordinates.

    Attributes:
        node_xy: Positions of junctions and ends, (nodes, 2).
        lines: LineString of each edge, from its first node to its second, (edges,).
        from_node: Index of its first node, (edges,).
        to_node: Index of its second node, (edges,); the same for a ring.
        length_m: Length according to the pixel size at the centre of the scene, (edges,).
        probability: Mean along the edge, 0..1; NaN if unknown, (edges,).
        probability_min: Minimum along the edge, likewise.
        bridged: Whether the line bridges a gap in the mask, (edges,).
        confidence: Estimated probability that a bridge is a road, 0..1; NaN for detected lines, (edges,).
        component: Connected component, counted from 0, (edges,).
        dead_end: Whether an end meets no other edge and is not on the edge of the scene, (edges,).
        width_m: Median of twice the distance to the edge of the mask, (edges,); NaN for bridges.
        width_p10_m: Its 10th percentile.
        width_p90_m: Its 90th percentile.
    """

    node_xy: Float64Array
    lines: Geometries
    from_node: IntArray
    to_node: IntArray
    length_m: Float64Array
    probability: Float64Array
    probability_min: Float64Array
    bridged: BoolArray
    confidence: Float64Array
    component: IntArray
    dead_end: BoolArray
    width_m: Float64Array
    width_p10_m: Float64Array
    width_p90_m: Float64Array

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def node_degree(self) -> IntArray:
        """Number of edge ends at each node, (nodes,); a ring counts twice."""
        return np.bincount(np.append(self.from_node, self.to_node), minlength=len(self.node_xy))

    @property
    def node_component(self) -> IntArray:
        """The component of each node, (nodes,)."""
        component = np.zeros(len(self.node_xy), np.int64)
        component[self.from_node] = component[self.to_node] = self.component
        return component

    def placed(self, transform: Affine) -> RoadNetwork:
        """The same network in map coordinates.

        Args:
            transform: Transform from pixel (column, row) to map (x, y).
        """
        lines = np.array(place(self.lines, transform), dtype=object)
        return replace(self, node_xy=place_xy(self.node_xy, transform), lines=lines)
