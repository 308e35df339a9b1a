"""Synthetic roads with known lines."""

from __future__ import annotations

import networkx
import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from road_extract.base.grid import PixelFrame
from road_extract.base.options import LineOptions
from road_extract.base.windows import Window
from road_extract.roads.masks.strips import MaskStrip
from road_extract.roads.network import Evidence, RoadNetwork, to_networkx, trace_mask, trace_network
from tests.helpers.lines import check_valid, draw, to_byte

ALL = LineOptions(max_gap_m=0, min_length_m=0, min_worth=0, min_face_m2=0)


def ring(rows: int, cols: int, radius: float, width: float = 7.0) -> np.ndarray:
    y, x = np.mgrid[:rows, :cols] + 0.5
    return np.abs(np.hypot(x - cols / 2, y - rows / 2) - radius) <= width / 2


def degrees(network: RoadNetwork) -> list[int]:
    return sorted(network.node_degree.tolist())


def distance_to(network: RoadNetwork, axes: list[tuple[float, float, float, float]]) -> float:
    """The maximum distance of a line's points from the nearest axis."""
    truth = shapely.union_all([shapely.LineString([axis[:2], axis[2:]]) for axis in axes])
    points = shapely.points(shapely.get_coordinates(shapely.segmentize(network.lines, 0.5)))
    return float(shapely.distance(points, truth).max())


@pytest.mark.parametrize("angle", [0, 7, 30, 45, 60, 90, 133])
@pytest.mark.parametrize("width", [3, 7, 8, 15])
def test_a_bar_is_one_line_on_its_axis_from_end_to_end(angle, width):
    dx, dy = 80 * np.cos(np.radians(angle)), 80 * np.sin(np.radians(angle))
    axis = (120.5 - dx, 120.5 - dy, 120.5 + dx, 120.5 + dy)
    network = trace_mask(draw(241, 241, axis, width=width), options=ALL, simplify_m=0.2)
    assert degrees(network) == [1, 1]
    assert network.dead_end.all()
    assert network.length_m[0] == pytest.approx(160, abs=2)
    xy = shapely.get_coordinates(shapely.segmentize(network.lines[0], 1)) - 120.5
    middle = xy[np.abs(xy @ [dx, dy]) < 80 * 60]
    assert np.abs(middle @ [-dy, dx] / 80).max() < 0.6
    assert abs((middle @ [-dy, dx] / 80).mean()) < 0.5
    assert network.width_m[0] == pytest.approx(width, abs=2)


def test_a_corner_is_not_a_node():
    network = trace_mask(draw(100, 140, (10, 23.5, 100.5, 23.5), (97, 20, 97, 90)), options=ALL)
    assert degrees(network) == [1, 1]
    assert network.length_m[0] == pytest.approx(87 + 66.5, abs=6)  # the corner is cut a little


def test_a_side_road_meets_the_axis_of_the_main_road():
    axes = [(10, 23.5, 110, 23.5), (53.5, 23.5, 53.5, 60)]
    network = trace_mask(draw(60, 120, *axes), options=ALL)
    check_valid(network)
    assert degrees(network) == [1, 1, 1, 3]
    junction = network.node_xy[network.node_degree == 3][0]
    assert np.hypot(*(junction - [53.5, 23.5])) < 0.5
    assert distance_to(network, axes) < 0.5
    assert network.length_m.sum() == pytest.approx(136.5, abs=1.5)


@pytest.mark.parametrize("angle", [90, 75, 60, 45, 30])
@pytest.mark.parametrize("width", [6, 7, 8])
def test_a_crossing_is_one_node_however_oblique(angle, width):
    dx, dy = 80 * np.cos(np.radians(angle)), 80 * np.sin(np.radians(angle))
    axes = [(10, 100.5, 190, 100.5), (100.5 - dx, 100.5 - dy, 100.5 + dx, 100.5 + dy)]
    network = trace_mask(draw(200, 200, *axes, width=width), options=ALL)
    check_valid(network)
    assert degrees(network) == [1, 1, 1, 1, 4]
    assert np.hypot(*(network.node_xy[network.node_degree == 4][0] - 100.5)) < 1.5
    assert distance_to(network, axes) < 1.5


def test_two_side_roads_apart_are_two_junctions():
    network = trace_mask(draw(100, 200, (10, 50, 190, 50), (80, 50, 80, 90), (110, 10, 110, 50)), options=ALL)
    assert degrees(network) == [1, 1, 1, 1, 3, 3]


def test_a_ring_is_a_loop_at_one_node():
    network = trace_mask(ring(120, 130, 40), options=ALL)
    check_valid(network)
    assert network.from_node.tolist() == network.to_node.tolist() == [0]
    assert network.length_m[0] == pytest.approx(2 * np.pi * 40, rel=0.02)
    assert not network.dead_end.any()


def test_a_ring_with_an_access_road():
    network = trace_mask(ring(120, 130, 30) | draw(120, 130, (95, 60, 125, 60)), options=ALL)
    check_valid(network)
    assert degrees(network) == [1, 3]
    assert sorted(network.dead_end.tolist()) == [False, True]


def test_roads_between_the_same_two_junctions_stay_parallel():
    mask = ring(160, 260, 40) | draw(160, 260, (10, 80, 90, 80), (170, 80, 250, 80), (85, 80, 175, 80))
    network = trace_mask(mask, options=ALL)
    check_valid(network)
    pairs = list(zip(network.from_node.tolist(), network.to_node.tolist(), strict=True))
    assert sorted(pairs.count(pair) for pair in set(pairs)) == [1, 1, 3]


@pytest.mark.parametrize("radius", [14, 26])
def test_a_roundabout_with_four_arms_stays_a_ring(radius):
    arms = [(5, 100, 100 - radius, 100), (100 + radius, 100, 195, 100), (100, 5, 100, 100 - radius)]
    mask = ring(200, 200, radius) | draw(200, 200, *arms, (100, 100 + radius, 100, 195))
    network = trace_mask(mask, options=ALL)
    check_valid(network)
    assert degrees(network) == [1, 1, 1, 1, 3, 3, 3, 3]
    assert np.isin(network.from_node, np.flatnonzero(network.node_degree == 3)).sum() >= 4


def test_short_spurs_are_dropped_and_side_roads_kept():
    bar = (10, 50, 190, 50)
    assert len(trace_mask(draw(100, 200, bar, (80, 50, 80, 57)), options=ALL)) == 1
    stub = draw(100, 200, bar, (80, 50, 80, 75))
    assert len(trace_mask(stub, options=ALL)) == 3
    assert len(trace_mask(stub, options=LineOptions(max_gap_m=0, min_length_m=0, spur_widths=5))) == 1


def test_short_pieces_are_dropped_by_length_in_metres():
    mask = draw(60, 200, (10, 20.5, 40, 20.5), (60, 20.5, 190, 20.5))
    keep_all = trace_mask(mask, options=ALL)
    assert sorted(np.rint(keep_all.length_m)) == [30, 130]
    for pixel, left in ((1.0, 1), (2.0, 2)):
        options = LineOptions(max_gap_m=0, min_length_m=50)
        assert len(trace_mask(mask, pixel_size_m=(pixel, pixel), options=options)) == left


@pytest.mark.parametrize("angle", [90, 60, 45])
def test_a_road_that_leaves_the_scene_ends_on_its_edge(angle):
    slope = 1 / np.tan(np.radians(angle))
    network = trace_mask(draw(80, 200, (100 - 60 * slope, -20, 100 + 100 * slope, 140)), options=ALL)
    assert len(network) == 1
    assert not network.dead_end[0]
    assert sorted(network.node_xy[:, 1]) == [0, 80]
    assert np.abs(network.node_xy[:, 0] - (100 + (network.node_xy[:, 1] - 40) * slope)).max() < 2.5


def test_half_a_road_along_the_edge_of_the_scene_is_kept():
    network = trace_mask(draw(60, 200, (-20, 0.5, 220, 0.5)), options=ALL)
    assert network.length_m.sum() == pytest.approx(200, abs=2)


@pytest.mark.parametrize("size", [(1.0, 1.0), (2.0, 0.5), (0.3, 0.3)])
def test_lengths_and_widths_are_metres_along_rows_and_columns(size):
    mask = draw(200, 200, (20, 20.5, 180, 20.5), (80.5, 60, 80.5, 160))
    across, down = trace_mask(mask, pixel_size_m=size, options=ALL).lines
    assert across.length == pytest.approx(160, abs=2)  # still in pixels
    assert down.length == pytest.approx(100, abs=2 * max(1, size[0] / size[1]))
    network = trace_mask(mask, pixel_size_m=size, options=ALL)
    assert np.allclose(network.length_m, [across.length * size[0], down.length * size[1]])
    assert np.allclose(network.width_m, [7 * size[1], 7 * size[0]], atol=1.1 * max(size))


def test_lines_are_smooth():
    """A line with a slope of one in seven has a step every seven pixels in the mask, but hardly any turns as a line."""
    network = trace_mask(draw(100, 240, (10, 30, 230, 61.4)), options=ALL, simplify_m=0)
    xy = shapely.get_coordinates(network.lines[0])
    heading = np.unwrap(np.arctan2(*np.diff(xy, axis=0).T[::-1]))
    assert np.degrees(np.abs(heading[10:-10] - np.arctan2(31.4, 220))).max() < 12
    assert len(shapely.get_coordinates(trace_mask(draw(100, 240, (10, 30, 230, 61.4)), options=ALL).lines[0])) <= 4


def random_roads(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    rough = ndimage.gaussian_filter(rng.random((120, 100)), rng.choice([0, 1, 2, 3]))
    return rough > np.quantile(rough, rng.uniform(0.3, 0.95))


@settings(max_examples=60)
@given(st.integers(0, 10**6))
def test_any_mask_gives_a_valid_network(seed):
    network = trace_mask(random_roads(seed), options=ALL)
    xy = shapely.get_coordinates(network.lines)
    assert not len(xy) or (xy.min() >= 0 and xy[:, 0].max() <= 100 and xy[:, 1].max() <= 120)
    ends = np.array([shapely.get_coordinates(line)[[0, -1]] for line in network.lines]).reshape(-1, 2, 2)
    assert np.allclose(ends[:, 0], network.node_xy[network.from_node])
    assert np.allclose(ends[:, 1], network.node_xy[network.to_node])
    assert (network.node_degree != 0).all()
    assert (network.length_m > 0).all()
    # a node with two edges belongs to a ring
    assert all(
        (network.from_node == n).sum() == (network.to_node == n).sum() for n in np.flatnonzero(network.node_degree == 2)
    )


@settings(max_examples=40)
@given(st.integers(0, 10**6))
def test_lines_of_roads_neither_cross_nor_touch(seed):
    """Simplification and smoothing are undone where they would make lines meet."""
    mask = ndimage.binary_opening(random_roads(seed), np.ones((3, 3)))
    check_valid(trace_mask(mask, options=ALL, simplify_m=3.0))


@pytest.mark.slow
@settings(max_examples=25)
@given(st.integers(0, 10**6), st.booleans(), st.booleans())
def test_equal_inputs_give_equal_networks_in_any_strips(seed, shrink, probability):
    mask = random_roads(seed)
    chance = np.random.default_rng(seed).random(mask.shape, dtype=np.float32)

    def run(rows: int) -> RoadNetwork:
        strips = [
            MaskStrip(r, mask[r : r + rows], np.ones_like(mask[r : r + rows]), to_byte(chance[r : r + rows]))
            for r in range(0, len(mask), rows)
        ]

        def read(window: Window) -> tuple[np.ndarray, np.ndarray]:
            place = np.s_[window.row_off : window.row_end, window.col_off : window.col_end]
            return chance[place], np.ones(chance[place].shape, bool)

        options = LineOptions(min_length_m=0, max_gap_m=20)
        return trace_network(strips, PixelFrame(*mask.shape), options, 1.0, Evidence(read, 0.5, not probability))

    one, other = run(120), run(17)
    assert [line.wkb for line in one.lines] == [line.wkb for line in other.lines]
    for name in ("node_xy", "from_node", "to_node", "probability", "bridged", "component", "width_m"):
        assert np.array_equal(getattr(one, name), getattr(other, name), equal_nan=True)


def test_probability_is_the_mean_along_the_line():
    mask = draw(60, 200, (10, 30, 190, 30))
    chance = np.where(np.arange(200) < 100, 0.6, 0.9) * np.ones((60, 1))
    strip = MaskStrip(0, mask, np.ones_like(mask), to_byte(chance))
    evidence = Evidence(lambda window: pytest.fail("there is no gap"), 0.5, is_mask=False)
    network = trace_network([strip], PixelFrame(*mask.shape), ALL, 1.0, evidence)
    assert network.probability[0] == pytest.approx(0.75, abs=0.01)
    assert network.probability_min[0] == pytest.approx(0.6, abs=0.01)
    assert np.isnan(trace_mask(mask).probability).all()


def test_networkx_gets_the_same_graph():
    network = trace_mask(ring(160, 260, 40) | draw(160, 260, (10, 80, 90, 80), (170, 80, 250, 80), (85, 80, 175, 80)))
    graph = to_networkx(network)
    assert isinstance(graph, networkx.MultiGraph)
    assert dict(graph.degree()) == dict(enumerate(network.node_degree.tolist()))
    assert graph.size("length_m") == pytest.approx(network.length_m.sum())
    for a, b, key, values in graph.edges(keys=True, data=True):
        assert values["geometry"] is network.lines[key]
        ends = {(graph.nodes[n]["x"], graph.nodes[n]["y"]) for n in (a, b)}
        assert {values["geometry"].coords[0], values["geometry"].coords[-1]} == ends
        assert "probability" not in values  # a mask has none
    west, east = np.argmin(network.node_xy[:, 0]), np.argmax(network.node_xy[:, 0])
    assert networkx.shortest_path_length(graph, west, east, weight="length_m") == pytest.approx(240, abs=3)


def test_placing_keeps_rotation_and_shear():
    transform = Affine(0.5, 0.1, 1000.25, 0.2, -0.5, 5000.75)
    network = trace_mask(draw(60, 120, (10, 23.5, 110, 23.5)))
    placed = network.placed(transform)
    x, y = transform * tuple(network.node_xy.T)
    assert np.allclose(placed.node_xy, np.stack([x, y], axis=1))
    assert np.allclose(shapely.get_coordinates(placed.lines)[[0, -1]], placed.node_xy[[0, 1]])


@pytest.mark.parametrize("shape", [(0, 0), (0, 9), (9, 0), (1, 1), (7, 9)])
@pytest.mark.parametrize("road", [False, True])
def test_tiny_scenes_work(shape, road):
    network = trace_mask(np.full(shape, road), options=ALL)
    assert len(network.lines) == len(network.from_node) <= 1


@pytest.mark.slow
def test_real_roads_give_valid_lines_of_about_the_right_length(shared_data):
    with rasterio.open(shared_data / "massachusetts" / "valid" / "masks" / "10228690_15.tif") as dataset:
        mask = dataset.read(1) == 1
    network = trace_mask(mask)
    check_valid(network)
    assert network.length_m.sum() * 7 == pytest.approx(mask.sum(), rel=0.1)


@pytest.mark.parametrize("angle", [25, 40, 55])
def test_roads_that_merge_are_one_junction_without_a_triangle(angle):
    """A Y whose arms are joined by a slip road: the hole between the three is 150 m2."""
    dx, dy = 80 * np.cos(np.radians(angle)), 80 * np.sin(np.radians(angle))
    arms = [(20, 100.5, 100, 100.5), (100, 100.5, 100 + dx, 100.5 - dy), (100, 100.5, 100 + dx, 100.5 + dy)]
    slip = (100 + 0.5 * dx, 100.5 - 0.5 * dy, 100 + 0.5 * dx, 100.5 + 0.5 * dy)
    mask = draw(200, 200, *arms, slip, width=6)
    open_faces = trace_mask(mask, options=LineOptions(max_gap_m=0, min_worth=0, min_face_m2=0, min_length_m=0))
    areas = shapely.area(shapely.get_parts(shapely.polygonize(open_faces.lines)))
    assert len(areas) == 1
    options = LineOptions(max_gap_m=0, min_worth=0, min_face_m2=1.2 * areas[0], min_length_m=0)
    network = trace_mask(mask, options=options)
    check_valid(network)
    assert not len(shapely.get_parts(shapely.polygonize(network.lines)))
    assert len(set(network.component)) == 1
    kept = trace_mask(mask, options=LineOptions(max_gap_m=0, min_worth=0, min_face_m2=0.8 * areas[0], min_length_m=0))
    assert len(kept) == len(open_faces)


def test_a_road_drawn_twice_becomes_one():
    y, x = np.mgrid[:80, :200] + 0.5
    mask = draw(80, 200, (10, 40.5, 190, 40.5), width=10)
    mask &= ~((np.abs(y - 40.5) < 2) & (np.abs(x - 100) < 25))
    assert trace_mask(mask, options=ALL).node_degree.max() == 3
    network = trace_mask(mask, options=LineOptions(max_gap_m=0, min_worth=0))
    assert len(network) == 1
    assert network.length_m[0] == pytest.approx(180, abs=6)


def test_a_road_drawn_twice_becomes_one_however_long_the_face_between_is():
    mask = draw(40, 300, (10, 20.5, 290, 20.5), width=7)
    mask[20, 50:250] = False  # two lines 2 m apart over 100 m
    assert len(trace_mask(mask, pixel_size_m=(0.5, 0.5), options=ALL)) == 4
    options = LineOptions(max_gap_m=0, min_worth=0, min_face_m2=100)
    assert len(trace_mask(mask, pixel_size_m=(0.5, 0.5), options=options)) == 1


def test_a_roundabout_stays_a_ring_with_its_arms():
    mask = ring(200, 200, 18) | draw(200, 200, (5, 100, 82, 100), (118, 100, 195, 100), (100, 118, 100, 195))
    network = trace_mask(mask, options=LineOptions(max_gap_m=0, min_worth=0))
    check_valid(network)
    assert degrees(network) == [1, 1, 1, 3, 3, 3]
    assert len(network) == 6


def test_carriageways_stay_two_lines_with_one_node_each_where_a_road_crosses():
    axes = [(10.0, 60.0, 230.0, 60.0), (10.0, 80.0, 230.0, 80.0), (120.0, 10.0, 120.0, 130.0)]
    network = trace_mask(draw(140, 240, *axes, width=6), options=LineOptions(max_gap_m=0, min_worth=0, min_face_m2=100))
    check_valid(network)
    assert degrees(network) == [1, 1, 1, 1, 1, 1, 4, 4]
    assert distance_to(network, axes) < 1
