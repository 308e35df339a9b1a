"""Writes rasters strip by strip, as Cloud-Optimized GeoTIFFs that appear complete or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.windows import Window as RioWindow

from road_extract.base.arrays import BoolArray, ByteArray, Float32Array
from road_extract.base.errors import OutputError, RoadExtractError
from road_extract.base.files import replacing, scratch, space_advice
from road_extract.base.grid import RasterGrid
from road_extract.base.levels import NODATA, PROBABILITY_MAX
from road_extract.base.palette import ramp_colour
from road_extract.io.raster.cog import BLOCK_PX, check_creation_options, write_cog
from road_extract.io.raster.gdal_errors import WRITE_ERRORS

_SLACK_BYTES = 2**16
#: Takes a third of the time of the default level for a tenth more bytes, in files that do not last.
_FAST_DEFLATE = 1

#: Red, green, blue, alpha: 0..255 each.
Colour = tuple[int, int, int, int]


class RasterSink:
    """Accepts the rows of a single-band uint8 raster from the top, in strips of any height."""

    def __init__(self, dataset: rasterio.io.DatasetWriter) -> None:
        self._dataset = dataset
        self._row = 0
        self._waiting: list[ByteArray] = []

    @property
    def row_count(self) -> int:
        """Number of rows received so far."""
        return self._row + sum(map(len, self._waiting))

    def write(self, rows: ByteArray) -> None:
        """Append (rows, cols). Complete rows of blocks are written together, so that no block is compressed twice."""
        self._waiting.append(rows)
        ready = sum(map(len, self._waiting))
        if ready >= BLOCK_PX or self._row + ready == self._dataset.height:
            self._flush(ready if self._row + ready == self._dataset.height else ready - ready % BLOCK_PX)

    def _flush(self, count: int) -> None:
        rows = np.concatenate(self._waiting)
        window = RioWindow(0, self._row, rows.shape[1], count)
        self._dataset.write(rows[:count], 1, window=window)
        self._row += count
        self._waiting = [rows[count:]]


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a raster is besides its grid and its tags.

    Attributes:
        shrink_by: How overviews are computed.
        scale: Value of one step; None if the values have no scale.
        colours: Colour table.
    """

    shrink_by: Resampling
    scale: float | None = None
    colours: Mapping[int, Colour] | None = None


@contextmanager
def open_probability_sink(
    path: Path,
    grid: RasterGrid,
    tags: Mapping[str, str],
    *,
    lasting: bool = True,
    coloured: bool = False,
    creation_options: Sequence[str] = (),
) -> Iterator[RasterSink]:
    """Write probabilities: uint8 0..254, scale 1/254, nodata 255.

    Args:
        path: GeoTIFF to write; it appears if the block ends without an error.
        grid: Size and place.
        tags: Metadata to record in the file.
        lasting: Write a Cloud-Optimized GeoTIFF with overviews, compressed well. Temporary files need neither.
        coloured: Add a colour table. Overviews are then averaged by colour.
        creation_options: NAME=VALUE for GDAL's COG driver, checked before anything is written.

    Raises:
        InputError: If a creation option cannot be used.
        OutputError: If it cannot be written.
    """
    colours = _probability_colours() if coloured else None
    kind = _Kind(Resampling.average, 1 / PROBABILITY_MAX, colours)
    with _open_sink(path, grid, tags, kind, creation_options if lasting else None) as sink:
        yield sink


def _probability_colours() -> dict[int, Colour]:
    levels = {level: ramp_colour(level / PROBABILITY_MAX) for level in range(PROBABILITY_MAX + 1)}
    return levels | {NODATA: (0, 0, 0, 0)}


@contextmanager
def open_mask_sink(
    path: Path, grid: RasterGrid, tags: Mapping[str, str], *, creation_options: Sequence[str] = ()
) -> Iterator[RasterSink]:
    """Write a road mask: uint8, 1 road, 0 not, nodata 255. Arguments and errors as for probabilities."""
    with _open_sink(path, grid, tags, _Kind(Resampling.nearest), creation_options) as sink:
        yield sink


@contextmanager
def open_class_sink(path: Path, grid: RasterGrid, colours: Mapping[int, Colour]) -> Iterator[RasterSink]:
    """Write classes: uint8 with a colour table, nodata 255. Arguments and errors as for probabilities.

    Args:
        path: GeoTIFF to write.
        grid: Size and place.
        colours: Red, green, blue and alpha of each class.
    """
    with _open_sink(path, grid, {}, _Kind(Resampling.nearest, colours=colours), ()) as sink:
        yield sink


@contextmanager
def _open_sink(
    path: Path, grid: RasterGrid, tags: Mapping[str, str], kind: _Kind, creation_options: Sequence[str] | None
) -> Iterator[RasterSink]:
    """Write a GeoTIFF and, unless ``creation_options`` is None, make a Cloud-Optimized GeoTIFF of it."""
    check_creation_options(creation_options or ())
    with replacing(path) as temp:
        try:
            if creation_options is None:
                with _open_plain(temp, grid, tags, kind) as sink:
                    yield sink
                return
            with scratch(path) as plain:
                with _open_plain(plain, grid, tags, kind) as sink:
                    yield sink
                factors = _overview_factors((grid.height, grid.width))
                if factors:
                    _build_overviews(plain, factors, kind.shrink_by)
                write_cog(plain, temp, creation_options)
                _check_written(temp, range(-1, len(factors)))
        except WRITE_ERRORS as error:
            if isinstance(error, RoadExtractError):
                raise
            reason = error.__cause__ or getattr(error, "strerror", None) or error
            raise OutputError(f"{path}: cannot be written ({reason}){space_advice(path, error)}") from error


@contextmanager
def _open_plain(path: Path, grid: RasterGrid, tags: Mapping[str, str], kind: _Kind) -> Iterator[RasterSink]:
    """Write a tiled GeoTIFF without overviews, and read it back."""
    profile = {
        "driver": "GTiff", "dtype": "uint8", "count": 1, "height": grid.height, "width": grid.width,
        "crs": CRS.from_wkt(grid.crs), "transform": grid.transform, "nodata": NODATA, "tiled": True,
        "blockxsize": BLOCK_PX, "blockysize": BLOCK_PX, "compress": "deflate", "zlevel": _FAST_DEFLATE,
        "bigtiff": "if_safer",
    }  # fmt: skip
    with rasterio.Env(GDAL_PAM_ENABLED="NO"), rasterio.open(path, "w", **profile) as dataset:
        dataset.update_tags(**tags)
        if kind.colours is not None:
            dataset.write_colormap(1, dict(kind.colours))
        if kind.scale is not None:
            dataset.scales, dataset.offsets = (kind.scale,), (0.0,)
        sink = RasterSink(dataset)
        yield sink
        if sink.row_count != grid.height:
            raise OutputError(f"got {sink.row_count} of {grid.height} rows")
    _check_written(path, [-1])


def _overview_factors(shape: tuple[int, int]) -> list[int]:
    factors: list[int] = []
    while max(shape) / 2 ** len(factors) > 2 * BLOCK_PX:
        factors.append(2 ** (len(factors) + 1))
    return factors


def _build_overviews(path: Path, factors: list[int], shrink_by: Resampling) -> None:
    """Build overviews. GDAL crashes if the disk fills up during the first one, so space is checked before."""
    _check_room(path)
    with (
        rasterio.Env(GDAL_PAM_ENABLED="NO", COMPRESS_OVERVIEW="DEFLATE", GDAL_TIFF_OVR_BLOCKSIZE=str(BLOCK_PX)),
        rasterio.open(path, "r+") as dataset,
    ):
        dataset.build_overviews(factors, shrink_by)


def _check_room(path: Path) -> None:
    """Check that there is room to double the file, which is more than overviews need.

    Raises:
        OSError: If there is not.
    """
    size = path.stat().st_size
    with path.open("r+b") as file:
        try:
            _extend(file.fileno(), size, size + _SLACK_BYTES)
        finally:
            os.ftruncate(file.fileno(), size)


def _extend(descriptor: int, size: int, by: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, size, by)
        return
    os.lseek(descriptor, size, os.SEEK_SET)
    while by > 0:
        by -= os.write(descriptor, bytes(min(by, _SLACK_BYTES)))


def _check_written(path: Path, levels: Iterable[int]) -> None:
    """Read everything back: closing a dataset loses the errors of its last writes, for example if the disk is full.

    Args:
        path: The file.
        levels: Overview levels; -1 is the raster itself.

    Raises:
        RasterioError: If a block cannot be read, or overviews are missing.
    """
    for level in levels:
        with rasterio.open(path, **({} if level < 0 else {"overview_level": level})) as dataset:
            for row in range(0, dataset.height, BLOCK_PX):
                dataset.read(1, window=RioWindow(0, row, dataset.width, min(BLOCK_PX, dataset.height - row)))


def to_uint8(probability: Float32Array, valid: BoolArray) -> ByteArray:
    """Probabilities as they are stored: 0..254, 255 where there is no data."""
    scaled = probability * np.float32(PROBABILITY_MAX)
    np.rint(scaled, out=scaled)
    stored = scaled.astype(np.uint8)
    stored[~valid] = NODATA
    return stored
