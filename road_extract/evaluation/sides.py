"""Reads both sides of a comparison onto one grid, whatever their files contain."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely
from affine import Affine

from road_extract.base.arrays import BoolArray, ByteArray, Float32Array, Geometries
from road_extract.base.errors import InputError
from road_extract.base.geodesy import bring_near, local_crs, move, unwrap
from road_extract.base.grid import RasterGrid
from road_extract.base.levels import NODATA, PROBABILITY_MAX
from road_extract.base.options import EvaluateOptions
from road_extract.evaluation.pairs import ScenePair, is_vector
from road_extract.io.raster import ProbabilityRaster
from road_extract.io.raster.extent import footprint
from road_extract.io.raster.on_grid import burn_shapes, read_labels_on
from road_extract.io.vector import Selection, read_table
from road_extract.metrics.raster import LEVELS
from road_extract.metrics.splitting import split_lines

_MAX_GRID_PX = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Side:
    """One side of the comparison, on the grid.

    Attributes:
        pixels: (rows, cols): levels 0..254 for a prediction, 0 and 1 for a truth; 255 where there is no data.
        lines: Lines in the grid's CRS, (n,); None if the file contains areas or pixels.
    """

    pixels: ByteArray
    lines: Geometries | None


def plan_grid(pair: ScenePair, options: EvaluateOptions) -> RasterGrid:
    """The grid to compare on: that of the prediction, else that of the truth, else square pixels around the truth.

    Raises:
        InputError: If a file cannot be used, or the area to compare is unknown.
    """
    for path in (pair.prediction, pair.truth):
        if not is_vector(path):
            with ProbabilityRaster(str(path), options.assume_crs) as raster:
                return raster.grid
    return _grid_around(pair.truth if options.within is None else Path(options.within), options)


def _grid_around(path: Path, options: EvaluateOptions) -> RasterGrid:
    table = read_table(path, selection=_selection(options, options.within is None))
    if not len(table.geometries):
        raise InputError(f"{path}: is empty, so the area to compare is unknown; specify it with --within")
    west, south, east, north = shapely.total_bounds(table.geometries)
    crs = local_crs((west + east) / 2, (south + north) / 2, table.crs)
    box = shapely.total_bounds(move(table.geometries, table.crs, crs))
    slack = 0.0 if options.within is not None else options.width_m / 2 + options.buffer_m
    west, south, east, north = box + np.array([-slack, -slack, slack, slack])
    gsd = options.gsd_m
    height, width = (max(1, int(np.ceil(extent / gsd))) for extent in (north - south, east - west))
    if height * width > _MAX_GRID_PX:
        raise InputError(
            f"{path}: requires a grid of {height:,} x {width:,} pixels of {gsd:g} m; specify a larger --gsd"
        )
    return RasterGrid(height, width, Affine(gsd, 0, west, 0, -gsd, north), crs)


def _selection(options: EvaluateOptions, is_truth: bool) -> Selection:
    """What to read from a vector file. The layer and the filter apply to the truth only."""
    return (
        Selection(options.layer, options.where, options.assume_crs, can_choose=True)
        if is_truth
        else Selection(assume_crs=options.assume_crs)
    )


def read_prediction(path: Path, grid: RasterGrid, threshold: float, options: EvaluateOptions) -> Side:
    """Read a prediction on its grid.

    Args:
        path: Raster on the grid, or vector file.
        grid: The grid.
        threshold: Minimum probability for a pixel to count as road.
        options: Width of rasterized lines, and how to read files.

    Raises:
        InputError: If the file cannot be used.
    """
    if is_vector(path):
        side = _read_vectors(path, grid, options.width_m, _selection(options, is_truth=False))
        return Side(side.pixels * np.uint8(PROBABILITY_MAX), side.lines)
    pixels = np.full(grid.shape, NODATA, np.uint8)
    with ProbabilityRaster(str(path), options.assume_crs) as raster:
        for row, probability, valid in raster.iter_strips():
            pixels[row : row + len(valid)][valid] = _to_levels(probability, threshold)[valid]
    return Side(pixels, None)


def read_truth(path: Path, grid: RasterGrid, options: EvaluateOptions) -> Side:
    """Read a truth onto the grid.

    Raises:
        InputError: If the file cannot be used, or lies elsewhere.
    """
    if is_vector(path):
        return _read_vectors(path, grid, options.width_m, _selection(options, is_truth=True))
    return Side(read_labels_on(str(path), grid, options.assume_crs), None)


def threshold_level(threshold: float) -> int:
    """The lowest level of an 8-bit probability that reaches a threshold."""
    reached = np.arange(LEVELS, dtype=np.float32) * np.float32(1 / PROBABILITY_MAX) >= threshold
    return int(np.argmax(reached)) if reached.any() else PROBABILITY_MAX


def _to_levels(probability: Float32Array, threshold: float) -> ByteArray:
    """Round probabilities to levels, keeping each on its side of the threshold."""
    level = threshold_level(threshold)
    levels = np.rint(probability * PROBABILITY_MAX).astype(np.uint8)
    return np.where(probability >= threshold, np.maximum(levels, level), np.minimum(levels, level - 1)).astype(np.uint8)


def _read_vectors(path: Path, grid: RasterGrid, width_m: float, selection: Selection) -> Side:
    table = read_table(path, selection=selection)
    parts = shapely.get_parts(table.geometries)
    areas = parts[shapely.get_dimensions(parts) == 2]
    lines, _ = split_lines(table.geometries)
    if len(areas) and len(lines):
        more = ", or choose a layer (--layer)" if selection.can_choose else ""
        raise InputError(f"{path}: contains both lines and polygons; use a file with only one of them{more}")
    if len(areas):
        near, _ = bring_near(areas, table.crs, footprint(grid), grid.crs)
        return Side(burn_shapes(near, grid).view(np.uint8), None)
    lines, _ = bring_near(lines, table.crs, footprint(grid), grid.crs)
    return Side(_burn_lines(lines, grid, width_m).view(np.uint8), lines)


def _burn_lines(lines: Geometries, grid: RasterGrid, width_m: float) -> BoolArray:
    metres = metric_crs(grid)
    strips = shapely.buffer(move(lines, grid.crs, metres), width_m / 2)
    middle, _ = grid.transform * (grid.width / 2, grid.height / 2)
    return burn_shapes(unwrap(move(strips, metres, grid.crs), grid.crs, middle, local=True), grid)


def metric_crs(grid: RasterGrid) -> str:
    """A CRS in metres centred on a grid, as WKT."""
    return local_crs(*(grid.transform * (grid.width / 2, grid.height / 2)), grid.crs)
