"""Takes a first look at the pixels of a scene: can they be read, what range do they cover, is there a collar?

Only five small windows are read, so this is fast for scenes of any size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window as RioWindow

from road_extract.base.arrays import BoolArray
from road_extract.base.windows import Window

Pixels = tuple[NDArray[Any], BoolArray]

#: An 8-bit scene with this maximum or less may use only part of the range of its type.
DIM = 63
_PROBE_PX = 64
#: Shares of the maximum that nearly all pixels span in a scene with few bits.
_SPREAD = (0.25, 0.6)


def read_probe(part: Window, read: Callable[[RioWindow], Pixels]) -> list[Pixels]:
    """Read pixels (rows, cols, bands) and validity (rows, cols) of the corners of a part, then of its middle.

    Args:
        part: Part of the file.
        read: Function that reads a window of the file.
    """
    rows, cols = min(_PROBE_PX, part.height), min(_PROBE_PX, part.width)
    below, right = part.height - rows, part.width - cols
    places = [(0, 0), (0, right), (below, 0), (below, right), (below // 2, right // 2)]
    return [read(RioWindow(part.col_off + col, part.row_off + row, cols, rows)) for row, col in dict.fromkeys(places)]


def find_collar(corners: Iterable[Pixels], candidates: Iterable[float]) -> float | None:
    """Find a value that fills most of a corner in all bands, as outside the imaged area; None if there is none."""
    values = list(candidates)
    for pixels, valid in corners:
        for value in values:
            if ((pixels == value).all(axis=2) & valid).mean() > 0.5:
                return value
    return None


def may_be_dim(parts: Iterable[Pixels]) -> bool:
    """Check whether 8-bit pixels may use only part of their range, as 4-bit values, counts or a bad export do."""
    return all(not valid.any() or pixels[valid].max() <= DIM for pixels, valid in parts)


def is_dim(pixels: NDArray[Any], valid: BoolArray) -> bool:
    """Check whether a sample of 8-bit pixels from the whole scene uses only part of its range.

    The pixels must span that part: water and forest are dark, but do not range from black up to a limit.
    """
    known = pixels[valid]
    if not len(known) or not 0 < int(known.max()) <= DIM:
        return False
    low, high = np.percentile(known, (2, 98)) / int(known.max())
    return bool(low <= _SPREAD[0] and high >= _SPREAD[1])
