"""Which of GDAL's drivers may open a file: it goes by content, so that any file may be the description of a service."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import rasterio
from rasterio._path import _parse_path
from rasterio.env import ensure_env_with_credentials
from rasterio.io import DatasetReader

#: Drivers that open descriptions of services and fetch from wherever these say.
_SERVICES = frozenset({
    "WMS", "WMTS", "WCS", "HTTP", "PLMOSAIC", "EEDA", "EEDAI", "GTI", "STACIT", "STACTA", "OGCAPI", "DAAS", "GDALG",
    "PLSCENES", "WFS", "OAPIF", "CSW", "KMLSUPEROVERLAY", "DERIVED",
})  # fmt: skip


@lru_cache(maxsize=2)
def drivers(*, with_vrt: bool) -> tuple[str, ...]:
    """Names of the drivers that read what they are given.

    Args:
        with_vrt: VRTs too: not for what a server calls a picture.
    """
    with rasterio.Env() as env:
        known = set(env.drivers())
    return tuple(sorted(known - _SERVICES - (set() if with_vrt else {"VRT"})))


@ensure_env_with_credentials  # type: ignore[untyped-decorator]
def open_with(path: str, names: tuple[str, ...] | None, **settings: str) -> Any:
    """As `rasterio.open`, which takes a single driver only.

    Args:
        path: What GDAL opens.
        names: Of drivers; None for all.
        settings: For the driver.
    """
    return DatasetReader(_parse_path(path), driver=None if names is None else list(names), sharing=False, **settings)
