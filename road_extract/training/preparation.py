"""Resamples scenes and their labels to the model's grid, once, before training starts."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from road_extract.base.arrays import BoolArray, ByteArray
from road_extract.base.errors import InputError
from road_extract.base.grid import RasterGrid
from road_extract.base.progress import Progress, Report, no_report
from road_extract.base.urls import redact
from road_extract.base.windows import Window
from road_extract.io.raster import Scene, SceneView, gdal_session
from road_extract.io.raster.extent import footprint
from road_extract.io.raster.on_grid import burn_shapes, read_labels_on
from road_extract.io.raster.unplaced import place_if_unplaced
from road_extract.io.vector import Selection, Table, read_area, read_table
from road_extract.models.spec import ModelSpec
from road_extract.prediction.preprocess import Scaling, scale_scene
from road_extract.training.burning import RoadWidths, burn_roads
from road_extract.training.cells import Counts, choose_cells, count_cells, mark_cells
from road_extract.training.options import DataOptions
from road_extract.training.scenes import (
    GROUND,
    INDEX_FILE,
    INVALID,
    ROAD,
    UNLABELLED,
    VALIDATION,
    SceneEntry,
    write_index,
    write_scene,
)
from road_extract.training.sources import LabelledScene, TrainingSource, find_scenes

log = logging.getLogger("road_extract")

_BLOCK_PX = 1024
_REQUEST_FILE = "request.txt"


@dataclass(frozen=True, slots=True)
class _Prepared:
    entry: SceneEntry
    grid: RasterGrid
    placed: bool
    pixels: ByteArray
    labels: ByteArray


def prepare_scenes(
    sources: Sequence[TrainingSource],
    folder: Path,
    data: DataOptions,
    spec: ModelSpec,
    validation: Sequence[str] = (),
    report: Report = no_report,
) -> Path:
    """Write a folder of prepared scenes, unless it already contains the result for the same inputs.

    Args:
        sources: Scenes, and how often to draw windows from them.
        folder: Folder to write.
        data: Where the labels come from.
        spec: Spec of the model to train: its GSD and bands.
        validation: Scenes whose names start with one of these are held out completely.
        report: Told the progress.

    Returns:
        ``folder``.

    Raises:
        InputError: If a scene or its labels cannot be used.
    """
    scenes = find_scenes(sources, data.roads is not None)
    request = _request(scenes, data, spec, validation)
    if (folder / INDEX_FILE).exists() and (folder / _REQUEST_FILE).read_text(encoding="utf-8") == request:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / _REQUEST_FILE).write_text(request, encoding="utf-8")
    table = None if data.roads is None else read_table(Path(data.roads), selection=_selection(data))
    entries, places = [], []
    counts: Counts = {}
    cell_px = max(1, round(data.cell_m / spec.gsd_m))
    for number, scene in enumerate(scenes):
        report(Progress("prepare", number + 1, len(scenes), "scenes", scene.image.name))
        with gdal_session():
            found = _prepare(scene, f"{number:05d}_{scene.image.stem}", table, data, spec)
        if validation:
            found.labels[...] += VALIDATION * scene.image.name.startswith(tuple(validation))
        write_scene(folder, found.entry, found.pixels, found.labels)
        key = found.grid.crs if found.placed else found.entry.name
        count_cells(key, found.grid, found.labels, cell_px, counts)
        entries.append(found.entry)
        places.append((key, found.grid))
    chosen = set() if validation else choose_cells(counts, data.validation_share, seed=0)
    for entry, (key, grid) in zip(entries, places, strict=True):
        labels = np.load(folder / f"{entry.name}.labels.npy", mmap_mode="r+")
        mark_cells(key, grid, labels, cell_px, chosen)
        labels.flush()
    write_index(folder, entries)
    return folder


def _request(scenes: Sequence[LabelledScene], data: DataOptions, spec: ModelSpec, validation: Sequence[str]) -> str:
    """Describe everything that the prepared scenes depend on, as text."""
    files = [path for scene in scenes for path in (scene.image, scene.mask) if path is not None]
    files += [Path(path) for path in (data.roads, data.area) if path is not None]
    states = [(str(path.resolve()), path.stat().st_size, path.stat().st_mtime_ns) for path in files if path.exists()]
    groups = [(scene.group, scene.share) for scene in scenes]
    model = (spec.gsd_m, spec.bands, spec.normalization)
    return repr((states, groups, sorted(asdict(data).items()), model, list(validation)))


def _prepare(scene: LabelledScene, name: str, table: Table | None, data: DataOptions, spec: ModelSpec) -> _Prepared:
    path = place_if_unplaced(scene.image, spec.gsd_m, assume_crs=data.assume_crs, subdataset=data.subdataset)
    placed = path == str(scene.image)
    if not placed and scene.mask is None:
        raise InputError(
            f"{scene.image}: has no georeferencing, so vector roads cannot label it; provide a mask, or if only its "
            "CRS is missing, name it (--assume-crs EPSG:...)"
        )
    aoi = None if data.area is None or not placed else partial(read_area, Path(data.area), assume_crs=data.assume_crs)
    with Scene(path, _view(data, spec, placed=placed)) as source:
        pixels, valid = _read_pixels(source, spec)
        road, labelled = _read_labels(scene, source.grid, table, data)
    if aoi is not None:
        inside = burn_shapes([aoi(source.grid.crs, footprint(source.grid))], source.grid)
        labelled &= inside
    labels = np.where(road, ROAD, GROUND).astype(np.uint8)
    labels[~labelled] = UNLABELLED
    labels[~valid] = INVALID
    return _Prepared(SceneEntry(name, scene.group, scene.share), source.grid, placed, pixels, labels)


def _view(data: DataOptions, spec: ModelSpec, *, placed: bool) -> SceneView:
    """What to see of a scene; what was placed arbitrarily has been chosen from its file already."""
    return SceneView(
        spec.gsd_m, len(spec.bands), bands=data.bands, assume_crs=data.assume_crs, nodata=data.nodata,
        subdataset=data.subdataset if placed else None, band_names=spec.bands,
    )  # fmt: skip


def _selection(data: DataOptions) -> Selection:
    return Selection(data.layer, data.where, data.assume_crs, can_choose=True)


def _read_pixels(source: Scene, spec: ModelSpec) -> tuple[ByteArray, BoolArray]:
    """Read all pixels as uint8 (rows, cols, bands), scaled as for inference, and their validity."""
    source.probe()
    grid = source.grid
    for level, text in source.remarks:
        log.log(level, "%s: %s", redact(source.path), text)
    scaling = scale_scene(source, spec.normalization)
    pixels, valid = np.zeros((*grid.shape, len(spec.bands)), np.uint8), np.zeros(grid.shape, np.bool_)
    for row in range(0, grid.height, _BLOCK_PX):
        for col in range(0, grid.width, _BLOCK_PX):
            window = Window(col, row, _BLOCK_PX, _BLOCK_PX).clipped(grid.height, grid.width)
            part = window.slices
            found, valid[part] = source.read(window)
            pixels[part] = _to_bytes(found, scaling)
    return pixels, valid


def _to_bytes(pixels: NDArray[Any], scaling: Scaling) -> ByteArray:
    low, high = np.array(scaling.low, np.float32), np.array(scaling.high, np.float32)
    return np.asarray(np.clip((pixels - low) / (high - low), 0, 1) * 255 + 0.5, np.uint8)


def _read_labels(
    scene: LabelledScene, grid: RasterGrid, table: Table | None, data: DataOptions
) -> tuple[BoolArray, BoolArray]:
    """Return the road pixels and the labelled pixels, both (rows, cols)."""
    if scene.mask is not None:
        labels = read_labels_on(str(scene.mask), grid, data.assume_crs)
        return labels == ROAD, labels <= ROAD
    assert table is not None
    road = burn_roads(table, grid, RoadWidths(data.road_width_m, data.width_field))
    return road, np.ones(grid.shape, np.bool_)
