from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from road_extract.roads.masks.runs import find_runs, label_runs


@st.composite
def masks(draw: st.DrawFn) -> np.ndarray:
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    shape = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    return rng.random(shape) < draw(st.sampled_from([0.0, 0.05, 0.3, 0.5, 0.6, 0.9, 1.0]))


@given(masks(), st.booleans())
def test_components_are_those_of_the_pixels(mask: np.ndarray, diagonal: bool) -> None:
    runs = find_runs(mask)
    component, count = label_runs(runs, diagonal=diagonal)
    labels = np.zeros(mask.size, int)
    labels[runs.pixels(np.arange(len(runs)))] = np.repeat(component + 1, runs.lengths)
    expected, expected_count = ndimage.label(mask, np.ones((3, 3)) if diagonal else None)
    assert count == expected_count
    assert np.array_equal(labels.reshape(mask.shape), expected)


@given(masks())
def test_runs_have_the_right_positions(mask: np.ndarray) -> None:
    runs = find_runs(mask)
    row, col = np.nonzero(mask)
    at = runs.at(row, col)
    assert np.array_equal(runs.row[at], row)
    assert (runs.first_col[at] <= col).all()
    assert (col <= runs.last_col[at]).all()
    assert runs.lengths.sum() == mask.sum()


@pytest.mark.parametrize("diagonal", [False, True])
def test_the_end_of_a_row_does_not_touch_the_beginning_of_the_next(diagonal: bool) -> None:
    mask = np.array([[0, 1], [0, 0], [1, 0], [0, 0], [1, 1]], bool)
    mask = np.vstack([mask, [[1, 1]]])
    _, count = label_runs(find_runs(mask), diagonal=diagonal)
    assert count == 3
