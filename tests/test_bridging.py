"""Gaps in drawn roads: which ones are bridged, along which path, and with which attributes."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from road_extract.base.grid import PixelFrame
from road_extract.base.options import LineOptions
from road_extract.base.windows import Window
from road_extract.roads.masks.strips import MaskStrip
from road_extract.roads.network import Evidence, RoadNetwork, trace_mask, trace_network
from road_extract.roads.network.adding import drop_crossing
from road_extract.roads.network.graph import Graph, Points
from tests.helpers.lines import check_valid, draw, to_byte

THRESHOLD = 0.5


def trace(
    chance: np.ndarray,
    max_gap: float = 30,
    min_length: float = 0,
    valid: np.ndarray | None = None,
    min_confidence: float = 0.3,
) -> RoadNetwork:
    """The network of everything that reaches the threshold; no line is dropped for its worth."""
    chance = chance.astype(np.float32)
    valid = np.ones(chance.shape, bool) if valid is None else valid

    def read(window: Window) -> tuple[np.ndarray, np.ndarray]:
        place = np.s_[window.row_off : window.row_end, window.col_off : window.col_end]
        assert window.row_end <= chance.shape[0]
        assert window.col_end <= chance.shape[1]
        return chance[place], valid[place]

    strip = MaskStrip(0, (chance >= THRESHOLD) & valid, valid, to_byte(chance))
    options = LineOptions(
        max_gap_m=max_gap, min_length_m=min_length, min_confidence=min_confidence, min_worth=0, min_face_m2=0
    )
    return trace_network([strip], PixelFrame(*chance.shape), options, 1.0, Evidence(read, THRESHOLD, is_mask=False))


def chance_of(mask: np.ndarray, faint: np.ndarray | None = None, faint_chance: float = 0.3) -> np.ndarray:
    chance = np.where(mask, 0.9, 0.02)
    return chance if faint is None else np.where(faint & ~mask, faint_chance, chance)


ROAD = (10, 40.5, 190, 40.5)


def with_gap(length: float, faint_chance: float) -> np.ndarray:
    mask = draw(80, 200, (10, 40.5, 100 - length / 2, 40.5), (100 + length / 2, 40.5, 190, 40.5))
    return chance_of(mask, draw(80, 200, ROAD), faint_chance)


def test_a_gap_with_some_probability_is_bridged_and_marked():
    network = trace(with_gap(20, 0.4), max_gap=50)
    check_valid(network)
    assert network.bridged.tolist().count(True) == 1
    bridge = np.flatnonzero(network.bridged)[0]
    assert network.length_m[bridge] == pytest.approx(20, abs=2)
    assert network.probability[bridge] == pytest.approx(0.4, abs=0.06)
    assert network.probability[~network.bridged].min() > 0.85  # never merged into what was seen
    assert len(set(network.component)) == 1
    assert np.isnan(network.width_m[bridge])
    assert np.abs(shapely.get_coordinates(network.lines[bridge])[:, 1] - 40.5).max() < 1


def confidence(length: float, faint_chance: float) -> float:
    """The confidence of the bridge across a gap in a straight road."""
    network = trace(with_gap(length, faint_chance), max_gap=90, min_confidence=0)
    return float(network.confidence[network.bridged].max())


def test_confidence_is_higher_in_shorter_and_more_probable_gaps():
    by_length = [confidence(length, 0.1) for length in (15, 20, 30, 40, 50, 65, 80)]
    assert by_length == sorted(by_length, reverse=True)
    by_chance = [confidence(30, chance) for chance in (0.02, 0.1, 0.2, 0.3, 0.4, 0.45)]
    assert by_chance == sorted(by_chance)


def test_bridges_below_the_minimum_confidence_are_left_out():
    chance, likely = with_gap(30, 0.2), confidence(30, 0.2)
    assert trace(chance, min_confidence=likely - 0.01).bridged.any()
    assert not trace(chance, min_confidence=likely + 0.01).bridged.any()


def test_only_bridges_have_a_confidence():
    network = trace(with_gap(20, 0.4), max_gap=50)
    assert np.array_equal(np.isfinite(network.confidence), network.bridged)
    assert 0.3 <= network.confidence[network.bridged].min() <= 1


def test_no_gap_is_bridged_if_the_option_is_zero():
    assert not trace(with_gap(6, 0.4), max_gap=0).bridged.any()


def test_a_gap_without_data_is_never_bridged():
    chance, valid = with_gap(12, 0.4), np.ones((80, 200), bool)
    assert trace(chance, valid=valid).bridged.any()
    valid[:, 98:102] = False
    assert not trace(chance, valid=valid).bridged.any()


def test_bridges_follow_the_probability_around_a_bend():
    """The straight path between the ends has a low probability, and an arc beside it does not."""
    y, x = np.mgrid[:120, :200] + 0.5
    mask = draw(120, 200, (10, 40.5, 85, 40.5), (125, 40.5, 190, 40.5))
    bow = (np.abs(np.hypot(x - 105, y - 30) - 22.6) < 3) & (y > 40)
    network = trace(chance_of(mask, bow, 0.45), max_gap=100)
    bridge = network.lines[np.flatnonzero(network.bridged)[0]]
    assert 47 < shapely.get_coordinates(bridge)[:, 1].max() < 57
    # if the straight path is equally probable, the bridge is straight
    straight = trace(chance_of(mask, bow | draw(120, 200, ROAD), 0.45), max_gap=100)
    assert shapely.get_coordinates(straight.lines[straight.bridged][0])[:, 1].max() < 43


def test_a_dead_end_is_joined_to_the_side_of_the_road_ahead():
    mask = draw(120, 200, (10, 40.5, 190, 40.5), (90.5, 60, 90.5, 110))
    network = trace(chance_of(mask, draw(120, 200, (90.5, 40, 90.5, 110)), 0.45))
    check_valid(network)
    assert network.bridged.sum() == 1
    assert sorted(network.node_degree) == [1, 1, 1, 2, 3]
    junction = network.node_xy[network.node_degree == 3][0]
    assert np.abs(junction - [90.5, 40.5]).max() < 1.5


def test_a_third_road_joins_an_existing_bridge():
    """The dead end in front of it already has a bridge."""
    mask = draw(120, 200, (10, 40.5, 92, 40.5), (100, 40.5, 190, 40.5), (100.5, 53, 100.5, 115))
    network = trace(chance_of(mask, np.ones_like(mask), 0.45), max_gap=20)
    check_valid(network)
    assert network.bridged.sum() == 2
    assert len(set(network.component)) == 1


@settings(max_examples=40)
@given(st.integers(0, 10**6))
def test_only_bridges_end_where_two_lines_meet(seed):
    """Detected lines are neither cut by bridges that were dropped, nor merged with bridges that were kept."""
    rng = np.random.default_rng(seed)
    chance = ndimage.gaussian_filter(rng.random((140, 120)), 2.5)
    chance = (chance - chance.min()) / np.ptp(chance) * 0.9
    network = trace(chance, max_gap=40)
    # in noise a few lines still cross, as docs/network.md says
    assert sum(not line.is_simple for line in network.lines) <= max(1, 0.02 * len(network.lines))
    for node in np.flatnonzero(network.node_degree == 2):
        here = (network.from_node == node) | (network.to_node == node)
        assert here.sum() == 1 or network.bridged[here].any()


def test_roads_to_the_side_are_not_joined():
    """The other road is 20 m away, within reach but not ahead."""
    mask = draw(80, 200, (10, 30.5, 100, 30.5), (10, 50.5, 190, 50.5))
    assert not trace(chance_of(mask), min_confidence=0.5).bridged.any()


def test_dead_ends_with_the_same_heading_are_not_joined():
    mask = draw(80, 200, (10, 30.5, 100, 30.5), (10, 44.5, 112, 44.5))
    assert not trace(chance_of(mask, np.ones_like(mask), 0.45)).bridged.any()


@pytest.mark.parametrize("apart", [9, 14, 25])
@pytest.mark.parametrize("ahead", [0, 12, 30])
def test_roads_that_end_side_by_side_are_not_joined_with_each_other(apart, ahead):
    """Whatever the confidence: a road does not turn back."""
    mask = draw(120, 200, (10, 30.5, 100, 30.5), (10, 30.5 + apart, 100 + ahead, 30.5 + apart))
    network = trace(chance_of(mask, np.ones_like(mask), 0.45), min_confidence=0.0)
    ends = np.flatnonzero(network.node_degree == 1)
    for line in np.flatnonzero(network.bridged):
        xy = shapely.get_coordinates(network.lines[line])
        assert not (np.abs(xy[[0, -1], 0] - [100, 100 + ahead]) < 2).all()
    assert len(ends) >= 2


def test_the_later_of_two_crossing_bridges_is_dropped():
    points = np.array([(0, 0), (10, 10), (0, 10), (10, 0), (7, -5), (7, 15)], float)

    def graph(*pairs: tuple[int, int], bridges: int) -> Graph:
        nodes = Points(points, np.zeros(6, np.uint8), np.zeros(6, np.float32), np.zeros((6, 2), np.float32))
        start, end = np.array(pairs).T
        bridged = np.arange(len(pairs)) >= len(pairs) - bridges
        return Graph(
            nodes,
            start,
            end,
            np.zeros(len(pairs), int),
            nodes.take(np.empty(0, int)),
            bridged,
            np.where(bridged, 0.7, np.nan),
        )

    left = drop_crossing(graph((0, 1), (2, 3), bridges=2), 2)
    assert left.start.tolist() == [0]
    left = drop_crossing(graph((4, 5), (0, 1), (2, 3), bridges=2), 2)  # both cross a road
    assert left.start.tolist() == [4]


@pytest.mark.parametrize("turn", [0, 20, 40])
def test_many_dashes_become_one_road_along_a_curve(turn):
    """Each dash is shorter than the minimum length of an isolated piece."""
    corners = [(10.0, 60.5)]
    for number in range(8):
        angle = np.radians(turn * ((number // 2) % 2))
        x, y = corners[-1]
        corners.append((x + 24 * np.cos(angle), y + 24 * np.sin(angle)))
    whole = [(*a, *b) for a, b in pairwise(corners)]
    dashes = [(x0, y0, x0 + 0.6 * (x1 - x0), y0 + 0.6 * (y1 - y0)) for x0, y0, x1, y1 in whole]
    chance = chance_of(draw(150, 220, *dashes), draw(150, 220, *whole))
    assert len(trace(chance, max_gap=0, min_length=20)) == 0
    network = trace(chance, min_length=20)
    check_valid(network)
    assert network.bridged.sum() == 7
    assert len(set(network.component)) == 1


def test_a_ring_with_a_gap_is_closed():
    y, x = np.mgrid[:160, :160] + 0.5
    ring = np.abs(np.hypot(x - 80, y - 80) - 50) < 3.5
    chance = chance_of(ring & (np.abs(y - 80) + (x < 80) * 99 > 7), ring)
    network = trace(chance, max_gap=50)
    assert network.bridged.sum() == 1
    assert not network.dead_end.any()


def test_bridges_do_not_cross_each_other():
    mask = draw(160, 160, (80.5, 5, 80.5, 70), (80.5, 91, 80.5, 155), (5, 80.5, 70, 80.5), (91, 80.5, 155, 80.5))
    network = trace(chance_of(mask, np.ones_like(mask), 0.45))
    check_valid(network)
    assert network.bridged.any()


def test_a_mask_is_bridged_straight_and_its_bridges_have_no_probability():
    mask = draw(80, 200, (10, 40.5, 95, 40.5), (105, 40.5, 190, 40.5))
    network = trace_mask(mask, options=LineOptions(max_gap_m=30))
    assert network.bridged.sum() == 1
    assert np.isnan(network.probability).all()
    far = draw(80, 200, (10, 40.5, 85, 40.5), (115, 40.5, 190, 40.5))
    assert trace_mask(far, options=LineOptions(max_gap_m=40)).bridged.any()
    assert not trace_mask(far, options=LineOptions(max_gap_m=20)).bridged.any()
    assert not trace_mask(mask).bridged.any()


def test_a_road_that_ends_at_the_edge_of_the_scene_is_not_bridged():
    mask = draw(60, 120, (60, 30.5, 120, 30.5), (5, 8.5, 90, 8.5))
    ends = trace(chance_of(mask, np.ones_like(mask), 0.45))
    assert (ends.node_xy[:, 0] == 120).any()
    check_valid(ends)
