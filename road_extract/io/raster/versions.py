"""Versions of the native libraries that rasterio brings."""

from __future__ import annotations

import rasterio
from rasterio.env import GDALVersion


def native_versions() -> dict[str, str]:
    """GDAL, GEOS and PROJ, as far as rasterio names them."""
    found = {"GDAL": str(getattr(rasterio, "__gdal_version__", GDALVersion.runtime()))}
    for name in ("proj", "geos"):
        version = getattr(rasterio, f"__{name}_version__", None)
        if version:
            found[name.upper()] = str(version)
    return found
