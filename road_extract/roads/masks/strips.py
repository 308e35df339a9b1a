"""Strips of a road mask from top to bottom, and the buffer that regroups them. Arrays only, no I/O."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from road_extract.base.arrays import BoolArray, ByteArray, Float32Array
from road_extract.base.errors import InputError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class MaskStrip:
    """Whole rows of a scene's road mask.

    Attributes:
        row_off: First row in the scene.
        mask: Whether each pixel is road, (rows, cols).
        valid: Whether each pixel has data, (rows, cols). An invalid pixel is never road.
        probability: Probability in any unit, (rows, cols); passed through unchanged.
    """

    row_off: int
    mask: BoolArray
    valid: BoolArray
    probability: Float32Array | ByteArray

    def __post_init__(self) -> None:
        if self.mask.ndim != 2 or not self.mask.shape == self.valid.shape == self.probability.shape:
            shapes = f"{self.mask.shape}, {self.valid.shape} and {self.probability.shape}"
            raise InputError(f"mask, valid and probability have the shapes {shapes}; expected the same (rows, cols)")

    @property
    def row_end(self) -> int:
        """The row after the last one."""
        return self.row_off + len(self.mask)

    @property
    def width(self) -> int:
        """Number of columns."""
        return int(self.mask.shape[1])

    def rows(self, start: int, stop: int) -> MaskStrip:
        """The rows of the strip that lie in ``[start, stop)`` (scene rows), as views."""
        part = slice(max(start - self.row_off, 0), max(stop - self.row_off, 0))
        row_off = max(start, self.row_off)
        return MaskStrip(row_off, self.mask[part], self.valid[part], self.probability[part])


def iter_checked(strips: Iterable[MaskStrip], width: int | None = None) -> Iterator[MaskStrip]:
    """Yield the strips that have rows, and check that they are consecutive from row 0 and equally wide.

    Args:
        strips: Strips from the first row of the scene.
        width: Number of columns (default: that of the first strip).

    Raises:
        InputError: If there is a gap, an overlap, or a strip of another width.
    """
    row = 0
    for strip in strips:
        width = strip.width if width is None else width
        if strip.row_off != row or strip.width != width:
            got = f"row {strip.row_off}, {strip.width} columns"
            raise InputError(f"a mask strip starts at {got}; expected row {row}, {width} columns")
        row = strip.row_end
        if len(strip.mask) and width:
            yield strip


class RowBuffer:
    """Buffer for the rows of the last few strips, from which strips of other heights are taken."""

    def __init__(self) -> None:
        self._strips: list[MaskStrip] = []
        self.row_end = 0

    def push(self, strip: MaskStrip) -> None:
        """Append the next strip."""
        self._strips.append(strip)
        self.row_end = strip.row_end

    def drop_before(self, row: int) -> None:
        """Discard the strips that end at or above a row."""
        self._strips = [strip for strip in self._strips if strip.row_end > row]

    def take(self, start: int, stop: int) -> MaskStrip:
        """Rows ``[start, stop)``, which must be in the buffer, as one strip."""
        probability = _joined([part.probability for part in self._parts(start, stop)])
        return MaskStrip(start, self.take_mask(start, stop), self.take_valid(start, stop), probability)

    def take_mask(self, start: int, stop: int) -> BoolArray:
        """The mask of rows ``[start, stop)``."""
        return _joined([part.mask for part in self._parts(start, stop)])

    def take_valid(self, start: int, stop: int) -> BoolArray:
        """The validity of rows ``[start, stop)``."""
        return _joined([part.valid for part in self._parts(start, stop)])

    def _parts(self, start: int, stop: int) -> list[MaskStrip]:
        return [s.rows(start, stop) for s in self._strips if s.row_off < stop and s.row_end > start]


def _joined(parts: list[T]) -> T:
    """Concatenate arrays; a single one is not copied."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts)  # type: ignore[arg-type,return-value]


def iter_blocks(strips: Iterable[MaskStrip], rows: int) -> Iterator[MaskStrip]:
    """Regroup the rows into strips of ``rows`` rows, counted from row 0; the last one may be shorter."""
    buffer, row = RowBuffer(), 0
    for strip in iter_checked(strips):
        buffer.push(strip)
        while buffer.row_end >= row + rows:
            yield buffer.take(row, row + rows)
            row += rows
            buffer.drop_before(row)
    if buffer.row_end > row:
        yield buffer.take(row, buffer.row_end)
