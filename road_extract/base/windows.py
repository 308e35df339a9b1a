"""Windows and the plan of windows that covers a scene. Integers only, no I/O."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

from road_extract.base.errors import InputError


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """A pixel rectangle of a scene.

    Attributes:
        col_off: First column.
        row_off: First row.
        width: Columns.
        height: Rows.
    """

    col_off: int
    row_off: int
    width: int
    height: int

    def __post_init__(self) -> None:
        if min(self.width, self.height) < 1:
            raise InputError(f"window is {self.height} x {self.width} pixels; expected at least 1 x 1")

    @property
    def row_end(self) -> int:
        """The row after the last row."""
        return self.row_off + self.height

    @property
    def col_end(self) -> int:
        """The column after the last column."""
        return self.col_off + self.width

    @property
    def slices(self) -> tuple[slice, slice]:
        """Its rows and columns in an array of the whole scene."""
        return slice(self.row_off, self.row_end), slice(self.col_off, self.col_end)

    def slices_in(self, outer: Window) -> tuple[slice, slice]:
        """Its rows and columns in an array of ``outer``, which it lies in."""
        row, col = self.row_off - outer.row_off, self.col_off - outer.col_off
        return slice(row, row + self.height), slice(col, col + self.width)

    def intersection(self, other: Window) -> Window | None:
        """The pixels in both windows; None if there are none."""
        row, col = max(self.row_off, other.row_off), max(self.col_off, other.col_off)
        height, width = min(self.row_end, other.row_end) - row, min(self.col_end, other.col_end) - col
        return Window(col, row, width, height) if height > 0 and width > 0 else None

    def clipped(self, height: int, width: int) -> Window:
        """The part inside a scene of this height and width; the window must begin inside."""
        return Window(
            self.col_off,
            self.row_off,
            min(self.col_end, width) - self.col_off,
            min(self.row_end, height) - self.row_off,
        )


@dataclass(frozen=True, slots=True)
class TilePlan(Sequence[Window]):
    """The windows that cover a scene, row by row, each of the same size.

    Neighbours share ``overlap_px`` rows or columns. The last row and the last column of windows are shifted inward to
    end at the scene's edge, and share more. If the scene is shorter than ``size_px``, one window reaches beyond it; its
    pixels there are padding.

    Attributes:
        height: Rows of the scene.
        width: Columns of the scene.
        size_px: Rows and columns of every window.
        overlap_px: Smallest number of pixels that two neighbouring windows share.
        shift_px: Moves the plan's origin up and left by this many pixels, less than a stride. The seam proof compares
            plans that differ in nothing else.
    """

    height: int
    width: int
    size_px: int = 224
    overlap_px: int = 32
    shift_px: int = 0

    def __post_init__(self) -> None:
        if min(self.height, self.width) < 1:
            raise InputError(f"scene is {self.height} x {self.width} pixels; expected at least 1 x 1")
        if not 0 <= self.overlap_px <= self.size_px // 2:
            raise InputError(f"overlap is {self.overlap_px} px; expected 0 to {self.size_px // 2} (half a tile)")
        if not 0 <= self.shift_px < self.stride_px:
            raise InputError(f"shift is {self.shift_px} px; expected 0 to {self.stride_px - 1}")

    @property
    def stride_px(self) -> int:
        """Pixels from one window's origin to the next."""
        return self.size_px - self.overlap_px

    @property
    def row_offs(self) -> tuple[int, ...]:
        """First rows of the rows of windows."""
        return _offsets(self.height, self.size_px, self.stride_px, self.shift_px)

    @property
    def col_offs(self) -> tuple[int, ...]:
        """First columns of the columns of windows."""
        return _offsets(self.width, self.size_px, self.stride_px, self.shift_px)

    def rows(self) -> Iterator[tuple[Window, ...]]:
        """The rows of windows, from top to bottom."""
        cols = self.col_offs
        for row in self.row_offs:
            yield tuple(Window(col, row, self.size_px, self.size_px) for col in cols)

    def touching(self, core: Window) -> Iterator[Window]:
        """The windows that share a pixel with ``core``, in the order of the plan."""
        rows = [row for row in self.row_offs if row < core.row_end and core.row_off < row + self.size_px]
        cols = [col for col in self.col_offs if col < core.col_end and core.col_off < col + self.size_px]
        return (Window(col, row, self.size_px, self.size_px) for row in rows for col in cols)

    def __iter__(self) -> Iterator[Window]:
        return (window for row in self.rows() for window in row)

    def __len__(self) -> int:
        return len(self.row_offs) * len(self.col_offs)

    @overload
    def __getitem__(self, index: int) -> Window: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Window]: ...
    def __getitem__(self, index: int | slice) -> Window | Sequence[Window]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        row, col = divmod(range(len(self))[index], len(self.col_offs))
        return Window(self.col_offs[col], self.row_offs[row], self.size_px, self.size_px)


def _offsets(length: int, size: int, stride: int, shift: int) -> tuple[int, ...]:
    last = max(0, length - size)
    inner = range(stride - shift if shift else 0, last, stride)
    return tuple(dict.fromkeys((0, *inner, last)))
