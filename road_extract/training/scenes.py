"""Prepared scenes: pixels and labels on the model's grid, as plain arrays that several processes can map into memory.

A folder of prepared scenes contains ``scenes.json`` and, for each scene, ``NAME.pixels.npy`` and ``NAME.labels.npy``.
Reading them requires only NumPy, so training also runs on machines without GDAL.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from road_extract.base.arrays import BoolArray, ByteArray
from road_extract.base.errors import InputError
from road_extract.base.grid import RasterGrid
from road_extract.base.windows import Window

INDEX_FILE = "scenes.json"

#: Values of label rasters. The model sees unlabelled ground but does not learn from it; it does not see invalid pixels.
GROUND, ROAD, UNLABELLED, INVALID = 0, 1, 2, 3
#: Added to the labels of validation pixels.
VALIDATION = 4

_MAX_ROAD_PX = 20_000


@dataclass(frozen=True, slots=True)
class SceneEntry:
    """The entry of one scene in ``scenes.json``.

    Attributes:
        name: Name of its files.
        group: Its group; scenes of a group share a location or a sensor.
        share: Relative share of training windows drawn from its group.
    """

    name: str
    group: str
    share: float


@dataclass(frozen=True, slots=True)
class PreparedScene:
    """Pixels and labels of one scene, mapped from disk; also a raster source for validation.

    Attributes:
        entry: Name and group.
        pixels: (rows, cols, bands) uint8.
        labels: (rows, cols) uint8: `GROUND` .. `INVALID`, plus `VALIDATION`.
    """

    entry: SceneEntry
    pixels: ByteArray = field(repr=False)
    labels: ByteArray = field(repr=False)

    @property
    def grid(self) -> RasterGrid:
        """The pixel grid; prepared scenes have no georeferencing."""
        height, width = self.labels.shape
        return RasterGrid(height, width, Affine.identity(), "")

    def read(self, window: Window) -> tuple[ByteArray, BoolArray]:
        """Read pixels (rows, cols, bands) and their validity (rows, cols).

        Windows without validation pixels are completely invalid, so that the model does not need to process them.
        """
        part = window.slices
        labels = np.asarray(self.labels[part])
        counted = (labels >= VALIDATION) & (labels & INVALID <= ROAD)
        return np.asarray(self.pixels[part]), (labels & INVALID != INVALID) & counted.any()

    def truth(self) -> tuple[BoolArray, BoolArray]:
        """Return the road pixels and the pixels that count for validation, both (rows, cols)."""
        labels = np.asarray(self.labels)
        code = labels & INVALID
        return code == ROAD, (labels >= VALIDATION) & (code <= ROAD)

    def training_labelled_px(self) -> int:
        """Count the pixels that can be used for training."""
        return int(np.isin(self.labels, (GROUND, ROAD)).sum())

    def training_road_px(self) -> NDArray[np.int32]:
        """Return row and column of a sample of road pixels that can be used for training, (n, 2)."""
        found = np.argwhere(np.asarray(self.labels) == ROAD).astype(np.int32)
        return found[:: max(1, len(found) // _MAX_ROAD_PX)]

    def has_validation(self) -> bool:
        """Check whether any pixel counts for validation."""
        return bool(self.truth()[1].any())


def write_scene(folder: Path, entry: SceneEntry, pixels: ByteArray, labels: ByteArray) -> None:
    """Write the arrays of one scene."""
    np.save(folder / f"{entry.name}.pixels.npy", pixels)
    np.save(folder / f"{entry.name}.labels.npy", labels)


def write_index(folder: Path, entries: Sequence[SceneEntry]) -> None:
    """Write ``scenes.json``. It is the last file: a folder without it is not finished."""
    (folder / INDEX_FILE).write_text(json.dumps([asdict(entry) for entry in entries], indent=1), encoding="utf-8")


def open_prepared(folder: Path) -> list[PreparedScene]:
    """Map all scenes of a folder.

    Raises:
        InputError: If it is not a folder of prepared scenes.
    """
    try:
        entries = [SceneEntry(**values) for values in json.loads((folder / INDEX_FILE).read_text(encoding="utf-8"))]
        return [_open_scene(folder, entry) for entry in entries]
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{folder}: is not a folder of prepared scenes ({error})") from error


def _open_scene(folder: Path, entry: SceneEntry) -> PreparedScene:
    pixels, labels = (np.load(folder / f"{entry.name}.{part}.npy", mmap_mode="r") for part in ("pixels", "labels"))
    return PreparedScene(entry, pixels, labels)
