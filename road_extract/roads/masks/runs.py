"""Connected components of a mask out of its runs: the road pixels of a row between two others.

A mask has far fewer runs than pixels, so that components cost little more than one look at each pixel. The algorithm is
that of Rosenfeld & Pfaltz (1966), "Sequential operations in digital picture processing", J. ACM 13(4), on runs; which
ones belong together is found at once in the graph of runs that touch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from road_extract.base.arrays import BoolArray, IntArray, ranges
from road_extract.roads.groups import label_groups

#: Looked at in one go: few enough for the processor's caches.
_CHUNK_PX = 1 << 20


@dataclass(frozen=True, slots=True)
class Runs:
    """The runs of a mask in row-major order, all (runs,).

    Positions count through rows of one pixel more than the mask has, ``row * (cols + 1) + col``: the pixel between two
    rows is never road, so that no run touches the next row.

    Attributes:
        shape: Of the mask, (rows, cols).
        start: First position.
        end: The position after the last one.
    """

    shape: tuple[int, int]
    start: IntArray
    end: IntArray

    def __len__(self) -> int:
        return len(self.start)

    @property
    def lengths(self) -> IntArray:
        """Pixels of each run."""
        return self.end - self.start

    @property
    def row(self) -> IntArray:
        """Row of each run."""
        return self.start // (self.shape[1] + 1)

    @property
    def first_col(self) -> IntArray:
        """Its first column."""
        return self.start % (self.shape[1] + 1)

    @property
    def last_col(self) -> IntArray:
        """Its last column."""
        return (self.end - 1) % (self.shape[1] + 1)

    def at(self, row: IntArray, col: IntArray) -> IntArray:
        """The runs that hold these road pixels."""
        found: IntArray = np.searchsorted(self.start, row * (self.shape[1] + 1) + col, side="right") - 1
        return found

    def pixels(self, which: IntArray) -> IntArray:
        """Indices into the flattened mask of all pixels of some runs, given by their numbers."""
        first, lengths = self.start[which] - self.row[which], self.lengths[which]
        ends = np.cumsum(lengths)
        total = int(ends[-1]) if len(ends) else 0
        index: IntArray = np.arange(total) + np.repeat(first - (ends - lengths), lengths)
        return index


def find_runs(mask: BoolArray, road: bool = True) -> Runs:
    """The runs of a mask, (rows, cols); with ``road`` false, those of its background."""
    rows, cols = mask.shape
    step = max(1, _CHUNK_PX // max(1, cols))
    chunks = [_find_edges(mask[row : row + step] == road) + row * (cols + 1) for row in range(0, rows, step)]
    edges = np.concatenate(chunks) if chunks else np.empty(0, np.int64)
    return Runs((rows, cols), edges[0::2], edges[1::2])


def _find_edges(mask: BoolArray) -> IntArray:
    """Where runs start and end, in turns."""
    # a column that is not road before each row; the end of the flat array stands for the last one's right side
    padded = np.zeros((len(mask), mask.shape[1] + 1), np.bool_)
    padded[:, 1:] = mask
    flat = padded.ravel()
    edges = np.flatnonzero(flat[1:] != flat[:-1])
    return np.append(edges, len(flat) - 1) if flat[-1:].any() else edges


def label_runs(runs: Runs, *, diagonal: bool = False) -> tuple[IntArray, int]:
    """The component of each run, (runs,), numbered from 0 by first pixels, and how many there are.

    Args:
        runs: Of a mask.
        diagonal: Whether pixels that meet at a corner only are connected (8-connectivity).
    """
    reach, below = int(diagonal), runs.shape[1] + 1
    # all runs of the next row between these two overlap with a run
    first = np.searchsorted(runs.end, runs.start + below - reach, side="right")
    last = np.searchsorted(runs.start, runs.end + below + reach, side="left")
    touching = np.maximum(last - first, 0)
    upper = np.repeat(np.arange(len(runs)), touching)
    count, component = label_groups(len(runs), upper, ranges(first, touching))
    return component, count
