"""Metres and square metres on the ellipsoid, whatever the CRS."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from road_extract.base.arrays import BoolArray, Float64Array, Geometries, IntArray
from road_extract.base.coordinates import full_turn, geod, middle_longitude, to_geodetic, transformer, turns_to
from road_extract.base.errors import InputError
from road_extract.base.grid import PixelFrame, RasterGrid

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


def pixel_frame(grid: RasterGrid) -> PixelFrame:
    """The pixels of a raster in metres.

    Raises:
        InputError: As `pixel_size_m`.
    """
    return PixelFrame(grid.height, grid.width, pixel_size_m(grid))


def area_m2(polygon: shapely.Polygon, crs: str) -> float:
    """Geodesic area of a polygon, its holes taken off, in square metres."""
    # ring by ring: the geodesic area of a ring is right across the antimeridian too, where orientation cannot be told
    return _ring_area_m2(polygon.exterior, crs) - sum(_ring_area_m2(ring, crs) for ring in polygon.interiors)


def lengths_m(lines: Geometries, crs: str) -> Float64Array:
    """Geodesic lengths of LineStrings in metres, (n,)."""
    import shapely

    points, line = shapely.get_coordinates(lines, return_index=True)
    lon, lat = to_geodetic(crs).transform(*points.T)
    if not np.isfinite([lon, lat]).all():
        raise InputError("some lines lie outside the area of their CRS; check the CRS")
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
        raise InputError("the data lie outside the area of their CRS; check the CRS that the file states")
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


def unwrap(geometries: Geometries, crs: str, near: float | None = None, *, local: bool = False) -> Geometries:
    """Geometries of a geographic CRS with continuous longitudes, so that what meets on the earth meets in numbers.

    Between two vertices, and between two parts of a geometry, the shorter way round is meant (RFC 7946, 3.1.9), except
    in polygons that reach more than half round the earth: these stay as they are.

    Args:
        geometries: Flat, of any type; those of other CRSs come back as they are.
        crs: WKT.
        near: Whole geometries come within half a turn of this longitude; without it, of the middle of all of them,
            which lies between -180 and 180 degrees.
        local: No polygon reaches half round the earth, whatever its numbers say.
    """
    import shapely

    turn = full_turn(crs)
    if turn is None or not len(geometries):
        return geometries
    points, index = shapely.get_coordinates(geometries, return_index=True)
    if not len(points) or _is_continuous(points[:, 0], turn, near):
        return geometries
    x = _without_jumps(points[:, 0], index, turn)
    middle = (middle_longitude(x, turn) or 0.0) if near is None else near
    places, starts, which = np.unique(index, return_index=True, return_inverse=True)
    west, east = np.minimum.reduceat(x, starts), np.maximum.reduceat(x, starts)
    moved = x + turns_to((west + east) / 2, middle, turn)[which]
    narrow = np.True_ if local else ~np.isin(index, places[_is_wide(geometries[places], turn)])
    points[:, 0] = np.where(narrow, moved, points[:, 0])
    return shapely.set_coordinates(geometries.copy(), points)  # type: ignore[no-any-return]


def _is_continuous(x: Float64Array, turn: float, near: float | None) -> bool:
    """Whether longitudes need no change: all within half a turn, and near what they should be near."""
    west, east = float(x.min()), float(x.max())
    middle = 0.0 if near is None else near
    return east - west <= turn / 2 and middle - turn / 2 <= west and east <= middle + turn / 2


def _without_jumps(x: Float64Array, index: IntArray, turn: float) -> Float64Array:
    """Longitudes of which no two neighbours in a geometry lie more than half a turn apart."""
    jumps = np.round(np.diff(x, prepend=x[0]) / turn)
    starts = np.flatnonzero(np.diff(index, prepend=-1))
    jumps[starts] = 0
    turns = np.cumsum(jumps)
    before = np.repeat(turns[starts], np.diff(starts, append=len(x)))
    return x - turn * (turns - before)


def _is_wide(geometries: Geometries, turn: float) -> BoolArray:
    """Whether a part of each geometry is a polygon that reaches more than half round the earth."""
    import shapely

    parts, source = shapely.get_parts(geometries, return_index=True)
    west, _, east, _ = shapely.bounds(parts).T
    wide = (shapely.get_dimensions(parts) == 2) & (east - west > turn / 2)
    return np.isin(np.arange(len(geometries)), source[wide])


def bring_near(geometries: Geometries, crs: str, area: shapely.Geometry, area_crs: str) -> tuple[Geometries, BoolArray]:
    """Those geometries that lie near an area, brought to its CRS: what is far away may have no place there.

    Args:
        geometries: In ``crs``, flat.
        crs: WKT.
        area: In ``area_crs``, not empty.
        area_crs: WKT.

    Returns:
        The near ones, in the area's CRS and on its side of the antimeridian, and which of all they are, (n,).

    Raises:
        InputError: If the area has no place in ``crs``.
    """
    import shapely

    outline = area.envelope.boundary  # a line: polygons half round the earth are never unwrapped
    edge = np.array([outline.segmentize(max(outline.length / 100, 1e-9))], dtype=object)
    place = unwrap(move(edge, area_crs, crs), crs)
    west, south, east, north = shapely.total_bounds(place)
    slack = max(east - west, north - south) / 10
    box = shapely.box(west - slack, south - slack, east + slack, north + slack)
    beside = unwrap(geometries, crs, (west + east) / 2)
    near: BoolArray = shapely.intersects(beside, box)
    turn = full_turn(crs)
    local = turn is None or not _is_wide(beside[near], turn).any()
    return unwrap(move(beside[near], crs, area_crs), area_crs, area.envelope.centroid.x, local=local), near


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
