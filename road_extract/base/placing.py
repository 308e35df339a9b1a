"""Moves geometries from pixel to map coordinates."""

from __future__ import annotations

from typing import Any

import numpy as np
from affine import Affine

from road_extract.base.arrays import Float64Array


def place(geometry: Any, transform: Affine) -> Any:
    """Move a geometry, or an array of them, from pixel (column, row) to map (x, y) coordinates."""
    import shapely

    return shapely.transform(geometry, lambda xy: place_xy(xy, transform))


def place_xy(xy: Float64Array, transform: Affine) -> Float64Array:
    """Move points from pixel (column, row) to map (x, y) coordinates, both (points, 2)."""
    matrix = np.array([[transform.a, transform.b], [transform.d, transform.e]])
    placed: Float64Array = xy @ matrix.T + np.array([transform.c, transform.f])
    return placed
