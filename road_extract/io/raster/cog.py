"""Turns a finished GeoTIFF into a Cloud-Optimized GeoTIFF with GDAL's driver for them, and checks creation options.

A Cloud-Optimized GeoTIFF (OGC 21-026) begins with the directories of all its levels, so a reader on the other side of
a network finds any part of any level in two requests. They can only be written when all pixels are known.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import rasterio
import rasterio.shutil
from rasterio.io import MemoryFile
from rasterio.transform import Affine

from road_extract.base.errors import InputError
from road_extract.base.levels import NODATA
from road_extract.io.raster.gdal_errors import ANY_ERRORS
from road_extract.io.raster.gdal_log import capture_gdal_log

BLOCK_PX = 256

_DEFAULTS = {"COMPRESS": "DEFLATE", "LEVEL": "6", "BLOCKSIZE": str(BLOCK_PX), "BIGTIFF": "IF_SAFER"}
#: Options that other parts of the writer decide.
_FIXED = {"OVERVIEWS": "AUTO", "NUM_THREADS": "ALL_CPUS"}
_TRIAL_PX = 600


def write_cog(source: Path, out: Path, creation_options: Sequence[str]) -> None:
    """Copy a raster, block by block, with its overviews and metadata.

    Args:
        source: GeoTIFF with its overviews.
        out: File to write.
        creation_options: NAME=VALUE for GDAL's COG driver.

    Raises:
        RasterioError: If it cannot be written.
    """
    with rasterio.Env(GDAL_PAM_ENABLED="NO"):
        rasterio.shutil.copy(source, out, driver="COG", **_settings(tuple(creation_options)))


def check_creation_options(creation_options: Sequence[str]) -> None:
    """Check, before any work, that GDAL accepts creation options and that they change no pixel.

    Args:
        creation_options: NAME=VALUE for GDAL's COG driver (gdal.org/drivers/raster/cog.html).

    Raises:
        InputError: If one has no value, is unknown or impossible, or produces a raster with other pixels or another
            grid.
    """
    if creation_options:
        _check(tuple(creation_options))


@lru_cache
def _check(creation_options: tuple[str, ...]) -> None:
    settings = _settings(creation_options)
    shown = " ".join(creation_options)
    pixels = np.random.default_rng(0).integers(0, 255, (_TRIAL_PX, _TRIAL_PX), dtype=np.uint8, endpoint=True)
    profile = {"driver": "GTiff", "dtype": "uint8", "count": 1, "height": _TRIAL_PX, "width": _TRIAL_PX,
               "crs": "EPSG:32633", "transform": Affine(1, 0, 500_000, 0, -1, 5_000_000), "nodata": NODATA}  # fmt: skip
    with MemoryFile() as given, MemoryFile() as copied:
        with given.open(**profile) as dataset:
            dataset.write(pixels, 1)
            dataset.build_overviews([2])
        with capture_gdal_log() as messages:
            try:
                rasterio.shutil.copy(given.name, copied.name, driver="COG", **settings | {"NUM_THREADS": "1"})
            except ANY_ERRORS as error:
                messages.append(str(error))
        if messages:
            reason = re.sub(r"^CPLE_\w+ in ", "", messages[0].strip()).rstrip(".")
            raise InputError(
                f"creation options {shown}: GDAL rejects them ({reason}); see the documentation of its COG driver"
            )
        with copied.open() as dataset:
            grid = (dataset.shape, dataset.transform, dataset.overviews(1))
            if grid != (pixels.shape, profile["transform"], [2]) or not np.array_equal(dataset.read(1), pixels):
                raise InputError(
                    f"creation options {shown}: change pixels, grid or overviews; choose lossless compression"
                )


def _settings(creation_options: tuple[str, ...]) -> dict[str, str]:
    settings = {**_DEFAULTS, **_FIXED}
    for text in creation_options:
        name, equals, value = text.partition("=")
        if not (name.isidentifier() and equals and value):
            raise InputError(f"creation option {text!r} is not NAME=VALUE, such as COMPRESS=ZSTD")
        settings[name.upper()] = value
    if settings["COMPRESS"].upper() != "DEFLATE" and not any(
        part.upper().startswith("LEVEL=") for part in creation_options
    ):
        del settings["LEVEL"]  # its meaning depends on the compression
    return settings
