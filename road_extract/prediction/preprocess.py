"""Pixels to model input. Arrays are (rows, cols, bands)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from road_extract.base.arrays import BoolArray, Float32Array
from road_extract.base.errors import InputError
from road_extract.models.spec import ModelSpec

#: Percentiles of the valid pixels that become 0 and 1 where a sensor has no fixed range.
STRETCH_PERCENT = (2.0, 98.0)


@dataclass(frozen=True, slots=True)
class Scaling:
    """Per band, the pixel values that become 0 and 1: fixed once per scene, so that windows agree.

    Attributes:
        low: Becomes 0; what is lower is clipped.
        high: Becomes 1; what is higher is clipped.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]


def byte_scaling(bands: int) -> Scaling:
    """8-bit pixels are taken as they are (0..255), as in training."""
    return Scaling((0.0,) * bands, (255.0,) * bands)


class SampledScene(Protocol):
    """What has to be known of a scene to fix its scaling."""

    @property
    def dtype(self) -> str:
        """Data type of its pixels, as NumPy names it."""
        ...

    @property
    def bands(self) -> tuple[int, ...]:
        """The bands that are used."""
        ...

    @property
    def value_range(self) -> tuple[float, float] | None:
        """Darkest and brightest value that its pixels can have; None where only the pixels themselves can tell."""
        ...

    def sample(self) -> tuple[NDArray[Any], BoolArray]:
        """Pixels from all over the scene (rows, cols, bands) and their validity (rows, cols)."""
        ...


def scale_scene(scene: SampledScene) -> Scaling:
    """The one scaling of a scene: the range that its file declares, or one measured on pixels of the whole of it.

    Raises:
        InputError: If the range has to be measured and no pixel is valid, or the file is damaged.
    """
    known = scene.value_range
    if known is None:
        return fit_scaling(*scene.sample())
    low, high = known
    return Scaling((low,) * len(scene.bands), (high,) * len(scene.bands))


def fit_scaling(sample: NDArray[Any], valid: BoolArray) -> Scaling:
    """Stretch pixels whose range depends on sensor and light between percentiles of the valid ones.

    Args:
        sample: Pixels from all over the scene, (rows, cols, bands).
        valid: (rows, cols).

    Raises:
        InputError: If no pixel is valid.
    """
    pixels = sample[valid]
    if not len(pixels):
        raise InputError("the scene has no valid pixel to fix its scaling from; check its nodata value or mask")
    low, high = np.percentile(pixels.astype(np.float64, copy=False), STRETCH_PERCENT, axis=0)
    # whole numbers differ by 1 at least; reflectances and other fractions by any amount
    least = low + 1 if sample.dtype.kind in "iub" else np.where(high > low, high, low + 1)
    return Scaling(tuple(low.tolist()), tuple(np.maximum(high, least).tolist()))


def to_model_input(pixels: NDArray[Any], valid: BoolArray, scaling: Scaling, spec: ModelSpec) -> Float32Array:
    """Scale to 0..1, give grey to every band of the model, normalize; invalid pixels become mid-grey (0).

    Args:
        pixels: (rows, cols, bands) with one band or as many as the model has.
        valid: (rows, cols).
        scaling: The scene's.
        spec: The model's.

    Returns:
        (rows, cols, model bands), float32.
    """
    low, high = np.array(scaling.low, np.float32), np.array(scaling.high, np.float32)
    # in place: every window passes here, beside a model that wants the processor for itself
    unit = pixels - low
    unit /= high - low
    np.clip(unit, 0, 1, out=unit)
    # a grey band meets the model's means here, and becomes as many bands
    normal: Float32Array = unit.astype(np.float32, copy=False) - np.array(spec.mean, np.float32)
    normal /= np.array(spec.std, np.float32)
    if not valid.all():
        normal[~valid] = 0
    return normal


def pad_to(tile: Float32Array, size_px: int) -> Float32Array:
    """Fill a tile that the scene's edge cuts short by reflection, below and to the right.

    Args:
        tile: (rows, cols, bands), at most size_px a side.
        size_px: Rows and columns of the result.
    """
    missing = ((0, size_px - tile.shape[0]), (0, size_px - tile.shape[1]), (0, 0))
    if tile.shape[:2] == (size_px, size_px):
        return tile
    padded: Float32Array = np.pad(tile, missing, mode="symmetric")
    return padded
