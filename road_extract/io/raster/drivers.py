"""Chooses the GDAL drivers that may open a file. GDAL goes by content, so any file could describe a web service."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import rasterio
from rasterio._path import _parse_path
from rasterio.env import ensure_env_with_credentials
from rasterio.io import DatasetReader

#: Drivers that open descriptions of services and fetch data from the addresses they contain.
_SERVICES = frozenset({
    "WMS", "WMTS", "WCS", "HTTP", "PLMOSAIC", "EEDA", "EEDAI", "GTI", "STACIT", "STACTA", "OGCAPI", "DAAS", "GDALG",
    "PLSCENES", "WFS", "OAPIF", "CSW", "KMLSUPEROVERLAY", "DERIVED",
})  # fmt: skip


@lru_cache(maxsize=2)
def drivers(*, with_vrt: bool) -> tuple[str, ...]:
    """Return the names of the drivers that read only the files they are given.

    Args:
        with_vrt: Include VRT. Leave it out for files that a server claims to be images.
    """
    with rasterio.Env() as env:
        known = set(env.drivers())
    return tuple(sorted(known - _SERVICES - (set() if with_vrt else {"VRT"})))


@ensure_env_with_credentials  # type: ignore[untyped-decorator]
def open_with(path: str, names: tuple[str, ...] | None, **settings: str) -> Any:
    """Open a dataset like `rasterio.open`, but with several drivers to choose from.

    Args:
        path: The name that GDAL opens.
        names: Names of the allowed drivers; None allows all.
        settings: Options for the driver.
    """
    return DatasetReader(_parse_path(path), driver=None if names is None else list(names), sharing=False, **settings)
