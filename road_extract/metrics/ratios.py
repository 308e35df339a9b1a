"""Ratios that may be undefined."""

from __future__ import annotations


def ratio(part: float, whole: float) -> float | None:
    """``part / whole``; None if the whole is zero."""
    return part / whole if whole > 0 else None


def harmonic_mean(a: float | None, b: float | None) -> float | None:
    """The harmonic mean of two ratios: 0 if either is 0 or undefined, None if both are undefined."""
    if a is None and b is None:
        return None
    return 2 * a * b / (a + b) if a and b else 0.0
