"""Simplifies the arcs of a cell row, cell by cell, so that none cross, touch or collapse.

GEOS's topology-preserving simplifier processes all arcs of a cell at once. It keeps their ends, and rejects each step
that would make lines cross, coincide or jump over one another. A simplified arc stays in its cell, because a cell is
convex. It could still end up on the right or lower border of the cell, where the neighbour may have an arc of its own,
so that border is added as extra lines.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, replace

import numpy as np
import shapely
from numpy.typing import NDArray

from road_extract.base.arrays import BoolArray, Float64Array, Geometries, IntArray, ranges
from road_extract.roads.polygons.boundaries import KEY_SLOTS, Arcs

_log = logging.getLogger("road_extract")

# Scales are rounded to 16 binary places, so that scaled lattice points are exact.
_SCALE_STEPS = 1 << 16


@dataclass(frozen=True, slots=True)
class Simplification:
    """How far outlines may move.

    Attributes:
        tolerance: In units of the pixels' shorter side.
        scale: Pixel size (x, y) in the same unit, exact in binary, so that scaling preserves equality and straightness.
    """

    tolerance: float
    scale: tuple[float, float]

    @classmethod
    def from_metres(cls, tolerance_m: float, pixel_size_m: tuple[float, float]) -> Simplification:
        """Create from a distance and a pixel size (x, y), both in metres."""
        unit = min(pixel_size_m)
        scale_x, scale_y = (math.floor(size / unit * _SCALE_STEPS + 0.5) / _SCALE_STEPS for size in pixel_size_m)
        return cls(tolerance_m / unit, (scale_x, scale_y))


def simplify_arcs(arcs: Arcs, row_off: int, cell_px: int, how: Simplification) -> Arcs:
    """Simplify the arcs of one cell row. If that fails in a cell, its arcs remain unchanged.

    Args:
        arcs: All arcs of the cell row.
        row_off: First row of the cell row.
        cell_px: Side length of a cell.
        how: The tolerance.

    Returns:
        The same arcs with fewer points, in the same order. The remaining points have not moved.
    """
    if not len(arcs):
        return arcs
    pieces = _split_pinned_loops(arcs)
    guards = _guard_borders(arcs, row_off + cell_px, cell_px)
    origin = np.array([0, row_off])
    scale = np.array(how.scale)
    lines = shapely.linestrings(
        np.concatenate([pieces.xy - origin, guards.xy - origin]) * scale,
        indices=np.repeat(np.arange(len(pieces) + len(guards)), np.append(pieces.sizes, guards.sizes)),
    )
    cell = np.append(pieces.cell, guards.cell)
    order = np.argsort(cell, kind="stable")
    simplified = _simplify_cells(lines[order], cell[order], how.tolerance, row_off)
    lines[order] = simplified
    xy, line = shapely.get_coordinates(lines[: len(pieces)], return_index=True)
    points = (np.rint(xy / scale).astype(np.int64) + origin).astype(np.int32)
    return _join_pieces(arcs, points, line, pieces.arc)


@dataclass(frozen=True, slots=True)
class _Lines:
    """Lines in flat arrays; ``arc`` is the arc that a line is a piece of, and -1 for guards."""

    xy: Float64Array
    sizes: IntArray
    cell: IntArray
    arc: IntArray

    def __len__(self) -> int:
        return len(self.sizes)


def _split_pinned_loops(arcs: Arcs) -> _Lines:
    """Cut each loop at a pin into two lines: others may end at its pin, so it must not be one closed line.

    Loops without a pin remain closed lines, of which GEOS keeps at least three points.
    """
    split = (arcs.start_pinned & (arcs.start // KEY_SLOTS == arcs.end // KEY_SLOTS)).astype(np.int64)
    arc = np.repeat(np.arange(len(arcs)), 1 + split)
    is_second = np.append(False, arc[1:] == arc[:-1])
    is_first = np.append(is_second[1:], False)
    half = arcs.sizes[arc] // 2
    starts = (np.cumsum(arcs.sizes) - arcs.sizes)[arc] + np.where(is_second, half, 0)
    sizes = np.where(is_first, half + 1, np.where(is_second, arcs.sizes[arc] - half, arcs.sizes[arc]))
    return _Lines(arcs.xy[ranges(starts, sizes)].astype(np.float64), sizes, arcs.cell[arc], arc)


def _join_pieces(arcs: Arcs, xy: NDArray[np.int32], line: IntArray, arc_of_line: IntArray) -> Arcs:
    """Rejoin the pieces of an arc, dropping the first point of a second piece, which is the end of the first."""
    starts_line = np.append(True, line[1:] != line[:-1])
    starts_arc = np.append(True, arc_of_line[1:] != arc_of_line[:-1])
    keep = ~starts_line | starts_arc[line]
    sizes = np.bincount(arc_of_line[line[keep]], minlength=len(arcs))
    return replace(arcs, xy=xy[keep], sizes=sizes.astype(np.int64, copy=False))


def _guard_borders(arcs: Arcs, bottom: int, cell_px: int) -> _Lines:
    """Lines along the right and lower border of each cell, between neighbouring ends of arcs there.

    A guard has a third point in its middle, because GEOS uses the second point of a line to detect whether another line
    jumps over it, and an end of an arc would be on neither side.
    """
    ends = np.cumsum(arcs.sizes) - 1
    xy = arcs.xy[np.concatenate([ends - arcs.sizes + 1, ends])].astype(np.int64)
    cell = np.append(arcs.cell, arcs.cell)
    right = _guard_one_border(xy, cell, xy[:, 0] == (cell + 1) * cell_px, along=1)
    lower = _guard_one_border(xy, cell, xy[:, 1] == bottom, along=0)
    lines = np.concatenate([right[0], lower[0]])
    count = len(lines)
    cells = np.append(right[1], lower[1])
    return _Lines(lines.reshape(-1, 2), np.full(count, 3), cells, np.full(count, -1))


def _guard_one_border(xy: IntArray, cell: IntArray, on_border: BoolArray, along: int) -> tuple[Float64Array, IntArray]:
    """Guards, (guards, 3, 2), and their cells, between the points ``on_border``, which vary along axis ``along``."""
    xy, cell = xy[on_border], cell[on_border]
    order = np.lexsort((xy[:, along], cell))
    xy, cell = xy[order], cell[order]
    pair = np.flatnonzero((cell[1:] == cell[:-1]) & (xy[1:, along] != xy[:-1, along]))
    start, end = xy[pair].astype(np.float64), xy[pair + 1].astype(np.float64)
    return np.stack([start, (start + end) / 2, end], axis=1), cell[pair]


def _simplify_cells(lines: Geometries, cell: IntArray, tolerance: float, row_off: int) -> Geometries:
    """Simplify lines sorted by cell, those of each cell together, and return them in the same order."""
    cells, index = np.unique(cell, return_inverse=True)
    whole = shapely.multilinestrings(lines, indices=index)
    simplified = shapely.simplify(whole, tolerance, preserve_topology=True)
    # Simple: no line meets itself, and two lines meet only at their ends.
    good = shapely.is_simple(simplified) & (shapely.get_num_geometries(simplified) == np.bincount(index))
    for number in cells[~good]:
        _log.warning("outlines in the cell at row %d, cell column %d are not simplified", row_off, number)
    parts: Geometries = shapely.get_parts(np.where(good, simplified, whole))
    return parts
