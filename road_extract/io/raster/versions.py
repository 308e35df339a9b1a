"""Versions of the native libraries that rasterio uses."""

from __future__ import annotations

import rasterio
from rasterio.env import GDALVersion


def native_versions() -> dict[str, str]:
    """Return the versions of GDAL, PROJ and GEOS, as far as rasterio reports them."""
    found = {"GDAL": str(getattr(rasterio, "__gdal_version__", GDALVersion.runtime()))}
    for name in ("proj", "geos"):
        version = getattr(rasterio, f"__{name}_version__", None)
        if version:
            found[name.upper()] = str(version)
    return found
