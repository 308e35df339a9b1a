"""Finds the stretches of lines that lie within a distance of other lines, exactly: without samples or buffer polygons.

The points within a distance of a straight segment form a convex shape (a rectangle with two half disks), so another
segment intersects it along a single interval, which has a closed form. The intervals of all pairs of nearby segments
are computed at once and merged.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from road_extract.base.arrays import Float64Array, Geometries, IntArray

if TYPE_CHECKING:
    pass


#: Length of the chords whose headings are compared: long enough to ignore the pixel stairs of traced lines.
HEADING_CHORD_M = 20.0
#: Tolerance that makes the distance inclusive in spite of rounding.
_TOLERANCE_M = 1e-6
#: Gap between two lines on the common measure, so that no interval extends from one into the next.
_GAP_M = 1.0
_SEGMENTS_AT_ONCE = 50_000


@dataclass(frozen=True, slots=True)
class Stretches:
    """Disjoint parts of lines, from ``start_m`` to ``stop_m`` along each, sorted by line and start.

    Attributes:
        line: Index of the line, (n,).
        start_m: Start, in metres from the line's first vertex, (n,).
        stop_m: End, in metres from the line's first vertex, (n,).
    """

    line: IntArray
    start_m: Float64Array
    stop_m: Float64Array

    @property
    def length_m(self) -> float:
        """Total length."""
        return float((self.stop_m - self.start_m).sum())


def match_lines(
    lines: Geometries, others: Geometries, distance_m: float, max_angle_deg: float | None = None
) -> Stretches:
    """The stretches of ``lines`` that lie within a distance of ``others``.

    Args:
        lines: LineStrings in metres, (n,).
        others: LineStrings in metres, (m,).
        distance_m: Maximum distance, inclusive.
        max_angle_deg: Maximum angle between the two, regardless of direction; None allows any angle.
    """
    ours, theirs = _Segments(lines), _Segments(others)
    parts = [part for part in _iter_intervals(ours, theirs, distance_m + _TOLERANCE_M, max_angle_deg) if len(part)]
    merged = _merge(np.concatenate(parts)) if parts else np.empty((0, 2))
    line = np.searchsorted(ours.line_start, merged[:, 0], side="right") - 1
    start, stop = (merged[:, side] - ours.line_start[line] for side in (0, 1))
    return Stretches(line, start, stop)


def vertex_measures(coordinates: Float64Array) -> Float64Array:
    """Distance along a line from its first vertex to each vertex, (n,); coordinates (n, 2) in metres."""
    return np.concatenate([[0.0], np.hypot(*np.diff(coordinates, axis=0).T).cumsum()])


class _Segments:
    """The straight segments of lines, on a common measure on which the lines follow one another.

    Attributes:
        line_start: Measure of the first vertex of each line, (lines,).
        start: First point of each segment, (n, 2).
        vector: Vector from its first point to its last, (n, 2); never zero.
        measure: Measure of its first point, (n,).
        heading: Unit vector of the chord around its middle, (n, 2).
    """

    def __init__(self, lines: Geometries) -> None:
        import shapely

        points, line = shapely.get_coordinates(lines, return_index=True)
        first = np.diff(line, prepend=-1) > 0
        step = np.hypot(*np.diff(points, axis=0, prepend=points[:1]).T)
        measure = np.where(first, _GAP_M, step).cumsum()
        self.line_start: Float64Array = measure[first]
        index = np.flatnonzero(~first & (step > 0))
        self.start, self.vector = points[index - 1], points[index] - points[index - 1]
        self.measure, self.length = measure[index - 1], step[index]
        line_end = measure[np.flatnonzero(np.append(first[1:], True))] if len(points) else measure
        self.heading = _chords(points, measure, self.measure + self.length / 2, self.line_start, line_end)

    def __len__(self) -> int:
        return len(self.start)

    def shapes(self, part: slice = slice(None)) -> Geometries:
        """The segments as LineStrings."""
        import shapely

        ends = np.stack([self.start[part], self.start[part] + self.vector[part]], axis=1)
        return shapely.linestrings(ends)  # type: ignore[no-any-return]


def _chords(
    points: Float64Array, measure: Float64Array, middle: Float64Array, line_start: Float64Array, line_end: Float64Array
) -> Float64Array:
    """Unit vectors of chords centred on places and limited to their line, (n, 2)."""
    line = np.searchsorted(line_start, middle, side="right") - 1
    low = np.maximum(middle - HEADING_CHORD_M / 2, line_start[line])
    high = np.minimum(middle + HEADING_CHORD_M / 2, line_end[line])
    if not len(middle):
        return np.empty((0, 2))
    ends = [np.stack([np.interp(at, measure, points[:, axis]) for axis in (0, 1)], axis=1) for at in (low, high)]
    chord = ends[1] - ends[0]
    unit: Float64Array = chord / np.maximum(np.hypot(*chord.T), 1e-12)[:, None]
    return unit


def _iter_intervals(
    ours: _Segments, theirs: _Segments, distance_m: float, max_angle_deg: float | None
) -> Iterator[Float64Array]:
    """Matched intervals on our measure, (n, 2), one batch of segments at a time to bound memory."""
    import shapely

    tree = shapely.STRtree(theirs.shapes())
    for start in range(0, len(ours), _SEGMENTS_AT_ONCE):
        batch = ours.shapes(slice(start, start + _SEGMENTS_AT_ONCE))
        i, j = tree.query(batch, predicate="dwithin", distance=distance_m)
        i = i + start
        if max_angle_deg is not None:
            same_way = np.abs((ours.heading[i] * theirs.heading[j]).sum(axis=1)) >= np.cos(np.radians(max_angle_deg))
            i, j = i[same_way], j[same_way]
        low, high = _shares_within(ours.start[i], ours.vector[i], theirs.start[j], theirs.vector[j], distance_m)
        met = high > low
        i = i[met]
        yield ours.measure[i, None] + ours.length[i, None] * np.stack([low[met], high[met]], axis=1)


def _shares_within(
    start: Float64Array, vector: Float64Array, other: Float64Array, other_vector: Float64Array, distance_m: float
) -> tuple[Float64Array, Float64Array]:
    """Start and end, as fractions of each segment, of the part within a distance of the other; low > high if none.

    Arrays are (n, 2), results (n,).
    """
    length = np.hypot(*other_vector.T)
    along = other_vector / length[:, None]
    across = np.stack([-along[:, 1], along[:, 0]], axis=1)
    x, y = (((start - other) * axis).sum(axis=1) for axis in (along, across))
    dx, dy = ((vector * axis).sum(axis=1) for axis in (along, across))
    sides = _slab(x, dx, np.zeros_like(length), length), _slab(y, dy, -distance_m, distance_m)
    box = np.maximum(sides[0][0], sides[1][0]), np.minimum(sides[0][1], sides[1][1])
    pieces = [box, _disk(x, y, dx, dy, distance_m), _disk(x - length, y, dx, dy, distance_m)]
    low = np.min([np.where(a <= b, a, np.inf) for a, b in pieces], axis=0)
    high = np.max([np.where(a <= b, b, -np.inf) for a, b in pieces], axis=0)
    return np.maximum(low, 0.0), np.minimum(high, 1.0)


def _slab(
    at: Float64Array, step: Float64Array, low: Float64Array | float, high: Float64Array | float
) -> tuple[Float64Array, Float64Array]:
    """Where low <= at + t * step <= high."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ends = np.sort([(low - at) / step, (high - at) / step], axis=0)
    inside = (low <= at) & (at <= high)
    still = step == 0
    return (
        np.where(still, np.where(inside, -np.inf, np.inf), ends[0]),
        np.where(still, np.where(inside, np.inf, -np.inf), ends[1]),
    )


def _disk(
    x: Float64Array, y: Float64Array, dx: Float64Array, dy: Float64Array, radius: float
) -> tuple[Float64Array, Float64Array]:
    """Where (x + t dx)^2 + (y + t dy)^2 <= radius^2."""
    square, half, rest = dx * dx + dy * dy, x * dx + y * dy, x * x + y * y - radius * radius
    under = half * half - square * rest
    root = np.sqrt(np.maximum(under, 0.0))
    return np.where(under < 0, np.inf, (-half - root) / square), np.where(under < 0, -np.inf, (-half + root) / square)


def _merge(intervals: Float64Array) -> Float64Array:
    """The union of intervals (n, 2), sorted and disjoint."""
    intervals = intervals[np.argsort(intervals[:, 0], kind="stable")]
    reach = np.maximum.accumulate(intervals[:, 1])
    first = np.append(True, intervals[1:, 0] > reach[:-1] + _TOLERANCE_M)
    last = np.append(first[1:], True)
    return np.stack([intervals[first, 0], reach[last]], axis=1)
