"""Scenes the way the model needs them: selected bands on the inference grid, with a mask of valid pixels."""

from __future__ import annotations

import logging
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from rasterio.enums import MaskFlags, Resampling
from rasterio.features import geometry_mask
from rasterio.windows import Window as RioWindow

from road_extract.base.arrays import BoolArray
from road_extract.base.errors import InputError
from road_extract.base.geodesy import pixel_size_m
from road_extract.base.grid import RasterGrid
from road_extract.base.windows import Window
from road_extract.io.raster.bands import CATALOGUE, colours_of
from road_extract.io.raster.blocks import block_bytes
from road_extract.io.raster.extent import area_of, footprint, inference_grid, part_of
from road_extract.io.raster.gdal_errors import ask
from road_extract.io.raster.opening import grid_of, open_raster
from road_extract.io.raster.pixels import FetchAhead, PixelReader
from road_extract.io.raster.probing import Pixels, find_collar, is_dim, may_be_dim, read_probe
from road_extract.io.raster.remote import RemoteDataset
from road_extract.io.raster.scene_view import SceneView
from road_extract.io.raster.views import largest_value, plan_view
from road_extract.io.raster.vrt import bands_as_they_are, write_vrt
from road_extract.io.vrt_text import find_missing

log = logging.getLogger("road_extract")


class Scene:
    """An open scene; a `RasterSource`. Not safe to read from two threads at once."""

    def __init__(self, path: str, view: SceneView) -> None:
        """Open a scene.

        Raises:
            InputError: If it cannot be read or used; the message says what to do.
        """
        self.path = path
        self._dataset = open_raster(path, view.subdataset)
        self._full = self._dataset
        self.block_bytes = block_bytes(self._dataset)
        self._all_valid = False
        self._reach: float | None = None
        try:
            self._set_up(view)
        except BaseException:
            self.close()
            raise

    def _set_up(self, view: SceneView) -> None:
        self._see(view)
        dataset = self._dataset
        full = grid_of(dataset, self.path, view.assume_crs)
        self._part = part_of(full, view.bounds, self.path)
        self._native = native = full.crop(self._part)
        self.native_gsd_m = pixel_size_m(native)
        self.grid = native if view.native_gsd else inference_grid(native, self.native_gsd_m, view.gsd_m)
        self._factors = (native.height / self.grid.height, native.width / self.grid.width)
        self._resampling = Resampling.average if max(self._factors) > 1 else Resampling.bilinear
        self._all_valid = all(MaskFlags.all_valid in dataset.mask_flag_enums[b - 1] for b in self.bands)
        self._area = area_of(view, self.grid, footprint(native), self.path)
        # overviews may have been made by any method, so pixels are averaged from full resolution
        if self.resampled:
            self._full = open_raster(self._name, OVERVIEW_LEVEL="NONE")
        self._ahead = FetchAhead(self.path, self.bands, self._part)

    def _see(self, view: SceneView) -> None:
        """Replace the dataset by a virtual one if its values or its georeferencing require it."""
        plan = plan_view(self._dataset, self.path, view.bands, view.names, view.known_bands, view.assume_crs)
        self.bands, self.remarks = plan.bands, list(plan.remarks)
        self._name = self._source = str(self._dataset.name)
        pages = len(ask(lambda: list(self._dataset.subdatasets), [""]))
        if view.subdataset is None and pages > 1:
            self._remark(
                logging.WARNING, f"this is 1 of {pages} rasters in the file; use --subdataset to choose another"
            )
        self._reopen(plan.name)
        if view.nodata is not None and (value := self._nodata(view.nodata)) is not None:
            self._reopen(write_vrt(self._dataset, self._name, bands_as_they_are(self._dataset), value))

    def _reopen(self, name: str) -> None:
        if name != self._name:
            opened = open_raster(name)
            self._dataset.close()
            self._dataset = self._full = opened
            self._name = name

    def _nodata(self, wanted: str) -> float | None:
        """Nodata value for the requested setting."""
        if wanted != "auto":
            return float(wanted)
        if self._marks_invalid():
            self._remark(logging.INFO, "the scene already marks its invalid pixels, so --nodata auto has no effect")
            return None
        value = self._collar(read_probe(self._everything(), self._read_plain))
        text = "no collar was found" if value is None else f"pixels with the value {value:g} are taken as nodata"
        self._remark(logging.INFO, text)
        return value

    def _marks_invalid(self) -> bool:
        flags: list[Any] = ask(lambda: self._dataset.mask_flag_enums, [[]] * self._dataset.count)
        return not all(MaskFlags.all_valid in flags[band - 1] for band in self.bands)

    def _collar(self, parts: list[Pixels]) -> float | None:
        is_unsigned = np.dtype(self.dtype).kind == "u"
        white = [largest_value(self._dataset, self.bands[0])] if is_unsigned else []
        return find_collar(parts[:4], [0.0, *white])

    def _everything(self) -> Window:
        return Window(0, 0, self._dataset.width, self._dataset.height)

    def _read_plain(self, window: RioWindow) -> Pixels:
        return self._reader.read(self._dataset, window, (window.height, window.width), Resampling.nearest)

    def _remark(self, level: int, text: str) -> None:
        self.remarks.append((level, text))

    def probe(self) -> None:
        """Read a block in every corner and in the middle, and add remarks about unusual content.

        Raises:
            InputError: If the file is damaged or truncated there, or refers to missing files.
        """
        if missing := find_missing(self._source):
            raise InputError(f"{self.path}: {len(missing)} of the files it refers to are missing, such as {missing[0]}")
        parts = read_probe(self._part, self._read_plain)
        if not self._marks_invalid() and (value := self._collar(parts)) is not None:
            text = f"whole corners have the value {value:g} and count as valid; if they are not, use --nodata auto"
            self._remark(logging.WARNING, text)
        is_byte = self.dtype == "uint8" and largest_value(self._dataset, self.bands[0]) == 255
        if is_byte and may_be_dim(parts) and is_dim(*(sample := self.sample())):
            self._reach = float(sample[0][sample[1]].max())
            self._remark(logging.WARNING, f"8-bit values only reach {self._reach:g} of 255, which is taken as white")

    @property
    def dtype(self) -> str:
        """Data type of the stored pixels."""
        return str(self._dataset.dtypes[self.bands[0] - 1])

    @property
    def bands_by_catalogue(self) -> bool:
        """Whether the bands were chosen by their names in a catalogue."""
        return any(CATALOGUE in text for _, text in self.remarks)

    @property
    def value_range(self) -> tuple[float, float] | None:
        """Smallest and largest value that pixels can have; None if it has to be measured on the pixels.

        For 8-bit pixels, it is the range of their bits, or the part of it that they use if `probe` found it small.
        """
        if self.dtype != "uint8":
            return None
        return 0.0, self._reach or max(largest_value(self._dataset, band) for band in self.bands)

    @property
    def colours(self) -> tuple[str, ...]:
        """Colour interpretation of the bands in use."""
        colours = colours_of(self._dataset)
        return tuple(colours[band - 1] for band in self.bands)

    @property
    def resampled(self) -> bool:
        """Whether the inference grid differs from the scene's own."""
        return self._factors != (1.0, 1.0)

    def read(self, window: Window) -> tuple[NDArray[Any], BoolArray]:
        """Read pixels (rows, cols, bands) and validity (rows, cols) of a window of the inference grid.

        Raises:
            InputError: If the file is damaged there.
        """
        scale_y, scale_x = self._factors
        source = RioWindow(
            self._part.col_off + window.col_off * scale_x,
            self._part.row_off + window.row_off * scale_y,
            window.width * scale_x,
            window.height * scale_y,
        )
        if isinstance(self._full, RemoteDataset):
            self._ahead.fetch(self._full, source)
        pixels, valid = self._reader.read(self._full, source, (window.height, window.width), self._resampling)
        if self._area is not None:
            transform = self.grid.window_transform(window)
            valid &= geometry_mask([self._area], valid.shape, transform, invert=True)
        return pixels, valid

    def sample(self) -> Pixels:
        """Sample pixels across the whole file, about a million at most: (rows, cols, bands) and validity (rows, cols).

        They come from the overviews, or from a regular grid of small windows if there are none.
        """
        return self._reader.sample(self._dataset)

    def overview(self, size_px: int) -> tuple[NDArray[Any], BoolArray, RasterGrid]:
        """Read the whole scene, or its part inside the bounds, at a reduced size.

        Memory depends on ``size_px`` only. The area of interest does not matter here.

        Args:
            size_px: Longest side of the result; a smaller scene is not enlarged.

        Returns:
            Pixels (rows, cols, bands), validity (rows, cols), and their grid.

        Raises:
            InputError: If the file is damaged.
        """
        part = self._part
        shrink = max(1.0, max(part.width, part.height) / size_px)
        shape = (max(1, round(part.height / shrink)), max(1, round(part.width / shrink)))
        window = RioWindow(part.col_off, part.row_off, part.width, part.height)
        pixels, valid = self._reader.read(self._dataset, window, shape, Resampling.average)
        return pixels, valid, self._native.resize(*shape)

    @property
    def _reader(self) -> PixelReader:
        return PixelReader(self.path, self.bands, self._all_valid)

    def close(self) -> None:
        """Close the file."""
        self._full.close()
        self._dataset.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()
