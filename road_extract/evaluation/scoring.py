"""Scores one scene: reads both sides onto one grid and counts."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from road_extract.base.arrays import BoolArray, Geometries
from road_extract.base.geodesy import move, pixel_size_m
from road_extract.base.grid import RasterGrid
from road_extract.base.levels import NODATA
from road_extract.base.options import EvaluateOptions
from road_extract.evaluation.pairs import ScenePair
from road_extract.evaluation.results import LineCounts, SceneCounts
from road_extract.evaluation.sides import Side, metric_crs, plan_grid, read_prediction, read_truth, threshold_level
from road_extract.evaluation.tracing import trace_lines
from road_extract.io.raster.extent import footprint
from road_extract.io.raster.on_grid import burn_shapes, outline
from road_extract.io.raster.sink import Colour, open_class_sink
from road_extract.io.vector import read_area
from road_extract.metrics.apls import AplsSetting, measure_paths
from road_extract.metrics.graph import build_graph
from road_extract.metrics.raster import count_roads
from road_extract.metrics.splitting import clip_lines
from road_extract.metrics.topo import TopoSetting, count_marbles
from road_extract.metrics.wiedemann import measure_matches

log = logging.getLogger("road_extract")


#: Classes of the error map: true negative, true positive, false positive, false negative.
ERROR_COLOURS: dict[int, Colour] = {
    0: (0, 0, 0, 0),
    1: (27, 158, 60, 255),
    2: (214, 39, 40, 255),
    3: (31, 90, 200, 255),
    NODATA: (190, 190, 190, 255),
}


def count_scene(pair: ScenePair, threshold: float, options: EvaluateOptions, error_map: Path | None) -> SceneCounts:
    """Count one scene, and write its error map.

    Raises:
        RoadExtractError: If a file cannot be used or written.
    """
    grid = plan_grid(pair, options)
    prediction = read_prediction(pair.prediction, grid, threshold, options)
    truth = read_truth(pair.truth, grid, options)
    valid = (prediction.pixels != NODATA) & (truth.pixels != NODATA) & _inside(grid, options)
    if not valid.any():
        log.warning("%s: no pixel has data on both sides", pair.name)
    found, true = prediction.pixels >= threshold_level(threshold), truth.pixels == 1
    if error_map is not None:
        _write_error_map(error_map, grid, found, true, valid)
    pixels = count_roads(prediction.pixels, true, valid, options.rho_px) if options.metrics != "lines" else None
    lines = (
        _count_lines((prediction, found), (truth, true), valid, grid, options) if options.metrics != "raster" else None
    )
    area_m2 = float(np.prod(pixel_size_m(grid)) * np.count_nonzero(valid))
    return SceneCounts(area_m2, pixels, lines)


def _inside(grid: RasterGrid, options: EvaluateOptions) -> BoolArray | np.bool_:
    if options.within is None:
        return np.True_
    area = read_area(Path(options.within), grid.crs, footprint(grid), assume_crs=options.assume_crs)
    return burn_shapes([] if area.is_empty else [area], grid)


def _count_lines(
    prediction: tuple[Side, BoolArray],
    truth: tuple[Side, BoolArray],
    valid: BoolArray,
    grid: RasterGrid,
    options: EvaluateOptions,
) -> LineCounts:
    extracted, reference = (
        move(_lines_of(side, mask, valid, grid, options), grid.crs, metric_crs(grid))
        for side, mask in (prediction, truth)
    )
    graphs = build_graph(extracted), build_graph(reference)
    apls = AplsSetting(options.apls_spacing_m, options.apls_snap_m, options.apls_sources, options.seed)
    topo = TopoSetting(
        options.topo_radius_m, options.topo_interval_m, options.topo_match_m, options.topo_seeds, options.seed
    )
    return LineCounts(
        measure_matches(extracted, reference, options.buffer_m),
        measure_paths(*graphs, apls),
        count_marbles(*graphs, topo),
    )


def _lines_of(side: Side, mask: BoolArray, valid: BoolArray, grid: RasterGrid, options: EvaluateOptions) -> Geometries:
    """The lines of a side where both sides have data, in the grid's CRS; traced from the mask if it has no lines."""
    if side.lines is None:
        return trace_lines(mask & valid, grid, options.min_length_m)
    return clip_lines(side.lines, outline(valid, grid))[0]


def _write_error_map(path: Path, grid: RasterGrid, found: BoolArray, true: BoolArray, valid: BoolArray) -> None:
    classes = np.zeros(grid.shape, np.uint8)
    classes[found & true], classes[found & ~true], classes[~found & true] = 1, 2, 3
    classes[~valid] = NODATA
    with open_class_sink(path, grid, ERROR_COLOURS) as sink:
        for row in range(0, grid.height, 512):
            sink.write(classes[row : row + 512])
