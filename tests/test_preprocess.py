from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from road_extract.base.errors import InputError
from road_extract.models.spec import ModelSpec
from road_extract.prediction.preprocess import Scaling, byte_scaling, fit_scaling, pad_to, to_model_input

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
