"""Ratios that may have no value."""

from __future__ import annotations


def ratio(part: float, whole: float) -> float | None:
    """``part / whole``; None where there is no whole to have a part of."""
    return part / whole if whole > 0 else None


def harmonic_mean(a: float | None, b: float | None) -> float | None:
    """Of two ratios: 0 if either is 0 or has no value, None if neither has one."""
    if a is None and b is None:
        return None
    return 2 * a * b / (a + b) if a and b else 0.0
