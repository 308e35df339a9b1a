"""What a long operation says of itself while it runs. Front ends decide how that is shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """One report.

    Attributes:
        stage: What is going on: ``predict``, ``vectorize`` (polygons) or ``lines``; in batches
            ``scenes``, ``shards`` or ``merge``.
        done: Units finished.
        total: Units in all, at least 1.
        unit: ``windows``, ``rows``, ``scenes``, ``shards`` or ``areas``.
        scene: Name of the scene, where there are several.
    """

    stage: str
    done: int
    total: int
    unit: str
    scene: str = ""


Report = Callable[[Progress], None]


def no_report(progress: Progress) -> None:
    """Say nothing."""
