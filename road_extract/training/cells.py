"""Holds out ground for validation in map squares, so that neighbouring pixels are not divided between the two sets."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np

from road_extract.base.arrays import ByteArray, IntArray
from road_extract.base.grid import RasterGrid
from road_extract.training.scenes import ROAD, VALIDATION

#: Name of a square: the CRS, or the scene if it has no georeferencing; column and row on the map.
Cell = tuple[str, int, int]
#: Number of labelled pixels, and of road pixels among them.
Counts = dict[Cell, tuple[int, int]]
Slices = tuple[slice, slice]


def count_cells(key: str, grid: RasterGrid, labels: ByteArray, cell_px: int, counts: Counts) -> None:
    """Add the labelled pixels of a scene to the counts of the squares it touches."""
    for cell, part in _iter_cells(key, grid, cell_px):
        values = labels[part]
        labelled, road = int((values <= ROAD).sum()), int((values == ROAD).sum())
        before = counts.get(cell, (0, 0))
        counts[cell] = (before[0] + labelled, before[1] + road)


def choose_cells(counts: Counts, share: float, seed: int) -> set[Cell]:
    """Choose validation squares by the hash of their names until they contain the given share of the labelled ground.

    The last square with roads is never chosen, so that some road remains for training.
    """
    wanted = share * sum(labelled for labelled, _ in counts.values())
    order = sorted(counts, key=lambda cell: hashlib.sha256(repr((seed, cell)).encode()).digest())
    left = sum(road > 0 for _, road in counts.values())
    chosen: set[Cell] = set()
    for cell in order:
        labelled, road = counts[cell]
        enough = wanted <= 0 and any(counts[one][1] for one in chosen)
        if enough or share == 0:
            break
        if not labelled or (road and left == 1):
            continue
        chosen.add(cell)
        wanted, left = wanted - labelled, left - (road > 0)
    return chosen if any(counts[cell][1] for cell in chosen) else set()


def mark_cells(key: str, grid: RasterGrid, labels: ByteArray, cell_px: int, chosen: Sequence[Cell] | set[Cell]) -> None:
    """Mark the pixels of the chosen squares as validation, in place."""
    for cell, part in _iter_cells(key, grid, cell_px):
        if cell in chosen:
            labels[part] += VALIDATION


def _iter_cells(key: str, grid: RasterGrid, cell_px: int) -> Iterator[tuple[Cell, Slices]]:
    """Iterate over the squares that a grid touches. They are the same for overlapping scenes with aligned grids."""
    for row, rows in _split(_place(grid, rows=True), grid.height, cell_px):
        for col, cols in _split(_place(grid, rows=False), grid.width, cell_px):
            yield (key, col, row), (rows, cols)


def _place(grid: RasterGrid, *, rows: bool) -> float:
    """Return the number of pixels from the origin of the map to that of the grid, along rows or columns."""
    t = grid.transform
    return float(-t.f / np.hypot(t.b, t.e)) if rows else float(t.c / np.hypot(t.a, t.d))


def _split(start: float, length: int, cell_px: int) -> Iterator[tuple[int, slice]]:
    """Split ``length`` pixels beginning at ``start`` at multiples of the size of a square."""
    number: IntArray = np.floor_divide(np.floor(start) + np.arange(length), cell_px).astype(np.int64)
    for cell in np.unique(number):
        found = np.flatnonzero(number == cell)
        yield int(cell), slice(int(found[0]), int(found[-1]) + 1)
