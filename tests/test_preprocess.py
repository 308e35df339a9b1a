from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from road_extract.base.errors import InputError
from road_extract.models.spec import ModelSpec
from road_extract.prediction.preprocess import (
    NORMALIZED_PERCENTILES,
    Scaling,
    byte_scaling,
    fit_scaling,
    pad_to,
    scale_scene,
    to_model_input,
)

PLAIN = ModelSpec("plain", mean=(0.0,) * 3, std=(1.0,) * 3)


def test_8_bit_pixels_are_taken_as_they_are():
    pixels = np.array([[[0, 51, 255]]], np.uint8)
    assert np.allclose(to_model_input(pixels, np.ones((1, 1), bool), byte_scaling(3), PLAIN), [0, 0.2, 1])


def test_16_bit_pixels_are_stretched_between_percentiles_of_the_valid_ones():
    sample = np.arange(10_001, dtype=np.uint16).reshape(-1, 1, 1)
    valid = np.ones((10_001, 1), bool)
    sample, valid = (
        np.concatenate([sample, np.full((50_000, 1, 1), 65535, np.uint16)]),
        np.concatenate([valid, np.zeros((50_000, 1), bool)]),
    )
    assert fit_scaling(sample, valid) == Scaling((200.0,), (9800.0,))


def test_a_flat_16_bit_scene_does_not_divide_by_zero():
    flat = np.full((4, 4, 1), 700, np.uint16)
    scaling = fit_scaling(flat, np.ones((4, 4), bool))
    assert np.isfinite(to_model_input(flat, np.ones((4, 4), bool), scaling, PLAIN)).all()


def test_a_16_bit_scene_without_valid_pixels_is_an_input_error():
    with pytest.raises(InputError, match="no valid pixel"):
        fit_scaling(np.zeros((4, 4, 1), np.uint16), np.zeros((4, 4), bool))


def test_scaling_then_mean_then_std():
    spec = ModelSpec("m", mean=(0.1, 0.2, 0.3), std=(0.5, 1.0, 2.0))
    pixels = np.array([[[100, 200, 300], [0, 900, 100]]], np.uint16)
    result = to_model_input(pixels, np.ones((1, 2), bool), Scaling((100.0,) * 3, (300.0,) * 3), spec)
    assert result.dtype == np.float32
    assert np.allclose(result[0, 0], [(0 - 0.1) / 0.5, (0.5 - 0.2) / 1.0, (1 - 0.3) / 2.0])
    assert np.allclose(result[0, 1], [(0 - 0.1) / 0.5, (1 - 0.2) / 1.0, (0 - 0.3) / 2.0])  # clipped


def test_grey_goes_to_every_band_and_invalid_pixels_are_neutral():
    pixels = np.array([[[51], [255]]], np.uint8)
    result = to_model_input(pixels, np.array([[True, False]]), Scaling((0.0,), (255.0,)), ModelSpec("m"))
    assert result.shape == (1, 2, 3)
    assert np.allclose(result[0, 0], (0.2 - 0.5) / 0.25)
    assert (result[0, 1] == 0).all()


@given(st.integers(1, 12), st.integers(1, 12))
def test_padding_reflects_and_keeps_what_was_there(rows, cols):
    tile = np.random.default_rng(0).random((rows, cols, 2), dtype=np.float32)
    padded = pad_to(tile, 12)
    assert padded.shape == (12, 12, 2)
    assert np.array_equal(padded[:rows, :cols], tile)
    if rows < 12:
        assert np.array_equal(padded[rows, :cols], tile[rows - 1])
    if cols < 12:
        assert np.array_equal(padded[:rows, cols], tile[:, cols - 1])


# --- scene normalization


def _scene(low: float, high: float, dtype: type = np.uint8) -> np.ndarray:
    """Pixels spread evenly over a range."""
    return np.linspace(low, high, 10_001).astype(dtype).reshape(-1, 1, 1)


def _unit(level: float, scaling: Scaling) -> float:
    return (level - scaling.low[0]) / (scaling.high[0] - scaling.low[0])


@pytest.mark.parametrize(
    ("low", "high", "dtype"), [(40, 120, np.uint8), (0, 255, np.uint8), (300, 2500, np.uint16), (0.02, 0.4, np.float32)]
)
def test_a_normalized_scene_has_its_percentiles_where_every_scene_has_them(low, high, dtype):
    sample = _scene(low, high, dtype)
    scaling = fit_scaling(sample, np.ones(sample.shape[:2], bool), "percentiles")
    below, above = (low + share * (high - low) for share in (0.02, 0.98))
    assert _unit(below, scaling) == pytest.approx(NORMALIZED_PERCENTILES[0], abs=0.02)
    assert _unit(above, scaling) == pytest.approx(NORMALIZED_PERCENTILES[1], abs=0.02)


def test_each_band_is_normalized_by_itself():
    sample = np.concatenate([_scene(10, 80), _scene(60, 200)], axis=-1)
    scaling = fit_scaling(sample, np.ones(sample.shape[:2], bool), "percentiles")
    assert scaling.high[1] - scaling.low[1] == pytest.approx(2 * (scaling.high[0] - scaling.low[0]), rel=0.05)


@pytest.mark.parametrize(
    ("low", "high", "dtype"), [(8, 14, np.uint8), (90, 100, np.uint8), (245, 252, np.uint8), (400, 440, np.uint16)]
)
def test_water_forest_and_snow_are_not_blown_up(low, high, dtype):
    sample = _scene(low, high, dtype)
    scaling = fit_scaling(sample, np.ones(sample.shape[:2], bool), "percentiles")
    span = _unit(high, scaling) - _unit(low, scaling)
    below, above = NORMALIZED_PERCENTILES
    limit = (high - low) / (48 if dtype == np.uint8 else 0.35 * high)
    assert span == pytest.approx(limit * (above - below), rel=0.1)
    assert below < _unit(low, scaling) < _unit(high, scaling) < above


def test_a_normalized_scene_without_any_contrast_stays_finite():
    for value, dtype in ((0, np.uint8), (0, np.uint16), (0.0, np.float32)):
        flat = np.full((4, 4, 3), value, dtype)
        scaling = fit_scaling(flat, np.ones((4, 4), bool), "percentiles")
        assert np.isfinite(to_model_input(flat, np.ones((4, 4), bool), scaling, PLAIN)).all()


def test_an_8_bit_scene_is_normalized_only_for_a_model_that_was_trained_so():
    scene = _Sampled(_scene(40, 120))
    assert scale_scene(scene, "none") == byte_scaling(1)
    assert scale_scene(scene, "percentiles") != byte_scaling(1)
    nothing = _Sampled(_scene(40, 120), valid=False)
    assert scale_scene(nothing, "percentiles") == byte_scaling(1)


class _Sampled:
    bands = (1,)

    def __init__(self, pixels: np.ndarray, valid: bool = True) -> None:
        self._pixels, self._valid = pixels, np.full(pixels.shape[:2], valid)

    @property
    def dtype(self) -> str:
        return str(self._pixels.dtype)

    @property
    def value_range(self) -> tuple[float, float] | None:
        return (0.0, 255.0) if self.dtype == "uint8" else None

    def sample(self) -> tuple[np.ndarray, np.ndarray]:
        return self._pixels, self._valid
