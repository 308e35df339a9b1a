"""Interprets the values of masks and probability rasters from any source."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from road_extract.base.arrays import BoolArray
from road_extract.base.errors import InputError

#: A raster contains percentages if its maximum is above the first value and not above the second.
_PERCENT = (50, 100)
_BYTE = 255
#: How far rounding may move fractions beyond the largest value, as a share of it.
_SLACK = 1e-4


@dataclass(frozen=True, slots=True)
class Meaning:
    """How values are converted to probabilities.

    Attributes:
        scale: Scale factor: the probability is value * scale + offset.
        offset: Offset.
        is_mask: Whether there are only two values, so that there are no graded probabilities.
        zero_is_ground: Whether the nodata value 0 is the background of a mask, and therefore means no road.
        remark: Message for the log; may be empty.
        level: Logging level of the remark.
    """

    scale: float
    offset: float = 0.0
    is_mask: bool = False
    zero_is_ground: bool = False
    remark: str = ""
    level: int = logging.INFO


def find_meaning(
    path: str, dtype: str, nodata: float | None, strips: Iterable[tuple[NDArray[Any], BoolArray]]
) -> Meaning:
    """Infer from the values what a raster without a scale tag contains.

    Args:
        path: For messages.
        dtype: Data type of the raster.
        nodata: Nodata value that it declares.
        strips: Values and their validity, from the top. Reading stops as soon as the answer is clear.

    Raises:
        InputError: If the values are neither a mask, nor percentages, nor 8-bit levels.
    """
    low, high, between = _extremes(strips, stop_above=_PERCENT[1])
    slack = 0.0 if dtype[0] in "iub" else _SLACK
    if low < -slack or high > _BYTE * (1 + slack):
        found = low if low < 0 else high
        raise InputError(
            f"{path}: contains the value {found:g}; expected 0 and 1, 0 and 255, percentages from 0 to 100, "
            "probabilities from 0 to 1, or numbers with a scale tag that makes them 0 to 1"
        )
    full = _full_value(path, high / (1 + slack))
    is_two = not between and high in (0, full)
    ground = nodata == 0 and is_two
    remarks = [
        _scale_remark(full, is_two),
        "its nodata value 0 is taken as the background of a mask, which means no road" if ground else "",
    ]
    if high == 0 and nodata in (1, 100, _BYTE):
        text = f"contains no road apart from its nodata value; if {nodata:g} means road, remove the nodata tag"
        return Meaning(1.0, 0.0, is_two, ground, text, logging.WARNING)
    doubtful = full == _BYTE and not is_two  # a greyscale image looks the same
    level = logging.WARNING if doubtful else logging.INFO
    return Meaning(1 / full, 0.0, is_two, ground, "; ".join(filter(None, remarks)), level)


def _extremes(strips: Iterable[tuple[NDArray[Any], BoolArray]], stop_above: float) -> tuple[float, float, bool]:
    """Return the minimum, the maximum, and whether there are values other than 0 and the maximum."""
    low, high = 0.0, 0.0
    others: set[float] = set()
    for values, valid in strips:
        known = values.reshape(-1) if valid.all() else values[valid]
        if not len(known):
            continue
        low, high = min(low, float(known.min())), max(high, float(known.max()))
        if len(others) < 3:
            others |= set(np.unique(known[:: max(1, len(known) // 4096)]).tolist()) - {0}
            # counting is far faster than selecting, and most rasters contain only two values
            if np.count_nonzero(known == 0) + np.count_nonzero(known == high) * (high != 0) < len(known):
                others.add(known[(known != 0) & (known != high)][0].item())
        if low < 0 or (high > stop_above and len(others) > 1):
            break
    return low, high, bool(others - {high})


def _full_value(path: str, high: float) -> int:
    if high <= 1:
        return 1
    if high > _PERCENT[1]:
        return _BYTE
    if high > _PERCENT[0]:
        return 100
    raise InputError(
        f"{path}: contains values from 0 to {high:.4g}, which are neither a mask of 0 and 1 nor percentages; expected "
        "0 and 1 (road), 0 and 255, percentages from 0 to 100, or numbers with a scale tag that makes them 0 to 1"
    )


def _scale_remark(full: int, is_two: bool) -> str:
    if full == 1:
        return ""
    if is_two:
        return f"{full} is taken as road and 0 as no road"
    return (
        "values are taken as percentages"
        if full == 100
        else "values from 0 to 255 are taken as probabilities from 0 to 1"
    )
