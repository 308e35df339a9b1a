"""Merges the probability rasters of many scenes into one raster in which every pixel comes from one scene.

Where scenes overlap, a pixel comes from the scene in which it is farthest from the edge, because there the network saw
the most context. In a tie the first scene wins. Pixels without data are never used.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.vrt import WarpedVRT
from rasterio.warp import transform_bounds
from rasterio.windows import Window as RioWindow

from road_extract.base.arrays import ByteArray
from road_extract.base.grid import RasterGrid
from road_extract.base.levels import NODATA
from road_extract.base.windows import Window
from road_extract.io.raster.cog import BLOCK_PX
from road_extract.io.raster.on_grid import beside
from road_extract.io.raster.opening import grid_of, open_raster, readable
from road_extract.io.raster.sink import RasterSink

#: A scene whose pixels stay this close to those of the mosaic is copied; any other scene is resampled.
_DRIFT_PX = 0.25
#: Tolerated position error of resampled pixels; GDAL does not accept 0.
_WARP_PX = 0.01


def plan_mosaic(grids: Sequence[RasterGrid]) -> RasterGrid:
    """Plan a north-up grid that covers all grids, with the pixel size and CRS of the first."""
    first = grids[0]
    size_x, size_y = _pixel_size(first.transform)
    bounds = np.array([_bounds_in(beside(grid, first), first.crs) for grid in grids])
    (west, south), (east, north) = bounds[:, :2].min(axis=0), bounds[:, 2:].max(axis=0)
    x0, y0 = first.transform.c, first.transform.f
    # count from the first grid's corner so that its pixels stay in place; the small margin absorbs rounding
    cols = np.floor((west - x0) / size_x + 1e-6), np.ceil((east - x0) / size_x - 1e-6)
    rows = np.floor((y0 - north) / size_y + 1e-6), np.ceil((y0 - south) / size_y - 1e-6)
    transform = Affine(size_x, 0, x0 + cols[0] * size_x, 0, -size_y, y0 - rows[0] * size_y)
    return replace(first, height=int(rows[1] - rows[0]), width=int(cols[1] - cols[0]), transform=transform)


def write_mosaic(paths: Sequence[Path], grid: RasterGrid, sink: RasterSink) -> None:
    """Write the mosaic of uint8 probability rasters, a row of blocks at a time.

    Args:
        paths: Rasters, in the order that decides ties.
        grid: Planned grid.
        sink: Sink with that grid.

    Raises:
        InputError: If one cannot be read.
    """
    with ExitStack() as stack:
        parts = [_place(path, grid, stack) for path in paths]
        for row in range(0, grid.height, BLOCK_PX):
            strip = Window(0, row, grid.width, min(BLOCK_PX, grid.height - row))
            sink.write(_blend(parts, strip))


@dataclass(frozen=True, slots=True)
class _Part:
    """A scene within the mosaic."""

    path: Path
    dataset: Any
    window: Window

    def read(self, rows: tuple[int, int]) -> ByteArray:
        """Read rows of the mosaic, limited to the scene's own columns."""
        place = RioWindow(0, rows[0] - self.window.row_off, self.window.width, rows[1] - rows[0])
        with readable(str(self.path)):
            values: ByteArray = self.dataset.read(1, window=place)
        return values

    def depth(self, rows: tuple[int, int]) -> NDArray[np.int32]:
        """Distance to the nearest edge in pixels, starting at 1."""
        row, col = np.arange(*rows, dtype=np.int32), np.arange(self.window.width, dtype=np.int32)
        row_depth = np.minimum(row - self.window.row_off, self.window.row_end - 1 - row) + 1
        col_depth = np.minimum(col, self.window.width - 1 - col) + 1
        depth: NDArray[np.int32] = np.minimum(row_depth[:, None], col_depth[None, :])
        return depth


def _blend(parts: Sequence[_Part], strip: Window) -> ByteArray:
    values = np.full((strip.height, strip.width), NODATA, np.uint8)
    owner = np.zeros(values.shape, np.int32)
    for part in parts:
        rows = max(strip.row_off, part.window.row_off), min(strip.row_end, part.window.row_end)
        if rows[0] >= rows[1]:
            continue
        place = np.s_[rows[0] - strip.row_off : rows[1] - strip.row_off, part.window.col_off : part.window.col_end]
        found, depth = part.read(rows), part.depth(rows)
        takes = (found != NODATA) & (depth > owner[place])
        values[place][takes] = found[takes]
        owner[place][takes] = depth[takes]
    return values


def _place(path: Path, grid: RasterGrid, stack: ExitStack) -> _Part:
    dataset = stack.enter_context(open_raster(str(path)))
    transform = beside(grid_of(dataset, str(path), None), grid).transform
    offset = ~grid.transform * (transform.c, transform.f)
    col, row = (round(value) for value in offset)
    if _lies_on(dataset, grid, (col - offset[0], row - offset[1])):
        return _Part(path, dataset, Window(col, row, dataset.width, dataset.height))
    own = RasterGrid(dataset.height, dataset.width, transform, dataset.crs.to_wkt())
    window = _window_of(_bounds_in(own, grid.crs), grid)
    moved = {} if transform == dataset.transform else {"src_transform": transform}
    warped = WarpedVRT(
        dataset, **moved, crs=CRS.from_wkt(grid.crs), transform=grid.window_transform(window), width=window.width,
        height=window.height, resampling=Resampling.bilinear, src_nodata=NODATA, nodata=NODATA, tolerance=_WARP_PX,
    )  # fmt: skip
    return _Part(path, stack.enter_context(warped), window)


def _lies_on(dataset: rasterio.DatasetReader, grid: RasterGrid, shift: tuple[float, float]) -> bool:
    """Whether the pixels coincide with those of the mosaic to less than a pixel overall."""
    a, b, _, d, e, _ = dataset.transform[:6]
    drift = max(abs(a / grid.transform.a - 1) * dataset.width, abs(e / grid.transform.e - 1) * dataset.height)
    same_crs = bool(dataset.crs == CRS.from_wkt(grid.crs))
    return bool(same_crs and b == d == 0 and max(map(abs, shift)) <= 0.5 + 1e-6 and drift <= _DRIFT_PX)


def _window_of(bounds: tuple[float, float, float, float], grid: RasterGrid) -> Window:
    west, south, east, north = bounds
    left, top = ~grid.transform * (west, north)
    right, bottom = ~grid.transform * (east, south)
    col, row = max(0, int(np.floor(left))), max(0, int(np.floor(top)))
    return Window(col, row, min(grid.width, int(np.ceil(right))) - col, min(grid.height, int(np.ceil(bottom))) - row)


def _pixel_size(transform: Affine) -> tuple[float, float]:
    return float(np.hypot(transform.a, transform.d)), float(np.hypot(transform.b, transform.e))


def _bounds_in(grid: RasterGrid, crs: str) -> tuple[float, float, float, float]:
    """Bounds in a CRS: west, south, east, north."""
    corners = [(0, 0), (grid.width, 0), (grid.width, grid.height), (0, grid.height)]
    xs, ys = zip(*[grid.transform * corner for corner in corners], strict=True)
    box = min(xs), min(ys), max(xs), max(ys)
    if grid.crs == crs or CRS.from_wkt(grid.crs) == CRS.from_wkt(crs):
        return box
    west, south, east, north = transform_bounds(CRS.from_wkt(grid.crs), CRS.from_wkt(crs), *box, densify_pts=21)
    return west, south, east, north
