"""Average path length similarity: do routes on one network exist, and are they as long, on the other?

A. Van Etten, D. Lindenbaum & T. Bacastow (2018), "SpaceNet: A Remote Sensing Dataset and Challenge Series", section 4.
Control points are the nodes of a network and places along its edges. Each is snapped to the other network; for every
two that are connected, L is the way between them and L' that between the places they were snapped to, and the score of
the direction is 1 - mean(min(1, |L - L'| / L)), where a way that is missing counts 1. APLS is the harmonic mean of both
directions.
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
    """How it is measured.

    Attributes:
        spacing_m: Most that control points along an edge lie apart.
        snap_m: How far a control point may lie from the other network.
        max_sources: Ways start at so many control points at most, drawn by chance, and lead to all others.
        seed: Fixes which.
    """

    spacing_m: float = 50.0
    snap_m: float = 4.0
    max_sources: int = 1000
    seed: int = 0


@dataclass(frozen=True, slots=True)
class PathDifferences:
    """Sum over pairs of control points, and their number; where sources were drawn, scaled to what all would give."""

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
    """Both directions; those of several scenes add up with ``+``, as if the scenes were one network.

    Attributes:
        onto_proposal: Ways on the truth, looked for on the proposal.
        onto_truth: Ways on the proposal, looked for on the truth.
        sampled: Whether ways started at a part of the control points only.
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
        """Harmonic mean of both directions; None without any way."""
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
    """Ways between control points on the other network, (sources, points); infinite where there is none."""
    lengths = np.full((len(sources), len(row)), np.inf)
    starts, ends = row[sources] >= 0, row >= 0
    if starts.any():
        lengths[np.ix_(starts, ends)] = dijkstra(links, indices=row[sources][starts])[:, row[ends]]
    return lengths


def _differences(length: Float64Array, other: Float64Array) -> Float64Array:
    """min(1, |L - L'| / L) of the pairs that are connected, (pairs,)."""
    pair = np.isfinite(length) & (length > 0)
    return np.minimum(1.0, np.abs(length[pair] - other[pair]) / length[pair])
