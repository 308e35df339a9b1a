"""Turns pixels into model input. Arrays are (rows, cols, bands)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from road_extract.base.arrays import BoolArray, Float32Array, Float64Array
from road_extract.base.errors import InputError
from road_extract.models.spec import ModelSpec

#: Percentiles of the valid pixels of a band that determine its scaling.
STRETCH_PERCENT = (2.0, 98.0)
#: Values between 0 and 1 to which a normalized scene maps the two percentiles: about those of the aerial imagery that
#: the network was first trained on, with headroom for bright roofs and sand.
NORMALIZED_PERCENTILES = (0.06, 0.80)
#: The percentiles of a normalized scene count as at least this far apart, so that water, forest and snow are not
#: amplified into noise: in levels for 8-bit pixels (a gain of about 4), for others as a share of the brighter one.
MIN_RANGE_8_BIT, MIN_RANGE_SHARE = 48.0, 0.35


@dataclass(frozen=True, slots=True)
class Scaling:
    """The pixel values that become 0 and 1 in each band, chosen once per scene so that all windows agree.

    Attributes:
        low: Becomes 0; lower values are clipped.
        high: Becomes 1; higher values are clipped.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]


def byte_scaling(bands: int) -> Scaling:
    """Return the scaling that uses 8-bit pixels unchanged (0..255), as in training."""
    return Scaling((0.0,) * bands, (255.0,) * bands)


class SampledScene(Protocol):
    """The part of a scene that its scaling depends on."""

    @property
    def dtype(self) -> str:
        """NumPy data type of the pixels."""
        ...

    @property
    def bands(self) -> tuple[int, ...]:
        """The bands that are used."""
        ...

    @property
    def value_range(self) -> tuple[float, float] | None:
        """Smallest and largest value that pixels can have; None if it has to be measured on the pixels."""
        ...

    def sample(self) -> tuple[NDArray[Any], BoolArray]:
        """Return pixels from the whole scene (rows, cols, bands) and their validity (rows, cols)."""
        ...


def scale_scene(scene: SampledScene, normalization: str) -> Scaling:
    """Choose the scaling of a scene: the range that its file declares, or one measured on pixels from the whole scene.

    Args:
        scene: The scene.
        normalization: Normalization of the model, one of `road_extract.models.spec.NORMALIZATIONS`.

    Raises:
        InputError: If the range has to be measured and no pixel is valid, or if the file is damaged.
    """
    known = scene.value_range
    declared = None if known is None else Scaling((known[0],) * len(scene.bands), (known[1],) * len(scene.bands))
    if declared is not None and normalization == "none":
        return declared
    sample, valid = scene.sample()
    if declared is not None and not valid.any():
        return declared
    return fit_scaling(sample, valid, normalization, None if known is None else known[1] - known[0])


def fit_scaling(
    sample: NDArray[Any], valid: BoolArray, normalization: str = "none", full: float | None = None
) -> Scaling:
    """Choose a scaling from percentiles of the valid pixels.

    Without normalization, they are mapped to 0 and 1, which stretches pixels whose range depends on sensor and light.
    With normalization, they are mapped to `NORMALIZED_PERCENTILES` in every band, so that dark, hazy and tinted scenes
    look alike.

    Args:
        sample: Pixels from the whole scene, (rows, cols, bands).
        valid: Their validity, (rows, cols).
        normalization: One of `road_extract.models.spec.NORMALIZATIONS`.
        full: Difference between the largest and smallest value that pixels can have, if known.

    Raises:
        InputError: If no pixel is valid.
    """
    pixels = sample[valid]
    if not len(pixels):
        raise InputError("the scene has no valid pixels; check its nodata value or mask")
    low, high = np.percentile(pixels.astype(np.float64, copy=False), STRETCH_PERCENT, axis=0)
    if normalization == "percentiles":
        return _normalized(low, high, 255.0 if full is None and sample.dtype == np.uint8 else full)
    # integers differ by at least 1; reflectances and other fractions by any amount
    least = low + 1 if sample.dtype.kind in "iub" else np.where(high > low, high, low + 1)
    return Scaling(tuple(low.tolist()), tuple(np.maximum(high, least).tolist()))


def _normalized(low: Float64Array, high: Float64Array, full: float | None) -> Scaling:
    """Widen ranges that are too narrow around their middle, then leave headroom at both ends."""
    least = MIN_RANGE_SHARE * float(np.abs(high).max()) or 1.0 if full is None else MIN_RANGE_8_BIT / 255 * full
    middle, span = (low + high) / 2, np.maximum(high - low, least)
    below, above = NORMALIZED_PERCENTILES
    unit = span / (above - below)
    bottom = middle - span / 2 - below * unit
    return Scaling(tuple(bottom.tolist()), tuple((bottom + unit).tolist()))


def to_model_input(pixels: NDArray[Any], valid: BoolArray, scaling: Scaling, spec: ModelSpec) -> Float32Array:
    """Scale to 0..1, copy grey to every band of the model, and standardize. Invalid pixels become mid-grey (0).

    Args:
        pixels: (rows, cols, bands) with one band or as many as the model has.
        valid: (rows, cols).
        scaling: Scaling of the scene.
        spec: Specification of the model.

    Returns:
        (rows, cols, model bands), float32.
    """
    rows, cols, bands = len(pixels), pixels.shape[1], max(pixels.shape[2], len(spec.bands))
    low, span, mean, std = _along_rows(scaling, spec, cols, bands)
    # one grey band becomes as many bands as the model takes
    wide = np.broadcast_to(pixels, (rows, cols, bands)).reshape(rows, cols * bands)
    # row by row and in place: NumPy is ten times slower along an axis of three bands, and every window gets here
    unit = wide - low
    unit /= span
    np.clip(unit, 0, 1, out=unit)
    normal: Float32Array = unit.astype(np.float32, copy=False)
    normal -= mean
    normal /= std
    normal = normal.reshape(rows, cols, bands)
    if not valid.all():
        normal[~valid] = 0
    return normal


@lru_cache(maxsize=16)
def _along_rows(scaling: Scaling, spec: ModelSpec, cols: int, bands: int) -> tuple[Float32Array, ...]:
    """Return low, span, mean and std per band, or one for all, repeated along a row: (cols * bands,) each."""
    low, high, mean, std = (np.array(v, np.float32) for v in (scaling.low, scaling.high, spec.mean, spec.std))
    return tuple(np.tile(np.broadcast_to(values, bands), cols) for values in (low, high - low, mean, std))


def pad_to(tile: Float32Array, size_px: int) -> Float32Array:
    """Pad a tile that is cut off at the scene's edge by reflection, below and to the right.

    Args:
        tile: (rows, cols, bands), at most size_px on each side.
        size_px: Rows and columns of the result.
    """
    missing = ((0, size_px - tile.shape[0]), (0, size_px - tile.shape[1]), (0, 0))
    if tile.shape[:2] == (size_px, size_px):
        return tile
    padded: Float32Array = np.pad(tile, missing, mode="symmetric")
    return padded
