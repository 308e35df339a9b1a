"""Exact and relaxed scores of probabilities against a road mask, at every threshold at once.

Counts are pooled over scenes before any ratio is computed. Pixels without data or without a label are excluded.

Relaxed precision and recall follow Mnih (2013), "Machine Learning for Aerial Image Labeling", section 3.3, and
Zhang, Liu & Wang (2018): a predicted road pixel is correct if a true one lies within rho pixels (Euclidean), and a true
one is found if a predicted one lies within rho pixels. The break-even point is where the two are equal as the threshold
varies.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from road_extract.base.arrays import BoolArray, ByteArray, Float64Array, IntArray
from road_extract.base.levels import PROBABILITY_MAX

#: Number of probability levels, in the steps of 1/254 in which probabilities are stored.
LEVELS = PROBABILITY_MAX + 1
RHO_PX = 3
_STRIP_ROWS = 1024


@dataclass(frozen=True, slots=True)
class RoadCounts:
    """Pixel counts by probability level; add those of several scenes with ``+``.

    Attributes:
        road: True road pixels by predicted level, (255,).
        ground: Other pixels by predicted level, (255,).
        near_road: Pixels within rho of a true road pixel by predicted level, (255,).
        reached: True road pixels by the highest predicted level within rho, (255,).
    """

    road: IntArray
    ground: IntArray
    near_road: IntArray
    reached: IntArray

    def __add__(self, other: RoadCounts) -> RoadCounts:
        return RoadCounts(
            self.road + other.road,
            self.ground + other.ground,
            self.near_road + other.near_road,
            self.reached + other.reached,
        )


@dataclass(frozen=True, slots=True)
class RoadScores:
    """Scores at every threshold t / 254, each (255,) float64; 0 if nothing is found.

    Attributes:
        precision: Exact precision.
        recall: Exact recall.
        iou: Exact IoU of the road class.
        relaxed_precision: Precision with tolerance rho.
        relaxed_recall: Recall with tolerance rho.
    """

    precision: Float64Array
    recall: Float64Array
    iou: Float64Array
    relaxed_precision: Float64Array
    relaxed_recall: Float64Array

    @property
    def f1(self) -> Float64Array:
        """Exact F1, (255,)."""
        return 2 * self.iou / (1 + self.iou)

    @property
    def best(self) -> int:
        """Level with the best exact F1, which also has the best exact IoU."""
        return 1 + int(np.argmax(self.iou[1:]))

    @property
    def break_even(self) -> float:
        """Relaxed precision and recall where they are equal, interpolated between the two nearest thresholds."""
        gap = self.relaxed_precision - self.relaxed_recall
        # recall rises as the threshold falls; above the highest predicted level nothing is predicted
        crossing = np.flatnonzero((gap[:-1] <= 0) & (gap[1:] > 0) & (self.relaxed_recall[1:] > 0))
        if not len(crossing):
            return float(np.minimum(self.relaxed_precision, self.relaxed_recall).max())
        low = int(crossing[-1])
        share = -gap[low] / (gap[low + 1] - gap[low])
        return float(self.relaxed_recall[low] + share * (self.relaxed_recall[low + 1] - self.relaxed_recall[low]))


def count_roads(probability: ByteArray, truth: BoolArray, valid: BoolArray, rho_px: int = RHO_PX) -> RoadCounts:
    """Count one scene, in strips, because distances and neighbourhoods take many bytes per pixel.

    Args:
        probability: (rows, cols), 0..254 for 0..1.
        truth: True road pixels, (rows, cols).
        valid: Pixels to count, (rows, cols).
        rho_px: Tolerance in pixels.
    """
    counts = RoadCounts(*np.zeros((4, LEVELS), np.int64))
    for row in range(0, len(truth), _STRIP_ROWS):
        seen = slice(max(row - rho_px, 0), row + _STRIP_ROWS + rho_px)
        core = slice(row - seen.start, row - seen.start + _STRIP_ROWS)
        counts += _count_strip(probability[seen], truth[seen], valid[seen], rho_px, core)
    return counts


def _count_strip(probability: ByteArray, truth: BoolArray, valid: BoolArray, rho_px: int, core: slice) -> RoadCounts:
    """Count the rows ``core``, given together with the surrounding rows within the tolerance."""
    truth = truth & valid
    level = np.where(valid, probability, np.int16(-1))
    near = ndimage.distance_transform_edt(~truth) <= rho_px if truth.any() else np.zeros_like(truth)
    highest = _highest_within(level, rho_px)
    return RoadCounts(
        _histogram(level[core][truth[core]]),
        _histogram(level[core][(valid & ~truth)[core]]),
        _histogram(level[core][(near & valid)[core]]),
        _histogram(highest[core][truth[core]]),
    )


def score_roads(counts: RoadCounts) -> RoadScores:
    """Compute scores at every threshold from counts."""
    hit, wrong, near, reached = (
        _from_level(part) for part in (counts.road, counts.ground, counts.near_road, counts.reached)
    )
    roads = counts.road.sum()
    return RoadScores(
        _ratio(hit, hit + wrong),
        _ratio(hit, np.full(LEVELS, roads)),
        _ratio(hit, roads + wrong),
        _ratio(near, hit + wrong),
        _ratio(reached, np.full(LEVELS, roads)),
    )


def _highest_within(level: NDArray[np.int16], rho_px: int) -> NDArray[np.int16]:
    """The highest level within a disk around each pixel, (rows, cols), computed row by row of the disk."""
    highest = np.full_like(level, -1)
    for offset in range(-min(rho_px, len(level) - 1), min(rho_px, len(level) - 1) + 1):
        half = math.isqrt(rho_px**2 - offset**2)
        row = ndimage.maximum_filter1d(level, 2 * half + 1, axis=1, mode="constant", cval=-1)
        target, source = highest[max(-offset, 0) : len(level) - max(offset, 0)], row[max(offset, 0) :]
        np.maximum(target, source[: len(target)], out=target)
    return highest


def _histogram(levels: NDArray[np.int16]) -> IntArray:
    return np.bincount(levels, minlength=LEVELS).astype(np.int64)


def _from_level(histogram: IntArray) -> IntArray:
    """Number of pixels at each level or above."""
    return np.cumsum(histogram[::-1])[::-1]


def _ratio(part: IntArray, whole: IntArray) -> Float64Array:
    return np.divide(part, whole, out=np.zeros(LEVELS), where=whole > 0)
