"""Small pictures of scenes, with shapes drawn over them."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.features import rasterize
from rasterio.io import MemoryFile
from scipy import ndimage

from road_extract.base.arrays import BoolArray, ByteArray
from road_extract.base.errors import OutputError
from road_extract.base.files import replacing
from road_extract.base.grid import RasterGrid
from road_extract.io.raster.opening import grid_of, open_raster, readable
from road_extract.io.raster.views import plan_view

_NAMES = ("red", "green", "blue")

#: Number of pixels whose percentiles are taken, and rows that are stretched at once.
_PERCENTILE_PX = 1 << 22
_STRIP_ROWS = 256

# Lines are rasterized one pixel wide; this makes them two pixels wide.
_BRUSH = np.ones((2, 2), np.bool_)


def read_picture(
    path: str,
    size_px: int,
    assume_crs: str | None = None,
    wanted: tuple[int, ...] | None = None,
) -> tuple[ByteArray, RasterGrid]:
    """Read a whole raster, reduced so that its longer side has at most ``size_px`` pixels.

    Args:
        path: Any raster with a place.
        size_px: Longer side of the picture.
        assume_crs: CRS of a raster that has none.
        wanted: Bands to show, counted from 1.

    Returns:
        (rows, cols, 3) uint8, stretched between the 2nd and 98th percentile, and its grid.

    Raises:
        InputError: If it cannot be read.
    """
    with open_raster(path) as plain:
        view = plan_view(plain, path, wanted, _NAMES, assume_crs=assume_crs)
    with open_raster(view.name) as dataset:
        grid = grid_of(dataset, path, assume_crs)
        shrink = max(1.0, max(dataset.shape) / size_px)
        grid = grid.resize(max(1, round(grid.height / shrink)), max(1, round(grid.width / shrink)))
        bands = view.bands if len(view.bands) == 3 else view.bands[:1] * 3
        shape = (grid.height, grid.width)
        with readable(path):
            pixels = dataset.read(bands, out_shape=(3, *shape), resampling=rasterio.enums.Resampling.average)
            valid = dataset.dataset_mask(out_shape=shape) > 0
    valid &= np.isfinite(pixels).all(axis=0)
    return _stretch(pixels.transpose(1, 2, 0), valid), grid


def _stretch(pixels: NDArray[Any], valid: BoolArray) -> ByteArray:
    """Stretch (rows, cols, bands) between the 2nd and 98th percentile; invalid pixels become black."""
    # percentiles of a regular sample: exact for a preview, and quick for a large picture
    step = math.isqrt(valid.size // _PERCENTILE_PX) + 1
    sample, known = pixels[::step, ::step], valid[::step, ::step]
    low, high = np.percentile(sample[known], (2, 98)) if known.any() else (0, 1)
    stretched = np.zeros(pixels.shape, np.uint8)
    for row in range(0, len(pixels), _STRIP_ROWS):  # floating-point copies of the whole picture would be large
        strip = slice(row, row + _STRIP_ROWS)
        seen = valid[strip, :, None]
        unit = np.clip((np.where(seen, pixels[strip], low) - low) / (high - low or 1), 0, 1)
        stretched[strip] = np.where(seen, unit * 255, 0)
    return stretched


def draw_shapes(picture: ByteArray, shapes: Sequence[Any], grid: RasterGrid, colour: tuple[int, int, int]) -> ByteArray:
    """Draw areas with a light fill and an outline, and lines two pixels wide.

    Args:
        picture: (rows, cols, 3).
        shapes: Shapely geometries in the grid's CRS.
        grid: Grid of the picture.
        colour: RGB.

    Returns:
        (rows, cols, 3) uint8.
    """
    areas = [shape for shape in shapes if "Polygon" in shape.geom_type]
    inside = _burn(areas, grid)
    lines = ndimage.binary_dilation(_burn([shape for shape in shapes if "Line" in shape.geom_type], grid), _BRUSH)
    drawn = picture.astype(np.float32)
    drawn[inside] = 0.65 * drawn[inside] + 0.35 * np.array(colour, np.float32)
    drawn[(inside & ~ndimage.binary_erosion(inside)) | lines] = colour
    return drawn.astype(np.uint8)


def _burn(shapes: Sequence[Any], grid: RasterGrid) -> BoolArray:
    shape = (grid.height, grid.width)
    if not shapes:
        return np.zeros(shape, np.bool_)
    return np.asarray(rasterize(shapes, shape, transform=grid.transform), np.bool_)


def write_png(path: Path, picture: ByteArray) -> None:
    """Write (rows, cols, 3) uint8.

    Raises:
        OutputError: If it cannot be written.
    """
    rows, cols, bands = picture.shape
    with replacing(path) as temp, rasterio.Env(GDAL_PAM_ENABLED="NO"), warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)  # a picture is not georeferenced
        try:
            with rasterio.open(temp, "w", driver="PNG", width=cols, height=rows, count=bands, dtype="uint8") as dataset:
                dataset.write(picture.transpose(2, 0, 1))
        except RasterioError as error:
            raise OutputError(f"{path}: cannot be written ({error})") from error


def to_colour_picture(pixels: NDArray[Any], valid: BoolArray) -> ByteArray:
    """Turn the pixels of a scene into a picture.

    Args:
        pixels: (rows, cols, bands) of any numeric type; the first three bands are shown, or the first one as grey.
        valid: (rows, cols).

    Returns:
        Red, green, blue and opacity, (rows, cols, 4) uint8: stretched between the 2nd and 98th percentile, and
        transparent where there is no data.
    """
    colours = pixels[..., :3] if pixels.shape[-1] >= 3 else np.repeat(pixels[..., :1], 3, axis=-1)
    return np.concatenate([_stretch(colours, valid), np.where(valid, 255, 0).astype(np.uint8)[..., None]], axis=-1)


def encode_webp(picture: ByteArray, quality: int = 78) -> bytes:
    """Encode (rows, cols, 4) uint8 as WebP.

    Raises:
        OutputError: If this GDAL has no WebP driver, or a side is longer than WebP's 16,383 pixels.
    """
    opaque = bool((picture[..., 3] == 255).all())
    return _encode(picture[..., :3] if opaque else picture, "WEBP", QUALITY=str(quality))


def encode_palette_png(indices: ByteArray, colours: Mapping[int, tuple[int, int, int, int]]) -> bytes:
    """Encode (rows, cols) uint8 as a PNG with a palette of red, green, blue and opacity.

    Raises:
        OutputError: If it cannot be encoded.
    """
    return _encode(indices[..., None], "PNG", colours, ZLEVEL="9")


def _encode(
    picture: ByteArray, driver: str, colours: Mapping[int, tuple[int, int, int, int]] | None = None, **options: str
) -> bytes:
    rows, cols, bands = picture.shape
    profile = {"driver": driver, "width": cols, "height": rows, "count": bands, "dtype": "uint8", **options}
    with rasterio.Env(GDAL_PAM_ENABLED="NO"), MemoryFile() as file, warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        try:
            with file.open(**profile) as dataset:
                dataset.write(picture.transpose(2, 0, 1))
                if colours is not None:
                    dataset.write_colormap(1, dict(colours))
        except RasterioError as error:
            raise OutputError(f"the picture of the scene cannot be encoded as {driver} ({error})") from error
        return bytes(file.read())
