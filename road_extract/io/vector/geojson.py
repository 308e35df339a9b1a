"""Writes GeoJSON (RFC 7946). GDAL's RFC 7946 mode is not used, because its rounding can make polygons invalid."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from road_extract.base.errors import InputError
from road_extract.base.features import Feature, LayerSchema
from road_extract.io.vector.batches import geometries_of

if TYPE_CHECKING:
    import pyproj
    import shapely

    from road_extract.base.arrays import Geometries

_DEGREE_STEP = 1e-7
_DECIMALS = 7
_LONG_NUMBER = re.compile(rf"-?\d+\.\d{{{_DECIMALS + 1},}}(?:e-?\d+)?")


def write_geojson(path: Path, schema: LayerSchema, batches: Iterator[list[Feature]]) -> int:
    """Write a feature collection; returns the number of features."""
    from road_extract.base.coordinates import LONLAT, transformer

    to_lonlat = transformer(schema.crs, LONLAT)
    count = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        made = f'"road_extract": {json.dumps(dict(schema.made))}, ' if schema.made else ""  # RFC 7946, section 6.1
        file.write(f'{{"type": "FeatureCollection", "name": {json.dumps(schema.name)}, {made}"features": [')
        for batch in batches:
            for text in _iter_geojson(batch, to_lonlat):
                file.write(f"{',' if count else ''}\n{text}")
                count += 1
        file.write("\n]}\n")
    return count


def reproject(geometry: shapely.Geometry, crs: str, target: str) -> shapely.Geometry:
    """Reproject a geometry vertex by vertex, x before y.

    Args:
        geometry: In ``crs``.
        crs: WKT or a name.
        target: WKT or a name.
    """
    import shapely

    from road_extract.base.coordinates import transformer

    move = transformer(crs, target).transform
    return shapely.transform(geometry, move, interleaved=False)


def to_lonlat(geometry: shapely.Geometry, crs: str) -> tuple[dict[str, Any], list[float]]:
    """Convert a geometry to a GeoJSON object in longitude and latitude, with its bounding box (RFC 7946, section 5).

    Edges are subdivided first: a straight line in one CRS is curved in another.

    Args:
        geometry: Geometry in ``crs``; must not have zero length.
        crs: WKT.

    Returns:
        The object, and west, south, east, north. West is greater than east if the antimeridian is crossed.

    Raises:
        InputError: A coordinate cannot be expressed in WGS 84.
    """
    import numpy as np
    import shapely

    from road_extract.base.coordinates import LONLAT, transformer

    divided = np.array([geometry.segmentize(geometry.length / 100)], dtype=object)
    (placed,) = to_rfc7946(divided, transformer(crs, LONLAT))
    west, south, east, north = (round(value, _DECIMALS) for value in placed.bounds)
    if east - west > 180:  # parts on both sides of the antimeridian
        sides = [part.bounds for part in shapely.get_parts(placed)]
        west, east = min(side[0] for side in sides if side[0] > 0), max(side[2] for side in sides if side[0] <= 0)
    (text,) = _to_texts(np.array([placed], dtype=object))
    return json.loads(text or "null"), [west, south, east, north]


def _iter_geojson(batch: list[Feature], to_lonlat: pyproj.Transformer) -> Iterator[str]:

    for feature, geometry in zip(batch, _to_texts(to_rfc7946(geometries_of(batch), to_lonlat)), strict=True):
        properties = json.dumps({name: _to_json(value) for name, value in feature.properties.items()})
        yield f'{{"type": "Feature", "properties": {properties}, "geometry": {geometry or "null"}}}'


def _to_texts(geometries: Geometries) -> list[str | None]:
    """GeoJSON objects as text. GEOS prints a few numbers with more digits than needed; those are printed again."""
    import shapely

    texts = shapely.to_geojson(geometries)
    return [text and _LONG_NUMBER.sub(lambda found: repr(round(float(found[0]), _DECIMALS)), text) for text in texts]


def _to_json(value: int | float | bool | str | None) -> int | float | bool | str | None:
    """Replace NaN and infinity, which JSON does not have (RFC 8259, section 6)."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def to_rfc7946(geometries: Geometries, to_lonlat: pyproj.Transformer) -> Geometries:
    """Convert geometries to the form that RFC 7946 requires; see `write_features`.

    Args:
        geometries: Valid 2D geometries.
        to_lonlat: From their CRS to longitude and latitude of WGS 84, both x before y.

    Returns:
        Valid geometries in degrees, or None if nothing is left. Geometries across the antimeridian become multi-part.

    Raises:
        InputError: A coordinate cannot be expressed in WGS 84.
    """
    import numpy as np
    import shapely

    lonlat = shapely.transform(shapely.force_2d(geometries), to_lonlat.transform, interleaved=False)
    if not np.isfinite(shapely.get_coordinates(lonlat)).all():
        raise InputError("a geometry lies outside the area of its CRS and has no longitude and latitude; check the CRS")
    west, _, east, _ = shapely.bounds(lonlat).T
    for index in np.flatnonzero((west < -180) | (east > 180) | (east - west > 180)):
        lonlat[index] = _cut_at_antimeridian(lonlat[index])
    rounded = _round_to_step(lonlat)
    rounded[shapely.is_empty(rounded)] = None
    return shapely.orient_polygons(rounded)  # type: ignore[no-any-return]


def _round_to_step(geometries: Geometries) -> Geometries:
    """Round to 7 decimals. If that makes a geometry invalid, use snap rounding, which keeps it valid."""
    import shapely

    rounded = shapely.set_precision(geometries, _DEGREE_STEP, mode="pointwise")
    broken = ~shapely.is_valid(rounded)
    repaired = shapely.make_valid(geometries[broken], method="structure", keep_collapsed=False)
    rounded[broken] = shapely.set_precision(repaired, _DEGREE_STEP)
    return rounded  # type: ignore[no-any-return]


def _cut_at_antimeridian(geometry: shapely.Geometry) -> shapely.Geometry:
    """Split at the antimeridian (RFC 7946, section 3.1.9). Edges take the shorter way around."""
    import shapely

    if isinstance(geometry, shapely.Polygon):
        holes = [_ring_region(ring) for ring in geometry.interiors]
        return _ring_region(geometry.exterior).difference(shapely.union_all(holes))
    if isinstance(geometry, shapely.Point):
        return shapely.Point((geometry.x + 180) % 360 - 180, geometry.y)
    # Clipped by a rectangle rather than intersected: that would split a line where it crosses itself.
    turns = (shapely.clip_by_rect(turn, -180, -90, 180, 90) for turn in _iter_turns(_unwrap(geometry)))
    parts = [part for turn in turns for part in shapely.get_parts(turn) if part.geom_type == "LineString"]
    return parts[0] if len(parts) == 1 else shapely.MultiLineString(parts)


def _ring_region(ring: shapely.LinearRing) -> shapely.Geometry:
    """Area enclosed by a ring, between -180 and 180 degrees. A ring around a pole encloses the pole."""
    import shapely

    points = shapely.get_coordinates(_unwrap(ring)).tolist()
    (first, _), (last, _) = points[0], points[-1]
    if abs(last - first) > 180:
        pole = math.copysign(90, points[0][1])
        points += [(last, pole), (first, pole)]
    region = shapely.make_valid(shapely.Polygon(points), method="structure", keep_collapsed=False)
    world = shapely.box(-180, -90, 180, 90)
    return shapely.union_all([turn.intersection(world) for turn in _iter_turns(region)])


def _unwrap(line: shapely.LineString) -> shapely.LineString:
    """Remove jumps of 360 degrees. Longitudes may then leave the range -180 to 180."""
    import numpy as np
    import shapely

    points = shapely.get_coordinates(line)
    turns = np.round(np.diff(points[:, 0], prepend=points[0, 0]) / 360).cumsum()
    points[:, 0] -= 360 * turns
    return shapely.LineString(points)


def _iter_turns(geometry: shapely.Geometry) -> Iterator[shapely.Geometry]:
    """Iterate over copies shifted by whole turns. Each part lies between -180 and 180 degrees in one of them."""
    import shapely

    west, _, east, _ = geometry.bounds
    for turn in range(math.floor((west + 180) / 360), math.ceil((east - 180) / 360) + 1):
        yield shapely.transform(geometry, lambda xy, turn=turn: xy - (360 * turn, 0))
