"""Small maps in metres around a place, and OpenStreetMap files made of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from road_extract.base.osm import OsmChange, OsmMap, OsmNode, OsmWay
from road_extract.io.vector import write_change

#: Degrees per metre at the equator, where both axes are alike.
DEG = 1 / 111_320
Places = Sequence[tuple[float, float]]


def lonlat(places: Places, lon: float = 0.0) -> np.ndarray:
    """Places in metres, as longitudes and latitudes."""
    return np.array(places, np.float64) * DEG + [lon, 0.0]


def make_map(*ways: tuple[Places, dict[str, str]], lon: float = 0.0, version: int | None = 2) -> OsmMap:
    """A map: ways that have a place in common share a node. Nodes are numbered from 1, ways from 101."""
    nodes: dict[tuple[float, float], OsmNode] = {}
    found = {}
    for number, (places, tags) in enumerate(ways, 101):
        refs = []
        for place in places:
            if place not in nodes:
                x, y = (round(float(value), 7) for value in lonlat([place], lon)[0])
                nodes[place] = OsmNode(len(nodes) + 1, (x + 180) % 360 - 180, y, version)
            refs.append(nodes[place].id)
        found[number] = OsmWay(number, tuple(refs), version, tags)
    return OsmMap({node.id: node for node in nodes.values()}, found)


def write_map(path: Path, existing: OsmMap) -> Path:
    """Write a map as a file of the server."""
    write_change(path, OsmChange(tuple(existing.nodes.values()), tuple(existing.ways.values()), (), ()))
    return path
