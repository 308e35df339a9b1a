from __future__ import annotations

from itertools import pairwise

import networkx as nx
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.csgraph import dijkstra

from road_extract.metrics.apls import AplsSetting, measure_paths
from road_extract.metrics.graph import Places, build_graph
from road_extract.metrics.topo import TopoSetting, count_marbles
from road_extract.metrics.wiedemann import measure_matches
from tests.helpers.lines import lines, random_lines

NONE = np.empty(0, object)
SQUARE = [(0, 0), (100, 0), (100, 100), (0, 100), (0, 0)]
ROAD = lines([(0, 0), (1000, 0)])


def moved(road: np.ndarray, dx: float, dy: float) -> np.ndarray:
    return shapely.transform(road, lambda xy: xy + np.array([dx, dy]))


def town(blocks: int = 4, side: float = 80.0) -> np.ndarray:
    edge = blocks * side
    at = [side * number for number in range(blocks + 1)]
    return lines(*([(x, 0), (x, edge)] for x in at), *([(0, y), (edge, y)] for y in at))


# Wiedemann


def test_completeness_correctness_and_quality_by_hand():
    """100 m of true road, 60 m of it found, and 40 m of false road: 60 of the 100 m extracted are correct."""
    extracted = lines([(0, 1), (60, 1)], [(0, 200), (40, 200)])
    found = measure_matches(extracted, lines([(0, 0), (100, 0)]), 1)
    assert found.reference_m == found.extracted_m == 100
    assert found.completeness == pytest.approx(0.6, abs=1e-4)
    assert found.correctness == pytest.approx(0.6, abs=1e-4)
    assert found.quality == pytest.approx(60 / (100 + 40), abs=1e-4)


@pytest.mark.parametrize(("shift", "value"), [(3, 1), (-3, 1), (3.01, 0), (-3.01, 0)])
def test_the_buffer_is_the_same_on_both_sides(shift, value):
    found = measure_matches(moved(ROAD, 0, shift), ROAD, 3)
    assert found.completeness == pytest.approx(value, abs=1e-6)
    assert found.correctness == pytest.approx(value, abs=1e-6)


def test_a_road_drawn_twice_counts_once():
    found = measure_matches(lines([(0, 0), (100, 0)], [(100, 0), (0, 0)], [(0, 90), (100, 90)]), ROAD, 3)
    assert found.extracted_m == 200
    assert found.correctness == pytest.approx(0.5)


def test_ratios_with_a_zero_denominator_have_no_value():
    empty = measure_matches(NONE, ROAD, 3)
    assert (empty.completeness, empty.correctness, empty.quality) == (0, None, 0)
    assert measure_matches(NONE, NONE, 3).quality is None


def test_lengths_of_scenes_are_pooled_not_averaged():
    full, none = measure_matches(ROAD, ROAD, 3), measure_matches(NONE, lines([(0, 0), (3000, 0)]), 3)
    assert (full + none).completeness == pytest.approx(1000 / 4000)


@settings(max_examples=30)
@given(st.integers(0, 2**31))
def test_completeness_equals_a_nearest_point_search_along_the_lines(seed):
    """An independent check: points every 5 cm, and the distance of each to the other network."""
    extracted, reference = random_lines(seed, 5), random_lines(seed + 1, 5)
    found = measure_matches(extracted, reference, 5)
    network = shapely.union_all(reference)
    points = shapely.line_interpolate_point(network, np.arange(0.025, network.length, 0.05))
    if network.geom_type == "MultiLineString":
        parts = shapely.get_parts(network)
        points = np.concatenate([shapely.line_interpolate_point(p, np.arange(0.025, p.length, 0.05)) for p in parts])
    near = shapely.distance(points, shapely.union_all(extracted)) <= 5
    assert found.completeness == pytest.approx(near.mean(), abs=0.01)


# the graph


def test_lines_are_noded_where_they_cross_and_nowhere_else():
    graph = build_graph(lines([(0, 0), (50, 0)], [(50, 0), (100, 0)], [(30, -20), (30, 20)]))
    assert len(graph.edges) == 4  # the seam at 50 is not a node
    assert sorted(graph.length_m) == [20, 20, 30, 70]
    assert len(graph.nodes) == 5


def test_a_side_road_that_ends_a_hair_short_is_joined():
    graph = build_graph(lines([(0, 0), (100, 7)], [(50, 40), (50, 3.507)]))  # rounding to 7 decimals of a degree
    assert len(graph.edges) == 3


def test_the_shorter_of_two_edges_between_the_same_nodes_counts():
    graph = build_graph(
        lines([(0, 0), (100, 0)], [(0, 0), (50, 50), (100, 0)], [(0, 0), (-9, 0)], [(100, 0), (109, 0)])
    )
    links, _ = graph.with_places(Places(np.empty(0, np.int64), np.empty(0)))
    ends = [int(np.flatnonzero((graph.nodes == node).all(axis=1))[0]) for node in ((0, 0), (100, 0))]
    assert links[ends[0], ends[1]] == 100


def test_points_at_the_same_position_have_distance_zero():
    graph = build_graph(ROAD)
    links, rows = graph.with_places(Places(np.zeros(4, np.int64), np.array([0.0, 400, 400, 1000])))
    ways = dijkstra(links, indices=rows)[:, rows]
    assert ways.tolist()[0] == [0, 400, 400, 1000]
    assert ways[1, 2] == 0


@settings(max_examples=40)
@given(st.integers(0, 2**31))
def test_path_lengths_equal_those_of_networkx(seed):
    """An irregular grid of streets, some of them missing: paths between all pairs of crossings."""
    rng = np.random.default_rng(seed)
    streets = nx.grid_2d_graph(5, 4)
    streets.remove_edges_from([edge for edge in list(streets.edges) if rng.random() < 0.3])
    streets.remove_nodes_from(list(nx.isolates(streets)))
    place = {node: np.round(np.array(node) * 50.0 + rng.uniform(-12, 12, 2), 1) for node in streets}
    for a, b in streets.edges:
        streets.edges[a, b]["weight"] = float(np.hypot(*(place[a] - place[b])))
    graph = build_graph(lines(*([place[a], place[b]] for a, b in streets.edges)))
    names = list(streets)
    links, rows = graph.with_places(graph.locate(np.array([place[name] for name in names]), 0.01))
    ways = dijkstra(links, indices=rows)[:, rows]
    expected = dict(nx.all_pairs_dijkstra_path_length(streets))
    for i, a in enumerate(names):
        for j, b in enumerate(names):
            assert ways[i, j] == pytest.approx(expected[a].get(b, np.inf), abs=1e-6)


# APLS


def test_apls_of_the_same_network_is_one():
    assert measure_paths(build_graph(town()), build_graph(town()), AplsSetting()).apls == 1


def test_apls_of_nothing_is_zero_in_both_directions():
    empty, graph = build_graph(NONE), build_graph(town())
    assert measure_paths(empty, graph, AplsSetting()).apls == 0
    assert measure_paths(graph, empty, AplsSetting()).apls == 0
    assert measure_paths(empty, empty, AplsSetting()).apls is None


def test_apls_with_one_edge_removed_by_hand():
    """A square without its fourth side, with a control point at each corner.

    Truth onto proposal: of 6 pairs, the two at the missing side are 300 m apart instead of 100: min(1, 2) = 1, so
    1 - 1/6. Proposal onto truth: the same pair is 100 m apart instead of 300: 1 - (2/3)/6. Harmonic mean: 80/93.
    """
    whole, broken = build_graph(lines(SQUARE)), build_graph(lines(SQUARE[:-1]))
    found = measure_paths(broken, whole, AplsSetting(spacing_m=100))
    assert found.onto_proposal.score == pytest.approx(5 / 6)
    assert found.onto_truth.score == pytest.approx(8 / 9)
    assert found.apls == pytest.approx(80 / 93)


def test_apls_of_a_road_cut_in_two_by_hand():
    """100 m with a gap before the last 50 m; of the control points at 0, 50 and 100, the last cannot be snapped."""
    found = measure_paths(build_graph(lines([(0, 0), (50, 0)])), build_graph(lines([(0, 0), (100, 0)])), AplsSetting())
    assert found.onto_proposal.score == pytest.approx(1 / 3)  # of 3 pairs only 0-50 is connected
    assert found.onto_truth.score == 1


@pytest.mark.parametrize(("shift", "value"), [(3.9, 1), (-3.9, 1), (4.1, 0), (-4.1, 0)])
def test_apls_of_a_shift_inside_and_outside_the_snap_distance(shift, value):
    assert measure_paths(build_graph(moved(ROAD, 0, shift)), build_graph(ROAD), AplsSetting()).apls == value


def test_apls_sees_a_broken_connection_that_pixels_hardly_see():
    """Two halves of a town joined by one street; without 10 m of it they are disconnected."""
    halves = np.concatenate([town(), moved(town(), 1000, 0)])
    street = lines([(320, 0), (1000, 0)])
    broken = lines([(320, 0), (600, 0)], [(610, 0), (1000, 0)])
    truth, proposal = build_graph(np.concatenate([halves, street])), build_graph(np.concatenate([halves, broken]))
    found = measure_paths(proposal, truth, AplsSetting())
    assert 0.3 < found.onto_proposal.score < 0.6
    assert measure_matches(proposal.edges, truth.edges, 3).completeness > 0.99


def test_sampled_sources_estimate_the_same_score_and_say_so():
    truth, proposal = build_graph(town(6)), build_graph(town(6)[:-2])
    exact = measure_paths(proposal, truth, AplsSetting())
    sampled = measure_paths(proposal, truth, AplsSetting(max_sources=60, seed=1))
    assert sampled.sampled
    assert not exact.sampled
    assert sampled.apls == pytest.approx(exact.apls, abs=0.05)
    assert sampled.onto_proposal.pairs == pytest.approx(exact.onto_proposal.pairs, rel=0.02)
    assert sampled == measure_paths(proposal, truth, AplsSetting(max_sources=60, seed=1))


def test_scenes_are_pooled_as_if_they_were_one_network():
    near, far = (town(), town()[:-1]), (moved(town(2), 5000, 0), moved(town(2)[1:], 5000, 0))
    parts = [measure_paths(build_graph(proposal), build_graph(truth), AplsSetting()) for truth, proposal in (near, far)]
    proposal, truth = (build_graph(np.concatenate([near[i], far[i]])) for i in (1, 0))
    one = measure_paths(proposal, truth, AplsSetting())
    assert (parts[0] + parts[1]).apls == pytest.approx(one.apls)
    assert (parts[0] + parts[1]).apls != pytest.approx((parts[0].apls + parts[1].apls) / 2, abs=1e-3)


# TOPO


def test_topo_of_the_same_network_is_one():
    found = count_marbles(build_graph(town()), build_graph(town()), TopoSetting())
    assert (found.precision, found.recall, found.f1, found.lost_seeds) == (1, 1, 1, 0)


def test_topo_of_nothing_finds_nothing():
    found = count_marbles(build_graph(NONE), build_graph(town()), TopoSetting())
    assert (found.precision, found.recall, found.f1, found.lost_seeds) == (None, 0, 0, 100)
    assert count_marbles(build_graph(town()), build_graph(NONE), TopoSetting()).f1 is None


def test_topo_of_half_a_road_by_hand():
    """50 of 100 m are found: 20 holes, 10 marbles; seeds beyond 55 m have no starting point."""
    found = count_marbles(
        build_graph(lines([(0, 0), (50, 0)])), build_graph(lines([(0, 0), (100, 0)])), TopoSetting(seeds=400)
    )
    started = 400 - found.lost_seeds
    assert 0.45 < started / 400 < 0.65
    assert (found.holes, found.marbles, found.matched) == (20 * 400, 10 * started, 10 * started)
    assert found.precision == 1
    assert found.recall == pytest.approx(started / 800)


@pytest.mark.parametrize(("shift", "value"), [(4.9, 1), (-4.9, 1), (5.1, 0), (-5.1, 0)])
def test_topo_of_a_shift_inside_and_outside_the_matching_distance(shift, value):
    found = count_marbles(build_graph(moved(ROAD, 0, shift)), build_graph(ROAD), TopoSetting())
    assert found.f1 == value


def test_a_marble_falls_into_only_one_hole():
    """The road is drawn twice, 4 m apart and joined at the ends: half of the marbles find no hole."""
    double = lines([(0, -2), (1000, -2)], [(0, 2), (1000, 2)], [(0, -2), (0, 2)], [(1000, -2), (1000, 2)])
    found = count_marbles(build_graph(double), build_graph(ROAD), TopoSetting(radius_m=5000))
    assert found.recall == 1
    assert found.precision == pytest.approx(0.5, abs=0.01)


def test_the_radius_is_measured_along_the_roads():
    """Two lanes 10 m apart that meet 500 m away: each is out of reach from the other."""
    hairpin = build_graph(lines([(0, 0), (500, 0), (500, 10), (0, 10)]))
    found = count_marbles(hairpin, hairpin, TopoSetting(radius_m=50, seeds=30))
    assert found.holes <= 30 * (100 / 5 + 1)
    assert found.holes > 30 * 100 / 5 * 0.7


def test_how_lines_are_cut_into_features_does_not_matter():
    whole = build_graph(town())
    cut = build_graph(np.concatenate([[shapely.LineString(pair) for pair in pairwise(points)]
                                      for points in (line.segmentize(7).coords for line in town())]))  # fmt: skip
    other = build_graph(moved(town(), 2, 1)[2:])
    assert count_marbles(cut, other, TopoSetting()) == count_marbles(whole, other, TopoSetting())
    assert measure_paths(other, cut, AplsSetting()).apls == pytest.approx(
        measure_paths(other, whole, AplsSetting()).apls, abs=1e-9
    )


def test_topo_is_the_same_every_time_and_another_seed_changes_it():
    truth, proposal = build_graph(town()), build_graph(town()[2:])
    first = count_marbles(proposal, truth, TopoSetting())
    assert first == count_marbles(proposal, truth, TopoSetting())
    assert first != count_marbles(proposal, truth, TopoSetting(seed=1))
