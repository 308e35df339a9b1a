"""Opens a scene together with its model, the first step whenever a model runs on a scene.

`open_scene` yields a `SceneSetup`: the scene on its inference grid, the plan of its windows, its scaling and the model.
`load_backend` loads the model into a runtime.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

from road_extract.base.options import PredictOptions
from road_extract.base.progress import Report, no_report
from road_extract.base.version import __version__
from road_extract.base.windows import TilePlan, Window
from road_extract.io.raster import (
    BACKEND_TAG,
    GSD_EXTREME,
    MODEL_TAG,
    THRESHOLD_TAG,
    TRUE_WIDTH_TAG,
    RasterSink,
    Scene,
    SceneView,
    gdal_session,
    to_uint8,
)
from road_extract.io.vector import read_area
from road_extract.models import find_model, model_hash, read_spec, shipped_model
from road_extract.models.backends import Backend
from road_extract.models.backends import open_backend as open_backend  # where tests put theirs
from road_extract.models.spec import ModelSpec
from road_extract.pipeline.resources import Needs, estimate_needs
from road_extract.prediction.inference import Inference, iter_probability
from road_extract.prediction.preprocess import Scaling, scale_scene

log = logging.getLogger("road_extract")

PathLike = str | Path

NOTHING_VALID = "the scene has no valid pixels; check its nodata value and mask, and the area of interest"


@dataclass(frozen=True, slots=True)
class SceneSetup:
    """An open scene and everything that inference needs.

    Attributes:
        source: The scene on its inference grid.
        plan: Windows of the whole scene.
        scaling: Scaling of the whole scene.
        spec: Specification of the model.
        options: How to predict probabilities.
    """

    source: Scene
    plan: TilePlan
    scaling: Scaling
    spec: ModelSpec
    options: PredictOptions

    @property
    def remarks(self) -> list[tuple[int, str]]:
        """What the user should know about this scene: logging levels and messages."""
        return list(_iter_remarks(self.source, self.spec))

    @property
    def needs(self) -> Needs:
        """What the probability of the scene takes of this machine."""
        return estimate_needs((self.plan.height, self.plan.width), self.options.backend, self.source.block_bytes)

    def log_remarks(self) -> None:
        """Log the remarks."""
        for level, text in self.remarks:
            log.log(level, text)

    def predict_to(
        self, sink: RasterSink, backend: Backend, *, core: Window | None = None, report: Report = no_report
    ) -> bool:
        """Run the model over the scene, or over a core of it, and write the probability.

        Returns:
            Whether any pixel is valid.
        """
        inference = Inference(backend, self.spec, self.scaling)
        seen = False
        with closing(iter_probability(self.source, self.plan, inference, core, report)) as strips:
            for probability, valid in strips:
                sink.write(to_uint8(probability, valid))
                seen = seen or bool(valid.any())
        return seen

    def tags(self, backend: Backend) -> dict[str, str]:
        """Return GeoTIFF tags that record how the raster was made."""
        return {
            "ROAD_EXTRACT_VERSION": __version__,
            MODEL_TAG: f"{self.spec.name} sha256:{model_hash(model_folder(self.options))}",
            BACKEND_TAG: backend.description,
            THRESHOLD_TAG: repr(self.spec.threshold),
            TRUE_WIDTH_TAG: "yes" if self.spec.true_width else "no",
            "ROAD_EXTRACT_SCALING": json.dumps(asdict(self.scaling)),
            "ROAD_EXTRACT_OVERLAP_PX": str(self.options.overlap_px),
        }


@contextmanager
def open_scene(
    scene: PathLike, options: PredictOptions, scaling: Scaling | None = None, known_bands: tuple[str, ...] = ()
) -> Iterator[SceneSetup]:
    """Open a scene as the model requires, and check that it can be read.

    Args:
        scene: Any raster that GDAL opens.
        options: How probabilities are made.
        scaling: Scaling of the scene, if it is already known; in this case, the scene is not checked again.
        known_bands: Names of its bands, if a catalogue gives them.

    Raises:
        InputError: If the scene or the model cannot be used, or the overlap does not fit the model's tiles.
    """
    spec = read_spec(model_folder(options))
    view = replace(scene_view(options, spec), known_bands=known_bands)
    with gdal_session(), Scene(str(scene), view) as source:
        if scaling is None:
            source.probe()
        if source.bands_by_catalogue:  # so that the scene can be opened again without the catalogue
            options = replace(options, bands=source.bands)
        plan = TilePlan(source.grid.height, source.grid.width, spec.tile_size_px, options.overlap_px)
        yield SceneSetup(source, plan, scaling or scale_scene(source, spec.normalization), spec, options)


def load_backend(options: PredictOptions) -> Backend:
    """Load the model into the runtime that the options specify.

    Raises:
        InputError: If the model folder cannot be used.
        BackendError: If the runtime cannot be imported.
    """
    return open_backend(
        name=options.backend,
        model=model_folder(options),
        batch_size=options.batch_size,
        precision=options.precision,
        threads=options.threads,
        tta=options.tta,
    )


def model_folder(options: PredictOptions) -> Path:
    """Return the model folder to use."""
    return shipped_model() if options.model is None else find_model(options.model)


def scene_view(options: PredictOptions, spec: ModelSpec) -> SceneView:
    """Describe how to read a scene for the model."""
    return SceneView(
        gsd_m=spec.gsd_m,
        model_bands=len(spec.bands),
        bands=options.bands,
        native_gsd=options.native_gsd,
        bounds=options.bounds,
        assume_crs=options.assume_crs,
        aoi=None if options.aoi is None else partial(read_area, Path(options.aoi), assume_crs=options.assume_crs),
        subdataset=options.subdataset,
        nodata=options.nodata,
        band_names=spec.bands,
    )


def _iter_remarks(source: Scene, spec: ModelSpec) -> Iterator[tuple[int, str]]:
    yield from source.remarks
    size_x, size_y = source.native_gsd_m
    sizes = f"the scene's pixels are {size_x:.3g} x {size_y:.3g} m, and the model's {spec.gsd_m:g} m"
    if source.resampled:
        yield logging.INFO, f"{sizes}: resampled on the ground"
    factor = math.sqrt(size_x * size_y) / spec.gsd_m
    if not 1 / GSD_EXTREME <= factor <= GSD_EXTREME:
        yield logging.WARNING, f"{sizes}, too far apart for the model to work well"
