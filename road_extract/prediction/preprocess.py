"""Pixels to model input. Arrays are (rows, cols, bands)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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


def fit_scaling(sample: NDArray[Any], valid: BoolArray) -> Scaling:
    """16-bit pixels, whose range depends on sensor and light, are stretched between percentiles of the valid ones.

    Args:
        sample: Pixels from all over the scene, (rows, cols, bands).
        valid: (rows, cols).

    Raises:
        InputError: If no pixel is valid.
    """
    pixels = sample[valid]
    if not len(pixels):
        raise InputError("the scene has no valid pixel to fix its scaling from; check its nodata value or mask")
    low, high = np.percentile(pixels, STRETCH_PERCENT, axis=0)
    return Scaling(tuple(low.tolist()), tuple(np.maximum(high, low + 1).tolist()))


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
    rows, cols, bands = len(pixels), pixels.shape[1], max(pixels.shape[2], len(spec.bands))
    scales = (scaling.low, scaling.high, spec.mean, spec.std)
    low, high, mean, std = (_along_row(values, bands, cols) for values in scales)
    # a grey band meets the model's means here, and becomes as many bands
    wide = np.broadcast_to(pixels, (rows, cols, bands)).reshape(rows, cols * bands)
    # row by row, in place: NumPy is ten times slower along an axis of three bands, and every window passes here
    unit = wide - low
    unit /= high - low
    np.clip(unit, 0, 1, out=unit)
    normal: Float32Array = unit.astype(np.float32, copy=False)
    normal -= mean
    normal /= std
    normal = normal.reshape(rows, cols, bands)
    if not valid.all():
        normal[~valid] = 0
    return normal


def _along_row(values: tuple[float, ...], bands: int, cols: int) -> Float32Array:
    """A value for each band, or one for all, repeated for each pixel of a row: (cols * bands,)."""
    return np.tile(np.broadcast_to(np.array(values, np.float32), bands), cols)


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
