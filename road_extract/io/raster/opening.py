"""Opening rasters, and what every raster must have: pixels that can be read and a place on the earth."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from road_extract.base.errors import InputError
from road_extract.base.urls import is_remote, to_gdal_path
from road_extract.io.raster.remote import RemoteDataset, is_networked

#: GDAL would take a twentieth of the machine's memory for decoded blocks; this holds a row of 512 px blocks of a scene
#: of 100,000 columns. GDAL_CACHEMAX in the environment is respected. In bytes: rasterio takes no megabytes.
BLOCK_CACHE_BYTES = 256 * 2**20


@contextmanager
def gdal_session(cache_bytes: int = BLOCK_CACHE_BYTES) -> Iterator[None]:
    """GDAL's settings while this package reads and writes: a bounded cache, no files written beside inputs."""
    cache = {} if "GDAL_CACHEMAX" in os.environ else {"GDAL_CACHEMAX": cache_bytes}
    with rasterio.Env(GDAL_PAM_ENABLED="NO", **cache):
        yield


def open_raster(path: str, **settings: str) -> rasterio.DatasetReader:
    """Open a raster; one over the network gets over short failures of it, now and when it is read.

    Args:
        path: Path, URL or GDAL's name.
        settings: For GDAL's driver.

    Raises:
        InputError: If GDAL cannot, or the file is a container of several rasters.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)  # `check_georeference` says it better
            dataset = _open_anywhere(to_gdal_path(path), settings)
    except (RasterioError, ValueError) as error:
        expected = "expected a GeoTIFF or the like"
        if is_remote(path):
            expected += " that can be reached; check address, credentials and network"
        raise InputError(f"{path}: cannot be opened as a raster ({error}); {expected}") from error
    if dataset.count == 0:
        dataset.close()
        raise InputError(f"{path}: holds several rasters; name one of its subdatasets")
    return dataset


def _open_anywhere(path: str, settings: dict[str, str]) -> Any:
    if is_remote(path):
        return RemoteDataset(path, settings)
    dataset = rasterio.open(path, **settings)
    if not is_networked(dataset, path):
        return dataset
    dataset.close()
    return RemoteDataset(path, settings)


@contextmanager
def readable(path: str) -> Iterator[None]:
    """Reading inside this block turns damage of the file into an InputError."""
    try:
        yield
    except RasterioError as error:
        cause = error.__cause__ or error
        damage = "the network failed again and again, or it" if is_remote(path) else "it"
        raise InputError(
            f"{path}: its pixels cannot be read ({cause}); {damage} is damaged, cut short, or refers to a missing file"
        ) from error


def crs_of(dataset: rasterio.DatasetReader, path: str, assumed: str | None) -> str:
    """CRS as WKT.

    Raises:
        InputError: If there is none and none is assumed, or the assumed one is unknown.
    """
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    if dataset.crs:
        return str(dataset.crs.to_wkt())
    if assumed is None and (dataset.gcps[0] or dataset.rpcs):
        raise InputError(f"{path}: has control points but no grid on the ground; rectify it first (gdalwarp)")
    if assumed is None:
        raise InputError(f"{path}: has no CRS; assign one (gdal_edit.py -a_srs EPSG:...) or name it (--assume-crs)")
    try:
        return str(CRS.from_user_input(assumed).to_wkt())
    except CRSError as error:
        raise InputError(f"--assume-crs {assumed}: is no known CRS; expected one such as EPSG:32611") from error


def check_georeference(dataset: rasterio.DatasetReader, path: str) -> None:
    """Check that pixels have a place and an area.

    Raises:
        InputError: If not.
    """
    if dataset.transform.is_identity:
        raise InputError(f"{path}: has no geotransform, so its place is unknown; georeference it first (gdalwarp)")
    if dataset.transform.is_degenerate:
        raise InputError(f"{path}: its geotransform gives pixels no area; georeference it again (gdalwarp)")
