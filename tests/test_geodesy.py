from __future__ import annotations

import pytest
import shapely
from pyproj import CRS

from road_extract.base.geodesy import area_m2


def wkt(code: str) -> str:
    return CRS(code).to_wkt()


def test_an_area_in_utm_is_the_area_on_the_ellipsoid():
    square = shapely.box(500_000, 5_000_000, 501_000, 5_001_000)  # the scale there is 0.9996
    assert area_m2(square, wkt("EPSG:32633")) == pytest.approx(1e6 / 0.9996**2, rel=1e-5)


def test_an_area_in_degrees_is_in_square_metres():
    """At the equator, a degree of longitude is 111,319 m long and a degree of latitude 110,574 m."""
    assert area_m2(shapely.box(10, 0, 10.1, 0.1), wkt("EPSG:4326")) == pytest.approx(11131.9 * 11057.4, rel=1e-4)


@pytest.mark.parametrize("reverse", [False, True])
def test_holes_are_subtracted_whatever_their_orientation_and_across_the_antimeridian(reverse):
    """UTM 1N: 180 degrees is at about 166 km easting on the equator."""
    hole = [(170_000, 1000), (171_000, 1000), (171_000, 2000), (170_000, 2000)]
    outer = [(163_000, 0), (173_000, 0), (173_000, 4000), (163_000, 4000)]
    polygon = shapely.Polygon(outer, [hole[::-1] if reverse else hole])
    assert area_m2(polygon, wkt("EPSG:32601")) == pytest.approx(39e6, rel=0.005)
