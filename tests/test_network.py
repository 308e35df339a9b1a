"""Drawn roads with known lines."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from road_extract.network import RoadNetwork, trace_mask
from road_extract.options import LineOptions

ALL = LineOptions(max_gap_m=0, min_length_m=0)


def draw(rows: int, cols: int, *roads: tuple[float, float, float, float], width: float = 7.0) -> np.ndarray:
    """Straight roads (x0, y0, x1, y1) in pixel coordinates, cut square at their ends."""
    mask = np.zeros((rows, cols), bool)
    y, x = np.mgrid[:rows, :cols] + 0.5
    for x0, y0, x1, y1 in roads:
        length = np.hypot(x1 - x0, y1 - y0)
        ux, uy = (x1 - x0) / length, (y1 - y0) / length
        along = (x - x0) * ux + (y - y0) * uy
        mask |= (along >= 0) & (along <= length) & (np.abs((x - x0) * uy - (y - y0) * ux) <= width / 2)
    return mask


def ring(rows: int, cols: int, radius: float, width: float = 7.0) -> np.ndarray:
    y, x = np.mgrid[:rows, :cols] + 0.5
    return np.abs(np.hypot(x - cols / 2, y - rows / 2) - radius) <= width / 2


def degrees(network: RoadNetwork) -> list[int]:
    return sorted(network.node_degree.tolist())


def check_valid(network: RoadNetwork) -> None:
    """Lines end at their nodes, are simple, and meet nowhere else."""
    for line, a, b in zip(network.lines, network.from_node, network.to_node, strict=True):
        ends = shapely.get_coordinates(line)[[0, -1]]
        assert np.allclose(ends, network.node_xy[[a, b]], atol=1e-9)
        assert line.is_simple
    tree = shapely.STRtree(network.lines)
    for i, j in tree.query(network.lines, predicate="intersects").T:
        if i < j:
            shared = shapely.MultiPoint(network.node_xy[np.intersect1d(
                [network.from_node[i], network.to_node[i]], [network.from_node[j], network.to_node[j]])])  # fmt: skip
            assert network.lines[i].intersection(network.lines[j]).difference(shared.buffer(1e-6)).is_empty


def off_axis(network: RoadNetwork, axis: shapely.Geometry) -> float:
    return max(shapely.hausdorff_distance(line, shapely.intersection(axis, line.buffer(2))) for line in network.lines)


@pytest.mark.parametrize("angle", [0, 7, 30, 45, 60, 90, 133])
@pytest.mark.parametrize("width", [3, 7, 8, 15])
def test_a_bar_is_one_line_on_its_axis_from_end_to_end(angle, width):
    dx, dy = 80 * np.cos(np.radians(angle)), 80 * np.sin(np.radians(angle))
    axis = (120.5 - dx, 120.5 - dy, 120.5 + dx, 120.5 + dy)
    network = trace_mask(draw(241, 241, axis, width=width), options=ALL)
    assert degrees(network) == [1, 1]
    assert network.dead_end.all()
    assert network.length_m[0] == pytest.approx(160, abs=2.0)
    line = shapely.LineString([axis[:2], axis[2:]])
    middle = shapely.intersection(network.lines[0], shapely.Point(120.5, 120.5).buffer(70))
    assert shapely.hausdorff_distance(middle, shapely.intersection(line, middle.buffer(2, cap_style="flat"))) < 0.75
    assert network.width_m[0] == pytest.approx(width, abs=2.0)
