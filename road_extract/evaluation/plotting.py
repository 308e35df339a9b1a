"""Draws precision-recall curves. matplotlib is an optional dependency that nothing else needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from road_extract.base.errors import InputError
from road_extract.base.files import replacing
from road_extract.metrics.raster import RoadScores

EXACT, RELAXED = "#d62728", "#1f5ac8"


def draw_curve(path: Path, scores: RoadScores, level: int, threshold: float, rho_px: int) -> None:
    """Plot exact and relaxed precision against recall, and mark the break-even point and the threshold.

    Args:
        path: PNG to write.
        scores: Scores at every threshold.
        level: Index of the threshold in ``scores``.
        threshold: The threshold as it was specified.
        rho_px: Tolerance of the relaxed scores.

    Raises:
        InputError: If matplotlib is not installed.
    """
    figure = _new_figure()
    axes = figure.add_subplot(
        xlim=(0, 1), ylim=(0, 1.005), xlabel="recall", ylabel="precision", aspect="equal",
        title="Precision and recall of road pixels",
    )  # fmt: skip
    axes.plot([0, 1], [0, 1], color="0.8", linewidth=0.8)
    at = f"{threshold:.3f}"
    _draw_one(axes, scores.recall, scores.precision, level, EXACT, f"exact, IoU {scores.iou[level]:.3f} at {at}")
    even = scores.break_even
    label = f"relaxed ({rho_px} px), break-even {even:.3f}"
    _draw_one(axes, scores.relaxed_recall, scores.relaxed_precision, level, RELAXED, label)
    axes.plot([even], [even], "D", color=RELAXED, markersize=7, markerfacecolor="white", label="relaxed break-even")
    axes.plot([], [], "o", color="0.3", label=f"threshold {at}")
    axes.grid(color="0.92")
    axes.legend(loc="lower left", framealpha=0.9)
    with replacing(path) as temp:
        figure.savefig(temp, format="png")


def _draw_one(axes: Any, recall: Any, precision: Any, level: int, colour: str, label: str) -> None:
    # thresholds above all probabilities find nothing and are not points of the curve
    drawn = np.flatnonzero(precision[1:] + recall[1:] > 0) + 1
    axes.plot(recall[drawn], precision[drawn], color=colour, label=label)
    axes.plot(recall[level], precision[level], "o", color=colour, markersize=7)


def check_plotting() -> None:
    """Check for matplotlib before starting long work that ends with a plot.

    Raises:
        InputError: If matplotlib is not installed.
    """
    _figure_class()


def _new_figure() -> Any:
    """A figure outside matplotlib's global state."""
    return _figure_class()(figsize=(6.4, 6.4), dpi=130, layout="constrained")


def _figure_class() -> Any:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise InputError("plotting requires matplotlib; install it (pip install 'road-extract[plot]')") from error
    return Figure
