from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import KDTree

from road_extract.metrics import raster
from road_extract.metrics.raster import count_roads, score_roads


def scores_of(probability, truth, valid=None, rho_px=3):
    valid = np.ones(truth.shape, bool) if valid is None else valid
    return score_roads(count_roads(probability, truth, valid, rho_px))


def line(col: int, size: int = 21) -> np.ndarray:
    road = np.zeros((size, size), bool)
    road[:, col] = True
    return road


@pytest.mark.parametrize("shift", [-3, -2, 0, 2, 3])
def test_a_shift_within_the_tolerance_is_correct_in_both_directions(shift):
    scores = scores_of(line(10 + shift) * np.uint8(254), line(10))
    assert scores.relaxed_precision[254] == 1
    assert scores.relaxed_recall[254] == 1
    assert scores.iou[254] == (shift == 0)


@pytest.mark.parametrize("shift", [-4, 4])
def test_a_shift_beyond_the_tolerance_is_wrong(shift):
    scores = scores_of(line(10 + shift) * np.uint8(254), line(10))
    assert scores.relaxed_precision[254] == 0
    assert scores.relaxed_recall[254] == 0


def test_the_tolerance_is_a_disk_not_a_square():
    truth = np.zeros((9, 9), bool)
    truth[4, 4] = True
    predicted = np.zeros((9, 9), np.uint8)
    predicted[7, 7] = 254  # 4.2 px away, in the corner of a 7 x 7 square
    assert scores_of(predicted, truth).relaxed_precision[254] == 0


def test_ratios_by_hand():
    """4 true pixels; 3 predicted, 2 of them true: precision 2/3, recall 2/4, IoU 2/5."""
    truth = np.array([[1, 1, 1, 1, 0, 0]], bool)
    predicted = np.array([[0, 0, 200, 200, 200, 0]], np.uint8)
    scores = scores_of(predicted, truth, rho_px=0)
    assert scores.precision[200] == pytest.approx(2 / 3)
    assert scores.recall[200] == pytest.approx(1 / 2)
    assert scores.iou[200] == pytest.approx(2 / 5)
    assert scores.f1[200] == pytest.approx(4 / 7)
    assert scores.relaxed_precision[200] == scores.precision[200]
    assert scores.relaxed_recall[200] == scores.recall[200]
    assert scores.recall[201] == 0


def test_precision_is_divided_by_what_was_predicted():
    scores = scores_of(np.full((11, 11), 254, np.uint8), line(5, 11))
    assert scores.relaxed_recall[254] == 1
    assert scores.relaxed_precision[254] == pytest.approx(7 / 11)


def test_invalid_pixels_are_never_counted_and_give_no_tolerance():
    truth, predicted = line(10), line(12) * np.uint8(254)
    left_out = ~line(10)
    scores = scores_of(predicted, truth, left_out)
    assert scores.relaxed_precision[254] == 0  # the only true road is excluded
    counts = count_roads(predicted, truth, ~line(12))
    assert counts.reached[254] == 0  # the only prediction is excluded
    assert counts.ground.sum() + counts.road.sum() == 21 * 20


def test_the_break_even_point_is_where_the_two_meet():
    """Half the road at 200 and as much false road at 100: from 100 to 200 precision and recall cross."""
    truth = np.zeros((1, 40), bool)
    truth[0, :20] = True
    predicted = np.zeros((1, 40), np.uint8)
    predicted[0, :15], predicted[0, 15:20], predicted[0, 20:25] = 200, 100, 100
    scores = scores_of(predicted, truth, rho_px=0)
    # at 200: precision 1, recall 3/4; at 100: precision 20/25, recall 1; straight lines between 100 and 101
    assert 0.75 < scores.break_even < 1
    assert scores.break_even == pytest.approx(1 - 0.2 / 0.45 * 0.25)


def test_a_perfect_map_breaks_even_at_one_and_an_empty_one_at_zero():
    assert scores_of(line(10) * np.uint8(254), line(10)).break_even == 1
    assert scores_of(np.zeros((21, 21), np.uint8), line(10), rho_px=0).break_even < 0.06


@given(st.integers(0, 2**31), st.integers(0, 3), st.sampled_from([0.02, 0.3]))
def test_counts_equal_those_of_a_nearest_neighbour_search(seed, rho, density):
    rng = np.random.default_rng(seed)
    truth, valid = rng.random((17, 23)) < density, rng.random((17, 23)) < 0.9
    probability = rng.integers(0, 255, (17, 23), dtype=np.uint8)
    scores = scores_of(probability, truth, valid, rho)
    for threshold in (1, 100, 200):
        predicted = np.argwhere((probability >= threshold) & valid)
        roads = np.argwhere(truth & valid)
        if len(predicted) and len(roads):
            right = KDTree(roads).query(predicted)[0] <= rho
            found = KDTree(predicted).query(roads)[0] <= rho
            assert scores.relaxed_precision[threshold] == pytest.approx(right.mean())
            assert scores.relaxed_recall[threshold] == pytest.approx(found.mean())
    assert np.allclose(scores.iou, scores.f1 / (2 - scores.f1))


def test_counts_of_scenes_add_up():
    rng = np.random.default_rng(3)
    truth, probability = rng.random((60, 9)) < 0.2, rng.integers(0, 255, (60, 9), dtype=np.uint8)
    valid = np.ones((60, 9), bool)
    valid[28:32] = False  # the tolerance does not reach across
    halves = [count_roads(probability[part], truth[part], valid[part]) for part in (np.s_[:30], np.s_[30:])]
    whole = count_roads(probability, truth, valid)
    assert np.array_equal((halves[0] + halves[1]).reached, whole.reached)
    assert np.array_equal((halves[0] + halves[1]).near_road, whole.near_road)


@given(st.integers(0, 2**31), st.integers(0, 4), st.integers(1, 40))
def test_counting_in_strips_gives_the_counts_of_the_whole(seed, rho, rows):
    rng = np.random.default_rng(seed)
    truth, valid = rng.random((40, 13)) < 0.05, rng.random((40, 13)) < 0.95
    probability = rng.integers(0, 255, (40, 13), dtype=np.uint8)
    whole = count_roads(probability, truth, valid, rho)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(raster, "_STRIP_ROWS", rows)
        strips = count_roads(probability, truth, valid, rho)
    for name in ("road", "ground", "near_road", "reached"):
        assert np.array_equal(getattr(strips, name), getattr(whole, name))


def test_roads_are_compared_as_they_are_drawn_not_thinned():
    """A road 7 px wide over a true road of 1 px: all of it counts as predicted road, although within the tolerance."""
    truth, predicted = line(10), np.zeros((21, 21), np.uint8)
    predicted[:, 7:14] = 254
    scores = scores_of(predicted, truth)
    assert scores.precision[254] == pytest.approx(1 / 7)
    assert scores.relaxed_precision[254] == 1
    assert scores_of(predicted, truth, rho_px=2).relaxed_precision[254] == pytest.approx(5 / 7)


def test_the_best_threshold_is_that_of_the_best_f1_and_iou():
    truth = np.array([[1, 1, 1, 1, 0, 0]], bool)
    probability = np.array([[90, 60, 60, 60, 60, 20]], np.uint8)
    scores = scores_of(probability, truth, rho_px=0)
    assert 20 < scores.best <= 60
    assert scores.iou[scores.best] == pytest.approx(4 / 5) == scores.iou[1:].max()
    assert scores.f1[scores.best] == scores.f1[1:].max()
