"""Scenes without georeferencing, for uses in which only the pixels matter: training and scoring."""

from __future__ import annotations

from pathlib import Path

from affine import Affine

from road_extract.base.coordinates import parse_crs
from road_extract.io.raster.opening import open_raster
from road_extract.io.raster.vrt import Placement, bands_as_they_are, write_vrt

#: Arbitrary location on land, in the middle of a UTM zone.
_CRS, _LEFT_M, _TOP_M = "EPSG:32640", 500_000, 2_780_000


def place_if_unplaced(path: Path, gsd_m: float) -> str:
    """Return what to open for a scene that may lack a geotransform or a CRS.

    Args:
        path: Any raster that GDAL opens.
        gsd_m: Ground sample distance to assume for a scene without georeferencing.

    Returns:
        The path itself, or the text of a VRT that places the scene and leaves its pixels and masks unchanged.

    Raises:
        InputError: If the scene cannot be opened.
    """
    with open_raster(str(path)) as dataset:
        if dataset.crs and not dataset.transform.is_identity:
            return str(path)
        crs = str(parse_crs(_CRS).to_wkt())
        place = Placement(crs, Affine(gsd_m, 0.0, _LEFT_M, 0.0, -gsd_m, _TOP_M))
        return write_vrt(dataset, str(path.resolve()), bands_as_they_are(dataset), place=place)
