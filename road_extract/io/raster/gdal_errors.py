"""The exceptions that rasterio raises when GDAL fails; not all of them are a `RasterioError`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from rasterio._err import CPLE_BaseError
from rasterio.errors import CRSError, RasterioError

T = TypeVar("T")

#: Catch these where rasterio is called, and turn them into a readable message there.
GDAL_ERRORS: tuple[type[Exception], ...] = (RasterioError, CPLE_BaseError, CRSError)
#: The same, plus the errors of rasterio's own Python code for invalid numbers and text.
ANY_ERRORS: tuple[type[Exception], ...] = (
    *GDAL_ERRORS, ValueError, KeyError, TypeError, AttributeError, OverflowError, OSError,
)  # fmt: skip
#: Errors of reading pixels.
READ_ERRORS: tuple[type[Exception], ...] = (*GDAL_ERRORS, MemoryError)
#: Errors of writing a raster.
WRITE_ERRORS: tuple[type[Exception], ...] = (*GDAL_ERRORS, OSError)


def ask(question: Callable[[], T], otherwise: T) -> T:
    """Read a property of a dataset; damaged metadata count as missing.

    Args:
        question: Reads one property of a dataset.
        otherwise: The result if that fails because of a GDAL error, or because a number or text cannot be decoded.
    """
    try:
        return question()
    except ANY_ERRORS:
        return otherwise
