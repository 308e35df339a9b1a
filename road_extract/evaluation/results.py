"""Results of an evaluation: counts per scene, and the ratios of their sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any, TypeVar

from road_extract.base.options import EvaluateOptions
from road_extract.metrics.apls import AplsSums
from road_extract.metrics.raster import RoadCounts, RoadScores, score_roads
from road_extract.metrics.topo import TopoCounts
from road_extract.metrics.wiedemann import MatchedLengths

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class LineCounts:
    """Counts for the line metrics; add those of several scenes with ``+``."""

    lengths: MatchedLengths
    paths: AplsSums
    marbles: TopoCounts

    def __add__(self, other: LineCounts) -> LineCounts:
        return LineCounts(self.lengths + other.lengths, self.paths + other.paths, self.marbles + other.marbles)


@dataclass(frozen=True, slots=True)
class SceneCounts:
    """Counts of one scene, or of several together.

    Attributes:
        area_m2: Area compared, on the ground.
        pixels: Pixel counts by level; None if raster metrics were not requested.
        lines: Counts along lines; None if line metrics were not requested.
    """

    area_m2: float
    pixels: RoadCounts | None
    lines: LineCounts | None

    def __add__(self, other: SceneCounts) -> SceneCounts:
        return SceneCounts(
            self.area_m2 + other.area_m2, _add_or_none(self.pixels, other.pixels), _add_or_none(self.lines, other.lines)
        )


def _add_or_none(one: T | None, other: T | None) -> T | None:
    """The sum, or None if either was not counted."""
    return None if one is None or other is None else add(one, other)


@dataclass(frozen=True, slots=True)
class RasterMetrics:
    """Metrics of the road class, at the threshold unless the name says otherwise; None if undefined."""

    exact_precision: float
    exact_recall: float
    exact_f1: float
    exact_iou: float
    relaxed_precision: float
    relaxed_recall: float
    relaxed_break_even: float | None
    best_exact_f1: float | None
    best_exact_iou: float | None
    best_threshold: float | None


@dataclass(frozen=True, slots=True)
class LineMetrics:
    """Metrics of road lines; None if undefined."""

    wiedemann_completeness: float | None
    wiedemann_correctness: float | None
    wiedemann_quality: float | None
    apls: float | None
    apls_truth_onto_prediction: float | None
    apls_prediction_onto_truth: float | None
    topo_precision: float | None
    topo_recall: float | None
    topo_f1: float | None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Result of an evaluation.

    Attributes:
        scenes: Counts by name of the scene.
        total: Sum of these counts. Every score is a ratio of sums, never a mean of ratios.
        threshold: Minimum probability for a pixel to count as road.
        level: That threshold among the 255 levels of the curve.
        graded: Whether the predictions contain probabilities; without them there is no curve.
        unpaired: Truths that were skipped because they have no prediction.
        options: The settings used.
    """

    scenes: dict[str, SceneCounts]
    total: SceneCounts
    threshold: float
    level: int
    graded: bool
    unpaired: tuple[str, ...]
    options: EvaluateOptions

    @property
    def curve(self) -> RoadScores | None:
        """Scores at every threshold; None if pixels were not counted."""
        return None if self.total.pixels is None else score_roads(self.total.pixels)

    @property
    def raster(self) -> RasterMetrics | None:
        """Raster metrics of all scenes together; None if pixels were not counted."""
        return raster_metrics(self.total, self.level, self.graded)

    @property
    def lines(self) -> LineMetrics | None:
        """Line metrics of all scenes together; None if lines were not measured."""
        return line_metrics(self.total)

    def to_text(self) -> str:
        """Format the result as a table."""
        from road_extract.evaluation.report import to_text

        return to_text(self)

    def to_values(self) -> dict[str, Any]:
        """The result as values for JSON."""
        from road_extract.evaluation.report import to_values

        return to_values(self)


def sum_scenes(scenes: Sequence[SceneCounts]) -> SceneCounts:
    """Sum the counts of all scenes."""
    return reduce(add, scenes)


def raster_metrics(counts: SceneCounts, level: int, graded: bool) -> RasterMetrics | None:
    """Compute raster metrics from counts; None if pixels were not counted."""
    if counts.pixels is None:
        return None
    scores = score_roads(counts.pixels)
    at = {name: float(getattr(scores, name)[level]) for name in ("precision", "recall", "f1", "iou")}
    best: dict[str, Any] = dict.fromkeys(("relaxed_break_even", "best_exact_f1", "best_exact_iou", "best_threshold"))
    if graded:
        best = {
            "relaxed_break_even": scores.break_even,
            "best_exact_f1": float(scores.f1[scores.best]),
            "best_exact_iou": float(scores.iou[scores.best]),
            "best_threshold": scores.best / (len(scores.iou) - 1),
        }
    return RasterMetrics(
        **{f"exact_{name}": value for name, value in at.items()},
        relaxed_precision=float(scores.relaxed_precision[level]),
        relaxed_recall=float(scores.relaxed_recall[level]),
        **best,
    )


def line_metrics(counts: SceneCounts) -> LineMetrics | None:
    """Compute line metrics from counts; None if lines were not measured."""
    if counts.lines is None:
        return None
    lengths, paths, marbles = counts.lines.lengths, counts.lines.paths, counts.lines.marbles
    return LineMetrics(
        lengths.completeness, lengths.correctness, lengths.quality,
        paths.apls, paths.onto_proposal.score, paths.onto_truth.score,
        marbles.precision, marbles.recall, marbles.f1,
    )  # fmt: skip
