"""Training windows drawn at random from whole scenes: no pre-cut chips on disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from road_extract.errors import InputError
from road_extract.raster_io import LabelledScene, open_labelled_scene
from road_extract.training.augment import random_photometry, random_symmetry

FloatArray = NDArray[np.float32]

#: A window with less labelled ground than this teaches too little for its cost.
MIN_LABELLED_SHARE = 0.3
_MAX_TRIES = 1000
#: Ground size of a window against the model's GSD: a little slack for scenes whose GSD is not exact.
SCALES = (0.8, 1.25)


@dataclass(frozen=True, slots=True)
class SceneGroup:
    """Scenes that share a place or sensor, and how often windows are drawn from them.

    Attributes:
        scenes: Image and mask pairs.
        share: Relative share of the windows drawn from this group.
    """

    scenes: tuple[LabelledScene, ...]
    share: float


def open_groups(folders: Sequence[tuple[Path, float]], leave_out: Sequence[str] = ()) -> list[SceneGroup]:
    """Open folders that hold ``images/`` and ``masks/`` with files of equal names.

    Args:
        folders: Each with its relative share of the training windows.
        leave_out: Beginnings of file names that are kept for validation.

    Raises:
        InputError: If a folder holds no scene, or a scene has no mask.
    """
    groups = []
    for folder, share in folders:
        images = sorted(p for p in (folder / "images").glob("*.tif") if not p.name.startswith(tuple(leave_out)))
        if not images:
            raise InputError(f"{folder}: found no scene; expected images/*.tif and masks/*.tif of the same names")
        scenes = tuple(open_labelled_scene(path, folder / "masks" / path.name) for path in images)
        if not any(scene.labelled_px for scene in scenes):
            raise InputError(f"{folder}: its masks hold no labelled pixel; expected 0 (ground) and 1 (road)")
        groups.append(SceneGroup(scenes, share))
    return groups


class WindowSampler:
    """Draws batches; the same seed and step give the same batch, whatever was drawn before.

    That makes a resumed run see exactly what an unbroken one would have seen, with no random state to store.
    """

    def __init__(self, groups: Sequence[SceneGroup], size_px: int, batch_size: int, seed: int) -> None:
        self._groups = groups
        self._shares = np.array([group.share for group in groups]) / sum(group.share for group in groups)
        self._weights = [np.array([s.labelled_px for s in g.scenes], float) for g in groups]
        self._size_px, self._batch_size, self._seed = size_px, batch_size, seed

    def draw(self, step: int) -> tuple[FloatArray, FloatArray]:
        """The batch of one step.

        Returns:
            Images (batch, size, size, bands) in 0..1 and targets (batch, size, size, 2) of label and weight.
        """
        rng = np.random.default_rng((self._seed, step))
        pairs = [self._draw_window(rng) for _ in range(self._batch_size)]
        return np.stack([image for image, _ in pairs]), np.stack([target for _, target in pairs])

    def _draw_window(self, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        for _ in range(_MAX_TRIES):
            index = rng.choice(len(self._groups), p=self._shares)
            group, weights = self._groups[index], self._weights[index]
            scene = group.scenes[rng.choice(len(group.scenes), p=weights / weights.sum())]
            size_px = self._size_px * float(np.exp(rng.uniform(*np.log(SCALES))))
            size_px = min(size_px, scene.height, scene.width)
            row, col = _window_origin(scene, size_px, rng)
            image, target = scene.read(row, col, size_px, self._size_px)
            if target[..., 1].mean() >= MIN_LABELLED_SHARE:
                image, target = random_symmetry(image, target, rng)
                return random_photometry(image, rng), target
        raise InputError(
            f"training: {_MAX_TRIES} windows in a row had less than {MIN_LABELLED_SHARE:.0%} labelled ground; give "
            "scenes with more labels or a smaller window"
        )


def _window_origin(scene: LabelledScene, size_px: float, rng: np.random.Generator) -> tuple[float, float]:
    """Upper left corner: two times in three near a road, else anywhere, so that road and its absence both are seen."""
    free = np.array([scene.height - size_px, scene.width - size_px])
    if len(scene.road_px) and rng.random() < 2 / 3:
        anchor = scene.road_px[rng.integers(len(scene.road_px))]
        corner = anchor - rng.uniform(0.1, 0.9, 2) * size_px
    else:
        corner = rng.uniform(0, 1, 2) * free
    row, col = np.clip(corner, 0, free)
    return float(row), float(col)
