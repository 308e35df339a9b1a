"""Coordinate reference systems as PROJ knows them. The one door to PROJ: its errors become ours here.

Every CRS is passed as WKT. What people bring is wider than what the flow needs, so this module also makes it plain:
the horizontal part of a CRS with heights, longitudes in one turn, angles in degrees.
"""

from __future__ import annotations

import json
import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from road_extract.base.arrays import Float64Array
from road_extract.base.errors import InputError

if TYPE_CHECKING:
    from pyproj import CRS, Geod, Transformer

LONLAT = "OGC:CRS84"


@lru_cache(maxsize=64)
def parse_crs(text: str) -> CRS:
    """A CRS from WKT, an EPSG code or a PROJ string.

    Raises:
        InputError: If PROJ does not know it.
    """
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    try:
        return CRS.from_user_input(text)
    except CRSError as error:
        raise InputError(f"the CRS {text[:60]!r} is not known; expected WKT or a code such as EPSG:32611") from error


@lru_cache(maxsize=64)
def horizontal_crs(text: str) -> str:
    """The horizontal part of a CRS, as WKT: heights, whether of a compound or of a 3D CRS, are left out.

    Raises:
        InputError: If PROJ does not know the CRS, or it has no horizontal part.
    """
    crs = parse_crs(text)
    if crs.is_compound:
        crs = crs.sub_crs_list[0]
    if crs.is_geocentric or crs.is_vertical:
        raise InputError(f"the CRS {crs.name!r} has no horizontal axes; reproject the data to one such as EPSG:4326")
    flat = crs.to_2d() if len(crs.axis_info) == 3 else crs
    return str(text if flat is parse_crs(text) and text[:1].isupper() and "[" in text else flat.to_wkt())


@lru_cache(maxsize=64)
def transformer(crs: str, to_crs: str) -> Transformer:
    """From one CRS to another, x before y.

    Raises:
        InputError: If there is no way from one to the other: unknown projections, other celestial bodies.
    """
    from pyproj import Transformer
    from pyproj.exceptions import ProjError

    try:
        return Transformer.from_crs(parse_crs(crs), parse_crs(to_crs), always_xy=True)
    except ProjError as error:
        names = f"{parse_crs(crs).name!r} to {parse_crs(to_crs).name!r}"
        raise InputError(f"PROJ knows no way from the CRS {names}; {_advice(crs)}") from error


def _advice(crs: str) -> str:
    body = _body(parse_crs(crs))
    if body not in (None, "Earth"):
        return f"the data lie on {body}: choose an output that keeps their CRS, such as .gpkg"
    return "check the CRS"


def _body(crs: CRS) -> str | None:
    """The celestial body, judged by the size of its ellipsoid."""
    ellipsoid = crs.ellipsoid
    if ellipsoid is None:
        return None
    return "Earth" if 6.3e6 < ellipsoid.semi_major_metre < 6.45e6 else f"another celestial body ({ellipsoid.name})"


def check_lonlat(crs: str, what: str) -> None:
    """See whether places in a CRS have a longitude and latitude on the earth, before any work is done.

    Args:
        crs: WKT.
        what: The files that need them, for the message.

    Raises:
        InputError: If they have none.
    """
    try:
        transformer(crs, LONLAT)
    except InputError as error:
        raise InputError(f"{what} hold longitude and latitude, but {error}") from error


@lru_cache(maxsize=64)
def to_geodetic(crs: str) -> Transformer:
    """From a CRS to longitude and latitude in degrees on its own ellipsoid, whatever unit its angles have.

    Raises:
        InputError: If the CRS has no place on an ellipsoid.
    """
    return transformer(crs, _geodetic_in_degrees(crs))


@lru_cache(maxsize=64)
def _geodetic_in_degrees(crs: str) -> str:
    from pyproj import CRS

    projected = parse_crs(crs)
    geodetic = projected.geodetic_crs
    if geodetic is None or geodetic.is_geocentric:
        raise InputError(
            f"the CRS {projected.name!r} has no place on an ellipsoid; give the data a real one, such as EPSG:32611"
        )
    values = geodetic.to_2d().to_json_dict()
    values.pop("id", None)
    for axis in values["coordinate_system"]["axis"]:
        axis["unit"] = "degree"
    return str(CRS.from_json(json.dumps(values)).to_wkt())


@lru_cache(maxsize=64)
def geod(crs: str) -> Geod:
    """The ellipsoid of a CRS."""
    from pyproj import Geod

    found: Any = parse_crs(crs).get_geod()
    return found if found is not None else Geod(ellps="WGS84")


@lru_cache(maxsize=64)
def full_turn(crs: str) -> float | None:
    """A whole turn of longitude in the unit of a geographic CRS: 360 in degrees; None for any other CRS."""
    parsed = parse_crs(crs)
    if not parsed.is_geographic:
        return None
    factor = parsed.axis_info[0].unit_conversion_factor
    return round(2 * math.pi / factor, 9) if factor > 0 else None


def turns_to(x: Any, near: float, turn: float) -> Any:
    """What to add to longitudes, a number or an array, so that they lie within half a turn of another one."""
    return -turn * np.ceil((x - near) / turn - 0.5)


def middle_longitude(x: Float64Array, turn: float) -> float | None:
    """The middle of some longitudes on the circle; None if they leave no gap of more than half of it."""
    around = np.sort(np.unique(x % turn))
    if not len(around):
        return None
    gaps = np.diff(around, append=around[0] + turn)
    largest = int(np.argmax(gaps))
    if gaps[largest] < turn / 2:
        return None
    start = float(around[(largest + 1) % len(around)])
    middle = start + (turn - float(gaps[largest])) / 2
    return float(middle + turns_to(middle, 0.0, turn))
