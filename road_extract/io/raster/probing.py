"""A first look at the pixels of a scene: can they be read, what do they reach, is there a collar?

It takes five small windows, so that a scene of any size is opened in no time.
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

#: An 8-bit scene that reaches no more than this is taken to fill only a part of its type.
DIM = 63
_PROBE_PX = 64
#: Shares of the largest value that nearly all pixels of a scene with few bits spread over.
_SPREAD = (0.25, 0.6)


def read_probe(part: Window, read: Callable[[RioWindow], Pixels]) -> list[Pixels]:
    """Pixels (rows, cols, bands) and validity (rows, cols) of the corners of a part, then of its middle.

    Args:
        part: Of the file.
        read: Reads a window of the file.
    """
    rows, cols = min(_PROBE_PX, part.height), min(_PROBE_PX, part.width)
    below, right = part.height - rows, part.width - cols
    places = [(0, 0), (0, right), (below, 0), (below, right), (below // 2, right // 2)]
    return [read(RioWindow(part.col_off + col, part.row_off + row, cols, rows)) for row, col in dict.fromkeys(places)]


def find_collar(corners: Iterable[Pixels], candidates: Iterable[float]) -> float | None:
    """The value that fills most of a corner in all bands, as if the scene did not reach it; None if there is none."""
    values = list(candidates)
    for pixels, valid in corners:
        for value in values:
            if ((pixels == value).all(axis=2) & valid).mean() > 0.5:
                return value
    return None


def may_be_dim(parts: Iterable[Pixels]) -> bool:
    """Whether 8-bit pixels may fill only a part of their type: 4-bit values, counts, a bad export."""
    return all(not valid.any() or pixels[valid].max() <= DIM for pixels, valid in parts)


def is_dim(pixels: NDArray[Any], valid: BoolArray) -> bool:
    """Whether a sample of 8-bit pixels from all over a scene does so.

    They have to spread over that part: water and forest are dark, but do not reach down to black and up to some limit.
    """
    known = pixels[valid]
    if not len(known) or not 0 < int(known.max()) <= DIM:
        return False
    low, high = np.percentile(known, (2, 98)) / int(known.max())
    return bool(low <= _SPREAD[0] and high >= _SPREAD[1])
