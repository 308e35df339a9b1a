"""Metres and square metres on the ellipsoid, whatever the CRS."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from road_extract.base.arrays import Float64Array, Geometries
from road_extract.base.coordinates import full_turn, geod, middle_longitude, to_geodetic, transformer, turns_to
from road_extract.base.errors import InputError
from road_extract.base.grid import RasterGrid

if TYPE_CHECKING:
    import shapely


def pixel_size_m(grid: RasterGrid) -> tuple[float, float]:
    """Ground size of a pixel at the middle of a raster, along its rows and along its columns, in metres.

    Geodesic (Karney 2013, by PROJ), so that degrees and stretched projections such as Web Mercator give true ground.

    Raises:
        InputError: If the raster's place is outside what its CRS can describe.
    """
    row, col = grid.height / 2, grid.width / 2
    span = max(0.5, min(50.0, row, col))
    cols = np.array([col - span, col + span, col, col])
    rows = np.array([row, row, row - span, row + span])
    a, b, c, d, e, f = grid.transform[:6]
    xs, ys = a * cols + b * rows + c, d * cols + e * rows + f
    lon, lat = to_geodetic(grid.crs).transform(xs, ys)
    if not np.isfinite([lon, lat]).all():
        raise InputError("the scene lies outside the area of its CRS; check its CRS and geotransform")
    _, _, metres = geod(grid.crs).inv(lon[::2], lat[::2], lon[1::2], lat[1::2])
    size_x, size_y = (float(m) / (2 * span) for m in metres)
    if not (math.isfinite(size_x) and size_x > 0 and math.isfinite(size_y) and size_y > 0):
        raise InputError("the scene's pixels have no size on the ground; check its CRS and geotransform")
    return size_x, size_y


def area_m2(polygon: shapely.Polygon, crs: str) -> float:
    """Geodesic area of a polygon, its holes taken off, in square metres."""
    # ring by ring: the geodesic area of a ring is right across the antimeridian too, where orientation cannot be told
    return _ring_area_m2(polygon.exterior, crs) - sum(_ring_area_m2(ring, crs) for ring in polygon.interiors)


def lengths_m(lines: Geometries, crs: str) -> Float64Array:
    """Geodesic lengths of LineStrings in metres, (n,)."""
    import shapely

    points, line = shapely.get_coordinates(lines, return_index=True)
    lon, lat = to_geodetic(crs).transform(*points.T)
    _, _, step = geod(crs).inv(lon[:-1], lat[:-1], lon[1:], lat[1:])
    inside = line[1:] == line[:-1]
    return np.bincount(line[1:][inside], np.asarray(step)[inside], minlength=len(lines)).astype(np.float64)


def local_crs(x: float, y: float, crs: str) -> str:
    """A CRS in metres for the surroundings of a place, as WKT: azimuthal equidistant, centred on it.

    Distances from the centre are true; across, d metres away, they are d^2 / (6 R^2) too long: 4 cm per km at 100 km
    (Snyder 1987, "Map projections: a working manual", p. 191).

    Args:
        x: Of the place, in ``crs``.
        y: Of the place.
        crs: CRS of the place, WKT.

    Raises:
        InputError: If the place is outside what its CRS can describe.
    """
    from pyproj import CRS

    lon, lat = to_geodetic(crs).transform(x, y)
    if not (math.isfinite(lon) and abs(lat) <= 90):
        raise InputError("the data lie outside the area of their CRS; check the CRS (--assume-crs gives another)")
    ellipsoid, lon = geod(crs), (float(lon) + 180) % 360 - 180
    centre = f"+lat_0={float(lat)!r} +lon_0={lon!r}"
    return str(CRS.from_proj4(f"+proj=aeqd {centre} +a={ellipsoid.a!r} +b={ellipsoid.b!r} +units=m").to_wkt())


def move(geometries: Geometries, crs: str, to_crs: str) -> Geometries:
    """Geometries brought from one CRS to another, vertex by vertex; both as WKT.

    Raises:
        InputError: If a vertex has no place in the other CRS.
    """
    import shapely

    moved = shapely.transform(geometries, transformer(crs, to_crs).transform, interleaved=False)
    # GEOS crashes on infinite coordinates rather than refuse them
    if not np.isfinite(shapely.get_coordinates(moved)).all():
        raise InputError("some geometries lie outside the area of the CRS they are compared in; check both CRSs")
    return moved  # type: ignore[no-any-return]


def unwrap(geometries: Geometries, crs: str, near: float | None = None) -> Geometries:
    """Geometries of a geographic CRS with continuous longitudes, so that parts on either side of the antimeridian meet.

    Args:
        geometries: Of any type; those of other CRSs come back as they are.
        crs: WKT.
        near: Longitudes come within half a turn of this one; without it, of the middle of the geometries, which lies
            between -180 and 180 degrees. Geometries all round the earth stay as they are.
    """
    import shapely

    turn = full_turn(crs)
    if turn is None or not len(geometries):
        return geometries
    x = shapely.get_coordinates(geometries)[:, 0]
    if not len(x) or (near is None and -turn / 2 <= x.min() and x.max() <= min(turn / 2, x.min() + turn / 2)):
        return geometries
    middle = middle_longitude(x, turn) if near is None else near
    if middle is None or not (np.abs(x - middle) > turn / 2).any():
        return geometries
    return shapely.transform(  # type: ignore[no-any-return]
        geometries, lambda x, y: (x + turns_to(x, middle, turn), y), interleaved=False
    )


def length_m(line: shapely.LineString, crs: str) -> float:
    """Geodesic length of a line, in metres."""
    import shapely

    x, y = shapely.get_coordinates(line).T
    return float(geod(crs).line_length(*to_geodetic(crs).transform(x, y)))


def _ring_area_m2(ring: shapely.LinearRing, crs: str) -> float:
    import shapely

    x, y = shapely.get_coordinates(ring).T
    area, _ = geod(crs).polygon_area_perimeter(*to_geodetic(crs).transform(x, y))
    return abs(float(area))
