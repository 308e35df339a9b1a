"""What rasterio raises when GDAL fails: not all of it is a `RasterioError`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from rasterio._err import CPLE_BaseError
from rasterio.errors import CRSError, RasterioError

T = TypeVar("T")

#: To be caught where rasterio is called, and turned into a sentence there.
GDAL_ERRORS: tuple[type[Exception], ...] = (RasterioError, CPLE_BaseError, CRSError)
#: The same, with what rasterio's own Python raises on numbers and texts that make no sense.
ANY_ERRORS: tuple[type[Exception], ...] = (
    *GDAL_ERRORS, ValueError, KeyError, TypeError, AttributeError, OverflowError, OSError,
)  # fmt: skip
#: What reading pixels may end with.
READ_ERRORS: tuple[type[Exception], ...] = (*GDAL_ERRORS, MemoryError)
#: What writing a raster may end with.
WRITE_ERRORS: tuple[type[Exception], ...] = (*GDAL_ERRORS, OSError)


def ask(question: Callable[[], T], otherwise: T) -> T:
    """What a dataset says of itself; damaged metadata count as none.

    Args:
        question: Reads one property of a dataset.
        otherwise: The answer where that fails: GDAL's errors, numbers and texts that cannot be decoded.
    """
    try:
        return question()
    except ANY_ERRORS:
        return otherwise
