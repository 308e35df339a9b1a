"""Completeness, correctness and quality of road lines, in metres.

C. Wiedemann, C. Heipke, H. Mayer & O. Jamet (1998), "Empirical evaluation of automatically extracted road axes".
A stretch is matched if it lies within the buffer of the other network. Lengths are summed over scenes before any ratio
is computed.
"""

from __future__ import annotations

from dataclasses import dataclass

import shapely

from road_extract.base.arrays import Geometries
from road_extract.metrics.matching import match_lines
from road_extract.metrics.ratios import ratio


@dataclass(frozen=True, slots=True)
class MatchedLengths:
    """Lengths in metres; add those of several scenes with ``+``.

    Attributes:
        reference_m: Length of the true lines.
        matched_reference_m: Length of the true lines within the buffer of the extracted ones.
        extracted_m: Length of the extracted lines.
        matched_extracted_m: Length of the extracted lines within the buffer of the true ones.
    """

    reference_m: float
    matched_reference_m: float
    extracted_m: float
    matched_extracted_m: float

    def __add__(self, other: MatchedLengths) -> MatchedLengths:
        return MatchedLengths(
            self.reference_m + other.reference_m,
            self.matched_reference_m + other.matched_reference_m,
            self.extracted_m + other.extracted_m,
            self.matched_extracted_m + other.matched_extracted_m,
        )

    @property
    def completeness(self) -> float | None:
        """Matched reference / reference; None without a reference."""
        return ratio(self.matched_reference_m, self.reference_m)

    @property
    def correctness(self) -> float | None:
        """Matched extracted / extracted; None if nothing was extracted."""
        return ratio(self.matched_extracted_m, self.extracted_m)

    @property
    def quality(self) -> float | None:
        """Matched extracted / (extracted + unmatched reference); None if there is neither."""
        return ratio(self.matched_extracted_m, self.extracted_m + self.reference_m - self.matched_reference_m)


def measure_matches(extracted: Geometries, reference: Geometries, buffer_m: float) -> MatchedLengths:
    """Measure one scene.

    Coinciding lines count once, so a network drawn once for each direction does not count double.

    Args:
        extracted: LineStrings in metres, (n,).
        reference: LineStrings in metres, (m,).
        buffer_m: Maximum distance between matching lines.
    """
    extracted, reference = _dissolve(extracted), _dissolve(reference)
    return MatchedLengths(
        *_length_and_match(reference, extracted, buffer_m), *_length_and_match(extracted, reference, buffer_m)
    )


def _length_and_match(lines: Geometries, others: Geometries, buffer_m: float) -> tuple[float, float]:
    """Total length and matched length, capped at the total against rounding."""
    length = float(shapely.length(lines).sum())
    return length, min(match_lines(lines, others, buffer_m).length_m, length)


def _dissolve(lines: Geometries) -> Geometries:
    parts = shapely.get_parts(shapely.union_all(lines))
    return parts[shapely.length(parts) > 0]  # type: ignore[no-any-return]
