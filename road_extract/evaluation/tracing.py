"""Lines of a side that has none of its own: traced in its mask."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from road_extract.geodesy import pixel_size_m
from road_extract.grid import RasterGrid
from road_extract.network import trace_mask
from road_extract.options import LineOptions


def trace_lines(mask: NDArray[np.bool_], grid: RasterGrid, min_length_m: float) -> NDArray[np.object_]:
    """The centrelines of a mask (rows, cols), in the grid's CRS, (n,). Gaps stay gaps: nothing is invented."""
    options = LineOptions(max_gap_m=0.0, min_length_m=min_length_m)
    network = trace_mask(mask, pixel_size_m=pixel_size_m(grid), options=options)
    return network.placed(grid.transform).lines
