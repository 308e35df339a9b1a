from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import shapely
from hypothesis import assume, given
from hypothesis import strategies as st

from road_extract.metrics.cutting import MatchRule, absorb_slivers, cut_by_match
from road_extract.metrics.splitting import clip_lines, split_lines
from tests.helpers.lines import lines, random_lines

RULE = MatchRule(buffer_m=6, angle_deg=30, min_length_m=10)
ROAD = lines([(0, 0), (100, 0)])


def cut(ours: np.ndarray, others: np.ndarray, rule: MatchRule = RULE) -> list[tuple[bool, float]]:
    """Return whether each piece matches, and its length."""
    pieces = cut_by_match(ours, ours, others, rule)
    return [(bool(m), round(g.length, 2)) for m, g in zip(pieces.matched, pieces.geometry, strict=True)]


def test_a_line_is_cut_where_the_match_starts_and_ends():
    assert cut(ROAD, lines([(36, 0), (64, 0)])) == [(False, 30), (True, 40), (False, 30)]


def test_a_shifted_road_is_the_same_road():
    assert cut(ROAD, lines([(-20, 5), (120, 5)])) == [(True, 100)]


def test_a_parallel_road_is_another_road():
    assert cut(ROAD, lines([(0, 20), (100, 20)])) == [(False, 100)]


def test_a_crossing_road_is_another_road():
    assert cut(ROAD, lines([(50, -50), (50, 50)])) == [(False, 100)]


def test_a_side_road_is_new_from_the_junction_on():
    assert cut(lines([(50, 0), (50, 80)]), ROAD) == [(False, 80)]


def test_slivers_are_merged_into_their_neighbours():
    assert cut(ROAD, lines([(0, 0), (40, 0)], [(58, 0), (100, 0)])) == [(True, 100)]  # 6 m unmatched in the middle
    assert cut(ROAD, lines([(-50, 0), (2, 0)])) == [(False, 100)]  # 8 m matched at the beginning
    assert cut(lines([(0, 0), (5, 0)]), lines([(90, 0), (99, 0)])) == [(False, 5)]  # short, but a whole line


def test_pieces_keep_the_vertices_and_the_position_of_the_cut():
    bent = lines([(0, 0), (60, 0), (60, 60)])
    pieces = cut_by_match(bent, bent, lines([(60, 30), (60, 80)]), RULE)
    assert [list(piece.coords) for piece in pieces.geometry] == [
        [(0, 0), (60, 0), (60, pytest.approx(24, abs=1e-4))],
        [(60, pytest.approx(24, abs=1e-4)), (60, 60)],
    ]


def test_lines_are_cut_in_their_own_coordinates():
    degrees = shapely.transform(ROAD, lambda xy: xy / 1000)
    pieces = cut_by_match(degrees, ROAD, lines([(56, 0), (200, 0)]), RULE)
    assert shapely.length(pieces.geometry) == pytest.approx([0.05, 0.05], abs=1e-6)


@given(st.integers(0, 2**31), st.floats(0, 30), st.floats(0.5, 15))
def test_pieces_conserve_length_and_alternate(seed, min_length, buffer):
    ours, others = random_lines(seed, 5, 12), random_lines(seed + 1, 5, 12)
    pieces = cut_by_match(ours, ours, others, MatchRule(buffer, 60, min_length))
    for number, line in enumerate(ours):
        of_line = pieces.line == number
        parts, matched = pieces.geometry[of_line], pieces.matched[of_line]
        assert shapely.length(parts).sum() == pytest.approx(line.length, rel=1e-9)
        assert (matched[1:] != matched[:-1]).all()
        assert len(parts) == 1 or shapely.length(parts).min() >= min_length - 1e-6
        ends = [(part.coords[0], part.coords[-1]) for part in parts]
        assert all(before[1] == after[0] for before, after in pairwise(ends))
        assert (ends[0][0], ends[-1][1]) == (line.coords[0], line.coords[-1])


@given(st.lists(st.floats(0.01, 50), min_size=1, max_size=12), st.floats(0, 60), st.booleans())
def test_absorbing_leaves_no_sliver_and_moves_no_outer_end(lengths, min_length, first):
    ends = [0.0, *np.cumsum(lengths).tolist()]
    assume((np.diff(ends) > 0).all())
    left, matched = absorb_slivers(ends, [first ^ bool(n % 2) for n in range(len(lengths))], min_length)
    assert (left[0], left[-1]) == (ends[0], ends[-1])
    assert set(left) <= set(ends)
    assert len(left) == len(matched) + 1
    assert len(matched) == 1 or np.diff(left).min() >= min_length
    assert all(a != b for a, b in pairwise(matched))


def test_only_lines_are_taken_from_collections():
    geometries = np.array([
        shapely.from_wkt("GEOMETRYCOLLECTION (POINT (1 1), MULTILINESTRING Z ((0 0 5, 1 0 5), (2 0 5, 3 0 5)))"),
        shapely.Point(0, 0),
        shapely.box(0, 0, 1, 1),
        shapely.LineString([(5, 5), (5, 5)]),
        shapely.LineString([(0, 0), (9, 9)]),
    ])  # fmt: skip
    found, source = split_lines(geometries)
    assert source.tolist() == [0, 0, 4]
    assert [line.geom_type for line in found] == ["LineString"] * 3
    assert not shapely.has_z(found).any()


def test_clipping_keeps_what_is_inside_and_its_source():
    area = shapely.box(0, -10, 50, 10)
    found, source = clip_lines(
        lines([(60, 0), (90, 0)], [(-20, 1), (20, 1)], [(10, 0), (40, 0)], [(5, 20), (20, -20), (35, 20)]), area
    )
    assert source.tolist() == [1, 2, 3, 3]
    assert found[0].length == 20
    assert found[2].length + found[3].length == pytest.approx(2 * np.hypot(15, 40) * 20 / 40)
    twice, source = clip_lines(lines([(10, 0), (10, 30), (20, 30), (20, 0)]), area)
    assert (len(twice), source.tolist()) == (2, [0, 0])
