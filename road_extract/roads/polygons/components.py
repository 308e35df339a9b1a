"""Turns a road mask that streams by into polygons, finished ones as they end.

One polygon per 4-connected component. What waits for rows to come is only the outline, already simplified, of the
components that touch the last row seen.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np
import shapely

from road_extract.base.arrays import BoolArray, Float64Array, IntArray
from road_extract.base.concurrency import run_ahead
from road_extract.base.errors import InputError
from road_extract.roads.groups import label_groups
from road_extract.roads.masks.runs import Runs, find_runs, label_runs
from road_extract.roads.masks.strips import MaskStrip, iter_blocks, iter_checked
from road_extract.roads.polygons.boundaries import Arcs, trace_arcs
from road_extract.roads.polygons.rings import build_polygons
from road_extract.roads.polygons.simplify import Simplification, simplify_arcs

_log = logging.getLogger("road_extract")

# Smaller cells pin more points; in larger ones noise takes long, for GEOS compares each line of a cell with all others.
CELL_PX = 128
# Bound of each of the two queues between tracing, simplifying and putting together.
_CELL_ROWS_AHEAD = 1
_NO_ROW = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class RoadPolygon:
    """One component of the mask.

    Attributes:
        geometry: Its outline: x = column, y = row; pixel (r, c) covers [c, c + 1] x [r, r + 1].
        area_px: Its pixels, before any simplification.
        probability: Mean over its pixels, in the strips' own unit.
    """

    geometry: shapely.Polygon
    area_px: int
    probability: float


def iter_polygons(
    strips: Iterable[MaskStrip],
    width: int,
    *,
    tolerance_m: float = 0.0,
    pixel_size_m: tuple[float, float] = (1.0, 1.0),
    cell_px: int = CELL_PX,
) -> Generator[RoadPolygon, None, None]:
    """Make one valid polygon of each 4-connected component, holes kept; no two overlap.

    Close it before what it draws from: it runs ahead in threads.

    Args:
        strips: The scene from its first row on, in strips of any heights. The result does not depend on them.
        width: The scene's columns.
        tolerance_m: How far an outline may move, in metres. 0 gives the pixels' exact outlines.
        pixel_size_m: A pixel's size (x, y) in metres; only the tolerance needs it.
        cell_px: Side of the cells that outlines are cut into. The simplified outlines depend on it.

    Yields:
        Polygons in the order of the cell rows that they end in, then of their first pixels, row by row.

    Raises:
        InputError: The strips do not follow each other, or an argument is out of range.
    """
    if not tolerance_m >= 0 or not min(pixel_size_m) > 0 or cell_px < 1:
        got = f"tolerance_m={tolerance_m}, pixel_size_m={pixel_size_m}, cell_px={cell_px}"
        raise InputError(f"got {got}; expected a tolerance of at least 0, and the others above 0")
    how = Simplification.from_metres(tolerance_m, pixel_size_m) if tolerance_m else None
    return _iter_polygons(iter_checked(strips, width), width, cell_px, how)


def _iter_polygons(
    strips: Iterable[MaskStrip], width: int, cell_px: int, how: Simplification | None
) -> Generator[RoadPolygon, None, None]:
    state = _Unfinished.none(width)
    # tracing, simplifying (in GEOS, without the interpreter's lock) and putting together, each in a thread of its own
    stopped = threading.Event()
    traced = run_ahead(_iter_traced(strips, width, cell_px, stopped), _CELL_ROWS_AHEAD)
    simplified = run_ahead(_iter_simplified(traced, cell_px, how), _CELL_ROWS_AHEAD, stopped)
    with closing(traced), closing(simplified):
        for cell_row in simplified:
            state, finished = _advance(state, cell_row)
            yield from finished


@dataclass(frozen=True, slots=True)
class _CellRow:
    """What can be known of a cell row without those above it, but for the last row of pixels of the one above.

    Attributes:
        strip: Its pixels.
        runs: Of its mask.
        label: The component of each run within the strip, (runs,).
        new: How many components these are.
        arcs: Of its outlines.
        right: The pixel at the right of each arc's beginning, row 0 being the row above, (arcs, 2).
    """

    strip: MaskStrip
    runs: Runs
    label: IntArray
    new: int
    arcs: Arcs
    right: IntArray


def _iter_traced(strips: Iterable[MaskStrip], width: int, cell_px: int, stopped: threading.Event) -> Iterator[_CellRow]:
    """The cell rows that have road, or end road of the row above."""
    above = np.zeros(width, np.bool_)
    for strip in iter_blocks(_with_last_row(strips), cell_px):
        if stopped.is_set():  # ground without roads gives nothing for long, and who waits for it could not stop
            return
        if above.any() or strip.mask.any():
            runs = find_runs(strip.mask)
            label, new = label_runs(runs)
            arcs, right = trace_arcs(np.vstack([above, strip.mask]), strip.row_off, cell_px)
            yield _CellRow(strip, runs, label, new, arcs, right)
        above = strip.mask[-1]


def _iter_simplified(traced: Iterable[_CellRow], cell_px: int, how: Simplification | None) -> Iterator[_CellRow]:
    for cell_row in traced:
        arcs = cell_row.arcs if how is None else simplify_arcs(cell_row.arcs, cell_row.strip.row_off, cell_px, how)
        yield replace(cell_row, arcs=arcs)


def _with_last_row(strips: Iterable[MaskStrip]) -> Iterator[MaskStrip]:
    """Add a row without road, which ends every component."""
    last = None
    for last in strips:
        yield last
    if last is not None:
        row = MaskStrip(last.row_end, last.mask[:1], last.valid[:1], last.probability[:1])
        yield replace(row, mask=np.zeros_like(row.mask))


@dataclass(frozen=True, slots=True)
class _Components:
    """Sums over components, each (components,).

    Attributes:
        pixels: Number of pixels.
        probability: Sum of their probabilities.
        first: Row-major index of the uppermost, then leftmost lattice point.
    """

    pixels: IntArray
    probability: Float64Array
    first: IntArray

    def take(self, which: BoolArray | IntArray) -> _Components:
        return _Components(self.pixels[which], self.probability[which], self.first[which])

    def merged(self, group: IntArray, count: int) -> _Components:
        """Sums over groups of components; ``group`` is (components,)."""
        pixels = np.zeros(count, dtype=np.int64)
        np.add.at(pixels, group, self.pixels)
        probability = np.bincount(group, self.probability, minlength=count)
        first = np.full(count, _NO_ROW)
        np.minimum.at(first, group, self.first)
        return _Components(pixels, probability.astype(np.float64, copy=False), first)


@dataclass(frozen=True, slots=True)
class _Unfinished:
    """What waits for the next cell row.

    Attributes:
        last_row: For each pixel of the last row the index of its component, -1 without road, (cols,).
        components: The components in that row.
        arcs: Their arcs so far, for each component a list.
    """

    last_row: IntArray
    components: _Components
    arcs: list[list[Arcs]]

    def __len__(self) -> int:
        return len(self.arcs)

    @staticmethod
    def none(width: int) -> _Unfinished:
        empty = np.empty(0, dtype=np.int64)
        return _Unfinished(np.full(width, -1), _Components(empty, empty.astype(np.float64), empty), [])


def _advance(state: _Unfinished, cell_row: _CellRow) -> tuple[_Unfinished, list[RoadPolygon]]:
    """Take in one cell row; returns what waits now and what is finished."""
    old, strip, runs, label, new = len(state), cell_row.strip, cell_row.runs, cell_row.label, cell_row.new
    group, groups = _unite(state.last_row, _row_of_labels(runs, label, 0), old, new)
    at = _component_at(cell_row.right, state.last_row, runs, label, old)
    arcs = replace(cell_row.arcs, component=group[at])
    components = _sum_components(state.components, strip, runs, label, new).merged(group, groups)
    np.minimum.at(components.first, arcs.component, arcs.first)
    last_row = _row_of_labels(runs, label, len(strip.mask) - 1)
    last_row[last_row >= 0] = group[old + last_row[last_row >= 0]]
    return _split(state, group[:old], arcs, components, last_row)


def _row_of_labels(runs: Runs, label: IntArray, row: int) -> IntArray:
    """The label of each pixel of a row, -1 without road, (cols,)."""
    labels = np.full(runs.shape[1], -1)
    here = np.flatnonzero(runs.row == row)
    labels[runs.pixels(here) - row * runs.shape[1]] = np.repeat(label[here], runs.lengths[here])
    return labels


def _unite(last_row: IntArray, first_row: IntArray, old: int, new: int) -> tuple[IntArray, int]:
    """Group the ``old`` waiting components and the ``new`` labels by contact: (old + new,), number of groups."""
    touch = (last_row >= 0) & (first_row >= 0)
    groups, group = label_groups(old + new, last_row[touch], old + first_row[touch])
    return group, groups


def _component_at(pixels: IntArray, last_row: IntArray, runs: Runs, label: IntArray, old: int) -> IntArray:
    """The component (waiting ones first, then labels) of road pixels (row, col), row 0 being the row above."""
    row, col = pixels[:, 0], pixels[:, 1]
    above = row == 0
    component = np.empty(len(pixels), dtype=np.int64)
    component[above] = last_row[col[above]]
    component[~above] = old + label[runs.at(row[~above] - 1, col[~above])]
    return component


def _sum_components(old: _Components, strip: MaskStrip, runs: Runs, label: IntArray, new: int) -> _Components:
    """The waiting components, then those of the strip, which have no ``first`` yet."""
    lengths = runs.lengths
    pixels = np.bincount(label, lengths, minlength=new).astype(np.int64)
    values = strip.probability[strip.mask].astype(np.float64)
    sums = np.add.reduceat(values, np.cumsum(lengths) - lengths) if len(runs) else values
    probability = np.bincount(label, sums, minlength=new)
    first = np.append(old.first, np.full(new, _NO_ROW))
    return _Components(np.append(old.pixels, pixels), np.concatenate([old.probability, probability]), first)


def _split(
    state: _Unfinished, group: IntArray, arcs: Arcs, components: _Components, last_row: IntArray
) -> tuple[_Unfinished, list[RoadPolygon]]:
    """Part the groups into those that reach the last row and the finished ones."""
    waits = np.zeros(len(components.pixels), dtype=bool)
    waits[last_row[last_row >= 0]] = True
    number = np.where(waits, np.cumsum(waits) - 1, np.cumsum(~waits) - 1)
    waiting: list[list[Arcs]] = [[] for _ in range(int(waits.sum()))]
    done = [_of_component(arcs, np.flatnonzero(~waits[arcs.component]), number)]
    for member, parts in zip(group.tolist(), state.arcs, strict=True):
        if waits[member]:
            waiting[number[member]] += parts
        else:
            done += [replace(part, component=np.full(len(part), number[member])) for part in parts]
    for index, part in _by_component(_of_component(arcs, np.flatnonzero(waits[arcs.component]), number)):
        waiting[index].append(part)
    finished = _finish(Arcs.concatenate(done), components.take(~waits))
    last_row = np.where(last_row >= 0, number[last_row], -1)
    return _Unfinished(last_row, components.take(waits), waiting), finished


def _of_component(arcs: Arcs, index: IntArray, number: IntArray) -> Arcs:
    part = arcs.take(index)
    return replace(part, component=number[part.component])


def _by_component(arcs: Arcs) -> Iterator[tuple[int, Arcs]]:
    """The arcs of each component, as copies of their own: a view would keep all of them in memory."""
    order = np.argsort(arcs.component, kind="stable")
    numbers, starts = np.unique(arcs.component[order], return_index=True)
    for number, index in zip(numbers.tolist(), np.split(order, starts[1:]), strict=False):
        yield number, arcs.take(index)


def _finish(arcs: Arcs, components: _Components) -> list[RoadPolygon]:
    polygons = build_polygons(arcs, len(components.pixels))
    invalid = len(polygons) - int(shapely.is_valid(polygons).sum())
    if invalid:  # not known to happen; a GEOS that keeps its word less well than 3.13 would show here
        _log.warning("%d of %d road polygons are not valid", invalid, len(polygons))
    mean = components.probability / components.pixels
    order: list[int] = np.argsort(components.first).tolist()
    return [RoadPolygon(polygons[i], int(components.pixels[i]), float(mean[i])) for i in order]
