"""Brings rasters and shapes onto a given grid for pixel-by-pixel comparison."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import shapely
from affine import Affine
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.features import rasterize, shapes
from rasterio.warp import reproject

from road_extract.base.arrays import BoolArray, ByteArray, Geometries
from road_extract.base.coordinates import full_turn, turns_to
from road_extract.base.errors import InputError
from road_extract.base.grid import RasterGrid
from road_extract.base.levels import NODATA
from road_extract.io.raster.extent import footprint
from road_extract.io.raster.probability import ProbabilityRaster

#: Probability from which a pixel of a ground-truth raster is road.
_ROAD = 0.5


def read_labels_on(path: str, grid: RasterGrid, assume_crs: str | None = None) -> ByteArray:
    """Read a road mask on a grid: 1 road, 0 not, 255 unknown, (rows, cols).

    A mask on another grid is resampled by nearest neighbour. A mask without georeferencing must have the grid's size
    and is used pixel by pixel.

    Raises:
        InputError: If it is not a mask, or does not overlap the grid.
    """
    with ProbabilityRaster(path, assume_crs, assume_grid=grid) as raster:
        own = raster.grid
        labels = np.full(own.shape, NODATA, np.uint8)
        for row, probability, valid in raster.iter_strips():
            labels[row : row + len(valid)][valid] = (probability >= _ROAD)[valid]
    if not _same_grid(own, grid):
        labels = _warp(labels, beside(own, grid), grid)
    if not (labels != NODATA).any():
        raise InputError(
            f"{path}: has no valid pixels in the area of the other side; check both CRSs and nodata values"
        )
    return labels


def _same_grid(one: RasterGrid, other: RasterGrid) -> bool:
    if one.shape != other.shape or not (one.crs == other.crs or CRS.from_wkt(one.crs) == CRS.from_wkt(other.crs)):
        return False
    corners = np.array([(0, 0), (one.width, 0), (0, one.height)], np.float64)
    places = np.array([~other.transform * (one.transform * tuple(corner)) for corner in corners])
    return bool(np.abs(places - corners).max() < 1e-3)


def _warp(labels: ByteArray, own: RasterGrid, grid: RasterGrid) -> ByteArray:
    warped = np.full(grid.shape, NODATA, np.uint8)
    reproject(
        labels, warped,
        src_transform=own.transform, src_crs=CRS.from_wkt(own.crs), src_nodata=NODATA,
        dst_transform=grid.transform, dst_crs=CRS.from_wkt(grid.crs), dst_nodata=NODATA,
        resampling=Resampling.nearest,
    )  # fmt: skip
    return warped


def beside(grid: RasterGrid, other: RasterGrid) -> RasterGrid:
    """Shift a grid in degrees by whole turns to the same side of the antimeridian as another grid."""
    turn = full_turn(grid.crs)
    if turn is None or full_turn(other.crs) != turn:
        return grid
    (x, _), (near, _) = (part.transform * (part.width / 2, part.height / 2) for part in (grid, other))
    return replace(grid, transform=Affine.translation(turns_to(x, near, turn), 0) * grid.transform)


def burn_shapes(geometries: Sequence[Any] | Geometries, grid: RasterGrid) -> BoolArray:
    """Rasterize geometries in the grid's CRS: pixels whose centre lies inside, (rows, cols)."""
    if not len(geometries):
        return np.zeros(grid.shape, np.bool_)
    return rasterize(geometries, grid.shape, transform=grid.transform, dtype=np.uint8).astype(np.bool_)  # type: ignore[no-any-return]


def outline(mask: BoolArray, grid: RasterGrid) -> shapely.Geometry:
    """Outline of the set pixels of a mask (rows, cols), in the grid's CRS."""
    if mask.all():
        return footprint(grid)
    found = shapes(mask.astype(np.uint8), mask=mask, transform=grid.transform)
    return shapely.union_all([shapely.geometry.shape(part) for part, _ in found])
