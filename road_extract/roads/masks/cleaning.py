"""Cleans a streamed road mask: drops small components and fills small holes.

The result is bit for bit the same as for the whole mask, with only a few rows in memory. A connected component of fewer
than k pixels spans fewer than k rows. With k - 1 extra rows above and below, a component that extends from the working
rows to the end of this halo therefore has at least k pixels, and every smaller component is seen completely.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

import numpy as np

from road_extract.base.arrays import BoolArray
from road_extract.roads.masks.runs import Runs, find_runs, label_runs
from road_extract.roads.masks.strips import MaskStrip, RowBuffer, iter_checked

__all__ = ["MaskStrip", "iter_clean_strips"]

_WORKING_PX = 1 << 22
_WORKING_ROWS = 1024
_HALOS_PER_BLOCK = 2

# A pass over one window: (mask, function for the validity, starts at scene top, ends at scene bottom) -> cleaned mask.
_Pass = Callable[[BoolArray, Callable[[], BoolArray], bool, bool], BoolArray]


def iter_clean_strips(strips: Iterable[MaskStrip], min_road_px: int, min_hole_px: int) -> Iterator[MaskStrip]:
    """Drop small road components, then fill small holes.

    Holes are components of the background (8-connected; road is 4-connected) that contain neither a pixel of the
    scene's first or last row or column nor an invalid pixel.

    Args:
        strips: Consecutive strips of the scene, from its first row, with any heights.
        min_road_px: Size of the smallest road component to keep; 0 or 1 keeps all.
        min_hole_px: Size of the smallest hole to keep; 0 or 1 keeps all.

    Yields:
        The cleaned scene, in strips whose heights do not depend on those of the input, unless both steps are off.

    Raises:
        InputError: If the strips are not consecutive.
    """
    cleaned = iter_checked(strips)
    if min_road_px > 1:
        cleaned = _iter_pass(cleaned, partial(_drop_small_roads, min_px=min_road_px), min_road_px - 1)
    if min_hole_px > 1:
        cleaned = _iter_pass(cleaned, partial(_fill_small_holes, min_px=min_hole_px), min_hole_px - 1)
    return cleaned


def _iter_pass(strips: Iterable[MaskStrip], clean: _Pass, halo: int) -> Iterator[MaskStrip]:
    """Run one pass over blocks of rows, each with ``halo`` extra rows above and below."""
    buffer, row, block = RowBuffer(), 0, 1
    for strip in strips:
        block = _block_rows(strip.width, halo)
        buffer.push(strip)
        while buffer.row_end >= row + block + halo:
            yield _clean_block(buffer, row, row + block, clean, halo, ended=False)
            row += block
            buffer.drop_before(row - halo)
    while row < buffer.row_end:
        yield _clean_block(buffer, row, min(row + block, buffer.row_end), clean, halo, ended=True)
        row += block


def _block_rows(width: int, halo: int) -> int:
    """Height of a block: a few times the halo, so that little is labelled twice."""
    return max(_HALOS_PER_BLOCK * halo, min(_WORKING_ROWS, _WORKING_PX // width), 1)


def _clean_block(buffer: RowBuffer, start: int, stop: int, clean: _Pass, halo: int, *, ended: bool) -> MaskStrip:
    core = buffer.take(start, stop)
    # Rows without road contain nothing to drop, and their background reaches the edge of the scene.
    if not core.mask.any():
        return core
    first, last = max(start - halo, 0), min(stop + halo, buffer.row_end)
    top, bottom = first == 0, ended and last == buffer.row_end
    cleaned = clean(buffer.take_mask(first, last), partial(buffer.take_valid, first, last), top, bottom)
    # copied, so that the rows of the halo can be freed
    mask = cleaned[start - first : stop - first].copy()
    return MaskStrip(start, mask, core.valid, core.probability)


def _drop_small_roads(
    mask: BoolArray, _valid: Callable[[], BoolArray], _top: bool, _bottom: bool, *, min_px: int
) -> BoolArray:
    runs = find_runs(mask)
    component, count = label_runs(runs)
    small = np.bincount(component, runs.lengths, minlength=count) < min_px
    return _changed(mask, runs, small[component], to=False)


def _fill_small_holes(
    mask: BoolArray, valid: Callable[[], BoolArray], top: bool, bottom: bool, *, min_px: int
) -> BoolArray:
    runs = find_runs(mask, road=False)
    component, count = label_runs(runs, diagonal=True)
    small = np.bincount(component, runs.lengths, minlength=count) < min_px
    open_runs = (runs.first_col == 0) | (runs.last_col == mask.shape[1] - 1)
    open_runs |= ((runs.row == 0) & top) | ((runs.row == len(mask) - 1) & bottom)
    small[component[open_runs]] = False
    candidates = np.flatnonzero(small[component])
    # few pixels in total, because each candidate is smaller than the smallest hole to keep
    index, lengths = runs.pixels(candidates), runs.lengths[candidates]
    without_data = ~valid().reshape(-1)[index]
    small[np.repeat(component[candidates], lengths)[without_data]] = False
    return _changed(mask, runs, small[component], to=True)


def _changed(mask: BoolArray, runs: Runs, which: BoolArray, *, to: bool) -> BoolArray:
    """The mask with the pixels of some runs set."""
    if not which.any():
        return mask
    changed = mask.copy()
    changed.reshape(-1)[runs.pixels(np.flatnonzero(which))] = to
    return changed
