"""What every use of a model on a scene begins with: model folder, scene, plan of its windows, scaling, record."""

from __future__ import annotations

import json
import logging
import math
from dataclasses import asdict
from functools import partial
from pathlib import Path

from road_extract.base.options import PredictOptions
from road_extract.base.version import __version__
from road_extract.base.windows import TilePlan
from road_extract.io.raster import (
    GSD_EXTREME,
    MODEL_TAG,
    THRESHOLD_TAG,
    TRUE_WIDTH_TAG,
    Scene,
    SceneView,
)
from road_extract.io.vector import read_area
from road_extract.models import model_hash, shipped_model
from road_extract.models.backends import Backend
from road_extract.models.spec import ModelSpec
from road_extract.prediction.preprocess import Scaling

log = logging.getLogger("road_extract")

PathLike = str | Path

NOTHING_VALID = "no pixel is valid, so there is nothing to find; check nodata value, mask and area of interest"


def model_folder(options: PredictOptions) -> Path:
    """The folder of the model to use."""
    return Path(options.model) if options.model is not None else shipped_model()


def open_scene(scene: PathLike, options: PredictOptions, spec: ModelSpec, *, say: bool = True) -> Scene:
    """Open a scene as the model wants it, see that it can be read, and say what is done to it.

    Raises:
        InputError: If it cannot be used.
    """
    source = Scene(str(scene), scene_view(options, spec))
    try:
        source.probe()
    except BaseException:
        source.close()
        raise
    for level, text in scene_remarks(source, spec) if say else ():
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
        subdataset=options.subdataset,
        nodata=options.nodata,
        band_names=spec.bands,
    )


def scene_remarks(source: Scene, spec: ModelSpec) -> list[tuple[int, str]]:
    """What a user should know of a scene before its roads are extracted: logging levels and sentences."""
    remarks = list(source.remarks)
    size_x, size_y = source.native_gsd_m
    text = f"the scene's pixels are {size_x:.3g} x {size_y:.3g} m, the model's {spec.gsd_m:g} m"
    if source.resampled:
        remarks.append((logging.INFO, f"{text}: resampled on the ground"))
    factor = math.sqrt(size_x * size_y) / spec.gsd_m
    if not 1 / GSD_EXTREME <= factor <= GSD_EXTREME:
        remarks.append((logging.WARNING, f"{text}, too far apart for the model to work well"))
    return remarks


def plan_tiles(source: Scene, options: PredictOptions, spec: ModelSpec) -> TilePlan:
    """The one plan of a scene.

    Raises:
        InputError: If the overlap does not fit the model's tiles.
    """
    return TilePlan(source.grid.height, source.grid.width, spec.tile_size_px, options.overlap_px)


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
