"""Features of detected lines, on small graphs with known answers."""

from __future__ import annotations

import numpy as np
import pytest

from road_extract.roads.network.graph import Graph, Points
from road_extract.roads.network.line_features import measure_lines, to_levels

THRESHOLD = 0.5


def make_graph(*lines: tuple[tuple[float, float], tuple[float, float], float], step: float = 1.0) -> Graph:
    """Straight edges between nodes, each with a start, an end and a probability; equal positions are the same node."""
    places = list(dict.fromkeys(place for start, end, _ in lines for place in (start, end)))
    xy, levels, sizes = [], [], []
    for start, end, probability in lines:
        count = int(np.hypot(end[0] - start[0], end[1] - start[1]) / step)
        share = np.arange(1, count)[:, None] / count
        xy.append(np.array(start) * (1 - share) + np.array(end) * share)
        levels.append(np.full(count - 1, round(254 * probability)))
        sizes.append(count - 1)

    def points(where: np.ndarray, level: np.ndarray) -> Points:
        return Points(
            where, level.astype(np.uint8), np.full(len(where), 3, np.float32), np.zeros((len(where), 2), "f4")
        )

    strongest = [max(p for start, end, p in lines if place in (start, end)) for place in places]
    return Graph(
        points(np.array(places, float), np.rint(254 * np.array(strongest))),
        np.array([places.index(start) for start, _, _ in lines]),
        np.array([places.index(end) for _, end, _ in lines]),
        np.array(sizes),
        points(np.concatenate(xy), np.concatenate(levels)),
        np.zeros(len(lines), bool),
        np.full(len(lines), np.nan),
    )


#: A road from west to east in two edges, with a faint side road to the north.
JUNCTION = (((0.0, 0.0), (100.0, 0.0), 0.9), ((100.0, 0.0), (220.0, 0.0), 0.8), ((100.0, 0.0), (100.0, -60.0), 0.4))


def test_levels_are_zero_at_the_threshold_and_finite_everywhere():
    levels = to_levels(np.array([0.0, 0.2, 0.5, 0.8, 1.0]), 0.5)
    assert levels[2] == pytest.approx(0)
    assert levels[3] == pytest.approx(-levels[1])
    assert (np.diff(levels) > 0).all()
    assert np.isfinite(levels).all()


def test_a_road_that_continues_is_told_from_a_side_road():
    found = measure_lines(make_graph(*JUNCTION), THRESHOLD)
    assert found["straight_on"] == pytest.approx([1, 1, 0], abs=1e-6)
    strong = to_levels(np.array([0.8]), THRESHOLD)[0]
    assert found["continued"][0] == pytest.approx(strong, abs=0.02)
    assert found["continued"][2] == -4  # nothing continues the side road


def test_a_line_with_a_dead_end_has_no_neighbour_there():
    found = measure_lines(make_graph(*JUNCTION), THRESHOLD)
    assert (found["neighbour"] == -4).all()
    assert (found["neighbour_length"] == 0).all()
    square = [((0.0, 0.0), (80.0, 0.0), 0.9), ((80.0, 0.0), (80.0, 50.0), 0.6), ((80.0, 50.0), (0.0, 0.0), 0.7)]
    found = measure_lines(make_graph(*square), THRESHOLD)
    weakest = to_levels(np.array([0.6, 0.7, 0.6]), THRESHOLD)
    assert found["neighbour"] == pytest.approx(weakest, abs=0.15)
    assert found["neighbour_length"] == pytest.approx(np.log([50, 80, 50]), abs=0.1)


def test_levels_along_a_line_are_its_quantiles():
    graph = make_graph(((0.0, 0.0), (101.0, 0.0), 0.2))
    graph.points.probability[:] = np.repeat([50, 127, 230, 230], 25)
    found = measure_lines(graph, THRESHOLD)
    low, middle = to_levels(np.array([50, 127]) / 254, THRESHOLD)
    assert found["level_low"][0] == pytest.approx(low)
    assert found["level_middle"][0] in (pytest.approx(middle), pytest.approx(to_levels(np.array([230 / 254]), 0.5)[0]))
    assert found["clear"][0] == pytest.approx(50 / 102)
    assert found["turning"][0] == pytest.approx(0, abs=1e-6)


def test_density_is_measured_in_metres_whatever_the_pixel_size():
    fine, coarse = (measure_lines(make_graph(*JUNCTION, step=step), THRESHOLD) for step in (0.25, 2.0))
    for name in ("density", "weak_density"):
        assert fine[name] == pytest.approx(coarse[name], abs=0.05)
    assert fine["weak_density"][2] > 0.1  # the side road itself is weak
    twice = measure_lines(make_graph(*JUNCTION, ((0.0, 30.0), (220.0, 30.0), 0.9)), THRESHOLD)
    assert twice["density"][0] > 1.5 * fine["density"][0]
