"""Puts a node wherever a new line meets the map or another new line, so that nothing crosses without one.

This is snap rounding (Hobby 1999, "Practical segment intersection with finite precision output"): crossings are
rounded to the grid, and a line that passes a node within a unit of the grid goes through it. A rounded node bends the
line a little, so the search is repeated until nothing is found.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import shapely

from road_extract.base.arrays import BoolArray, Float64Array, IntArray
from road_extract.base.errors import InputError
from road_extract.conflation.canvas import Canvas, Line, Pair

#: Distance in units of the grid at which a node lies on a line: rounding moves a node by up to 0.71.
_ON_LINE = 0.75
#: A crossing this near to an end of one of its lines is at that end: lines that cross at a very flat angle would else
#: cross again one unit farther on, without end.
_SAME_M = 0.05
#: From this round on, no line gets a node that it has already: nodes in one place could make that endless.
_CAREFUL_ROUND, _MAX_ROUNDS = 10, 40


@dataclass(frozen=True, slots=True)
class _Segments:
    """Straight lines between nodes.

    Attributes:
        owners: The new line or pair that each belongs to.
        ends: The two nodes of each, (n, 2).
        grid: Coordinates of the two, (n, 2, 2).
    """

    owners: list[Line | Pair]
    ends: IntArray
    grid: IntArray


def add_nodes(canvas: Canvas, node_m: float) -> None:
    """Put nodes into new lines and into the map.

    Args:
        canvas: The lines and chains are changed.
        node_m: A crossing this near to a node of the map uses that node.
    """
    for number in range(_MAX_ROUNDS):
        ours, theirs = _new_segments(canvas), _old_segments(canvas)
        found = _Insertions(canvas, node_m if number == 0 else 0.0, careful=number >= _CAREFUL_ROUND)
        found.compare(ours, theirs, same=False)
        found.compare(ours, ours, same=True)
        if not found.apply():
            return
    raise InputError("the new roads cannot be joined without crossings; simplify them, or check the map's coordinates")


def _new_segments(canvas: Canvas) -> _Segments:
    return _to_segments(canvas, [(line, ends) for line in canvas.lines for ends in pairwise(line.nodes)])


def _old_segments(canvas: Canvas) -> _Segments:
    return _to_segments(canvas, [(pair, ends) for pair in canvas.pairs.values() for ends in pairwise(pair.chain)])


def _to_segments(canvas: Canvas, pairs: Sequence[tuple[Line | Pair, tuple[int, int]]]) -> _Segments:
    ends = np.array([ends for _, ends in pairs], np.int64).reshape(-1, 2)
    grid = np.array(canvas.grid, np.int64).reshape(-1, 2)
    return _Segments([owner for owner, _ in pairs], ends, grid[ends])


class _Insertions:
    """Nodes to put into segments."""

    def __init__(self, canvas: Canvas, node_m: float, *, careful: bool) -> None:
        self._canvas, self._node_m, self._careful = canvas, node_m, careful
        self._lines: dict[tuple[int, int], set[int]] = defaultdict(set)
        self._owners: dict[int, Line] = {}
        self._pairs: list[tuple[Pair, int]] = []

    def compare(self, ours: _Segments, others: _Segments, *, same: bool) -> None:
        """Look for places where new segments meet others."""
        if not len(ours.ends) or not len(others.ends):
            return
        tree = shapely.STRtree(shapely.linestrings(others.grid.astype(np.float64)))
        i, j = tree.query(shapely.linestrings(ours.grid.astype(np.float64)), predicate="dwithin", distance=2.0)
        if same:
            i, j = i[i < j], j[i < j]
        level = np.array([ours.owners[a].level == others.owners[b].level for a, b in zip(i, j, strict=True)], np.bool_)
        i, j = i[level], j[level]
        for mine, other, swap in ((ours, others, False), (others, ours, True)):
            a, b = (j, i) if swap else (i, j)
            for end in (0, 1):  # an end of the other lies on mine
                on = _lies_on(mine.grid[a], other.grid[b, end]) & (mine.ends[a] != other.ends[b, end, None]).all(axis=1)
                for number in np.flatnonzero(on):
                    self._insert(mine, int(a[number]), int(other.ends[b[number], end]))
        self._cross(ours, others, i, j)

    def _cross(self, ours: _Segments, others: _Segments, i: IntArray, j: IntArray) -> None:
        share, crosses = _crossings(ours.grid[i], others.grid[j])
        for number in np.flatnonzero(crosses):
            mine, other = int(i[number]), int(j[number])
            node = self._crossing(ours, mine, float(share[number]), others, other)
            self._insert(ours, mine, node)
            self._insert(others, other, node)

    def _crossing(self, ours: _Segments, mine: int, share: float, others: _Segments, other: int) -> int:
        canvas, owner = self._canvas, ours.owners[mine]
        a, b = (int(end) for end in ours.ends[mine])
        (ax, ay), (bx, by) = canvas.xy[a], canvas.xy[b]
        place = ax + share * (bx - ax), ay + share * (by - ay)
        theirs = [int(end) for end in others.ends[other]]
        gaps = {node: float(np.hypot(*np.subtract(canvas.xy[node], place))) for node in (a, b, *theirs)}
        closest = min(gaps, key=gaps.__getitem__)
        if gaps[closest] <= _SAME_M:
            return closest
        best = min(theirs, key=gaps.__getitem__)
        if gaps[best] <= self._node_m and isinstance(owner, Line) and best not in owner.nodes:
            return best
        return canvas.between(a, b, share, owner.level)

    def _insert(self, segments: _Segments, number: int, node: int) -> None:
        owner, ends = segments.owners[number], segments.ends[number]
        if node in ends:
            return
        if isinstance(owner, Pair):
            if node not in owner.chain:
                self._pairs.append((owner, node))
        elif not (self._careful and node in owner.nodes):
            self._owners[id(owner)] = owner
            self._lines[id(owner), int(ends[0]) << 32 | int(ends[1])].add(node)

    def apply(self) -> bool:
        """Put the nodes in; returns whether there were any."""
        for pair, node in self._pairs:  # of the map's own nodes, those that a new road goes through and a way misses
            self._canvas.insert_on_pair(pair, node)
        for owner in self._owners.values():
            nodes = owner.nodes[:1]
            for a, b in pairwise(owner.nodes):
                nodes += self._ordered(a, b, self._lines.get((id(owner), a << 32 | b), set()))
                nodes.append(b)
            self._canvas.set_nodes(owner, nodes)
        return bool(self._owners or self._pairs)

    def _ordered(self, a: int, b: int, nodes: set[int]) -> list[int]:
        origin = np.array(self._canvas.grid[a])
        step = np.array(self._canvas.grid[b]) - origin
        return sorted(nodes, key=lambda node: (int((np.array(self._canvas.grid[node]) - origin) @ step), node))


def _lies_on(segments: IntArray, points: IntArray) -> BoolArray:
    """Whether points (n, 2) lie on segments (n, 2, 2), between their ends."""
    step, off = (segments[:, 1] - segments[:, 0]).astype(np.float64), (points - segments[:, 0]).astype(np.float64)
    length = np.hypot(*step.T)
    along = (step * off).sum(axis=1)
    across = np.abs(step[:, 0] * off[:, 1] - step[:, 1] * off[:, 0])
    inside = (along > 0) & (along < length**2)
    on: BoolArray = (length > 0) & inside & (across <= _ON_LINE * length)
    return on


def _crossings(ours: IntArray, others: IntArray) -> tuple[Float64Array, BoolArray]:
    """Where segments (n, 2, 2) cross others: the share of the way along ours, and whether they do so at all.

    Coordinates differ by less than 2^31 units, so the products are exact in 64 bits.
    """
    p, r = ours[:, 0], ours[:, 1] - ours[:, 0]
    q, s = others[:, 0], others[:, 1] - others[:, 0]
    sides = [_cross(r, q - p), _cross(r, q + s - p), _cross(s, p - q), _cross(s, p + r - q)]
    crosses = (np.sign(sides[0]) * np.sign(sides[1]) < 0) & (np.sign(sides[2]) * np.sign(sides[3]) < 0)
    under = _cross(r, s).astype(np.float64)
    share = np.divide(_cross(q - p, s).astype(np.float64), under, out=np.zeros(len(under)), where=under != 0)
    return np.clip(share, 0, 1), crosses


def _cross(a: IntArray, b: IntArray) -> IntArray:
    found: IntArray = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    return found
