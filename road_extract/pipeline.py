"""The whole flow, top to bottom: a scene becomes probability, probability becomes roads."""

from __future__ import annotations

import json
import logging
import math
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np

from road_extract.allocator import release_free_memory
from road_extract.atomic import check_outputs, replacing, scratch
from road_extract.backends import Backend, open_backend
from road_extract.blending import FloatArray
from road_extract.inference import BoolArray, Inference, iter_probability
from road_extract.model import model_hash, read_spec, shipped_model
from road_extract.model_spec import ModelSpec
from road_extract.options import LineOptions, PredictOptions, VectorizeOptions
from road_extract.preprocess import Scaling, byte_scaling, fit_scaling
from road_extract.progress import Report, no_report
from road_extract.raster_io import (
    GSD_EXTREME,
    MODEL_TAG,
    NODATA,
    PROBABILITY_MAX,
    THRESHOLD_TAG,
    TRUE_WIDTH_TAG,
    Scene,
    SceneView,
    gdal_session,
    open_probability_sink,
)
from road_extract.vector_io import read_area
from road_extract.vectorizing import Targets, load_libraries, plan_targets, vectorize_to
from road_extract.version import __version__
from road_extract.windows import TilePlan

log = logging.getLogger("road_extract")

PathLike = str | Path

NOTHING_VALID = "no pixel is valid, so there is nothing to find; check nodata value, mask and area of interest"


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
            _predict_to(scene, raster, predict or PredictOptions(), report, lasting=probability is not None)
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


def _predict_to(scene: PathLike, out: Path, options: PredictOptions, report: Report, *, lasting: bool = True) -> None:
    folder = model_folder(options)
    spec = read_spec(folder)
    with gdal_session(), open_scene(scene, options, spec) as source:
        plan = plan_tiles(source, options, spec)
        scaling = scale_scene(source)
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


def model_folder(options: PredictOptions) -> Path:
    """The folder of the model to use."""
    return Path(options.model) if options.model is not None else shipped_model()


def open_scene(scene: PathLike, options: PredictOptions, spec: ModelSpec) -> Scene:
    """Open a scene as the model wants it, and say what is done to it.

    Raises:
        InputError: If it cannot be used.
    """
    source = Scene(str(scene), scene_view(options, spec))
    for level, text in scene_remarks(source, spec):
        log.log(level, text)
    return source


def scene_view(options: PredictOptions, spec: ModelSpec) -> SceneView:
    """How the model wants to look at scenes."""
    return SceneView(
        gsd_m=spec.gsd_m,
        model_bands=len(spec.bands),
        bands=options.bands,
        native_gsd=options.native_gsd,
        bounds=options.bounds,
        assume_crs=options.assume_crs,
        aoi=None if options.aoi is None else partial(read_area, Path(options.aoi)),
    )


def scene_remarks(source: Scene, spec: ModelSpec) -> list[tuple[int, str]]:
    """What a user should know of a scene before its roads are extracted: logging levels and sentences."""
    remarks = []
    if len(source.bands) > 1 and source.colours != ("red", "green", "blue"):
        remarks.append((logging.INFO, f"bands {source.bands} are taken as {', '.join(spec.bands)}"))
    size_x, size_y = source.native_gsd_m
    text = f"the scene's pixels are {size_x:.3g} x {size_y:.3g} m, the model's {spec.gsd_m:g} m"
    if source.resampled:
        remarks.append((logging.INFO, f"{text}: resampled on the ground"))
    factor = math.sqrt(size_x * size_y) / spec.gsd_m
    if not 1 / GSD_EXTREME <= factor <= GSD_EXTREME:
        remarks.append((logging.WARNING, f"{text}, too far apart for the model to work well"))
    return remarks


def scale_scene(source: Scene) -> Scaling:
    """The one scaling of a scene; only 16-bit pixels have to be looked at for it.

    Raises:
        InputError: If no pixel of a 16-bit scene is valid, or the file is damaged.
    """
    return byte_scaling(len(source.bands)) if source.dtype == "uint8" else fit_scaling(*source.sample())


def plan_tiles(source: Scene, options: PredictOptions, spec: ModelSpec) -> TilePlan:
    """The one plan of a scene.

    Raises:
        InputError: If the overlap does not fit the model's tiles.
    """
    return TilePlan(source.grid.height, source.grid.width, spec.tile_size_px, options.overlap_px)


def to_uint8(probability: FloatArray, valid: BoolArray) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Probabilities as they are stored: 0..254, 255 where there is no data."""
    scaled = probability * np.float32(PROBABILITY_MAX)
    np.rint(scaled, out=scaled)
    stored = scaled.astype(np.uint8)
    stored[~valid] = NODATA
    return stored


def _path(path: PathLike | None) -> Path | None:
    return None if path is None else Path(path)


def _paths(*paths: PathLike | None) -> list[Path]:
    return [Path(path) for path in paths if path is not None]


def _inputs(options: PredictOptions | None) -> list[str]:
    return [options.aoi] if options is not None and options.aoi is not None else []


def record_tags(
    folder: Path, spec: ModelSpec, scaling: Scaling, options: PredictOptions, backend: Backend
) -> dict[str, str]:
    """What made a raster, as its tags."""
    return {
        "ROAD_EXTRACT_VERSION": __version__,
        MODEL_TAG: f"{spec.name} sha256:{model_hash(folder)}",
        "ROAD_EXTRACT_BACKEND": backend.description,
        THRESHOLD_TAG: repr(spec.threshold),
        TRUE_WIDTH_TAG: "yes" if spec.true_width else "no",
        "ROAD_EXTRACT_SCALING": json.dumps(asdict(scaling)),
        "ROAD_EXTRACT_OVERLAP_PX": str(options.overlap_px),
    }
