"""Pictures of a model in training: validation windows with the truth and the predicted probability next to them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from road_extract.base.arrays import ByteArray
from road_extract.io.raster.picture import write_png
from road_extract.models.spec import ModelSpec
from road_extract.training.feeding import to_input
from road_extract.training.scenes import INVALID, ROAD, PreparedScene
from road_extract.training.validation import KerasBackend

if TYPE_CHECKING:
    import keras

_WINDOWS = 6
_GAP_PX = 4


class ContactSheet:
    """Draws the same windows at every validation: from each scene, the one with the most validation road."""

    def __init__(self, folder: Path) -> None:
        """Write pictures to a folder, named ``step_000500.png`` and so on."""
        self._folder = folder

    def __call__(self, model: keras.Model, scenes: Sequence[PreparedScene], spec: ModelSpec, step: int) -> None:
        """Draw one sheet with one window per row: image, truth and probability from left to right."""
        windows = [_richest_window(scene, spec.tile_size_px) for scene in _spread(scenes)]
        images, labels = (np.stack(part) for part in zip(*windows, strict=True))
        probability = KerasBackend(model, len(images)).predict(np.asarray(to_input(images, labels, spec)))
        truth = np.where(labels & INVALID == ROAD, 255, 0).astype(np.uint8)
        rows = [
            _side_by_side(image if image.shape[-1] == 3 else image[..., :1].repeat(3, -1), _grey(t), _grey(p))
            for image, t, p in zip(images, truth, np.round(probability * 255).astype(np.uint8), strict=True)
        ]
        self._folder.mkdir(parents=True, exist_ok=True)
        write_png(self._folder / f"step_{step:06d}.png", np.concatenate(rows))


def _spread(scenes: Sequence[PreparedScene]) -> list[PreparedScene]:
    return [scenes[i] for i in np.unique(np.linspace(0, len(scenes) - 1, _WINDOWS).astype(int))]


def _richest_window(scene: PreparedScene, size: int) -> tuple[ByteArray, ByteArray]:
    """Return pixels and labels of the window with the most validation road, (size, size)."""
    road, counted = scene.truth()
    wanted = road & counted
    rows, cols = wanted.shape
    # sums over rectangles from a table of cumulative sums
    sums = np.pad(wanted, ((1, 0), (1, 0))).astype(np.int64).cumsum(0).cumsum(1)
    tops, lefts = (np.arange(0, max(1, length - size + 1), size // 4) for length in (rows, cols))
    bottoms, rights = np.minimum(tops + size, rows), np.minimum(lefts + size, cols)
    found = sums[np.ix_(bottoms, rights)] - sums[np.ix_(tops, rights)] - sums[np.ix_(bottoms, lefts)]
    found += sums[np.ix_(tops, lefts)]
    top, left = (
        int(axis[i]) for axis, i in zip((tops, lefts), np.unravel_index(found.argmax(), found.shape), strict=True)
    )
    pixels = np.asarray(scene.pixels[top : top + size, left : left + size])
    labels = np.asarray(scene.labels[top : top + size, left : left + size])
    missing = [(0, size - n) for n in labels.shape]
    return np.pad(pixels, [*missing, (0, 0)]), np.pad(labels, missing, constant_values=INVALID)


def _grey(band: ByteArray) -> ByteArray:
    return np.repeat(band[..., None], 3, axis=-1)


def _side_by_side(*pictures: ByteArray) -> ByteArray:
    gap = np.full((len(pictures[0]), _GAP_PX, 3), 255, np.uint8)
    row = np.concatenate([part for picture in pictures for part in (picture, gap)], axis=1)
    return np.pad(row, ((0, _GAP_PX), (0, 0), (0, 0)), constant_values=255)
