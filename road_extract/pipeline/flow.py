"""The whole flow, top to bottom: a scene becomes probability, probability becomes roads."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from road_extract.base.files import check_outputs, replacing, scratch
from road_extract.base.native import release_free_memory
from road_extract.base.options import LineOptions, PredictOptions, VectorizeOptions
from road_extract.base.progress import Report, no_report
from road_extract.io.raster import gdal_session, open_probability_sink, to_uint8
from road_extract.models import read_spec
from road_extract.models.backends import open_backend
from road_extract.pipeline.resources import check_needs
from road_extract.pipeline.setup import (
    NOTHING_VALID,
    PathLike,
    model_folder,
    open_scene,
    plan_tiles,
    record_tags,
)
from road_extract.pipeline.vectorizing import Targets, load_libraries, plan_targets, vectorize_to
from road_extract.prediction.inference import Inference, iter_probability
from road_extract.prediction.preprocess import scale_scene

log = logging.getLogger("road_extract")


@dataclass(frozen=True, slots=True)
class Extraction:
    """What came out.

    Attributes:
        path: The roads as asked for: polygons, or lines where only these were.
        features: Polygons and lines together.
        polygons: How many polygons.
        lines: How many lines.
        lines_path: The lines, if there are any; in a GeoPackage the same file.
    """

    path: Path
    features: int
    polygons: int
    lines: int
    lines_path: Path


def extract_roads(
    scene: PathLike,
    out: PathLike,
    *,
    predict: PredictOptions | None = None,
    vectorize: VectorizeOptions | None = None,
    lines: LineOptions | None = None,
    probability: PathLike | None = None,
    mask: PathLike | None = None,
    nodes: PathLike | None = None,
    overwrite: bool = False,
    report: Report = no_report,
) -> Extraction:
    """Extract the roads of a scene as georeferenced polygons or lines: `predict_probability`, then `vectorize_roads`.

    Args:
        scene: Any raster that GDAL opens.
        out: ``.geojson``, ``.gpkg``, ``.fgb`` or ``.parquet``; lines alone also ``.osm`` or ``.graphml``.
        predict: How probabilities are made.
        vectorize: How polygons and lines are made of them.
        lines: What else matters for lines.
        probability: Keep the probability raster here (GeoTIFF).
        mask: Keep the road mask here (GeoTIFF).
        nodes: Write the nodes of the lines here.
        overwrite: Replace outputs that exist.
        report: Told the progress.

    Raises:
        RoadExtractError: With one sentence that says what to do; no output and no temporary file is left behind.
    """
    out = Path(out)
    targets = plan_targets(out, (vectorize or VectorizeOptions()).geometry, _path(nodes), _path(mask))
    check_outputs([*targets.paths, *_paths(probability)], [scene, *_inputs(predict)], overwrite)
    keep = scratch(out.with_suffix(".tif")) if probability is None else replacing(Path(probability))
    with keep as raster:
        with ThreadPoolExecutor(1, "load") as pool:
            pool.submit(load_libraries, targets)  # beside the model's start; what fails there fails again in its place
            _predict_to(
                scene, raster, predict or PredictOptions(), report, lasting=probability is not None, targets=targets
            )
        release_free_memory()
        return _vectorize_whole(raster, targets, vectorize, lines, None, report)


def predict_probability(
    scene: PathLike,
    out: PathLike,
    *,
    options: PredictOptions | None = None,
    overwrite: bool = False,
    report: Report = no_report,
) -> Path:
    """Write the road probability of every pixel of a scene.

    The raster lies on the scene's grid, or on one of the model's GSD where the two differ by more than a tenth. It is
    uint8: 0..254 for 0..1, 255 for nodata.

    Args:
        scene: Any raster that GDAL opens.
        out: GeoTIFF to write.
        options: How.
        overwrite: Replace an output that exists.
        report: Told the progress.

    Returns:
        ``out``.

    Raises:
        RoadExtractError: With one sentence that says what to do; nothing is left behind.
    """
    out = Path(out)
    check_outputs([out], [scene, *_inputs(options)], overwrite)
    _predict_to(scene, out, options or PredictOptions(), report)
    return out


def vectorize_roads(
    raster: PathLike,
    out: PathLike,
    *,
    options: VectorizeOptions | None = None,
    lines: LineOptions | None = None,
    mask: PathLike | None = None,
    nodes: PathLike | None = None,
    assume_crs: str | None = None,
    overwrite: bool = False,
    report: Report = no_report,
) -> Extraction:
    """Turn a probability raster or a 0/1 mask, whoever made it, into road polygons or lines.

    Args:
        raster: Single band: probabilities (float 0..1, or integers with a scale tag) or 0 and 1.
        out: ``.geojson``, ``.gpkg``, ``.fgb`` or ``.parquet``; lines alone also ``.osm`` or ``.graphml``.
        options: How.
        lines: What else matters for lines.
        mask: Keep the road mask here (GeoTIFF).
        nodes: Write the nodes of the lines here.
        assume_crs: CRS of a raster that has none.
        overwrite: Replace outputs that exist.
        report: Told the progress.

    Raises:
        RoadExtractError: With one sentence that says what to do; nothing is left behind.
    """
    targets = plan_targets(Path(out), (options or VectorizeOptions()).geometry, _path(nodes), _path(mask))
    check_outputs(targets.paths, [raster], overwrite)
    return _vectorize_whole(raster, targets, options, lines, assume_crs, report)


def _predict_to(
    scene: PathLike,
    out: Path,
    options: PredictOptions,
    report: Report,
    *,
    lasting: bool = True,
    targets: Targets | None = None,
) -> None:
    """Write the probability raster of a scene, once it is sure that all that is made of it can be written, too."""
    folder = model_folder(options)
    spec = read_spec(folder)
    with gdal_session(), open_scene(scene, options, spec) as source:
        plan = plan_tiles(source, options, spec)
        if targets is not None:
            targets.check_crs(source.grid.crs)
        check_needs(str(scene), plan, options.backend, out.parent)
        scaling = scale_scene(source, spec.normalization)
        backend = open_backend(
            options.backend, folder, options.batch_size, options.precision, options.threads, options.tta
        )
        log.info("model %s by %s", spec.name, backend.description)
        inference = Inference(backend, spec, scaling)
        strips = iter_probability(source, plan, inference, report=report)
        tags = record_tags(folder, spec, scaling, options, backend)
        seen = False
        writing = open_probability_sink(out, source.grid, tags, lasting=lasting)
        # the raster is finished last, when the runtime's memory is free again
        with writing as sink, closing(backend), closing(strips):
            for probability, valid in strips:
                sink.write(to_uint8(probability, valid))
                seen = seen or bool(valid.any())
        if not seen:
            log.warning(NOTHING_VALID)


def _vectorize_whole(
    raster: PathLike,
    targets: Targets,
    options: VectorizeOptions | None,
    lines: LineOptions | None,
    assume_crs: str | None,
    report: Report,
) -> Extraction:
    """Write all files under temporary names, which they change at the end, when nothing can go wrong any more."""
    with ExitStack() as stack:
        names = {path: stack.enter_context(replacing(path)) for path in targets.paths}
        options, lines = options or VectorizeOptions(), lines or LineOptions()
        counts = vectorize_to(raster, targets.mapped(names), options, lines, assume_crs, report)
    layers = [path for path in (targets.polygons, targets.lines) if path is not None]
    return Extraction(layers[0], counts.polygons + counts.lines, counts.polygons, counts.lines, layers[-1])


def _path(path: PathLike | None) -> Path | None:
    return None if path is None else Path(path)


def _paths(*paths: PathLike | None) -> list[Path]:
    return [Path(path) for path in paths if path is not None]


def _inputs(options: PredictOptions | None) -> list[str]:
    return [options.aoi] if options is not None and options.aoi is not None else []
