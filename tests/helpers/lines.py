"""Lines and synthetic roads with known axes, and checks that hold for every network."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely

from road_extract.roads.network import RoadNetwork


def lines(*coordinates: Any) -> np.ndarray:
    found = np.empty(len(coordinates), object)
    found[:] = [shapely.LineString(points) for points in coordinates]
    return found


def random_lines(seed: int, count: int, steps: int = 6) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return lines(*(rng.uniform(0, 60, 2) + rng.normal(0, 4, (steps, 2)).cumsum(axis=0) for _ in range(count)))


def draw(rows: int, cols: int, *roads: tuple[float, float, float, float], width: float = 7.0) -> np.ndarray:
    """Straight roads (x0, y0, x1, y1) in pixel coordinates, with square ends."""
    mask = np.zeros((rows, cols), bool)
    y, x = np.mgrid[:rows, :cols] + 0.5
    for x0, y0, x1, y1 in roads:
        length = np.hypot(x1 - x0, y1 - y0)
        ux, uy = (x1 - x0) / length, (y1 - y0) / length
        along = (x - x0) * ux + (y - y0) * uy
        mask |= (along >= 0) & (along <= length) & (np.abs((x - x0) * uy - (y - y0) * ux) <= width / 2)
    return mask


def to_byte(chance: np.ndarray) -> np.ndarray:
    """Convert probabilities to the form used in strips."""
    return np.rint(chance * 254).astype(np.uint8)


def check_valid(network: RoadNetwork) -> None:
    """Check that lines end at their nodes, are simple, and meet nowhere else."""
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
