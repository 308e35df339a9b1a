"""Splits a scene into shards: plans them, predicts one into its own file, and joins the files.

A shard is a core rectangle plus every window of the scene's plan that touches it, so its pixels are bit for bit those
of a run over the whole scene, wherever it is computed. These are plain functions, which any pool can run.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, TypeVar

from road_extract.base.errors import InputError
from road_extract.base.grid import RasterGrid
from road_extract.base.native import load_drivers
from road_extract.base.options import PredictOptions
from road_extract.base.progress import Report, no_report
from road_extract.base.version import __version__
from road_extract.base.windows import TilePlan, Window
from road_extract.batch.stores.folder import SHARD_TAG
from road_extract.io.raster import BACKEND_TAG, gdal_session, join_rasters, open_probability_sink, read_tags
from road_extract.models import model_hash
from road_extract.models.backends import Backend, check_any_place
from road_extract.pipeline.resources import check_needs, estimate_needs
from road_extract.pipeline.setup import load_backend, model_folder, open_scene
from road_extract.prediction.preprocess import Scaling

F = TypeVar("F")


@dataclass(frozen=True, slots=True)
class ShardedScene:
    """Everything that the shards of a scene have in common; small enough to send to workers.

    Attributes:
        path: Location for GDAL; never shown, because it may hold a password.
        shown: Location for people.
        options: How probabilities are made.
        grid: The inference grid.
        plan: Windows of the whole scene.
        scaling: Of the whole scene.
        shard_px: Shortest side of a core, unless the scene is shorter.
        model: SHA-256 of the model.
        version: Version of this package.
        remarks: What a user should know about the scene: logging levels and sentences.
    """

    path: str = field(repr=False)
    shown: str
    options: PredictOptions = field(repr=False)
    grid: RasterGrid = field(repr=False)
    plan: TilePlan = field(repr=False)
    scaling: Scaling = field(repr=False)
    shard_px: int
    model: str
    version: str
    remarks: tuple[tuple[int, str], ...] = field(default=(), repr=False)

    @property
    def cores(self) -> list[Window]:
        """Cores of the shards, row by row."""
        return [core for row in plan_cores(self.plan, self.shard_px) for core in row]


def plan_cores(plan: TilePlan, shard_px: int) -> list[list[Window]]:
    """Divide a scene into rows of cores; each side is at least ``shard_px`` long, unless the scene is shorter.

    Cuts are where a window begins: there, only one row or column of windows has pixels on both sides and is computed
    twice. The windows between the cuts are divided evenly.
    """
    rows, cols = (_edges(length, plan.stride_px, shard_px) for length in (plan.height, plan.width))
    return [
        [Window(left, top, right - left, bottom - top) for left, right in pairwise(cols)]
        for top, bottom in pairwise(rows)
    ]


def _edges(length: int, stride: int, shard_px: int) -> list[int]:
    strides, least = length // stride, -(-shard_px // stride)
    pieces = max(1, strides // least)
    return [stride * (strides * piece // pieces) for piece in range(pieces)] + [length]


def count_windows(plan: TilePlan, cores: list[Window]) -> int:
    """Number of windows that all shards compute; windows at their borders count several times."""
    return sum(sum(1 for _ in plan.touching(core)) for core in cores)


def plan_scene(
    path: str, options: PredictOptions, shard_px: int, shown: str | None = None, bands: tuple[str, ...] = ()
) -> ShardedScene:
    """Open a scene once to find out everything that its shards have to agree on.

    Args:
        path: What GDAL opens.
        options: How probabilities are made.
        shard_px: Shortest side of a shard.
        shown: The path for people.
        bands: Names of its bands, where a catalogue tells them.

    Raises:
        InputError: If the scene or the model cannot be used.
    """
    with open_scene(path, options, known_bands=bands) as setup:
        return ShardedScene(
            path, shown or path, setup.options, setup.source.grid, setup.plan, setup.scaling, shard_px,
            model_hash(model_folder(options)), __version__, tuple(setup.remarks),
        )  # fmt: skip


def predict_shard(scene: ShardedScene, index: int, out: Path, fingerprint: str, report: Report = no_report) -> None:
    """Write the probability of one shard, as `predict_probability` does, on the core's part of the grid.

    The model stays loaded in this process for the next shard, until `release_model` is called.

    Args:
        scene: Planned here or elsewhere.
        index: Index of the core.
        out: GeoTIFF to write, completely or not at all.
        fingerprint: Recorded in the file, so that a later run can tell whether it can use it.
        report: Called with the progress.

    Raises:
        RoadExtractError: If the shard cannot be computed, needs more memory than this machine has, or would not match
            the others because the version, the model or the scene has changed.
    """
    _check_same(scene, model_hash(model_folder(scene.options)))
    core = scene.cores[index]
    check_needs(scene.shown, estimate_needs((core.height, core.width), scene.options.backend), None)
    backend = _model.load(scene.options, scene.model)
    with open_scene(scene.path, scene.options, scene.scaling) as setup:
        _check_grid(scene, setup.source.grid)
        tags = setup.tags(backend) | {SHARD_TAG: fingerprint}
        with open_probability_sink(out, scene.grid.crop(core), tags, lasting=False) as sink:
            setup.predict_to(sink, backend, core=core, report=report)


def join_shards(
    scene: ShardedScene,
    files: Sequence[F],
    out: Path,
    creation_options: tuple[str, ...] | None = (),
    reading: Callable[[Sequence[F]], AbstractContextManager[Sequence[Any]]] = nullcontext,
) -> tuple[bool, str]:
    """Join shards to the probability raster of a scene, strip by strip: byte for byte that of one run.

    Args:
        scene: The scene.
        files: Files of the shards, in the order of the cores.
        out: GeoTIFF to write.
        creation_options: How it is stored, NAME=VALUE; None if it is temporary.
        reading: Makes paths on this machine of a row of files, for as long as the row is read.

    Returns:
        Whether any pixel is valid, and the runtime of the model.

    Raises:
        RoadExtractError: If a shard is missing or damaged, if the shards were made by different backends, or if the
            raster cannot be written.
    """
    rows = _iter_rows(scene, files, reading)
    first, tags = next(rows)
    kept = {name: value for name, value in tags.items() if name.startswith("ROAD_EXTRACT_") and name != SHARD_TAG}
    settings = {"lasting": creation_options is not None, "coloured": scene.options.colour_table}
    opened = open_probability_sink(out, scene.grid, kept, creation_options=creation_options or (), **settings)
    with gdal_session(), opened as sink:
        seen = join_rasters(chain([first], (paths for paths, _ in rows)), sink)
    return seen, tags.get(BACKEND_TAG, "unknown")


def _iter_rows(
    scene: ShardedScene,
    files: Sequence[F],
    reading: Callable[[Sequence[F]], AbstractContextManager[Sequence[Any]]],
) -> Iterator[tuple[list[Path], dict[str, str]]]:
    """Rows of shards, each with the tags of its first shard, after a check that all shards fit together."""
    left, backends = iter(files), set()
    for row in plan_cores(scene.plan, scene.shard_px):
        with reading([next(left) for _ in row]) as paths:
            tags = [read_tags(str(path)) for path in paths]
            backends |= {tag.get(BACKEND_TAG, "unknown") for tag in tags}
            if len(backends) > 1:
                raise InputError(
                    f"{scene.shown}: its shards were made by different backends ({'; '.join(sorted(backends))}) and do "
                    "not match; choose one (--backend, --precision) and start over (--restart)"
                )
            yield list(paths), tags[0]


def _check_same(scene: ShardedScene, model: str) -> None:
    if scene.version != __version__:
        raise InputError(
            f"road_extract is {__version__} here and {scene.version} where the run began; install the same version"
        )
    if scene.model != model:
        raise InputError("the model here is not the one with which the run began; use the same model folder")


def _check_grid(scene: ShardedScene, grid: RasterGrid) -> None:
    if (grid.shape, grid.transform) != (scene.grid.shape, scene.grid.transform):
        raise InputError(f"{scene.shown}: has changed since the run began; do not modify it while the run is going on")


class _LoadedModel:
    """Keeps the model last used in this process, because loading it takes longer than a small shard."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._key: Any = None
        self._backend: Backend | None = None

    def load(self, options: PredictOptions, model: str) -> Backend:
        """Load a model, unless it is loaded already."""
        key = model, replace(options, bands=None, bounds=None, aoi=None, assume_crs=None)
        with self._lock:
            if self._backend is None or self._key != key:
                self._close()
                load_drivers()
                self._backend = load_backend(options)
                check_any_place(self._backend)
                self._key = key
            return self._backend

    def release(self) -> None:
        """Close the model."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._backend is not None:
            self._backend.close()
        self._backend = None


_model = _LoadedModel()


def release_model() -> None:
    """Free the model that `predict_shard` keeps."""
    _model.release()
