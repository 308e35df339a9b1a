"""Logistic regression: a probability from a few named features, with weights in a small JSON file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from road_extract.base.arrays import BoolArray, Float64Array

Features = Mapping[str, Float64Array]

#: The weights of all shipped models, written by `benchmarks/line_models.py`.
WEIGHTS = Path(__file__).with_name("weights.json")
#: Ridge penalty on the weights, which keeps those of rare features small.
RIDGE = 3.0
_ROUNDS = 50


@dataclass(frozen=True, slots=True)
class LogisticModel:
    """The probability 1 / (1 + exp(-(bias + sum of weight * feature))).

    Attributes:
        bias: The constant term.
        weights: Weights of the features, by name.
    """

    bias: float
    weights: Mapping[str, float]

    def __call__(self, features: Features) -> Float64Array:
        """Probabilities, 0..1, (n,), from features of shape (n,) each. Features without a weight are ignored."""
        size = len(next(iter(features.values())))
        score = np.full(size, self.bias)
        for name, weight in self.weights.items():
            score += weight * features[name]
        # exp overflows beyond about 700, long after the probability has reached 0 or 1
        return np.asarray(1 / (1 + np.exp(-np.clip(score, -60, 60))), np.float64)

    def to_json(self) -> dict[str, Any]:
        """The model as a dictionary for JSON."""
        return {"bias": round(self.bias, 4), "weights": {name: round(w, 4) for name, w in self.weights.items()}}


def read_model(name: str) -> LogisticModel:
    """Read a model shipped with this package.

    Args:
        name: One of the keys of ``weights.json``.
    """
    values = json.loads(WEIGHTS.read_text("utf-8"))[name]
    return LogisticModel(values["bias"], values["weights"])


def fit_logistic(
    features: Features,
    is_right: BoolArray,
    weight: Float64Array | None = None,
    signs: Mapping[str, int] | None = None,
) -> LogisticModel:
    """Fit a model by penalised maximum likelihood.

    Where the sign of a weight is given and the fit has the opposite one, the weight is set to 0, the most significant
    one first, and the others are fitted again. The probability is then monotonic in this feature, whatever the data.

    Args:
        features: Arrays of shape (n,), by name.
        is_right: The truth, (n,).
        weight: Weight of each observation, (n,) (default: 1).
        signs: 1 for features whose weight must not be negative, -1 for those whose weight must not be positive.
    """
    matrix = np.stack(list(features.values()), axis=1)
    mean, spread = matrix.mean(axis=0), np.maximum(matrix.std(axis=0), 1e-9)
    scaled = (matrix - mean) / spread
    counts = np.ones(len(matrix)) if weight is None else weight
    sign = np.array([(signs or {}).get(name, 0) for name in features])
    used = np.arange(len(mean))
    while True:
        beta = _fit_scaled(scaled[:, used], is_right, counts)
        wrong = -sign[used] * beta[1:]
        if wrong.max(initial=0.0) <= 0:
            break
        used = np.delete(used, np.argmax(wrong))
    slopes = np.zeros(len(mean))
    slopes[used] = beta[1:] / spread[used]
    return LogisticModel(float(beta[0] - slopes @ mean), dict(zip(features, slopes.tolist(), strict=True)))


def _fit_scaled(scaled: Float64Array, is_right: BoolArray, counts: Float64Array) -> Float64Array:
    """Bias and weights of standardised features, (1 + features,), with Newton's method.

    The iteration is the iteratively reweighted least squares of Hastie, Tibshirani & Friedman (2009), "The Elements of
    Statistical Learning", section 4.4.1, with a ridge penalty on the weights.
    """
    design = np.column_stack([np.ones(len(scaled)), scaled])
    beta = np.zeros(design.shape[1])
    penalty = np.diag(np.append(0.0, np.full(scaled.shape[1], RIDGE)))
    for _ in range(_ROUNDS):
        chance = 1 / (1 + np.exp(-np.clip(design @ beta, -60, 60)))
        gradient = design.T @ (counts * (is_right - chance)) - penalty @ beta
        curvature = (design * (counts * chance * (1 - chance))[:, None]).T @ design + penalty + 1e-9 * np.eye(len(beta))
        step = np.linalg.solve(curvature, gradient)
        beta = beta + step
        if np.abs(step).max() < 1e-9:
            break
    return np.asarray(beta, np.float64)
