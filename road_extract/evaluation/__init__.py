"""Scores predictions of any kind against ground truth of any kind, with counts pooled over scenes.

This package pairs files, brings them onto one grid and adds up counts. The metrics themselves belong in `metrics`.
"""

from __future__ import annotations

import logging
from pathlib import Path

from road_extract.base.errors import InputError
from road_extract.base.files import check_outputs
from road_extract.base.levels import DEFAULT_THRESHOLD
from road_extract.base.options import EvaluateOptions
from road_extract.base.progress import Progress, Report, no_report
from road_extract.evaluation.pairs import ScenePair, is_vector, pair_scenes
from road_extract.evaluation.plotting import check_plotting, draw_curve
from road_extract.evaluation.results import Evaluation, LineMetrics, RasterMetrics, SceneCounts, sum_scenes
from road_extract.evaluation.scoring import count_scene
from road_extract.evaluation.sides import threshold_level
from road_extract.io.raster import ProbabilityRaster, gdal_session

__all__ = ["Evaluation", "LineMetrics", "RasterMetrics", "SceneCounts", "evaluate"]

log = logging.getLogger("road_extract")


def evaluate(
    prediction: str | Path,
    truth: str | Path,
    *,
    options: EvaluateOptions | None = None,
    error_map: str | Path | None = None,
    curve: str | Path | None = None,
    overwrite: bool = False,
    report: Report = no_report,
) -> Evaluation:
    """Score a prediction, or a folder of them, against the truth.

    Args:
        prediction: Probability raster, mask, polygons or lines, or a folder of such files.
        truth: Mask, polygons or lines, in any CRS and on any grid, or a folder of such files. In folders, files are
            paired by name; the names of predictions may also end in ``_roads``, ``_probability`` or ``_mask``.
        options: Which metrics to compute, and their settings.
        error_map: GeoTIFF to write; if folders are compared, an existing folder.
        curve: PNG of the precision-recall curve to write.
        overwrite: Replace existing outputs.
        report: Called with the progress.

    Raises:
        RoadExtractError: The message is one sentence that says what to do.
    """
    options = options or EvaluateOptions()
    if curve is not None:
        check_plotting()
    pairs, unpaired = pair_scenes(Path(prediction), Path(truth))
    if unpaired:
        log.warning("%d truths have no prediction and are skipped: %s", len(unpaired), ", ".join(unpaired))
    maps = _error_maps(pairs, error_map, Path(prediction).is_dir())
    outputs = [path for path in (*maps, None if curve is None else Path(curve)) if path is not None]
    check_outputs(outputs, [path for pair in pairs for path in (pair.prediction, pair.truth)], overwrite)
    with gdal_session():
        threshold, graded = _find_threshold([pair.prediction for pair in pairs], options)
        if curve is not None and (not graded or options.metrics == "lines"):
            raise InputError("a precision-recall curve requires probability rasters as predictions, and raster metrics")
        scenes = _count_all(pairs, maps, threshold, options, report)
    total, level = sum_scenes(list(scenes.values())), threshold_level(threshold)
    found = Evaluation(scenes, total, threshold, level, graded, tuple(unpaired), options)
    if curve is not None and found.curve is not None:
        draw_curve(Path(curve), found.curve, level, threshold, options.rho_px)
    return found


def _count_all(
    pairs: list[ScenePair], maps: list[Path | None], threshold: float, options: EvaluateOptions, report: Report
) -> dict[str, SceneCounts]:
    scenes = {}
    for number, (pair, error_map) in enumerate(zip(pairs, maps, strict=True), 1):
        scenes[pair.name] = count_scene(pair, threshold, options, error_map)
        report(Progress("evaluate", number, len(pairs), "scenes"))
    return scenes


def _find_threshold(predictions: list[Path], options: EvaluateOptions) -> tuple[float, bool]:
    """The threshold, and whether all predictions contain probabilities."""
    recorded, graded = set(), True
    for path in predictions:
        if is_vector(path):
            graded = False
            continue
        with ProbabilityRaster(str(path), options.assume_crs) as raster:
            recorded.add(raster.threshold)
            graded = graded and not raster.is_mask
    found = sorted(threshold for threshold in recorded if threshold is not None)
    if options.threshold is None and len(found) > 1:
        shown = ", ".join(f"{threshold:g}" for threshold in found)
        raise InputError(f"the predictions record different thresholds ({shown}); specify one with --threshold")
    return options.threshold or (found[0] if found else DEFAULT_THRESHOLD), graded


def _error_maps(pairs: list[ScenePair], given: str | Path | None, is_folder: bool) -> list[Path | None]:
    if given is None:
        return [None] * len(pairs)
    path = Path(given)
    if not is_folder:
        return [path]
    if not path.is_dir():
        raise InputError(f"{path}: is not a folder; error maps of several scenes require an existing folder")
    return [path / f"{pair.name}.tif" for pair in pairs]
