"""Links arcs into rings, and rings into polygons."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from road_extract.base.arrays import BoolArray, Geometries, IntArray, ranges
from road_extract.roads.polygons.boundaries import KEY_SLOTS, QUADRANTS, Arcs, follow_cycles

_OPPOSITE_QUADRANT = 3


@dataclass(frozen=True, slots=True)
class _Rings:
    """Open rings (without repeating the first point) in flat arrays: (points, 2), (rings,), (rings,)."""

    xy: IntArray
    sizes: IntArray
    component: IntArray

    @property
    def starts(self) -> IntArray:
        """Index of the first point of each ring."""
        return np.cumsum(self.sizes) - self.sizes

    def neighbours(self) -> tuple[IntArray, IntArray]:
        """Indices of the previous and the next point in the ring, for each point."""
        index = np.arange(len(self.xy))
        before, after = index - 1, index + 1
        ends = self.starts + self.sizes - 1
        before[self.starts], after[ends] = ends, self.starts
        return before, after


def build_polygons(arcs: Arcs, count: int) -> Geometries:
    """The polygons of complete components, in (col, row) lattice coordinates.

    Where two pixels of one component touch only at a corner, the ring goes around the background there. An outer ring
    therefore never touches itself, and holes touch only at points, as OGC 06-103r4 (6.1.11) requires of a polygon.

    Args:
        arcs: All arcs of the components, which are numbered ``0 .. count - 1``.
        count: Number of components.

    Returns:
        One polygon per component, (count,). Rings start at the leftmost of their uppermost points.
    """
    if not count:
        return np.empty(0, dtype=object)
    order, arc_counts = follow_cycles(_link(arcs))
    rings = _rotate(_drop_straight_joints(*_collect_points(arcs, order, arc_counts)))
    return _polygons(rings, count)


def _link(arcs: Arcs) -> IntArray:
    """The next arc in the ring, for each arc."""
    order = np.argsort(arcs.start)
    keys = arcs.start[order]
    quadrant = arcs.end % KEY_SLOTS
    opposite = arcs.end - quadrant + np.where(quadrant < QUADRANTS, _OPPOSITE_QUADRANT - quadrant, quadrant)
    own, other = np.searchsorted(keys, arcs.end), np.searchsorted(keys, opposite)
    other = np.minimum(other, len(keys) - 1)
    swap = (keys[other] == opposite) & (arcs.component[order[other]] == arcs.component)
    return order[np.where(swap, other, own)]


def _collect_points(arcs: Arcs, order: IntArray, arc_counts: IntArray) -> tuple[_Rings, BoolArray]:
    """The rings, and whether each of their points is merely a joint of two arcs, (points,)."""
    ring_ends = np.cumsum(arc_counts)
    sizes = arcs.sizes[order] - 1
    offsets = (np.cumsum(arcs.sizes) - arcs.sizes)[order]
    xy = arcs.xy[ranges(offsets, sizes)].astype(np.int64)
    before = np.arange(len(order)) - 1
    before[ring_ends - arc_counts] = ring_ends - 1
    joint = np.zeros(len(xy), dtype=bool)
    # At the border between two cell rows, only the lower arc knows whether a point is a pin.
    joint[np.cumsum(sizes) - sizes] = ~(arcs.start_pinned[order] | arcs.end_pinned[order[before]])
    ring_sizes = np.add.reduceat(sizes, ring_ends - arc_counts)
    return _Rings(xy, ring_sizes, arcs.component[order[ring_ends - 1]]), joint


def _drop_straight_joints(rings: _Rings, joint: BoolArray) -> _Rings:
    before, after = rings.neighbours()
    back, ahead = rings.xy - rings.xy[before], rings.xy[after] - rings.xy
    keep = ~joint | (back[:, 0] * ahead[:, 1] != back[:, 1] * ahead[:, 0])
    return _Rings(rings.xy[keep], np.add.reduceat(keep.astype(np.int64), rings.starts), rings.component)


def _rotate(rings: _Rings) -> _Rings:
    """Start each ring at its first point in row-major order, and sort rings by component and by that point."""
    key = rings.xy[:, 1] * (rings.xy[:, 0].max() + 1) + rings.xy[:, 0]
    lowest = np.minimum.reduceat(key, rings.starts)
    shift = np.flatnonzero(key == np.repeat(lowest, rings.sizes)) - rings.starts
    order = np.lexsort((lowest, rings.component))
    sizes = rings.sizes[order]
    position = ranges(np.zeros_like(sizes), sizes) + np.repeat(shift[order], sizes)
    index = np.repeat(rings.starts[order], sizes) + position % np.repeat(sizes, sizes)
    return _Rings(rings.xy[index], sizes, rings.component[order])


def _signed_areas(rings: _Rings) -> IntArray:
    """Twice the area of each ring, positive if it runs clockwise on the screen (shoelace formula)."""
    _, after = rings.neighbours()
    xy = rings.xy - np.repeat(rings.xy[rings.starts], rings.sizes, axis=0)
    return np.add.reduceat(xy[:, 0] * xy[after, 1] - xy[after, 0] * xy[:, 1], rings.starts)


def _find_shells(rings: _Rings, areas: IntArray) -> BoolArray:
    """Whether each ring is the shell of its component, the ring with the largest area, (rings,). The rest are holes."""
    by_area = np.lexsort((np.abs(areas), rings.component))
    is_shell = np.zeros(len(by_area), dtype=bool)
    is_shell[by_area[np.append(rings.component[1:] != rings.component[:-1], True)]] = True
    return is_shell


def _reverse(rings: _Rings, which: BoolArray) -> _Rings:
    """Reverse some rings, keeping their first points."""
    position = ranges(np.zeros_like(rings.sizes), rings.sizes)
    sizes = np.repeat(rings.sizes, rings.sizes)
    position = np.where(np.repeat(which, rings.sizes), -position % sizes, position)
    return _Rings(rings.xy[np.repeat(rings.starts, rings.sizes) + position], rings.sizes, rings.component)


def _polygons(rings: _Rings, count: int) -> Geometries:
    areas = _signed_areas(rings)
    is_shell = _find_shells(rings, areas)
    # A thin crescent can turn inside out when it is simplified to three points. Only its orientation is then wrong.
    rings = _reverse(rings, (areas > 0) != is_shell)
    ring_of_point = np.repeat(np.arange(len(rings.sizes)), rings.sizes)
    lines = shapely.linearrings(rings.xy.astype(np.float64), indices=ring_of_point)
    shells_first = np.lexsort((~is_shell, rings.component))
    polygons: Geometries = shapely.polygons(lines[shells_first], indices=rings.component[shells_first])
    assert len(polygons) == count
    return polygons
