"""Traces the outlines of road pixels, one cell row at a time.

A scene is divided into square cells, counted from its first pixel. A unit edge between a road pixel and the background
belongs to the cell of its upper left end. An *arc* is a piece of outline inside one cell. It ends where the outline
enters another cell, and where two road pixels touch only at a corner (a *pin*, at which four unit edges end). Arcs
therefore depend only on the scene, and changing the arcs of one cell does not affect any other.

Arcs have the road on their right, so they run clockwise around a road on the screen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from road_extract.base.arrays import BoolArray, IntArray, ranges

_EAST, _WEST, _SOUTH, _NORTH = range(4)
# The quadrant (0 NW, 1 NE, 2 SW, 3 SE) of the road pixel to the right of an edge that leaves or reaches a point.
_QUADRANT_LEAVING = np.array([3, 0, 2, 1])
_QUADRANT_REACHING = np.array([2, 1, 0, 3])
KEY_SLOTS = 8
QUADRANTS = 4
_SLOT_CUT, _SLOT_LOOP = 4, 5


@dataclass(frozen=True, slots=True)
class Arcs:
    """Directed pieces of outline, as flat arrays.

    Attributes:
        xy: Lattice points (col, row) of all arcs, (points, 2). Pixel (r, c) covers [c, c + 1] x [r, r + 1].
        sizes: Points per arc, (arcs,).
        component: Number of the component that the arc bounds, (arcs,).
        start: Key of its start, ``point * KEY_SLOTS + slot``, (arcs,); equal to the ``end`` of the arc before it.
        end: Key of its end, likewise, (arcs,).
        start_pinned: Whether its start is a pin, (arcs,).
        end_pinned: Whether its end is a pin, (arcs,).
        cell: Column of its cell, (arcs,).
        first: Its first point in row-major order, ``row * (width + 1) + col``, (arcs,).
    """

    xy: NDArray[np.int32]
    sizes: IntArray
    component: IntArray
    start: IntArray
    end: IntArray
    start_pinned: BoolArray
    end_pinned: BoolArray
    cell: IntArray
    first: IntArray

    def __len__(self) -> int:
        return len(self.sizes)

    def take(self, index: IntArray) -> Arcs:
        """A copy of these arcs, in this order."""
        offsets = np.cumsum(self.sizes) - self.sizes
        points = ranges(offsets[index], self.sizes[index])
        rest = (getattr(self, field.name)[index] for field in fields(self)[1:])
        return Arcs(self.xy[points], *rest)

    @staticmethod
    def concatenate(parts: Sequence[Arcs]) -> Arcs:
        """Concatenate at least one part."""
        return Arcs(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Arcs)))


@dataclass(frozen=True, slots=True)
class _Nodes:
    """Lattice points where an arc turns or ends; row 0 is the cell row's first lattice row. All (nodes,)."""

    row: IntArray
    col: IntArray
    up: BoolArray
    down: BoolArray
    left: BoolArray
    right: BoolArray
    road_northwest: BoolArray
    crosses_rows: BoolArray  # the outline enters the cell row above or below
    pin: BoolArray
    cut: BoolArray


@dataclass(frozen=True, slots=True)
class _Edges:
    """Straight runs between two nodes; ``direction`` as above. All (edges,)."""

    tail: IntArray
    head: IntArray
    direction: IntArray


def trace_arcs(road: BoolArray, row_off: int, cell_px: int) -> tuple[Arcs, IntArray]:
    """Trace the arcs of one cell row.

    Args:
        road: Pixels of the cell row, with one extra row above (False above the scene), (rows + 1, cols).
        row_off: First row of the cell row in the scene.
        cell_px: Side length of a cell.

    Returns:
        The arcs, with component -1, and the pixel (row, col) to the right of the start of each arc, (arcs, 2), where
        row 0 is the row above.
    """
    padded = np.pad(road, ((0, 0), (1, 1)))
    nodes = _find_nodes(padded, cell_px)
    edges = _find_edges(padded, nodes)
    order, counts = _chain_edges(nodes, edges)
    return _build_arcs(nodes, edges, order, counts, row_off, cell_px, road.shape[1])


def _find_nodes(padded: BoolArray, cell_px: int) -> _Nodes:
    across = padded[:, 1:] ^ padded[:, :-1]  # vertical unit edges, (rows + 1, cols + 1)
    along = padded[1:] ^ padded[:-1]  # horizontal unit edges, (rows, cols + 2)
    is_node = (across[:-1] | across[1:]) & (along[:, :-1] | along[:, 1:])
    is_node[0] |= across[0]
    is_node[:, ::cell_px] |= along[:, :-1:cell_px] & along[:, 1::cell_px]
    rows, last_cols = len(along), np.flatnonzero(across[-1])
    row, col = np.divmod(np.flatnonzero(is_node), is_node.shape[1])
    up, down, left, right = across[row, col], across[row + 1, col], along[row, col], along[row, col + 1]
    none = np.zeros(len(last_cols), dtype=bool)
    row, col = np.append(row, np.full_like(last_cols, rows)), np.append(col, last_cols)
    up, down, left, right = np.append(up, ~none), np.append(down, none), np.append(left, none), np.append(right, none)
    pin = up & down & left & right
    crosses_rows = (up & (row == 0)) | (row == rows)
    cut = pin | crosses_rows | (left & (col % cell_px == 0))
    return _Nodes(row, col, up, down, left, right, padded[row, col], crosses_rows, pin, cut)


def _find_edges(padded: BoolArray, nodes: _Nodes) -> _Edges:
    """Find the edges: one from each node with an edge to its right to the next node in the row; likewise downwards."""
    west_end = np.flatnonzero(nodes.right)
    by_column = np.argsort(nodes.col * (len(padded) + 1) + nodes.row)
    is_top = np.flatnonzero(nodes.down[by_column])
    top, bottom = by_column[is_top], by_column[is_top + 1]
    eastward = padded[nodes.row[west_end] + 1, nodes.col[west_end] + 1]
    southward = padded[nodes.row[top] + 1, nodes.col[top]]
    tail = np.append(np.where(eastward, west_end, west_end + 1), np.where(southward, top, bottom))
    head = np.append(np.where(eastward, west_end + 1, west_end), np.where(southward, bottom, top))
    direction = np.append(np.where(eastward, _EAST, _WEST), np.where(southward, _SOUTH, _NORTH))
    return _Edges(tail, head, direction)


def _chain_edges(nodes: _Nodes, edges: _Edges) -> tuple[IntArray, IntArray]:
    """The edges in the order of the arcs, (edges,), and their number per arc, (arcs,); open arcs come before loops."""
    leaving = np.full(len(nodes.row), -1)
    leaving[edges.tail] = np.arange(len(edges.tail))
    following = np.where(nodes.cut[edges.head], -1, leaving[edges.head])
    opening = np.flatnonzero(nodes.cut[edges.tail])
    opening = opening[np.argsort(edges.tail[opening] * QUADRANTS + edges.direction[opening])]
    next_edge = following.tolist()
    order, counts = _follow_open(opening.tolist(), next_edge)
    seen = np.zeros(len(edges.tail), dtype=np.uint8)
    seen[order] = 1
    # A loop starts at its first node in row-major order.
    loops = leaving[~nodes.cut & (leaving >= 0)].tolist()
    loop_order, loop_counts = _follow(loops, next_edge, bytearray(seen))
    return np.array(order + loop_order, dtype=np.int64), np.array(counts + loop_counts, dtype=np.int64)


def _follow_open(starts: list[int], following: list[int]) -> tuple[list[int], list[int]]:
    """Follow each chain from its start to its end (-1)."""
    order: list[int] = []
    counts: list[int] = []
    append = order.append
    for item in starts:
        before = len(order)
        while item >= 0:
            append(item)
            item = following[item]
        counts.append(len(order) - before)
    return order, counts


def _follow(starts: list[int], following: list[int], seen: bytearray) -> tuple[list[int], list[int]]:
    """Follow each chain from its start to its end (-1) or to an item already seen, and mark its items as seen."""
    order: list[int] = []
    counts: list[int] = []
    for item in starts:
        before = len(order)
        while item >= 0 and not seen[item]:
            seen[item] = 1
            order.append(item)
            item = following[item]
        if len(order) > before:
            counts.append(len(order) - before)
    return order, counts


def follow_cycles(following: IntArray) -> tuple[IntArray, IntArray]:
    """The cycles of a permutation: the items, cycle by cycle, (items,), and the number per cycle, (cycles,)."""
    items = following.tolist()
    order, counts = _follow(list(range(len(items))), items, bytearray(len(items)))
    return np.array(order, dtype=np.int64), np.array(counts, dtype=np.int64)


def _build_arcs(
    nodes: _Nodes, edges: _Edges, order: IntArray, counts: IntArray, row_off: int, cell_px: int, width: int
) -> tuple[Arcs, IntArray]:
    ends = np.cumsum(counts)
    first_edge, last_edge = order[ends - counts], order[ends - 1]
    points = np.empty(len(order) + len(counts), dtype=np.int64)
    arc_of_edge = np.repeat(np.arange(len(counts)), counts)
    points[np.arange(len(order)) + arc_of_edge] = edges.tail[order]
    points[ends + np.arange(len(counts))] = edges.head[last_edge]
    offsets = ends - counts + np.arange(len(counts))
    xy = np.stack([nodes.col[points], nodes.row[points] + row_off], axis=1)
    raster_order = xy[:, 1] * np.int64(width + 1) + xy[:, 0]
    tail, head = edges.tail[first_edge], edges.head[last_edge]
    arcs = Arcs(
        xy=xy.astype(np.int32),
        sizes=counts + 1,
        component=np.full(len(counts), -1),
        start=raster_order[offsets] * KEY_SLOTS + _slots(nodes, tail, _QUADRANT_LEAVING[edges.direction[first_edge]]),
        end=raster_order[offsets + counts] * KEY_SLOTS
        + _slots(nodes, head, _QUADRANT_REACHING[edges.direction[last_edge]]),
        start_pinned=nodes.pin[tail],
        end_pinned=nodes.pin[head],
        cell=np.minimum(nodes.col[tail], nodes.col[edges.head[first_edge]]) // cell_px,
        first=np.minimum.reduceat(raster_order, offsets) if len(offsets) else offsets,
    )
    return arcs, _pixels_at_right(nodes, tail, edges.direction[first_edge])


def _slots(nodes: _Nodes, node: IntArray, quadrant: IntArray) -> IntArray:
    """Which of the outlines through a node this is: the quadrant of the road pixel if there may be several.

    At the lower border of a cell row it is not yet known whether the point is a pin. On both sides of that border, the
    slot is therefore the quadrant of the road pixel of the upper edge.
    """
    plain = np.where(nodes.cut, _SLOT_CUT, _SLOT_LOOP)
    plain = np.where(nodes.crosses_rows, ~nodes.road_northwest, plain)
    return np.where(nodes.pin[node], quadrant, plain[node])


def _pixels_at_right(nodes: _Nodes, tail: IntArray, direction: IntArray) -> IntArray:
    """The road pixel (row, col) to the right of the start of an edge; row 0 is the row above the cell row."""
    quadrant = _QUADRANT_LEAVING[direction]
    return np.stack([nodes.row[tail] + quadrant // 2, nodes.col[tail] - 1 + quadrant % 2], axis=1)
