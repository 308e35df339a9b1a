"""Calibrates probabilities and chooses the threshold, from the counts on validation ground.

Ground is grouped by its source, and all groups have the same weight, so that a large and easy group cannot dominate.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import optimize, special

from road_extract.base.arrays import Float64Array
from road_extract.base.levels import PROBABILITY_MAX
from road_extract.metrics.raster import LEVELS, RoadCounts, score_roads

if TYPE_CHECKING:
    import keras

#: Limits of the slope; values beyond them come from too little validation ground.
_SLOPES = (0.2, 5.0)
_HEAD = "head_conv"


@dataclass(frozen=True, slots=True)
class Calibration:
    """Maps a logit to ``slope * logit + offset``: Platt (1999), "Probabilistic Outputs for Support Vector Machines".

    The mapping is monotonic, so it does not change any score over all thresholds. It is folded into the weights of the
    last convolution, so a calibrated model needs no extra parameters.

    Attributes:
        slope: Slope, above 0.
        offset: Offset.
    """

    slope: float = 1.0
    offset: float = 0.0

    def level(self, level: int) -> float:
        """Return the calibrated probability for a level of the uncalibrated model."""
        return float(special.expit(self.slope * _logits()[level] + self.offset))

    @contextmanager
    def folded_into(self, model: keras.Model) -> Generator[None, None, None]:
        """Use calibrated logits in the model, and restore its own weights afterwards."""
        weights = model.get_layer(_HEAD).weights
        kept = [np.array(weight.numpy()) for weight in weights]
        kernel, bias = kept
        try:
            for weight, value in zip(weights, (kernel * self.slope, bias * self.slope + self.offset), strict=True):
                weight.assign(value)
            yield
        finally:
            for weight, value in zip(weights, kept, strict=True):
                weight.assign(value)


def fit_calibration(counts: Mapping[str, RoadCounts]) -> Calibration:
    """Fit a calibration by logistic regression, with the same weight for every group.

    Args:
        counts: Counts by group. Groups without road or without background are ignored; if no group remains, the
            calibration changes nothing.
    """
    usable = [c for c in counts.values() if c.road.sum() and c.ground.sum()]
    if not usable:
        return Calibration()
    road = sum(c.road / (c.road.sum() + c.ground.sum()) for c in usable)
    ground = sum(c.ground / (c.road.sum() + c.ground.sum()) for c in usable)
    logits = _logits()

    def entropy(parameters: Float64Array) -> float:
        calibrated = parameters[0] * logits + parameters[1]
        return float((road * np.logaddexp(0, -calibrated) + ground * np.logaddexp(0, calibrated)).sum())

    found = optimize.minimize(entropy, (1.0, 0.0), method="L-BFGS-B", bounds=(_SLOPES, (-10, 10)))
    return Calibration(float(found.x[0]), float(found.x[1]))


def common_level(counts: Mapping[str, RoadCounts]) -> int:
    """Find the level that minimizes the largest loss of any group, compared with the group's own best exact F1.

    Args:
        counts: Counts by group. Groups without road are ignored.

    Returns:
        1 .. 254.
    """
    curves = [score_roads(c).f1[1:] for c in counts.values() if c.road.sum()]
    if not curves:
        return PROBABILITY_MAX // 2
    losses = np.stack([curve.max() - curve for curve in curves])
    return 1 + int(np.argmin(losses.max(axis=0)))


def reliability(counts: RoadCounts, calibration: Calibration, bins: int = 10) -> list[tuple[float, float, int]]:
    """Compute how often pixels are road, by calibrated probability.

    Returns:
        For each bin with pixels: their mean probability, the share of road among them, and their number.
    """
    probability = special.expit(calibration.slope * _logits() + calibration.offset)
    number = np.minimum((probability * bins).astype(int), bins - 1)
    pixels = counts.road + counts.ground
    rows = []
    for index in range(bins):
        here = number == index
        total = int(pixels[here].sum())
        if total:
            mean = float((probability * pixels)[here].sum() / total)
            rows.append((round(mean, 4), round(float(counts.road[here].sum() / total), 4), total))
    return rows


def _logits() -> Float64Array:
    """Return the logit of each level, (255,). The first and last are moved inward by half a level to be finite."""
    levels: Float64Array = special.logit(np.clip(np.arange(LEVELS), 0.5, PROBABILITY_MAX - 0.5) / PROBABILITY_MAX)
    return levels
