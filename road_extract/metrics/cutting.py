"""Cuts lines where they start or stop matching other lines. Knows neither CRSs nor files."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from road_extract.base.arrays import BoolArray, Float64Array, Geometries, IntArray, to_geometries
from road_extract.metrics.matching import Stretches, match_lines, vertex_measures

#: Rounding error of lengths; every piece is longer.
_TOLERANCE_M = 1e-6


@dataclass(frozen=True, slots=True)
class MatchRule:
    """When two lines are the same road.

    Attributes:
        buffer_m: Maximum distance between them.
        angle_deg: Maximum angle between them, regardless of direction.
        min_length_m: Shorter pieces are merged into a neighbouring piece.
    """

    buffer_m: float
    angle_deg: float
    min_length_m: float


@dataclass(frozen=True, slots=True)
class Pieces:
    """Lines cut into pieces; the pieces of a line are consecutive and together make up the line.

    Attributes:
        line: Index of the line that each piece comes from, (n,).
        matched: Whether the piece matches, (n,).
        geometry: LineStrings, (n,).
    """

    line: IntArray
    matched: BoolArray
    geometry: Geometries


def cut_by_match(lines: Geometries, metric: Geometries, others: Geometries, rule: MatchRule) -> Pieces:
    """Cut lines into pieces that match others and pieces that do not.

    Args:
        lines: LineStrings to cut, in any CRS, (n,).
        metric: The same lines with the same vertices, in metres, (n,).
        others: LineStrings in metres, (m,).
        rule: When lines match.
    """
    stretches = match_lines(metric, others, rule.buffer_m, rule.angle_deg)
    first = np.searchsorted(stretches.line, np.arange(len(lines) + 1))
    index: list[int] = []
    matched: list[bool] = []
    geometry: list[shapely.LineString] = []
    for number, (line, in_metres) in enumerate(zip(lines, metric, strict=True)):
        part = slice(first[number], first[number + 1])
        for is_match, piece in _cut_line(line, in_metres, _take(stretches, part), rule.min_length_m):
            index.append(number)
            matched.append(is_match)
            geometry.append(piece)
    return Pieces(np.array(index, np.int64), np.array(matched, np.bool_), to_geometries(geometry))


def _take(stretches: Stretches, part: slice) -> Float64Array:
    return np.stack([stretches.start_m[part], stretches.stop_m[part]], axis=1)


def _cut_line(
    line: shapely.LineString, metric: shapely.LineString, stretches: Float64Array, min_length_m: float
) -> list[tuple[bool, shapely.LineString]]:
    if not len(stretches):
        return [(False, line)]
    measure = vertex_measures(shapely.get_coordinates(metric))
    ends, matched = absorb_slivers(*_alternate(stretches, float(measure[-1])), max(min_length_m, _TOLERANCE_M))
    if len(matched) == 1:
        return [(matched[0], line)]
    coordinates = shapely.get_coordinates(line)
    cuts = zip(matched, ends[:-1], ends[1:], strict=True)
    return [(is_match, cut_line(coordinates, measure, start, stop)) for is_match, start, stop in cuts]


def _alternate(stretches: Float64Array, length_m: float) -> tuple[list[float], list[bool]]:
    """Ends of alternating matched and unmatched pieces, from 0 to the line's length, and which of them match."""
    inner = [float(end) for end in stretches.ravel() if _TOLERANCE_M < end < length_m - _TOLERANCE_M]
    begins_matched = bool(stretches[0, 0] <= _TOLERANCE_M)
    return [0.0, *inner, length_m], [begins_matched ^ bool(turn % 2) for turn in range(len(inner) + 1)]


def absorb_slivers(ends: list[float], matched: list[bool], min_length_m: float) -> tuple[list[float], list[bool]]:
    """Merge pieces shorter than a minimum into their neighbours, starting with the shortest.

    Args:
        ends: Where the pieces start and end along the line; one more than there are pieces.
        matched: Whether each piece matches; neighbours differ.
        min_length_m: Length of the shortest piece to keep, unless it is the whole line.
    """
    ends, matched = list(ends), list(matched)
    while len(matched) > 1:
        lengths = np.diff(ends)
        shortest = int(np.argmin(lengths))
        if lengths[shortest] >= min_length_m:
            break
        # removing its ends, unless they are ends of the line, joins it with its neighbours, which are of the same kind
        cuts = [end for end in (shortest, shortest + 1) if 0 < end < len(matched)]
        del ends[cuts[0] : cuts[-1] + 1]
        del matched[shortest : shortest + len(cuts)]
    return ends, matched


def cut_line(coordinates: Float64Array, measure: Float64Array, start: float, stop: float) -> shapely.LineString:
    """The part of a line between two measures.

    Args:
        coordinates: Coordinates of its vertices, (n, 2).
        measure: Measures of its vertices, increasing, (n,).
        start: Measure at which the part starts.
        stop: Measure at which it ends; greater than ``start``.
    """
    inside = (measure > start) & (measure < stop)
    ends = [[np.interp(at, measure, coordinates[:, axis]) for axis in (0, 1)] for at in (start, stop)]
    return shapely.LineString(np.concatenate([[ends[0]], coordinates[inside], [ends[1]]]))
