"""TOPO: starting from the same place, can you reach the same roads on both networks?

J. Biagioni & J. Eriksson (2012), "Inferring Road Maps from Global Positioning System Traces: Survey and Comparative
Evaluation", section 5. From a seed on the truth, and from the nearest place on the proposal, all roads are followed up
to a radius measured along the roads. At regular intervals, holes are dug in the truth and marbles are dropped on the
proposal. Each marble falls into a nearby hole, and each hole holds one marble. Leftover marbles are false roads, and
empty holes are missed roads. If the proposal has no place near the seed, all holes stay empty. False roads that no seed
leads to are not detected; correctness detects them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import dijkstra, maximum_bipartite_matching
from scipy.spatial import KDTree

from road_extract.base.arrays import Float64Array
from road_extract.metrics.graph import LineGraph, Places
from road_extract.metrics.ratios import ratio


@dataclass(frozen=True, slots=True)
class TopoSetting:
    """Settings of TOPO.

    Attributes:
        radius_m: How far roads are followed, measured along the roads.
        interval_m: Spacing of marbles and of holes.
        match_m: Maximum distance from a marble to its hole, and from a seed to its place on the proposal.
        seeds: Number of random starting places along the truth, per scene.
        seed: Random seed of that choice.
    """

    radius_m: float = 300.0
    interval_m: float = 5.0
    match_m: float = 5.0
    seeds: int = 100
    seed: int = 0


@dataclass(frozen=True, slots=True)
class TopoCounts:
    """Counts over seeds; add those of several scenes with ``+``.

    Attributes:
        matched: Marbles that fell into holes.
        marbles: Marbles on the proposal.
        holes: Holes in the truth.
        seeds: Starting places.
        lost_seeds: Seeds with no place on the proposal nearby.
    """

    matched: int
    marbles: int
    holes: int
    seeds: int
    lost_seeds: int

    def __add__(self, other: TopoCounts) -> TopoCounts:
        return TopoCounts(
            self.matched + other.matched,
            self.marbles + other.marbles,
            self.holes + other.holes,
            self.seeds + other.seeds,
            self.lost_seeds + other.lost_seeds,
        )

    @property
    def precision(self) -> float | None:
        """Matched / marbles; None without marbles."""
        return ratio(self.matched, self.marbles)

    @property
    def recall(self) -> float | None:
        """Matched / holes; None without holes."""
        return ratio(self.matched, self.holes)

    @property
    def f1(self) -> float | None:
        """Harmonic mean of both; None if there are neither marbles nor holes."""
        return ratio(2 * self.matched, self.marbles + self.holes)


def count_marbles(proposal: LineGraph, truth: LineGraph, setting: TopoSetting) -> TopoCounts:
    """Count one scene."""
    holes, marbles = _Samples(truth, setting.interval_m), _Samples(proposal, setting.interval_m)
    seeds = _draw_seeds(truth, setting)
    starts = proposal.locate(truth.points_at(seeds), setting.match_m)
    counts = TopoCounts(0, 0, 0, len(seeds.edge), int((~starts.found).sum()))
    for number, found in enumerate(starts.found):
        near_holes = holes.within(seeds, number, setting.radius_m)
        near_marbles = marbles.within(starts, number, setting.radius_m) if found else np.empty((0, 2))
        matched = _match(near_marbles, near_holes, setting.match_m)
        counts += TopoCounts(matched, len(near_marbles), len(near_holes), 0, 0)
    return counts


class _Samples:
    """Places at regular intervals over a whole network, continued from edge to edge so that short edges count too."""

    def __init__(self, graph: LineGraph, interval_m: float) -> None:
        self._graph = graph
        self._places = _along(graph, np.arange(interval_m / 2, graph.length_m.sum(), interval_m))
        self._points = graph.points_at(self._places)
        self._links, _ = graph.with_places(Places(np.empty(0, np.int64), np.empty(0)))

    def within(self, starts: Places, number: int, radius_m: float) -> Float64Array:
        """Coordinates of the samples within a radius of one of the starts, measured along the roads, (n, 2)."""
        edge, offset = starts.edge[number], starts.offset_m[number]
        graph, places = self._graph, self._places
        to_ends = dijkstra(self._links, indices=graph.ends[edge], limit=radius_m)
        to_node = np.minimum(to_ends[0] + offset, to_ends[1] + graph.length_m[edge] - offset)
        from_ends = to_node[graph.ends[places.edge]]
        rest = graph.length_m[places.edge] - places.offset_m
        distance = np.minimum(from_ends[:, 0] + places.offset_m, from_ends[:, 1] + rest)
        direct = np.where(places.edge == edge, np.abs(places.offset_m - offset), np.inf)
        near: Float64Array = self._points[np.minimum(distance, direct) <= radius_m]
        return near


def _draw_seeds(truth: LineGraph, setting: TopoSetting) -> Places:
    """Draw seeds uniformly along the truth."""
    total = float(truth.length_m.sum())
    count = setting.seeds if total else 0
    return _along(truth, np.sort(np.random.default_rng(setting.seed).uniform(0, total, count)))


def _along(graph: LineGraph, measure: Float64Array) -> Places:
    """Places at distances along the concatenated edges."""
    ends = graph.length_m.cumsum()
    edge = np.minimum(np.searchsorted(ends, measure, side="right"), len(ends) - 1)
    return Places(edge, measure - (ends - graph.length_m)[edge])


def _match(marbles: Float64Array, holes: Float64Array, within_m: float) -> int:
    """The maximum number of marbles that can fall into holes, one in each."""
    if not len(marbles) or not len(holes):
        return 0
    near = KDTree(marbles).sparse_distance_matrix(KDTree(holes), within_m + 1e-6, output_type="coo_matrix")
    pairs = sparse.csr_array((np.ones(near.nnz, np.int8), (near.row, near.col)), shape=near.shape)
    return int((maximum_bipartite_matching(pairs, perm_type="column") >= 0).sum())
