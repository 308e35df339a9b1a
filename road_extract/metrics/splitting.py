"""Extracts lines from geometries of any type, and clips them to an area."""

from __future__ import annotations

import numpy as np
import shapely

from road_extract.base.arrays import Geometries, IntArray
from road_extract.base.errors import InputError


def split_lines(geometries: Geometries) -> tuple[Geometries, IntArray]:
    """The LineStrings in geometries and collections of them; everything else, and lines of zero length, is left out.

    Returns:
        LineStrings (n,), and the index of the geometry that each comes from.
    """
    parts, source = geometries, np.arange(len(geometries))
    while (shapely.get_type_id(parts) >= shapely.GeometryType.MULTIPOINT).any():  # collections may hold collections
        parts, inner = shapely.get_parts(parts, return_index=True)
        source = source[inner]
    lines = (shapely.get_type_id(parts) == shapely.GeometryType.LINESTRING) & (shapely.length(parts) > 0)
    return shapely.force_2d(parts[lines]), source[lines]


def clip_lines(lines: Geometries, area: shapely.Geometry) -> tuple[Geometries, IntArray]:
    """The parts of LineStrings inside an area; lines that lie entirely inside are returned unchanged.

    Returns:
        LineStrings (n,), and the index of the line that each comes from.
    """
    shapely.prepare(area)
    whole = shapely.contains_properly(area, lines)
    cut = np.flatnonzero(~whole & shapely.intersects(area, lines))
    try:
        parts, source = split_lines(shapely.line_merge(shapely.intersection(lines[cut], area)))
    except shapely.errors.GEOSException as error:
        raise InputError(f"the lines cannot be clipped to the area ({error}); check the area's polygons") from error
    index = np.concatenate([np.flatnonzero(whole), cut[source]])
    order = np.argsort(index, kind="stable")
    return np.concatenate([lines[whole], parts])[order], index[order]
