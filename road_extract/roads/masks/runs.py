"""Labels the connected components of a mask by its runs, the maximal sequences of road pixels in a row.

A mask has far fewer runs than pixels, so labelling takes little more than one pass over the pixels. The algorithm is
that of Rosenfeld & Pfaltz (1966), "Sequential operations in digital picture processing", J. ACM 13(4), applied to runs;
components are found all at once in the graph of touching runs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from road_extract.base.arrays import BoolArray, IntArray, ranges
from road_extract.roads.groups import label_groups

#: Pixels processed at once: few enough for the CPU caches.
_CHUNK_PX = 1 << 20


@dataclass(frozen=True, slots=True)
class Runs:
    """The runs of a mask in row-major order, all (runs,).

    Positions are counted in rows that are one pixel longer than those of the mask, ``row * (cols + 1) + col``. The
    extra pixel is never road, so no run touches the next row.

    Attributes:
        shape: Shape of the mask, (rows, cols).
        start: First position of each run.
        end: The position after its last one.
    """

    shape: tuple[int, int]
    start: IntArray
    end: IntArray

    def __len__(self) -> int:
        return len(self.start)

    @property
    def lengths(self) -> IntArray:
        """Number of pixels of each run."""
        return self.end - self.start

    @property
    def row(self) -> IntArray:
        """Row of each run."""
        return self.start // (self.shape[1] + 1)

    @property
    def first_col(self) -> IntArray:
        """First column of each run."""
        return self.start % (self.shape[1] + 1)

    @property
    def last_col(self) -> IntArray:
        """Last column of each run."""
        return (self.end - 1) % (self.shape[1] + 1)

    def at(self, row: IntArray, col: IntArray) -> IntArray:
        """The runs that contain these road pixels."""
        found: IntArray = np.searchsorted(self.start, row * (self.shape[1] + 1) + col, side="right") - 1
        return found

    def pixels(self, which: IntArray) -> IntArray:
        """Indices into the flattened mask of all pixels of the given runs."""
        first, lengths = self.start[which] - self.row[which], self.lengths[which]
        ends = np.cumsum(lengths)
        total = int(ends[-1]) if len(ends) else 0
        index: IntArray = np.arange(total) + np.repeat(first - (ends - lengths), lengths)
        return index


def find_runs(mask: BoolArray, road: bool = True) -> Runs:
    """The runs of a mask (rows, cols), or of its background if ``road`` is False."""
    rows, cols = mask.shape
    step = max(1, _CHUNK_PX // max(1, cols))
    chunks = [_find_edges(mask[row : row + step] == road) + row * (cols + 1) for row in range(0, rows, step)]
    edges = np.concatenate(chunks) if chunks else np.empty(0, np.int64)
    return Runs((rows, cols), edges[0::2], edges[1::2])


def _find_edges(mask: BoolArray) -> IntArray:
    """Alternating starts and ends of runs."""
    # a background column before each row; the end of the flat array closes the last row
    padded = np.zeros((len(mask), mask.shape[1] + 1), np.bool_)
    padded[:, 1:] = mask
    flat = padded.ravel()
    edges = np.flatnonzero(flat[1:] != flat[:-1])
    return np.append(edges, len(flat) - 1) if flat[-1:].any() else edges


def label_runs(runs: Runs, *, diagonal: bool = False) -> tuple[IntArray, int]:
    """The component of each run, (runs,), numbered from 0 in order of first pixels, and the number of components.

    Args:
        runs: Runs of a mask.
        diagonal: Whether pixels that touch only at a corner are connected (8-connectivity).
    """
    reach, below = int(diagonal), runs.shape[1] + 1
    # the runs of the next row in this range touch the run
    first = np.searchsorted(runs.end, runs.start + below - reach, side="right")
    last = np.searchsorted(runs.start, runs.end + below + reach, side="left")
    touching = np.maximum(last - first, 0)
    upper = np.repeat(np.arange(len(runs)), touching)
    count, component = label_groups(len(runs), upper, ranges(first, touching))
    return component, count
