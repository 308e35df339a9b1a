"""TOPO: is what one meets on the way out from the same place the same on both networks?

J. Biagioni & J. Eriksson (2012), "Inferring Road Maps from Global Positioning System Traces: Survey and Comparative
Evaluation", section 5. From a seed on the truth, and from the nearest place on the proposal, all roads are followed to
a radius, measured along the roads. On the way holes are dug in the truth and marbles dropped on the proposal at regular
intervals; a marble falls into a hole that is near enough, one into each. Marbles left over are false roads, holes left
empty are missed ones. Where the proposal has no place near the seed, all holes stay empty. A false road that no seed
leads to is not seen: correctness sees it.
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
    """How it is measured.

    Attributes:
        radius_m: How far roads are followed, along them.
        interval_m: From marble to marble and hole to hole.
        match_m: How far from its hole a marble may lie, and from a seed its place on the proposal.
        seeds: Places to start from in each scene, drawn by chance along the truth.
        seed: Fixes which.
    """

    radius_m: float = 300.0
    interval_m: float = 5.0
    match_m: float = 5.0
    seeds: int = 100
    seed: int = 0


@dataclass(frozen=True, slots=True)
class TopoCounts:
    """Counts over seeds; those of several scenes add up with ``+``.

    Attributes:
        matched: Marbles that fell into holes.
        marbles: On the proposal.
        holes: In the truth.
        seeds: Places started from.
        lost_seeds: Those with no place on the proposal near them.
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
        """Harmonic mean of both; None if there is nothing at all."""
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
    """Places at regular intervals over a whole network: edge follows edge, so no edge is too short to count."""

    def __init__(self, graph: LineGraph, interval_m: float) -> None:
        self._graph = graph
        self._places = _along(graph, np.arange(interval_m / 2, graph.length_m.sum(), interval_m))
        self._points = graph.points_at(self._places)
        self._links, _ = graph.with_places(Places(np.empty(0, np.int64), np.empty(0)))

    def within(self, starts: Places, number: int, radius_m: float) -> Float64Array:
        """X and y of those that lie within a radius, along the roads, of one of the starts; (n, 2)."""
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
    """Uniform along the truth."""
    total = float(truth.length_m.sum())
    count = setting.seeds if total else 0
    return _along(truth, np.sort(np.random.default_rng(setting.seed).uniform(0, total, count)))


def _along(graph: LineGraph, measure: Float64Array) -> Places:
    """Places at distances along all edges, one after the other."""
    ends = graph.length_m.cumsum()
    edge = np.minimum(np.searchsorted(ends, measure, side="right"), len(ends) - 1)
    return Places(edge, measure - (ends - graph.length_m)[edge])


def _match(marbles: Float64Array, holes: Float64Array, within_m: float) -> int:
    """The most marbles that can fall into holes, one into each."""
    if not len(marbles) or not len(holes):
        return 0
    near = KDTree(marbles).sparse_distance_matrix(KDTree(holes), within_m + 1e-6, output_type="coo_matrix")
    pairs = sparse.csr_array((np.ones(near.nnz, np.int8), (near.row, near.col)), shape=near.shape)
    return int((maximum_bipartite_matching(pairs, perm_type="column") >= 0).sum())
