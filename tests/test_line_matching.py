from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from road_extract.metrics import matching
from road_extract.metrics.matching import match_lines
from tests.helpers.lines import lines, random_lines

ROAD = lines([(0, 0), (100, 0)])


@pytest.mark.parametrize(("shift", "length"), [(0, 100), (2.9, 100), (3, 100), (-3, 100), (3.01, 0), (-3.01, 0)])
def test_a_parallel_line_matches_up_to_the_distance_on_both_sides(shift, length):
    assert match_lines(ROAD, lines([(-50, shift), (150, shift)]), 3).length_m == pytest.approx(length, abs=1e-4)


def test_the_stretch_around_an_end_is_round():
    """A line ending at (50, 0) matches 3 m further straight ahead, and sqrt(3^2 - 2^2) m further 2 m to the side."""
    found = match_lines(ROAD, lines([(20, 0), (50, 0)]), 3)
    assert (found.start_m[0], found.stop_m[0]) == pytest.approx((17, 53), abs=1e-4)
    aside = match_lines(ROAD, lines([(20, 2), (50, 2)]), 3)
    assert aside.stop_m[0] == pytest.approx(50 + np.sqrt(5), abs=1e-4)


def test_a_crossing_matches_by_distance_but_not_by_heading():
    crossing = lines([(50, -40), (50, 40)])
    assert match_lines(ROAD, crossing, 3).length_m == pytest.approx(6, abs=1e-4)
    assert match_lines(ROAD, crossing, 3, max_angle_deg=30).length_m == 0


@pytest.mark.parametrize(("angle", "matches"), [(20, True), (29, True), (31, False), (151, True), (149, False)])
def test_the_angle_counts_in_both_directions_of_travel(angle, matches):
    turned = np.radians(angle)
    step = 40 * np.array([np.cos(turned), np.sin(turned)])
    oblique = lines([tuple(np.array([50, 0]) - step), tuple(np.array([50, 0]) + step)])
    assert (match_lines(ROAD, oblique, 3, max_angle_deg=30).length_m > 5) == matches


def test_pixel_steps_do_not_distort_the_heading():
    """Each step of a diagonal line of pixels is 45 degrees off the direction of the road."""
    stairs = lines([point for step in range(70) for point in ((step, step), (step + 1, step))])
    diagonal = lines([(0, 0), (70, 70)])
    assert match_lines(diagonal, stairs, 3, max_angle_deg=30).length_m == pytest.approx(diagonal[0].length, abs=2)
    assert match_lines(stairs, diagonal, 3, max_angle_deg=30).length_m == pytest.approx(stairs[0].length, abs=2)


def test_stretches_are_reported_per_line_and_merged():
    both = lines([(0, 0), (40, 0), (100, 0)], [(0, 50), (100, 50)])
    found = match_lines(both, lines([(10, 1), (30, 1)], [(25, -1), (60, -1)], [(80, 51), (90, 51)]), 2)
    assert found.line.tolist() == [0, 1]
    reach = np.sqrt(3)
    assert found.start_m == pytest.approx([10 - reach, 80 - reach], abs=1e-4)
    assert found.stop_m == pytest.approx([60 + reach, 90 + reach], abs=1e-4)


def test_nothing_matches_nothing():
    none = np.empty(0, object)
    assert match_lines(none, ROAD, 3).length_m == match_lines(ROAD, none, 3).length_m == 0
    assert len(match_lines(ROAD, none, 3).line) == 0


@pytest.mark.slow
@given(st.integers(0, 2**31), st.floats(0.5, 12))
def test_matched_lengths_equal_those_inside_a_buffer_drawn_by_shapely(seed, distance):
    """An independent check: a polygon around the other lines, accurate to less than a thousandth."""
    ours, others = random_lines(seed, 6), random_lines(seed + 1, 6)
    found = match_lines(ours, others, distance)
    buffer = shapely.union_all(others).buffer(distance, quad_segs=200)
    for number, line in enumerate(ours):
        of_line = found.line == number
        length = (found.stop_m - found.start_m)[of_line].sum()
        assert length == pytest.approx(line.intersection(buffer).length, abs=0.02 * distance)


def test_the_batches_do_not_matter(monkeypatch):
    ours, others = random_lines(1, 30), random_lines(2, 30)
    whole = match_lines(ours, others, 4, 40)
    monkeypatch.setattr(matching, "_SEGMENTS_AT_ONCE", 7)
    parts = match_lines(ours, others, 4, 40)
    assert np.array_equal(whole.start_m, parts.start_m)
    assert np.array_equal(whole.stop_m, parts.stop_m)
    assert whole.length_m > 50
