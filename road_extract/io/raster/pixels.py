"""Reads the pixels of an open scene, with their validity."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import rasterio
from rasterio.enums import Resampling
from rasterio.windows import Window as RioWindow

from road_extract.base.windows import Window
from road_extract.io.raster.opening import readable
from road_extract.io.raster.probing import Pixels

_SAMPLE_PX = 1024
#: Columns of a remote scene that are fetched at once.
_AHEAD_PX = 1024


@dataclass(frozen=True, slots=True)
class PixelReader:
    """Reads some bands of a file.

    Attributes:
        path: For messages.
        bands: Counted from 1.
        all_valid: Whether no pixel is marked as invalid.
    """

    path: str
    bands: tuple[int, ...]
    all_valid: bool

    def read(
        self, dataset: rasterio.DatasetReader, window: RioWindow, shape: tuple[int, int], resampling: Resampling
    ) -> Pixels:
        """Pixels (rows, cols, bands) and validity (rows, cols) of a window of the file, resampled to a shape.

        Raises:
            InputError: If the file is damaged there.
        """
        with readable(self.path):
            valid = np.ones(shape, np.bool_)
            if not self.all_valid:
                # a resampled pixel is valid if its centre is; the average below leaves invalid pixels out
                valid = dataset.dataset_mask(window=window, out_shape=shape, resampling=Resampling.nearest) > 0
            if not valid.any():  # if the mask is stored separately, the pixels need not be decoded
                return np.zeros((*shape, len(self.bands)), dataset.dtypes[self.bands[0] - 1]), valid
            pixels = dataset.read(self.bands, window=window, out_shape=(len(self.bands), *shape), resampling=resampling)
        if pixels.dtype.kind == "f":  # NaN and infinity are not brightness values
            valid = valid & np.isfinite(pixels).all(axis=0)
            pixels[:, ~valid] = 0
        return pixels.transpose(1, 2, 0), valid

    def sample(self, dataset: rasterio.DatasetReader) -> Pixels:
        """Sample pixels across the whole file, about a million at most: (rows, cols, bands) and validity (rows, cols).

        They come from the overviews, or from a regular grid of small windows if there are none.
        """
        height, width = dataset.shape
        if not dataset.overviews(self.bands[0]) and height * width > 16 * _SAMPLE_PX**2:
            spots = list(_sample_spots(height, width))
            parts = [self.read(dataset, spot, (64, 64), Resampling.nearest) for spot in spots]
            pixels, valid = np.concatenate([p for p, _ in parts]), np.concatenate([v for _, v in parts])
            if valid.any():
                return pixels, valid
        shrink = max(1.0, max(height, width) / _SAMPLE_PX)
        shape = (max(1, round(height / shrink)), max(1, round(width / shrink)))
        return self.read(dataset, RioWindow(0, 0, width, height), shape, Resampling.nearest)


def _sample_spots(height: int, width: int) -> Iterator[RioWindow]:
    for row in np.linspace(0, height - 64, 16).astype(int):
        for col in np.linspace(0, width - 64, 16).astype(int):
            yield RioWindow(int(col), int(row), 64, 64)


class FetchAhead:
    """Loads blocks of a remote scene into GDAL's cache.

    GDAL fetches the blocks of one call together and exactly. A single block is fetched with a surplus that doubles from
    call to call.
    """

    def __init__(self, path: str, bands: tuple[int, ...], part: Window) -> None:
        self._path, self._bands, self._part = path, bands, part
        self._fetched: Window | None = None

    def fetch(self, dataset: Any, wanted: RioWindow) -> None:
        """Load the blocks of a window of the file, and some to its right."""
        part, fetched = self._part, self._fetched
        row, row_end = int(wanted.row_off), min(part.row_end, int(np.ceil(wanted.row_off + wanted.height)))
        col, col_end = int(wanted.col_off), min(part.col_end, int(np.ceil(wanted.col_off + wanted.width)))
        if fetched and (fetched.row_off, fetched.row_end) == (row, row_end) and fetched.col_off <= col:
            col = max(col, fetched.col_end)
        if col >= col_end:
            return
        col_end = min(max(col_end, col + _AHEAD_PX), part.col_end)
        self._fetched = Window(col, row, col_end - col, row_end - row)
        with readable(self._path):
            dataset.read(self._bands, window=RioWindow(col, row, col_end - col, row_end - row))
