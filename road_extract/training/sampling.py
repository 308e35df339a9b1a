"""Draws training windows at random from whole scenes, without pre-cut chips on disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from road_extract.base.arrays import ByteArray, Float64Array
from road_extract.base.errors import InputError
from road_extract.training.augment import random_photometry
from road_extract.training.scenes import INVALID, ROAD, UNLABELLED, VALIDATION, PreparedScene, open_prepared

#: Windows with less labelled ground than this are not worth their cost.
MIN_LABELLED_SHARE = 0.3
_MAX_TRIES = 1000
#: Limits of the scale of a window relative to the model's GSD.
SCALES = (0.5, 2.0)
#: Spread of the logarithm of the scale: most windows stay near the model's GSD, to which scenes are resampled.
SCALE_SPREAD = 0.2
#: Spread of the logarithm of the aspect ratio of a window, and of its shear: oblique views.
ASPECT_SPREAD, SHEAR_SPREAD = 0.08, 0.06
#: Share of windows that are rotated by any angle and resampled; the others keep the original pixels.
WARPED_SHARE = 0.6


#: Random augmentation of windows: rotation, scale, colour, tone and sharpness; only flips and quarter turns; or none.
AUGMENTATIONS = ("full", "symmetries", "none")


@dataclass(frozen=True, slots=True)
class SamplingOptions:
    """How to draw a batch.

    Attributes:
        window_px: Rows and columns of a window.
        batch_size: Windows per batch.
        near_roads: Share of the windows drawn near a road, so that the model sees both roads and their absence.
        augment: One of `AUGMENTATIONS`.
        seed: Random seed.
    """

    window_px: int
    batch_size: int
    near_roads: float = 0.6
    augment: str = "full"
    seed: int = 0


@dataclass(frozen=True, slots=True)
class _Group:
    """The scenes of one group, with their relative areas."""

    scenes: list[PreparedScene]
    weights: Float64Array
    roads: list[NDArray[np.int32]]


class WindowSampler:
    """Draws batches. The same seed and step always give the same batch, whatever was drawn before.

    A resumed run therefore sees exactly the same batches as an uninterrupted one, without storing a random state, and
    any number of processes can draw batches.
    """

    def __init__(self, folder: Path, options: SamplingOptions) -> None:
        """Open prepared scenes.

        Raises:
            InputError: If there are no labelled pixels to train on.
        """
        self._options = options
        scenes = [_grown(scene, round(1.5 * options.window_px)) for scene in open_prepared(folder)]
        labelled = [scene.training_labelled_px() for scene in scenes]
        if not any(labelled):
            raise InputError("training: no scene has labelled pixels to train on; check masks, areas and validation")
        names = list(dict.fromkeys(s.entry.group for s, px in zip(scenes, labelled, strict=True) if px))
        self._groups = [_gather(name, scenes, labelled) for name in names]
        shares = np.array([group.scenes[0].entry.share for group in self._groups])
        self._shares = shares / shares.sum()

    def draw(self, step: int) -> tuple[ByteArray, ByteArray]:
        """Draw the batch of one step.

        Returns:
            Images (batch, size, size, bands) and labels (batch, size, size), `GROUND` .. `INVALID`.
        """
        rng = np.random.default_rng((self._options.seed, step))
        pairs = [self._draw_window(rng) for _ in range(self._options.batch_size)]
        return np.stack([image for image, _ in pairs]), np.stack([label for _, label in pairs])

    def _draw_window(self, rng: np.random.Generator) -> tuple[ByteArray, ByteArray]:
        for _ in range(_MAX_TRIES):
            group = self._groups[rng.choice(len(self._groups), p=self._shares)]
            number = rng.choice(len(group.scenes), p=group.weights)
            near = rng.random() < self._options.near_roads
            image, labels = self._cut(group.scenes[number], group.roads[number] if near else None, rng)
            if (labels <= ROAD).mean() >= MIN_LABELLED_SHARE:
                return (random_photometry(image, rng) if self._options.augment == "full" else image), labels
        raise InputError(
            f"training: {_MAX_TRIES} windows in a row had less than {MIN_LABELLED_SHARE:.0%} labelled ground; use "
            "scenes with more labels or a smaller window"
        )

    def _cut(
        self, scene: PreparedScene, roads: NDArray[np.int32] | None, rng: np.random.Generator
    ) -> tuple[ByteArray, ByteArray]:
        size = self._options.window_px
        warped = self._options.augment == "full" and rng.random() < WARPED_SHARE
        matrix = _random_warp(rng) if warped else np.eye(2)
        reach = float(np.abs(matrix).sum(axis=1).max()) * size / 2
        centre = _random_centre(scene, roads, reach, 2 * reach, rng)
        if not warped:
            image, labels = _crop(scene, np.round(centre - size / 2).astype(int), size)
        else:
            image, labels = _warp(scene, centre, matrix, reach, size)
        return (image, labels) if self._options.augment == "none" else random_symmetry(image, labels, rng)


def _grown(scene: PreparedScene, size: int) -> PreparedScene:
    """Extend a scene that is smaller than a window by reflection on all sides, as for inference."""
    rows, cols = scene.labels.shape
    missing = [max(0, size - rows), max(0, size - cols)]
    if not any(missing):
        return scene
    pad = [(n // 2, n - n // 2) for n in missing]
    return replace(
        scene,
        pixels=np.pad(scene.pixels, [*pad, (0, 0)], mode="symmetric"),
        labels=np.pad(scene.labels, pad, mode="symmetric"),
    )


def _gather(name: str, scenes: Sequence[PreparedScene], labelled: Sequence[int]) -> _Group:
    chosen = [(s, px) for s, px in zip(scenes, labelled, strict=True) if px and s.entry.group == name]
    weights = np.array([px for _, px in chosen], float)
    return _Group([s for s, _ in chosen], weights / weights.sum(), [s.training_road_px() for s, _ in chosen])


def _random_warp(rng: np.random.Generator) -> Float64Array:
    """Combine scale, aspect, shear and rotation in one matrix, (2, 2), from (row, col) in the window to the scene."""
    scale = float(np.exp(np.clip(rng.normal(0, SCALE_SPREAD), *np.log(SCALES))))
    aspect, shear = np.exp(np.clip(rng.normal(0, ASPECT_SPREAD), -0.25, 0.25)), rng.normal(0, SHEAR_SPREAD)
    angle = rng.uniform(-np.pi / 4, np.pi / 4)  # quarter turns are added later
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix: Float64Array = scale * turn @ np.array([[aspect, shear], [0, 1 / aspect]])
    return matrix


def _random_centre(
    scene: PreparedScene,
    roads: NDArray[np.int32] | None,
    reach: float,
    size: float,
    rng: np.random.Generator,
) -> Float64Array:
    """Choose the centre of a window, (row, col), so that the window lies inside the scene if possible."""
    shape = np.array(scene.labels.shape, float)
    if roads is not None and len(roads):
        centre = roads[rng.integers(len(roads))] + rng.uniform(-0.45, 0.45, 2) * size
    else:
        centre = rng.uniform(0, 1, 2) * shape
    low = np.minimum(reach, shape / 2)
    inside: Float64Array = np.clip(centre, low, shape - low)
    return inside


def _crop(scene: PreparedScene, corner: NDArray[np.int_], size: int) -> tuple[ByteArray, ByteArray]:
    """Crop whole pixels, (size, size); pixels outside the scene are invalid."""
    rows, cols = (np.s_[max(start, 0) : max(start + size, 0)] for start in corner)
    image, labels = np.asarray(scene.pixels[rows, cols]), _training_labels(scene.labels[rows, cols])
    if labels.shape == (size, size):
        return image, labels
    before = np.maximum(-corner, 0)
    pad = [(int(b), int(size - b - n)) for b, n in zip(before, labels.shape, strict=True)]
    return np.pad(image, [*pad, (0, 0)]), np.pad(labels, pad, constant_values=INVALID)


def _warp(
    scene: PreparedScene, centre: Float64Array, matrix: Float64Array, reach: float, size: int
) -> tuple[ByteArray, ByteArray]:
    """Crop rotated and scaled pixels, (size, size): bilinear, with nearest-neighbour labels."""
    corner = np.floor(centre - reach).astype(int) - 2
    image, labels = _crop(scene, corner, int(np.ceil(2 * reach)) + 5)
    scale = float(np.sqrt(abs(np.linalg.det(matrix))))
    offset = centre - corner - 0.5 - matrix @ np.full(2, (size - 1) / 2)
    if scale > 1.1:  # several pixels become one
        sigma = 0.4 * np.sqrt(scale**2 - 1)
        image = ndimage.gaussian_filter(image, (sigma, sigma, 0), truncate=2.5)
    shape = (size, size)
    bands = [
        ndimage.affine_transform(image[..., band], matrix, offset, shape, order=1) for band in range(image.shape[-1])
    ]
    warped = ndimage.affine_transform(labels, matrix, offset, shape, order=0, cval=INVALID)
    return np.stack(bands, axis=-1), warped


def _training_labels(labels: ByteArray) -> ByteArray:
    """Convert labels for training: valid pixels of validation ground become unlabelled."""
    labels = np.asarray(labels)
    return np.where((labels >= VALIDATION) & (labels != VALIDATION + INVALID), UNLABELLED, labels & INVALID)


def random_symmetry(image: ByteArray, labels: ByteArray, rng: np.random.Generator) -> tuple[ByteArray, ByteArray]:
    """Apply one of the eight symmetries of the square to both image and labels.

    Args:
        image: (rows, cols, bands), square.
        labels: (rows, cols).
        rng: Random generator.

    Returns:
        Image and labels of the same shapes, contiguous.
    """
    turns = int(rng.integers(4))
    image, labels = np.rot90(image, turns), np.rot90(labels, turns)
    if rng.random() < 0.5:
        image, labels = image[:, ::-1], labels[:, ::-1]
    return np.ascontiguousarray(image), np.ascontiguousarray(labels)
