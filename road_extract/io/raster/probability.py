"""Reads probability rasters and masks from any source, as strips of 8-bit probability."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from rasterio.enums import MaskFlags, Resampling
from rasterio.windows import Window as RioWindow

from road_extract.base.arrays import BoolArray, ByteArray, Float32Array
from road_extract.base.errors import InputError
from road_extract.base.grid import RasterGrid
from road_extract.base.levels import PROBABILITY_MAX
from road_extract.base.urls import redact
from road_extract.base.windows import Window
from road_extract.io.raster.bands import colours_of
from road_extract.io.raster.gdal_errors import ask
from road_extract.io.raster.meaning import Meaning, find_meaning
from road_extract.io.raster.opening import BLOCK_CACHE_BYTES, grid_of, open_raster, readable
from road_extract.io.raster.views import placed_name

log = logging.getLogger("road_extract")

#: Tag of every raster that this package writes.
MADE_BY_TAG = "ROAD_EXTRACT_VERSION"
MODEL_TAG = "ROAD_EXTRACT_MODEL"
BACKEND_TAG = "ROAD_EXTRACT_BACKEND"
THRESHOLD_TAG = "ROAD_EXTRACT_THRESHOLD"
TRUE_WIDTH_TAG = "ROAD_EXTRACT_TRUE_WIDTH"
#: Pixels per strip: wide scenes get few rows, which suits memory and CPU caches.
STRIP_PX = 1 << 20
#: How far rounding may move a probability beyond 0 and 1.
_SLACK = 1e-4
_COMPARED_PX = 512

_NO_MASK = "{path}: has {count} bands of {dtype}; expected one band of probabilities, or of 0 and 1"

_Found = tuple[BoolArray, BoolArray, ByteArray]
#: Turns values and their validity into road, validity and levels.
_Find = Callable[[NDArray[Any], BoolArray], _Found]


class ProbabilityRaster:
    """An open probability raster or mask.

    Attributes:
        grid: Grid of the raster.
        threshold: Threshold recorded in the file, or None.
        model: Model recorded in the file; may be empty.
        true_width: Whether the file records that its model was trained on true road widths.
        is_mask: Whether it contains only two values, so that there are no graded probabilities.
    """

    def __init__(self, path: str, assume_crs: str | None = None, assume_grid: RasterGrid | None = None) -> None:
        """Open a raster.

        Args:
            path: Any raster that GDAL opens.
            assume_crs: CRS to use if the raster has none.
            assume_grid: Grid to use if the raster is not georeferenced and has that size.

        Raises:
            InputError: If it is not such a raster, or is not georeferenced.
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
        self._place(assume_crs, assume_grid)
        self._check_bands()
        tags: dict[str, str] = ask(self._dataset.tags, {})
        self.threshold = _number(tags.get(THRESHOLD_TAG))
        self.model = str(tags.get(MODEL_TAG, ""))
        self.true_width = tags.get(TRUE_WIDTH_TAG) == "yes"
        self._zero_is_ground = False
        meaning = self._find_meaning(tags)
        self._scale, self._offset, self.is_mask = meaning.scale, meaning.offset, meaning.is_mask
        self._zero_is_ground = meaning.zero_is_ground
        if self._several and not self.is_mask:
            raise InputError(_NO_MASK.format(path=self.path, count=self._dataset.count, dtype=self._dataset.dtypes[0]))
        if meaning.remark:
            log.log(meaning.level, "%s: %s", redact(self.path), meaning.remark)

    def _place(self, assume_crs: str | None, assume_grid: RasterGrid | None) -> None:
        dataset = self._dataset
        if assume_grid is not None and dataset.transform.is_identity and dataset.shape == assume_grid.shape:
            self.grid = assume_grid
            return
        placed = placed_name(dataset, self.path, assume_crs)
        if placed is not None:
            name, (level, text) = placed
            log.log(level, "%s: %s", redact(self.path), text)
            self._dataset = open_raster(name)
            dataset.close()
        self.grid = grid_of(self._dataset, self.path, assume_crs)

    def _check_bands(self) -> None:
        """Check that there is one band, or several equal ones as in pictures of masks."""
        dataset = self._dataset
        data = [band for band, colour in enumerate(colours_of(dataset), 1) if colour != "alpha"]
        self._several = len(data) > 1
        grey = not self._several or (len(data) in (3, 4) and self._are_equal(data[:3]))
        if not grey or dataset.dtypes[0].startswith("complex"):
            raise InputError(_NO_MASK.format(path=self.path, count=dataset.count, dtype=dataset.dtypes[0]))

    def _are_equal(self, bands: list[int]) -> bool:
        shrink = max(1.0, max(self._dataset.shape) / _COMPARED_PX)
        shape = [max(1, round(side / shrink)) for side in self._dataset.shape]
        with readable(self.path):
            first, *others = self._dataset.read(bands, out_shape=(len(bands), *shape))
        return all(np.array_equal(first, other) for other in others)

    def _find_meaning(self, tags: dict[str, str]) -> Meaning:
        dataset = self._dataset
        dtype, nodata = str(dataset.dtypes[0]), dataset.nodata
        scale, offset = float(dataset.scales[0]), float(dataset.offsets[0])
        if (scale, offset) != (1.0, 0.0):
            return Meaning(scale, offset)
        if MADE_BY_TAG in tags:
            return Meaning(1.0, is_mask=dtype[0] in "iub")
        self._zero_is_ground = nodata == 0  # so that zeros count as values
        return find_meaning(self.path, dtype, nodata, (self._read(window) for window in self._strips()))

    @property
    def cache_bytes(self) -> int:
        """GDAL cache needed to read in strips: rows of blocks of the values and of their mask."""
        dataset = self._dataset
        row_of_blocks = dataset.block_shapes[0][0] * dataset.width * np.dtype(dataset.dtypes[0]).itemsize
        return int(np.clip(3 * row_of_blocks, BLOCK_CACHE_BYTES // 2, BLOCK_CACHE_BYTES))

    def iter_strips(self) -> Iterator[tuple[int, Float32Array, BoolArray]]:
        """Iterate over strips from the top: row offset, probability in 0..1 and validity, both (rows, cols).

        Raises:
            InputError: If the file is damaged or a value is not a probability.
        """
        for window in self._strips():
            yield window.row_off, *self.read(window)

    def iter_levels(self, threshold: float) -> Iterator[tuple[int, BoolArray, BoolArray, ByteArray]]:
        """Iterate over strips from the top: row offset, road, validity and probability in steps of 1/254, (rows, cols).

        Args:
            threshold: Probability from which a pixel is road.

        Raises:
            InputError: If the file is damaged or a value is not a probability.
        """
        find = self._find_bytes(threshold) or self._find_any(threshold)
        for window in self._strips():
            values, valid = self._read(window)
            yield window.row_off, *find(values, valid)

    def read(self, window: Window) -> tuple[Float32Array, BoolArray]:
        """Read a window inside the grid: probability in 0..1 and validity, both (rows, cols).

        Raises:
            InputError: If the file is damaged or a value is not a probability.
        """
        values, valid = self._read(window)
        return self._to_probability(values, valid), valid

    def overview(self, size_px: int, part: Window | None = None) -> tuple[ByteArray, BoolArray, RasterGrid]:
        """Read the raster, or a part of it, at a reduced size.

        Args:
            size_px: Longest side of the result; a smaller raster is not enlarged.
            part: Window inside the grid.

        Returns:
            Probability in steps of 1/254 and validity, both (rows, cols), and their grid.

        Raises:
            InputError: If the file is damaged or a value is not a probability.
        """
        part = part or Window(0, 0, self.grid.width, self.grid.height)
        shrink = max(1.0, max(part.width, part.height) / size_px)
        shape = (max(1, round(part.height / shrink)), max(1, round(part.width / shrink)))
        place = RioWindow(part.col_off, part.row_off, part.width, part.height)
        settings = {"window": place, "out_shape": shape}
        with self._lock, readable(self.path):
            values = self._dataset.read(1, resampling=Resampling.average, **settings)
            valid = np.ones(shape, np.bool_)
            if not (self._zero_is_ground or MaskFlags.all_valid in self._dataset.mask_flag_enums[0]):
                valid = self._dataset.read_masks(1, resampling=Resampling.nearest, **settings) > 0
        valid &= np.isfinite(values)
        levels = np.rint(self._to_probability(values, valid) * np.float32(PROBABILITY_MAX)).astype(np.uint8)
        return levels, valid, self.grid.crop(part).resize(*shape)

    def _strips(self) -> Iterator[Window]:
        strip_rows = max(1, STRIP_PX // self.grid.width)
        for row in range(0, self.grid.height, strip_rows):
            yield Window(0, row, self.grid.width, min(strip_rows, self.grid.height - row))

    def _read(self, window: Window) -> tuple[NDArray[Any], BoolArray]:
        place = RioWindow(window.col_off, window.row_off, window.width, window.height)
        with self._lock, readable(self.path):
            values = self._dataset.read(1, window=place)
            return values, self._read_valid(values, place)

    def _find_any(self, threshold: float) -> _Find:
        def find(values: NDArray[Any], valid: BoolArray) -> _Found:
            probability = self._to_probability(values, valid)
            levels = np.rint(probability * np.float32(PROBABILITY_MAX)).astype(np.uint8)
            return valid & (probability >= threshold), valid, levels

        return find

    def _find_bytes(self, threshold: float) -> _Find | None:
        """Look up 8-bit values in a table instead of computing; they must increase with the probability."""
        if self._dataset.dtypes[0] != "uint8" or not (self._scale > 0 and self._offset == 0):
            return None
        largest = min(255, int((1 + _SLACK) / self._scale))
        table = np.arange(largest + 1, dtype=np.uint8)
        find_any = self._find_any(threshold)
        road, _, levels = find_any(table, np.ones(len(table), np.bool_))
        first = np.uint8(np.argmax(road))
        # levels that are multiples of the values need no table
        factor = levels[-1] // table[-1] if largest else np.uint8(0)
        is_multiple = np.array_equal(levels, table.astype(np.int64) * factor)

        def find(values: NDArray[Any], valid: BoolArray) -> _Found:
            known = values * valid  # nodata becomes 0
            if known.max(initial=0) > largest:
                return find_any(values, valid)  # reports what is wrong
            found = valid & (known >= first) if road.any() else np.zeros_like(valid)
            return found, valid, known * factor if is_multiple else levels.take(known)

        return find

    def _read_valid(self, values: NDArray[Any], window: RioWindow) -> BoolArray:
        if self._zero_is_ground or MaskFlags.all_valid in self._dataset.mask_flag_enums[0]:
            valid = np.ones(values.shape, np.bool_)
        else:
            valid = self._dataset.read_masks(1, window=window) > 0
        if values.dtype.kind == "f":
            valid &= ~np.isnan(values)
        return valid

    def _to_probability(self, values: NDArray[Any], valid: BoolArray) -> Float32Array:
        values = np.where(valid, values, 0)  # nodata values may exceed float32
        probability = values.astype(np.float32) * np.float32(self._scale) + np.float32(self._offset)
        probability[~valid] = 0
        # 8-bit scales are rounded when stored: 254 may come back as 1.0000001
        if probability.size and not (probability.min() >= -_SLACK and probability.max() <= 1 + _SLACK):
            found = probability.min() if probability.min() < 0 else probability.max()
            raise InputError(f"{self.path}: contains the value {found:g}; expected probabilities from 0 to 1")
        clipped: Float32Array = np.clip(probability, 0, 1)
        return clipped

    def close(self) -> None:
        """Close the file. Reads that are still running in other threads fail."""
        with self._lock:
            self._dataset.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *args: object) -> None:
        self.close()


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
