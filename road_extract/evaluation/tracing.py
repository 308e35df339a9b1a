"""Traces lines from the mask of a side that has no lines."""

from __future__ import annotations

from road_extract.base.arrays import BoolArray, Geometries
from road_extract.base.geodesy import pixel_size_m
from road_extract.base.grid import RasterGrid
from road_extract.base.options import LineOptions
from road_extract.roads.network import trace_mask


def trace_lines(mask: BoolArray, grid: RasterGrid, min_length_m: float) -> Geometries:
    """The centrelines of a mask (rows, cols), in the grid's CRS, (n,). Gaps are not bridged."""
    options = LineOptions(max_gap_m=0.0, min_worth=0.0, min_face_m2=0.0, min_length_m=min_length_m)
    network = trace_mask(mask, pixel_size_m=pixel_size_m(grid), options=options)
    return network.placed(grid.transform).lines
