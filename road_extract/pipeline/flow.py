"""The whole flow, from top to bottom: a scene becomes a probability raster, and this becomes roads."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from road_extract.base.errors import InputError
from road_extract.base.files import check_outputs, replacing, scratch
from road_extract.base.native import release_free_memory
from road_extract.base.options import LineOptions, PredictOptions, ReportOptions, VectorizeOptions
from road_extract.base.progress import Report, no_report
from road_extract.io.raster import check_creation_options, open_probability_sink
from road_extract.io.styles import style_paths, write_style_files
from road_extract.models.backends import Backend
from road_extract.pipeline.delivery import Delivery, delivering
from road_extract.pipeline.outputs import Extraction, Outputs, RasterFile, Targets, plan_targets, to_outputs
from road_extract.pipeline.resources import check_needs
from road_extract.pipeline.setup import NOTHING_VALID, PathLike, load_backend, open_scene
from road_extract.pipeline.vectorizing import load_libraries, vectorize_to

log = logging.getLogger("road_extract")


def extract_roads(
    scene: PathLike,
    out: PathLike | Outputs,
    *,
    predict: PredictOptions | None = None,
    vectorize: VectorizeOptions | None = None,
    lines: LineOptions | None = None,
    overwrite: bool = False,
    report: Report = no_report,
) -> Extraction:
    """Extract the roads of a scene as georeferenced polygons or lines: `predict_probability`, then `vectorize_roads`.

    Args:
        scene: Any raster that GDAL opens.
        out: The file of the roads, or `Outputs` to keep the probability, the mask or the nodes of the lines too, or to
            write a page for review.
        predict: How probabilities are made.
        vectorize: How polygons and lines are made from them.
        lines: Further options for lines.
        overwrite: Replace outputs that exist.
        report: Called with the progress.

    Raises:
        RoadExtractError: With a message that says what to do. No output and no temporary file is left behind.
    """
    outputs, predict = to_outputs(out), predict or PredictOptions()
    vectorize, lines = vectorize or VectorizeOptions(), lines or LineOptions()
    with delivering(overwrite) as delivery:
        outputs = delivery.local_outputs(outputs)
        targets = plan_targets(outputs, vectorize.geometry)
        kept, page = _path(outputs.probability), _path(outputs.report)
        if page is not None:
            from road_extract.review import check_source

            check_source(page, outputs.roads)
        styles = [*targets.style_paths, *(style_paths(kept) if kept is not None and outputs.style else [])]
        further = [path for path in (kept, page) if path is not None]
        _check_outputs(delivery, [*targets.paths, *further, *styles], [scene, *_inputs(predict)], overwrite)
        with scratch(Path(outputs.roads).with_suffix(".tif")) if kept is None else replacing(kept) as raster:
            with ThreadPoolExecutor(1, "load") as pool:
                pool.submit(load_libraries, targets)  # while the model loads; a failure here is raised again later
                stored = None if kept is None else outputs.creation_options
                _predict_to(scene, raster, predict, report, targets=targets, creation_options=stored)
            release_free_memory()
            done = _vectorize_whole(raster, targets, vectorize, lines, None, report)
            if page is not None and kept is None:
                _write_page(scene, done, page, raster, (predict, vectorize, lines))
        if kept is not None and outputs.style:
            write_style_files(kept, "probability")
        if page is not None and kept is not None:  # the raster stays, even if the page cannot be written
            _write_page(scene, done, page, kept, (predict, vectorize, lines))
    return delivery.named_extraction(done)


def predict_probability(
    scene: PathLike,
    out: PathLike | RasterFile,
    *,
    options: PredictOptions | None = None,
    backend: Backend | None = None,
    style: bool = False,
    overwrite: bool = False,
    report: Report = no_report,
) -> PathLike:
    """Write the road probability of every pixel of a scene.

    The raster is on the scene's grid or, if the scene's GSD differs from the model's by more than a tenth, on a grid
    with the model's GSD. It is uint8: 0..254 for probability 0..1, and 255 for nodata, in a Cloud-Optimized GeoTIFF.

    Args:
        scene: Any raster that GDAL opens.
        out: GeoTIFF to write, a path or ``s3://``, ``gs://``, ``az://``; or a `RasterFile` to say how it is stored.
        options: How probabilities are made.
        backend: A loaded model to reuse for many scenes; it is not closed here. By default, one is loaded.
        style: Write styles for QGIS and other programs beside the raster.
        overwrite: Replace an output that exists.
        report: Called with the progress.

    Returns:
        The path of the raster.

    Raises:
        RoadExtractError: With a message that says what to do. Nothing is left behind.
    """
    file, options = out if isinstance(out, RasterFile) else RasterFile(out), options or PredictOptions()
    with delivering(overwrite) as delivery:
        path = delivery.local(file.path)
        paths = [path, *(style_paths(path) if style else [])]
        _check_outputs(delivery, paths, [scene, *_inputs(options)], overwrite)
        check_creation_options(file.creation_options)
        _predict_to(scene, path, options, report, backend=backend, creation_options=file.creation_options)
        if style:
            write_style_files(path, "probability")
    return delivery.named(path)


def vectorize_roads(
    raster: PathLike,
    out: PathLike | Outputs,
    *,
    options: VectorizeOptions | None = None,
    lines: LineOptions | None = None,
    assume_crs: str | None = None,
    overwrite: bool = False,
    report: Report = no_report,
) -> Extraction:
    """Turn a probability raster or a 0/1 mask from any source into road polygons or lines.

    Args:
        raster: Single band: probabilities (0..1, percentages, 0..255, or numbers with a scale tag) or a mask (0 and 1,
            or 0 and 255).
        out: The file of the roads, or `Outputs` to keep the mask or the nodes of the lines too.
        options: How polygons and lines are made.
        lines: Further options for lines.
        assume_crs: CRS of a raster that has none.
        overwrite: Replace outputs that exist.
        report: Called with the progress.

    Raises:
        RoadExtractError: With a message that says what to do. Nothing is left behind.
    """
    options, lines, outputs = options or VectorizeOptions(), lines or LineOptions(), to_outputs(out)
    if outputs.report is not None:
        raise InputError(f"{outputs.report}: a review page needs the scene; make it with write_report or extract_roads")
    with delivering(overwrite) as delivery:
        targets = plan_targets(delivery.local_outputs(outputs), options.geometry)
        _check_outputs(delivery, [*targets.paths, *targets.style_paths], [raster], overwrite)
        done = _vectorize_whole(raster, targets, options, lines, assume_crs, report)
    return delivery.named_extraction(done)


def _check_outputs(delivery: Delivery, paths: list[Path], inputs: list[PathLike], overwrite: bool) -> None:
    check_outputs(paths, inputs, overwrite)
    delivery.check(paths, inputs)


def _predict_to(
    scene: PathLike,
    out: Path,
    options: PredictOptions,
    report: Report,
    *,
    backend: Backend | None = None,
    targets: Targets | None = None,
    creation_options: tuple[str, ...] | None = (),
) -> None:
    """Write the probability raster of a scene, after checking that everything derived from it can also be written.

    It is temporary if ``creation_options`` is None.
    """
    with open_scene(scene, options) as setup, ExitStack() as stack:
        setup.log_remarks()
        if targets is not None:
            targets.check_crs(setup.source.grid.crs)
            targets.check_attributes(widths=setup.spec.true_width)
        check_needs(str(scene), setup.needs, out.parent)
        loaded = backend or load_backend(options)
        log.info("model %s with %s", setup.spec.name, loaded.description)
        lasting = creation_options is not None
        settings = {"lasting": lasting, "coloured": lasting and options.colour_table}
        opened = open_probability_sink(
            out, setup.source.grid, setup.tags(loaded), creation_options=creation_options or (), **settings
        )
        sink = stack.enter_context(opened)
        if backend is None:
            stack.enter_context(closing(loaded))  # frees its memory before the raster is finished
        if not setup.predict_to(sink, loaded, report=report):
            log.warning(NOTHING_VALID)


def _vectorize_whole(
    raster: PathLike,
    targets: Targets,
    vectorize: VectorizeOptions,
    lines: LineOptions,
    assume_crs: str | None,
    report: Report,
) -> Extraction:
    """Write all files under temporary names and rename them at the end, when nothing more can fail."""
    with ExitStack() as stack:
        names = {path: stack.enter_context(replacing(path)) for path in targets.paths}
        counts = vectorize_to(raster, targets.mapped(names), vectorize, lines, assume_crs, report)
        targets.add_styles(names)
    targets.write_styles()
    return Extraction.of(targets, counts)


def _write_page(scene: PathLike, done: Extraction, page: Path, raster: Path, options: tuple[Any, ...]) -> None:
    """Write the page for review; its outputs have been checked before."""
    from road_extract.review import describe_options, write_report

    roads = list(dict.fromkeys([done.path, done.lines_path]))
    view = ReportOptions.of(options[0])
    made = describe_options(*options)
    write_report(scene, roads, page, probability=raster, options=view, made=made, overwrite=True)


def _path(path: PathLike | None) -> Path | None:
    return None if path is None else Path(path)


def _inputs(options: PredictOptions) -> list[str]:
    return [] if options.aoi is None else [options.aoi]
