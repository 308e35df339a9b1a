"""Scenes without georeferencing, for uses that can do without: training, scoring and review."""

from __future__ import annotations

from pathlib import Path

from affine import Affine

from road_extract.base.coordinates import parse_crs
from road_extract.io.raster.gdal_errors import ask
from road_extract.io.raster.opening import open_raster
from road_extract.io.raster.vrt import Placement, bands_as_they_are, write_vrt

#: Arbitrary location on land, in the middle of a UTM zone.
_CRS, _LEFT_M, _TOP_M = "EPSG:32640", 500_000, 2_780_000


def is_unplaced(path: str, subdataset: str | None = None) -> bool:
    """Whether nothing tells where the pixels of a raster are: no geotransform, control points or RPCs.

    Raises:
        InputError: If it cannot be opened.
    """
    with open_raster(path, subdataset) as dataset:
        others = ask(lambda: bool(dataset.gcps[0] or dataset.rpcs), False)
        return bool(dataset.transform.is_identity) and not others


def place_if_unplaced(path: Path, gsd_m: float, *, assume_crs: str | None = None, subdataset: str | None = None) -> str:
    """Return what to open for a scene that may lack a geotransform or a CRS.

    Args:
        path: Any raster that GDAL opens.
        gsd_m: Ground sample distance to assume for a scene without georeferencing.
        assume_crs: CRS of a scene that has none.
        subdataset: Raster to read from a file that contains several.

    Returns:
        The path itself, or the text of a VRT that places the scene and leaves its pixels and masks unchanged.

    Raises:
        InputError: If the scene cannot be opened.
    """
    with open_raster(str(path.resolve() if path.exists() else path), subdataset) as dataset:
        has_crs = assume_crs is not None or ask(lambda: bool(dataset.crs), True)
        if has_crs and not dataset.transform.is_identity:
            return str(path)
        crs = str(parse_crs(_CRS).to_wkt())
        place = Placement(crs, Affine(gsd_m, 0.0, _LEFT_M, 0.0, -gsd_m, _TOP_M))
        return write_vrt(dataset, str(dataset.name), bands_as_they_are(dataset), place=place)
