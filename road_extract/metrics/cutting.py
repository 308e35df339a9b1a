"""Cuts lines where they start or stop matching other lines. Knows neither CRSs nor files."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import shapely

from road_extract.base.arrays import BoolArray, Float64Array, Geometries, IntArray, to_geometries
from road_extract.metrics.matching import match_lines, vertex_measures

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
    bounds = np.column_stack([stretches.start_m, stretches.stop_m])
    first, length_m = np.searchsorted(stretches.line, np.arange(len(lines) + 1)), shapely.length(metric)
    shortest_m = max(rule.min_length_m, _TOLERANCE_M)
    index: list[int] = []
    matched: list[bool] = []
    geometry: list[shapely.LineString] = []
    for number, (line, in_metres) in enumerate(zip(lines, metric, strict=True)):
        ends, kinds = _alternate(bounds[first[number] : first[number + 1]], float(length_m[number]))
        ends, kinds = absorb_slivers(ends, kinds, shortest_m)
        index += [number] * len(kinds)
        matched += kinds
        geometry += [line] if len(kinds) == 1 else _cut_line(line, in_metres, ends)
    return Pieces(np.array(index, np.int64), np.array(matched, np.bool_), to_geometries(geometry))


def _cut_line(line: shapely.LineString, metric: shapely.LineString, ends: list[float]) -> list[shapely.LineString]:
    coordinates, measure = shapely.get_coordinates(line), vertex_measures(shapely.get_coordinates(metric))
    # the last end is the line's own, whatever the rounding of its length
    return [cut_line(coordinates, measure, start, stop) for start, stop in pairwise([*ends[:-1], float(measure[-1])])]


def _alternate(stretches: Float64Array, length_m: float) -> tuple[list[float], list[bool]]:
    """Ends of alternating matched and unmatched pieces, from 0 to the line's length, and which of them match."""
    inner = [float(end) for end in stretches.ravel() if _TOLERANCE_M < end < length_m - _TOLERANCE_M]
    begins_matched = bool(len(stretches) and stretches[0, 0] <= _TOLERANCE_M)
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
