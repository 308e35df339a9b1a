"""Scenes the way the model needs them: selected bands on the inference grid, with a mask of valid pixels."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import MaskFlags, Resampling
from rasterio.features import geometry_mask
from rasterio.windows import Window as RioWindow

from road_extract.base.arrays import BoolArray
from road_extract.base.coordinates import full_turn, turns_to
from road_extract.base.errors import InputError
from road_extract.base.geodesy import pixel_size_m
from road_extract.base.grid import RasterGrid
from road_extract.base.windows import Window
from road_extract.io.raster.bands import CATALOGUE, colours_of
from road_extract.io.raster.gdal_errors import ask
from road_extract.io.raster.opening import grid_of, open_raster, readable
from road_extract.io.raster.probing import Pixels, find_collar, is_dim, may_be_dim, read_probe
from road_extract.io.raster.remote import RemoteDataset
from road_extract.io.raster.views import largest_value, plan_view
from road_extract.io.raster.vrt import bands_as_they_are, write_vrt
from road_extract.io.vrt_text import find_missing

log = logging.getLogger("road_extract")

#: The scene's own grid is kept if its GSD differs from the model's by no more than this share.
GSD_TOLERANCE = 0.1
#: Beyond this factor between the two GSDs, the model sees objects at sizes it was never trained on.
GSD_EXTREME = 4.0
_SAMPLE_PX = 1024
#: Columns of a remote scene that are fetched at once.
_AHEAD_PX = 1024


@dataclass(frozen=True, slots=True)
class SceneView:
    """How to read a scene file.

    Attributes:
        gsd_m: The model's GSD.
        model_bands: How many bands the model takes.
        bands: Bands to use, counted from 1.
        native_gsd: Keep the scene's grid.
        bounds: Rectangle to read, (xmin, ymin, xmax, ymax) in the scene's coordinates.
        assume_crs: CRS to use if the file has none.
        subdataset: Raster to read from a file that contains several.
        nodata: Nodata value, or ``auto`` to detect collars; None uses what the file declares.
        band_names: Names of the model's bands.
        known_bands: Names of the scene's bands from a catalogue.
        aoi: Function of the scene's CRS (WKT) and its footprint in that CRS. It returns a geometry in that CRS; pixels
            outside it are invalid.
    """

    gsd_m: float
    model_bands: int = 3
    bands: tuple[int, ...] | None = None
    native_gsd: bool = False
    bounds: tuple[float, float, float, float] | None = None
    assume_crs: str | None = None
    aoi: Callable[[str, Any], Any] | None = None
    subdataset: str | None = None
    nodata: str | None = None
    band_names: tuple[str, ...] = ("red", "green", "blue")
    known_bands: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the model's bands, one for each."""
        if len(self.band_names) == self.model_bands:
            return self.band_names
        return tuple(f"band {number}" for number in range(1, self.model_bands + 1))


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
        self._part = _part_of(full, view.bounds, self.path)
        native = full.crop(self._part)
        self.native_gsd_m = pixel_size_m(native)
        self.grid = native if view.native_gsd else _inference_grid(native, self.native_gsd_m, view.gsd_m)
        self._factors = (native.height / self.grid.height, native.width / self.grid.width)
        self._resampling = Resampling.average if max(self._factors) > 1 else Resampling.bilinear
        self._all_valid = all(MaskFlags.all_valid in dataset.mask_flag_enums[b - 1] for b in self.bands)
        self._area = self._area_of(view, full.crs, footprint(native))
        # overviews may have been made by any method, so pixels are averaged from full resolution
        if self.resampled:
            self._full = open_raster(self._name, OVERVIEW_LEVEL="NONE")
        self._fetched: Window | None = None

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
        return self._read(self._dataset, window, (window.height, window.width), Resampling.nearest)

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

    def _area_of(self, view: SceneView, crs: str, footprint: Any) -> Any:
        """Geometry outside of which pixels are invalid, or None."""
        area = None
        if view.bounds is not None and (self.grid.transform.b or self.grid.transform.d):
            import shapely

            area = shapely.box(
                *nearest_turn(view.bounds, self.grid)
            )  # on a rotated grid, the window that was cut out is larger
        if view.aoi is not None:
            found = view.aoi(crs, footprint)
            if not found.intersects(footprint):
                raise InputError(f"{self.path}: the area of interest does not touch the scene; check both CRSs")
            area = found if area is None else area.intersection(found)
        return area

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
            self._fetch(source)
        pixels, valid = self._read(self._full, source, (window.height, window.width), self._resampling)
        if self._area is not None:
            transform = self.grid.window_transform(window)
            valid &= geometry_mask([self._area], valid.shape, transform, invert=True)
        return pixels, valid

    def _fetch(self, wanted: RioWindow) -> None:
        """Load blocks of a remote scene into GDAL's cache.

        GDAL fetches the blocks of one call together and exactly. A single block is fetched with a surplus that doubles
        from call to call.
        """
        part, fetched = self._part, self._fetched
        row, row_end = int(wanted.row_off), min(part.row_end, int(np.ceil(wanted.row_off + wanted.height)))
        col, col_end = int(wanted.col_off), min(part.col_end, int(np.ceil(wanted.col_off + wanted.width)))
        if fetched and (fetched.row_off, fetched.row_end) == (row, row_end) and fetched.col_off <= col:
            col = max(col, fetched.col_end)
        if col >= col_end:
            return
        col_end = min(max(col_end, col + _AHEAD_PX), part.col_end)
        self._fetched = Window(col, row, col_end - col, row_end - row)
        with readable(self.path):
            self._full.read(self.bands, window=RioWindow(col, row, col_end - col, row_end - row))

    def sample(self) -> tuple[NDArray[Any], BoolArray]:
        """Sample pixels across the whole file, about a million at most: (rows, cols, bands) and validity (rows, cols).

        They come from the overviews, or from a regular grid of small windows if there are none.
        """
        height, width = self._dataset.shape
        if not self._dataset.overviews(self.bands[0]) and height * width > 16 * _SAMPLE_PX**2:
            spots = list(_sample_spots(height, width))
            parts = [self._read(self._dataset, spot, (64, 64), Resampling.nearest) for spot in spots]
            pixels, valid = np.concatenate([p for p, _ in parts]), np.concatenate([v for _, v in parts])
            if valid.any():
                return pixels, valid
        shrink = max(1.0, max(height, width) / _SAMPLE_PX)
        shape = (max(1, round(height / shrink)), max(1, round(width / shrink)))
        return self._read(self._dataset, RioWindow(0, 0, width, height), shape, Resampling.nearest)

    def _read(
        self, dataset: rasterio.DatasetReader, window: RioWindow, shape: tuple[int, int], resampling: Resampling
    ) -> tuple[NDArray[Any], BoolArray]:
        with readable(self.path):
            valid = np.ones(shape, np.bool_)
            if not self._all_valid:
                # a resampled pixel is valid if its centre is; the average below leaves invalid pixels out
                valid = dataset.dataset_mask(window=window, out_shape=shape, resampling=Resampling.nearest) > 0
            if not valid.any():  # if the mask is stored separately, the pixels need not be decoded
                return np.zeros((*shape, len(self.bands)), dataset.dtypes[self.bands[0] - 1]), valid
            pixels = dataset.read(self.bands, window=window, out_shape=(len(self.bands), *shape), resampling=resampling)
        if pixels.dtype.kind == "f":  # NaN and infinity are not brightness values
            valid = valid & np.isfinite(pixels).all(axis=0)
            pixels[:, ~valid] = 0
        return pixels.transpose(1, 2, 0), valid

    def close(self) -> None:
        """Close the file."""
        self._full.close()
        self._dataset.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


def _part_of(grid: RasterGrid, bounds: tuple[float, float, float, float] | None, path: str) -> Window:
    """Window of the pixels that a rectangle touches."""
    if bounds is None:
        return Window(0, 0, grid.width, grid.height)
    if not (bounds[0] < bounds[2] and bounds[1] < bounds[3]):
        raise InputError(f"bounds {bounds}: expected XMIN YMIN XMAX YMAX with XMIN < XMAX and YMIN < YMAX")
    xmin, ymin, xmax, ymax = nearest_turn(bounds, grid)
    corners = [~grid.transform * corner for corner in ((xmin, ymin), (xmin, ymax), (xmax, ymin), (xmax, ymax))]
    # slightly inside, so that bounds on pixel edges do not include the next pixel
    hair = 1e-6
    cols, rows = zip(*corners, strict=True)
    col0, row0 = max(0, int(np.floor(min(cols) + hair))), max(0, int(np.floor(min(rows) + hair)))
    col1, row1 = min(grid.width, int(np.ceil(max(cols) - hair))), min(grid.height, int(np.ceil(max(rows) - hair)))
    if col0 >= col1 or row0 >= row1:
        raise InputError(f"{path}: bounds {bounds} do not touch the scene; give them in the scene's own coordinates")
    return Window(col0, row0, col1 - col0, row1 - row0)


def nearest_turn(bounds: tuple[float, float, float, float], grid: RasterGrid) -> tuple[float, float, float, float]:
    """Shift bounds in degrees by whole turns to the location of a grid, because longitudes may run from 0 to 360."""
    turn, (west, south, east, north) = full_turn(grid.crs), bounds
    if turn is None or east - west >= turn:
        return bounds
    middle, _ = grid.transform * (grid.width / 2, grid.height / 2)
    shift = float(turns_to((west + east) / 2, middle, turn))
    return west + shift, south, east + shift, north


def _inference_grid(native: RasterGrid, gsd_m: tuple[float, float], model_gsd_m: float) -> RasterGrid:
    if all(abs(size / model_gsd_m - 1) <= GSD_TOLERANCE for size in gsd_m):
        return native
    rows = max(1, round(native.height * gsd_m[1] / model_gsd_m))
    cols = max(1, round(native.width * gsd_m[0] / model_gsd_m))
    return native.resize(rows, cols)


def footprint(grid: RasterGrid) -> Any:
    """Polygon covered by a grid, in its CRS."""
    import shapely

    corners = ((0, 0), (grid.width, 0), (grid.width, grid.height), (0, grid.height))
    return shapely.Polygon([grid.transform * corner for corner in corners])


def _sample_spots(height: int, width: int) -> Iterator[RioWindow]:
    for row in np.linspace(0, height - 64, 16).astype(int):
        for col in np.linspace(0, width - 64, 16).astype(int):
            yield RioWindow(int(col), int(row), 64, 64)
