"""Opens rasters and checks what every raster must have: readable pixels and a location on the ground."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import rasterio
from affine import Affine
from rasterio.errors import NotGeoreferencedWarning

from road_extract.base.coordinates import full_turn, horizontal_crs, parse_crs, to_geodetic, turns_to
from road_extract.base.errors import InputError
from road_extract.base.grid import RasterGrid
from road_extract.base.urls import is_remote, to_gdal_path
from road_extract.io.allowed import check_allowed, check_link, check_references, trusted
from road_extract.io.archives import is_archive, name_inside, unpacked
from road_extract.io.raster.blocks import check_blocks
from road_extract.io.raster.drivers import drivers, open_with
from road_extract.io.raster.gdal_errors import ANY_ERRORS, READ_ERRORS, ask
from road_extract.io.raster.remote import RemoteDataset, is_networked
from road_extract.io.raster.subdatasets import choose_subdataset
from road_extract.io.vrt_text import is_vrt

#: GDAL's default is a twentieth of the machine's memory; this holds a row of 512 px blocks of a scene of 100,000
#: columns. GDAL_CACHEMAX in the environment takes precedence. In bytes, because rasterio does not accept megabytes.
BLOCK_CACHE_BYTES = 256 * 2**20

_NO_TEXTS: list[str] = []
#: Suffixes of formats whose drivers are often missing because they need proprietary libraries.
_LICENSED = {".ecw": "ECW", ".sid": "MrSID", ".jpeg2000": "JP2ECW"}


@contextmanager
def gdal_session(cache_bytes: int = BLOCK_CACHE_BYTES) -> Iterator[None]:
    """Apply GDAL's settings for reading and writing: a bounded cache, and no Python code from VRTs.

    Sidecar files (``.aux.xml``, world files) are read, because they may contain the CRS and the nodata value. This
    package never makes GDAL write one.
    """
    cache = {} if "GDAL_CACHEMAX" in os.environ else {"GDAL_CACHEMAX": cache_bytes}
    with rasterio.Env(GDAL_VRT_ENABLE_PYTHON="NO", **cache):
        yield


def open_raster(path: str, subdataset: str | None = None, **settings: str) -> Any:
    """Open a raster. Remote rasters survive short network failures, both now and while they are read.

    Args:
        path: Path, URL or GDAL name. If it is an archive with one raster, that raster is opened.
        subdataset: Number (from 1) or name of the raster to open in a container.
        settings: Options for GDAL's driver.

    Raises:
        InputError: If GDAL cannot open it, it is a container of several rasters and none is named, or its blocks do not
            fit into memory.
    """
    check_allowed(path)
    name = to_gdal_path(path)
    if is_archive(name):
        name = name_inside(name)
    name = unpacked(name)
    dataset = _open(path, name, settings)
    if dataset.count == 0 or subdataset is not None:
        found = ask(lambda: list(map(str, dataset.subdatasets)), _NO_TEXTS)
        if dataset.count == 0 or found:
            dataset.close()
            return _open(path, choose_subdataset(path, found, subdataset), settings)
    return dataset


def _open(path: str, name: str, settings: dict[str, str]) -> Any:
    check_references(name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)  # `check_georeference` explains it
            dataset = _open_anywhere(name, settings)
    except ANY_ERRORS as error:
        raise InputError(f"{path}: cannot be opened as a raster ({error}); {_expected(path)}") from error
    try:
        check_blocks(dataset, path)
    except InputError:
        dataset.close()
        raise
    return dataset


def _expected(path: str) -> str:
    """Advise what to do about a file that GDAL cannot open."""
    driver = _LICENSED.get(Path(path).suffix.lower())
    if driver is not None:
        return f"this GDAL has no driver for {driver}; a GeoTIFF made of it with a program that has one can be read"
    if is_remote(path):
        return "expected a GeoTIFF or another raster; check the address, credentials and network"
    return "expected a GeoTIFF or another raster that GDAL can read"


def _open_anywhere(path: str, settings: dict[str, str]) -> Any:
    names = None if trusted() else drivers(with_vrt=not is_remote(path) or is_vrt(path) or path[:1] == "<")
    if is_remote(path):
        dataset = RemoteDataset(path, settings, names)
        _check_files(dataset, path)
        return dataset
    dataset = open_with(path, names, **settings)
    if not is_networked(dataset, path):
        return dataset
    dataset.close()
    return RemoteDataset(path, settings, names)


def _check_files(dataset: Any, path: str) -> None:
    """Check the files that a remote VRT refers to, if only GDAL can read its text."""
    if trusted() or path[:1] == "<" or dataset.driver != "VRT":
        return
    for file in ask(lambda: list(map(str, dataset.files)), _NO_TEXTS):
        if not is_remote(file) and not file.startswith("/vsi"):
            dataset.close()
            check_link(path, file)


@contextmanager
def readable(path: str) -> Iterator[None]:
    """Turn errors of reading pixels inside this block into an InputError."""
    try:
        yield
    except READ_ERRORS as error:
        cause = error.__cause__ or error
        damage = "the network keeps failing, or the file" if is_remote(path) else "the file"
        raise InputError(
            f"{path}: its pixels cannot be read ({cause}); {damage} is damaged, cut short, or refers to a missing file"
        ) from error


def crs_of(dataset: Any, path: str, assumed: str | None) -> str:
    """Return the horizontal CRS as WKT; heights do not matter here.

    Args:
        dataset: An open raster.
        path: For messages.
        assumed: CRS to use if the raster has none, or one that PROJ cannot use.

    Raises:
        InputError: If there is no usable CRS and no assumed one.
    """
    own = ask(lambda: dataset.crs.to_wkt() if dataset.crs else None, None)
    if own:
        try:
            flat = horizontal_crs(str(own))
            to_geodetic(flat)
            return flat
        except InputError as error:
            if assumed is None:
                raise InputError(
                    f"{path}: {error}; --assume-crs EPSG:... replaces a CRS that cannot be used"
                ) from error
    if assumed is None:
        raise InputError(f"{path}: has no CRS; specify it (--assume-crs EPSG:...)")
    return assumed_crs(assumed)


def assumed_crs(text: str) -> str:
    """Return the CRS that the user specified, as WKT.

    Raises:
        InputError: If PROJ does not know it.
    """
    try:
        return horizontal_crs(str(parse_crs(text).to_wkt()))
    except InputError as error:
        raise InputError(f"--assume-crs {text}: is not a known CRS; expected one such as EPSG:32611") from error


def check_georeference(dataset: Any, path: str) -> None:
    """Check that the pixels have a location and an area.

    Raises:
        InputError: If they do not.
    """
    if dataset.transform.is_identity:
        raise InputError(
            f"{path}: has no geotransform, so its location is unknown; add a world file next to it: six lines in "
            f"{Path(path).stem}.wld with pixel width, 0, 0, minus pixel height, and x and y of the centre of the upper "
            "left pixel"
        )
    if dataset.transform.is_degenerate:
        raise InputError(
            f"{path}: its geotransform gives pixels no area; correct it in the file (a world file is ignored)"
        )


def grid_of(dataset: Any, path: str, assume_crs: str | None) -> RasterGrid:
    """Return the grid of a raster. Longitudes are within half a turn of Greenwich, whatever range the file uses.

    Raises:
        InputError: If it is not georeferenced.
    """
    crs = crs_of(dataset, path, assume_crs)
    check_georeference(dataset, path)
    transform = _nearest_turn(dataset.transform, dataset.shape, crs)
    return RasterGrid(dataset.height, dataset.width, transform, crs, ask(lambda: dataset.nodata, None))


def _nearest_turn(transform: Affine, shape: tuple[int, int], crs: str, near: float = 0.0) -> Affine:
    turn = full_turn(crs)
    height, width = shape
    if turn is None or abs(transform.a) * width > turn / 2:
        return transform
    shift = turns_to((transform * (width / 2, height / 2))[0], near, turn)
    return Affine.translation(shift, 0) * transform if shift else transform
