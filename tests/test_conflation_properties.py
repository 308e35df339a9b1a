"""Whatever the map and the new roads are: nothing crosses without a node, and the map's nodes stay where they are."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from road_extract.base.options import JoinOptions
from road_extract.base.osm import OsmMap, OsmNode, OsmWay
from road_extract.conflation.joining import Joined, NewLine, join_lines
from road_extract.metrics.cutting import MatchRule

RULE = MatchRule(buffer_m=6, angle_deg=30, min_length_m=15)
#: Metres are whole multiples of the grid here, so that many places coincide.
STEP = 90e-7 / 1.0
places = st.tuples(st.integers(0, 40), st.integers(0, 40))
chains = st.lists(places, min_size=2, max_size=6, unique=True)


def unit(place: tuple[int, int], lon: float = 0.0) -> tuple[float, float]:
    """Longitude and latitude on a grid of about 3 m, in whole units of 1e-7 degrees."""
    return round(lon + place[0] * 3 * STEP, 7), round(45 + place[1] * 2 * STEP, 7)


def to_map(ways: list[list[tuple[int, int]]], lon: float = 0.0) -> OsmMap:
    nodes: dict[tuple[int, int], OsmNode] = {}
    found = {}
    for number, way in enumerate(ways, 1):
        for place in way:
            x, y = unit(place, lon)
            nodes.setdefault(place, OsmNode(len(nodes) + 1, (x + 180) % 360 - 180, y, 1))
        refs = tuple(nodes[place].id for place in way)
        found[number] = OsmWay(number, refs, 3, {"highway": "residential"})
    return OsmMap({node.id: node for node in nodes.values()}, found)


def grid(lon: float, lat: float) -> tuple[int, int]:
    return round(lon * 1e7), round(lat * 1e7)


def crossings(joined: Joined, existing: OsmMap) -> list[tuple]:
    """Pairs of segments, at least one of them new, that meet elsewhere than at a node of both. Exact integers."""
    changed = {way.id: way for way in joined.modified}
    old = [changed.get(number, way).refs for number, way in existing.ways.items()]
    at = {ref: grid(*joined.place(ref)) for line in joined.lines for ref in line.refs}
    at |= {ref: grid(*joined.place(ref)) for way in joined.modified for ref in way.refs}
    at |= {ref: grid(node.lon, node.lat) for ref, node in existing.nodes.items()}
    new = [(*ends, True) for line in joined.lines for ends in pairwise(line.refs)]
    both = new + [(*ends, False) for refs in old for ends in pairwise(refs)]
    return [(a, b) for a, b in combinations(both, 2) if (a[2] or b[2]) and _meet_badly(at, a, b)]


def _meet_badly(at: dict, first: tuple, second: tuple) -> bool:
    a, b, c, d = (at[ref] for ref in (*first[:2], *second[:2]))

    def side(p, q, r):
        return np.sign((q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0]))

    if {a, b} == {c, d}:
        return True  # the same stretch twice
    if side(a, b, c) * side(a, b, d) < 0 and side(c, d, a) * side(c, d, b) < 0:
        return True
    return any(
        side(p, q, r) == 0 and r not in (p, q) and min(p[0], q[0]) <= r[0] <= max(p[0], q[0])
        and min(p[1], q[1]) <= r[1] <= max(p[1], q[1])
        for p, q, r in ((a, b, c), (a, b, d), (c, d, a), (c, d, b))
    )  # fmt: skip


@settings(max_examples=150, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate), print_blob=False)
@given(st.lists(chains, max_size=4), st.lists(chains, min_size=1, max_size=4), st.sampled_from([0.0, 180.0]))
def test_nothing_crosses_without_a_node_and_no_node_moves(ways, roads, lon):
    existing = to_map(ways, lon)
    lines = [NewLine(np.array([unit(place, lon) for place in road])) for road in roads]
    joined = join_lines(lines, existing, JoinOptions(), RULE)
    if lon == 0.0:
        assert crossings(joined, existing) == []
    for ref, node in joined.kept.items():
        assert node == existing.nodes[ref]
    for way in joined.modified:
        before = existing.ways[way.id]
        rest = iter(way.refs)
        assert all(ref in rest for ref in before.refs)  # the same nodes in the same order, with others between them
        assert (way.version, way.tags) == (before.version, before.tags)
        assert all(ref in joined.nodes or ref in joined.kept for ref in way.refs)
    for line in joined.lines:
        assert len(line.refs) > 1
        assert all(ref in joined.nodes or ref in joined.kept for ref in line.refs)
        assert all(a != b for a, b in pairwise(line.refs))
