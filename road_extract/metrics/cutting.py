"""Cuts lines where they begin and cease to match other lines. No CRS and no file: metres in, vertices out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from road_extract.base.arrays import BoolArray, Float64Array, Geometries, IntArray
from road_extract.metrics.matching import Stretches, match_lines, vertex_measures

#: Rounding of lengths; no piece is as short.
_HAIR_M = 1e-6


@dataclass(frozen=True, slots=True)
class MatchRule:
    """When two lines are the same road.

    Attributes:
        buffer_m: They lie as near as this.
        angle_deg: They run the same way, or opposite ways, within this angle.
        min_length_m: Shorter pieces become part of the piece beside them.
    """

    buffer_m: float
    angle_deg: float
    min_length_m: float


@dataclass(frozen=True, slots=True)
class Pieces:
    """Lines cut into pieces; those of a line follow one another and make up the whole of it.

    Attributes:
        line: Index of the line that each comes from, (n,).
        matched: Whether it matches, (n,).
        geometry: LineStrings, (n,).
    """

    line: IntArray
    matched: BoolArray
    geometry: Geometries


def cut_by_match(lines: Geometries, metric: Geometries, others: Geometries, rule: MatchRule) -> Pieces:
    """Cut lines into pieces that match others and pieces that do not.

    Args:
        lines: LineStrings in any CRS, (n,): these are cut.
        metric: The same lines, vertex by vertex, in metres, (n,).
        others: LineStrings in metres, (m,).
        rule: What a match is.
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
    shapes = np.empty(len(geometry), object)
    shapes[:] = geometry
    return Pieces(np.array(index, np.int64), np.array(matched, np.bool_), shapes)


def _take(stretches: Stretches, part: slice) -> Float64Array:
    return np.stack([stretches.start_m[part], stretches.stop_m[part]], axis=1)


def _cut_line(
    line: shapely.LineString, metric: shapely.LineString, stretches: Float64Array, min_length_m: float
) -> list[tuple[bool, shapely.LineString]]:
    if not len(stretches):
        return [(False, line)]
    measure = vertex_measures(shapely.get_coordinates(metric))
    ends, matched = absorb_slivers(*_alternate(stretches, float(measure[-1])), max(min_length_m, _HAIR_M))
    if len(matched) == 1:
        return [(matched[0], line)]
    coordinates = shapely.get_coordinates(line)
    cuts = zip(matched, ends[:-1], ends[1:], strict=True)
    return [(is_match, cut_line(coordinates, measure, start, stop)) for is_match, start, stop in cuts]


def _alternate(stretches: Float64Array, length_m: float) -> tuple[list[float], list[bool]]:
    """Ends of matched and unmatched pieces by turns, from 0 to the line's length, and which of them match."""
    inner = [float(end) for end in stretches.ravel() if _HAIR_M < end < length_m - _HAIR_M]
    begins_matched = bool(stretches[0, 0] <= _HAIR_M)
    return [0.0, *inner, length_m], [begins_matched ^ bool(turn % 2) for turn in range(len(inner) + 1)]


def absorb_slivers(ends: list[float], matched: list[bool], min_length_m: float) -> tuple[list[float], list[bool]]:
    """Give pieces shorter than a minimum to their neighbours, the shortest first.

    Args:
        ends: Where the pieces begin and end along the line, one more than there are pieces.
        matched: Of each piece; neighbours differ.
        min_length_m: Shortest piece that stays, unless it is the whole line.
    """
    ends, matched = list(ends), list(matched)
    while len(matched) > 1:
        lengths = np.diff(ends)
        shortest = int(np.argmin(lengths))
        if lengths[shortest] >= min_length_m:
            break
        # its ends go, unless they are the line's own; so it and its neighbours, which are alike, become one
        cuts = [end for end in (shortest, shortest + 1) if 0 < end < len(matched)]
        del ends[cuts[0] : cuts[-1] + 1]
        del matched[shortest : shortest + len(cuts)]
    return ends, matched


def cut_line(coordinates: Float64Array, measure: Float64Array, start: float, stop: float) -> shapely.LineString:
    """The part of a line between two measures.

    Args:
        coordinates: Of its vertices, (n, 2).
        measure: Of its vertices, rising, (n,).
        start: Of the part.
        stop: Of the part, greater.
    """
    inside = (measure > start) & (measure < stop)
    ends = [[np.interp(at, measure, coordinates[:, axis]) for axis in (0, 1)] for at in (start, stop)]
    return shapely.LineString(np.concatenate([[ends[0]], coordinates[inside], [ends[1]]]))
