"""Progress reports of long operations. Front ends decide how they are shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """One report.

    Attributes:
        stage: What is going on: ``predict``, ``vectorize`` (polygons) or ``lines``; in batches ``scenes``, ``shards``
            or ``merge``; in evaluation ``evaluate``; in training ``prepare`` or ``train``.
        done: Units finished.
        total: Units in all, at least 1.
        unit: ``windows``, ``rows``, ``scenes``, ``shards``, ``areas`` or ``steps``.
        scene: Name of the scene, where there are several.
    """

    stage: str
    done: int
    total: int
    unit: str
    scene: str = ""


Report = Callable[[Progress], None]


def no_report(progress: Progress) -> None:
    """Ignore a report."""
