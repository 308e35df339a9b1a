"""Average path length similarity (APLS): do the routes of one network exist on the other, with the same length?

A. Van Etten, D. Lindenbaum & T. Bacastow (2018), "SpaceNet: A Remote Sensing Dataset and Challenge Series", section 4.
Control points are the nodes of a network and points along its edges. Each is snapped to the other network. For every
connected pair, L is the length of the shortest path between the two points, and L' that of the path between their
snapped points. The score of a direction is 1 - mean(min(1, |L - L'| / L)), where a missing path counts 1. APLS is the
harmonic mean of both directions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse.csgraph import dijkstra

from road_extract.base.arrays import Float64Array, IntArray
from road_extract.metrics.graph import LineGraph
from road_extract.metrics.ratios import harmonic_mean

_SOURCES_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class AplsSetting:
    """Settings of APLS.

    Attributes:
        spacing_m: Maximum distance between control points along an edge.
        snap_m: Maximum distance of a control point from the other network.
        max_sources: Maximum number of control points, chosen at random, from which paths to all others are measured.
        seed: Random seed of that choice.
    """

    spacing_m: float = 50.0
    snap_m: float = 4.0
    max_sources: int = 1000
    seed: int = 0


@dataclass(frozen=True, slots=True)
class PathDifferences:
    """Sum over pairs of control points, and their number; scaled up to all sources if only some were used."""

    total: float
    pairs: float

    def __add__(self, other: PathDifferences) -> PathDifferences:
        return PathDifferences(self.total + other.total, self.pairs + other.pairs)

    @property
    def score(self) -> float | None:
        """1 - mean difference; None without pairs."""
        return 1 - self.total / self.pairs if self.pairs else None


@dataclass(frozen=True, slots=True)
class AplsSums:
    """Sums of both directions; add those of several scenes with ``+``, as if the scenes were one network.

    Attributes:
        onto_proposal: Paths on the truth, compared with those on the proposal.
        onto_truth: Paths on the proposal, compared with those on the truth.
        sampled: Whether only some of the control points were used as sources.
    """

    onto_proposal: PathDifferences
    onto_truth: PathDifferences
    sampled: bool = False

    def __add__(self, other: AplsSums) -> AplsSums:
        return AplsSums(
            self.onto_proposal + other.onto_proposal, self.onto_truth + other.onto_truth, self.sampled or other.sampled
        )

    @property
    def apls(self) -> float | None:
        """Harmonic mean of both directions; None if there are no paths."""
        return harmonic_mean(self.onto_proposal.score, self.onto_truth.score)


def measure_paths(proposal: LineGraph, truth: LineGraph, setting: AplsSetting) -> AplsSums:
    """Measure one scene, in both directions."""
    onto_proposal, some = _compare_paths(truth, proposal, setting)
    onto_truth, others = _compare_paths(proposal, truth, setting)
    return AplsSums(onto_proposal, onto_truth, some or others)


def _compare_paths(graph: LineGraph, other: LineGraph, setting: AplsSetting) -> tuple[PathDifferences, bool]:
    places = graph.spread(setting.spacing_m)
    links, _ = graph.with_places(places)
    snapped = other.locate(np.concatenate([graph.nodes, graph.points_at(places)]), setting.snap_m)
    other_links, rows = other.with_places(snapped.only_found())
    other_row = np.full(len(snapped.edge), -1, np.int64)
    other_row[snapped.found] = rows
    count = len(other_row)
    sources = _draw(count, setting)
    total = pairs = 0.0
    for start in range(0, len(sources), _SOURCES_AT_ONCE):
        part = sources[start : start + _SOURCES_AT_ONCE]
        differences = _differences(dijkstra(links, indices=part), _snapped_lengths(other_links, other_row, part))
        total, pairs = total + float(differences.sum()), pairs + len(differences)
    scale = count / max(len(sources), 1)
    return PathDifferences(total * scale, pairs * scale), len(sources) < count


def _draw(count: int, setting: AplsSetting) -> IntArray:
    if count <= setting.max_sources:
        return np.arange(count)
    return np.sort(np.random.default_rng(setting.seed).choice(count, setting.max_sources, replace=False))


def _snapped_lengths(links: object, row: IntArray, sources: IntArray) -> Float64Array:
    """Path lengths between control points on the other network, (sources, points); infinite where there is no path."""
    lengths = np.full((len(sources), len(row)), np.inf)
    starts, ends = row[sources] >= 0, row >= 0
    if starts.any():
        lengths[np.ix_(starts, ends)] = dijkstra(links, indices=row[sources][starts])[:, row[ends]]
    return lengths


def _differences(length: Float64Array, other: Float64Array) -> Float64Array:
    """min(1, |L - L'| / L) of the connected pairs, (pairs,)."""
    pair = np.isfinite(length) & (length > 0)
    return np.minimum(1.0, np.abs(length[pair] - other[pair]) / length[pair])
