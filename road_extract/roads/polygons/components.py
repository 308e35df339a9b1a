"""Turns a streamed road mask into polygons, and yields each as soon as it is complete.

There is one polygon per 4-connected component. Only the outlines, already simplified, of the components that touch the
last row seen are kept in memory.
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

# Smaller cells fix more points; larger ones are slow on noise, as GEOS compares each line of a cell with all others.
CELL_PX = 128
# Length of each of the two queues between tracing, simplifying and assembling.
_CELL_ROWS_AHEAD = 1
_NO_ROW = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class RoadPolygon:
    """One component of the mask.

    Attributes:
        geometry: Its outline, with x = column and y = row; pixel (r, c) covers [c, c + 1] x [r, r + 1].
        area_px: Number of its pixels, before any simplification.
        probability: Mean over its pixels, in the unit of the strips.
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
    """Make one valid polygon, with its holes, of each 4-connected component. Polygons do not overlap.

    Close the generator before the source of its strips, because it reads ahead in threads.

    Args:
        strips: Consecutive strips of the scene, from its first row, with any heights. The result does not depend on
            the heights.
        width: Number of columns of the scene.
        tolerance_m: Simplification tolerance in metres; 0 keeps the exact outlines of the pixels.
        pixel_size_m: Pixel size (x, y) in metres; used only for the tolerance.
        cell_px: Side length of the cells into which outlines are divided. The simplified outlines depend on it.

    Yields:
        Polygons in order of the cell row in which they end, then of their first pixel in row-major order.

    Raises:
        InputError: If the strips are not consecutive, or an argument is out of range.
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
    # tracing, simplifying (in GEOS, which releases the GIL) and assembling run in separate threads
    stopped = threading.Event()
    traced = run_ahead(_iter_traced(strips, width, cell_px, stopped), _CELL_ROWS_AHEAD)
    simplified = run_ahead(_iter_simplified(traced, cell_px, how), _CELL_ROWS_AHEAD, stopped)
    with closing(traced), closing(simplified):
        for cell_row in simplified:
            state, finished = _advance(state, cell_row)
            yield from finished


@dataclass(frozen=True, slots=True)
class _CellRow:
    """What is known about a cell row from its own pixels and the last row of pixels above it.

    Attributes:
        strip: Its pixels.
        runs: Runs of its mask.
        label: The component of each run within the strip, (runs,).
        new: Number of these components.
        arcs: Arcs of its outlines.
        right: The pixel to the right of the start of each arc, where row 0 is the row above, (arcs, 2).
    """

    strip: MaskStrip
    runs: Runs
    label: IntArray
    new: int
    arcs: Arcs
    right: IntArray


def _iter_traced(strips: Iterable[MaskStrip], width: int, cell_px: int, stopped: threading.Event) -> Iterator[_CellRow]:
    """The cell rows that contain road, or in which a road from the row above ends."""
    above = np.zeros(width, np.bool_)
    for strip in iter_blocks(_with_last_row(strips), cell_px):
        if stopped.is_set():  # without roads nothing is yielded for a long time, and the consumer could not stop it
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
    """Append a row without road, which ends every component."""
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
    """Components that may continue in the next cell row.

    Attributes:
        last_row: Index of the component of each pixel of the last row, -1 without road, (cols,).
        components: The components in that row.
        arcs: Their arcs so far, one list per component.
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
    """Process one cell row, and return the unfinished components and the finished polygons."""
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
    """The label of each pixel of a row; -1 without road, (cols,)."""
    labels = np.full(runs.shape[1], -1)
    here = np.flatnonzero(runs.row == row)
    labels[runs.pixels(here) - row * runs.shape[1]] = np.repeat(label[here], runs.lengths[here])
    return labels


def _unite(last_row: IntArray, first_row: IntArray, old: int, new: int) -> tuple[IntArray, int]:
    """Group the ``old`` unfinished components and the ``new`` labels that touch: (old + new,), number of groups."""
    touch = (last_row >= 0) & (first_row >= 0)
    groups, group = label_groups(old + new, last_row[touch], old + first_row[touch])
    return group, groups


def _component_at(pixels: IntArray, last_row: IntArray, runs: Runs, label: IntArray, old: int) -> IntArray:
    """The component (unfinished ones first, then labels) of road pixels (row, col); row 0 is the row above."""
    row, col = pixels[:, 0], pixels[:, 1]
    above = row == 0
    component = np.empty(len(pixels), dtype=np.int64)
    component[above] = last_row[col[above]]
    component[~above] = old + label[runs.at(row[~above] - 1, col[~above])]
    return component


def _sum_components(old: _Components, strip: MaskStrip, runs: Runs, label: IntArray, new: int) -> _Components:
    """The unfinished components, then those of the strip, whose ``first`` is not yet set."""
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
    """Separate the groups that reach the last row from the finished ones."""
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
    """The arcs of each component, as copies, because a view would keep all of them in memory."""
    order = np.argsort(arcs.component, kind="stable")
    numbers, starts = np.unique(arcs.component[order], return_index=True)
    for number, index in zip(numbers.tolist(), np.split(order, starts[1:]), strict=False):
        yield number, arcs.take(index)


def _finish(arcs: Arcs, components: _Components) -> list[RoadPolygon]:
    polygons = build_polygons(arcs, len(components.pixels))
    invalid = len(polygons) - int(shapely.is_valid(polygons).sum())
    if invalid:  # never observed with GEOS 3.13; another version might not keep its guarantees
        _log.warning("%d of %d road polygons are not valid", invalid, len(polygons))
    mean = components.probability / components.pixels
    order: list[int] = np.argsort(components.first).tolist()
    return [RoadPolygon(polygons[i], int(components.pixels[i]), float(mean[i])) for i in order]
