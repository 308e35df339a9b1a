"""Probability rasters and masks, whoever made them, as strips of 8-bit probability."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from rasterio.enums import MaskFlags
from rasterio.windows import Window as RioWindow

from road_extract.errors import InputError
from road_extract.grid import RasterGrid
from road_extract.raster_io.opening import BLOCK_CACHE_BYTES, check_georeference, crs_of, open_raster, readable
from road_extract.windows import Window

MODEL_TAG = "ROAD_EXTRACT_MODEL"
THRESHOLD_TAG = "ROAD_EXTRACT_THRESHOLD"
TRUE_WIDTH_TAG = "ROAD_EXTRACT_TRUE_WIDTH"
#: Of a strip: few rows where a scene is wide, for memory and the processor's caches.
STRIP_PX = 1 << 20


class ProbabilityRaster:
    """An open single-band raster of probabilities or of 0 and 1.

    Attributes:
        grid: Its grid.
        threshold: The one its maker recorded, if any.
        model: The model that its maker recorded; empty if none.
        true_width: Whether its maker recorded that the model was trained on roads of their true widths.
        is_mask: Whether it holds 0 and 1 only, so that no probability can be told.
    """

    def __init__(self, path: str, assume_crs: str | None = None, assume_grid: RasterGrid | None = None) -> None:
        """Open it.

        Args:
            path: Any raster that GDAL opens.
            assume_crs: CRS of a raster that has none.
            assume_grid: Grid of a raster that has no place at all and is of that size.

        Raises:
            InputError: If it is no such raster, or has no place on the earth.
        """
        self.path = path
        self._lock = threading.Lock()
        self._dataset = open_raster(path)
        try:
            self._set_up(assume_crs, assume_grid)
        except BaseException:
            self._dataset.close()
            raise

    def _set_up(self, assume_crs: str | None, assume_grid: RasterGrid | None) -> None:
        dataset = self._dataset
        if dataset.count != 1 or dataset.dtypes[0].startswith("complex"):
            raise InputError(
                f"{self.path}: has {dataset.count} bands of {dataset.dtypes[0]}; expected one band of probabilities or "
                "of 0 and 1"
            )
        if assume_grid is not None and dataset.transform.is_identity and dataset.shape == assume_grid.shape:
            self.grid = assume_grid
        else:
            crs = crs_of(dataset, self.path, assume_crs)
            check_georeference(dataset, self.path)
            self.grid = RasterGrid(dataset.height, dataset.width, dataset.transform, crs, dataset.nodata)
        self._scale, self._offset = dataset.scales[0], dataset.offsets[0]
        self.is_mask = dataset.dtypes[0][0] in "iub" and (self._scale, self._offset) == (1, 0)
        self.threshold = self._read_threshold()
        self.model = str(dataset.tags().get(MODEL_TAG, ""))
        self.true_width = dataset.tags().get(TRUE_WIDTH_TAG) == "yes"

    def _read_threshold(self) -> float | None:
        try:
            return float(self._dataset.tags()[THRESHOLD_TAG])
        except (KeyError, ValueError):
            return None

    @property
    def cache_bytes(self) -> int:
        """What reading it in strips needs of GDAL's cache: rows of blocks of values and of their mask."""
        dataset = self._dataset
        row_of_blocks = dataset.block_shapes[0][0] * dataset.width * np.dtype(dataset.dtypes[0]).itemsize
        return int(np.clip(3 * row_of_blocks, BLOCK_CACHE_BYTES // 2, BLOCK_CACHE_BYTES))

    def iter_strips(self) -> Iterator[tuple[int, NDArray[np.float32], NDArray[np.bool_]]]:
        """Row offset, probability (rows, cols) in 0..1 and validity (rows, cols), from the top.

        Raises:
            InputError: If the file is damaged or a value is no probability.
        """
        strip_rows = max(1, STRIP_PX // self.grid.width)
        for row in range(0, self.grid.height, strip_rows):
            rows = min(strip_rows, self.grid.height - row)
            yield row, *self.read(Window(0, row, self.grid.width, rows))

    def read(self, window: Window) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Probability (rows, cols) in 0..1 and validity (rows, cols) of a window inside the grid.

        Raises:
            InputError: If the file is damaged or a value is no probability.
        """
        place = RioWindow(window.col_off, window.row_off, window.width, window.height)
        with self._lock, readable(self.path):
            values = self._dataset.read(1, window=place)
            valid = self._read_valid(values, place)
        return self._to_probability(values, valid), valid

    def _read_valid(self, values: NDArray[Any], window: RioWindow) -> NDArray[np.bool_]:
        if MaskFlags.all_valid in self._dataset.mask_flag_enums[0]:
            valid = np.ones(values.shape, np.bool_)
        else:
            valid = self._dataset.read_masks(1, window=window) > 0
        if values.dtype.kind == "f":
            valid &= ~np.isnan(values)
        return valid

    def _to_probability(self, values: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[np.float32]:
        if self.is_mask:
            return self._mask_to_probability(values, valid)
        values = np.where(valid, values, 0)  # nodata values may lie outside of float32
        probability = values.astype(np.float32) * np.float32(self._scale) + np.float32(self._offset)
        probability[~valid] = 0
        # 8-bit scales are rounded when stored: 254 may come back as 1.0000001
        if len(probability) and not (probability.min() >= -1e-4 and probability.max() <= 1 + 1e-4):
            found = probability.min() if probability.min() < 0 else probability.max()
            raise InputError(f"{self.path}: holds the value {found:g}; expected probabilities from 0 to 1")
        clipped: NDArray[np.float32] = np.clip(probability, 0, 1)
        return clipped

    def _mask_to_probability(self, values: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[np.float32]:
        wrong = valid & (values != 0) & (values != 1)
        if wrong.any():
            raise InputError(
                f"{self.path}: holds the value {values[wrong][0]}; expected 0 and 1 (road), or integers with a "
                "scale tag that makes them 0 to 1 (for 0 and 255: gdal_edit.py -scale 0.00392157)"
            )
        return np.asarray(valid & (values == 1), np.float32)

    def close(self) -> None:
        """Close the file; who still reads, in whatever thread, gets an error."""
        with self._lock:
            self._dataset.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *args: object) -> None:
        self.close()
