"""What GDAL says beside its results, heard through rasterio's loggers."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from road_extract.base.urls import redact

#: Of GDAL's messages, and of what rasterio itself says when it is asked to say much.
_GDAL = ("rasterio._env", "rasterio._err")
_LOGGERS = (*_GDAL, "rasterio", "rasterio._base", "rasterio._io", "rasterio.env", "rasterio.session")
_heard = threading.local()

#: GDAL tries again, or in another way.
_NO_MATTER = re.compile(r"Retrying again|Request for \S+ failed with response_code")


class _Ear(logging.Filter):
    """Takes passwords out of messages, and keeps those of one thread for who listens there."""

    def __init__(self, level: int) -> None:
        super().__init__()
        self._level = level

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(record.getMessage()), ()
        if (messages := getattr(_heard, "messages", None)) is not None:
            messages.append(record.msg)
        return record.levelno >= self._level and not _NO_MATTER.search(record.msg)


def _install() -> None:
    """Once for the process: GDAL names URLs with all that is in them."""
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        if not any(isinstance(found, _Ear) for found in logger.filters):
            logger.addFilter(_Ear(logger.getEffectiveLevel()))
            if name in _GDAL:  # its errors come as INFO
                logger.setLevel(min(logging.INFO, logger.getEffectiveLevel()))


@contextmanager
def hearing() -> Iterator[list[str]]:
    """The messages that GDAL gives in this thread, while the block runs."""
    _install()
    outer = getattr(_heard, "messages", None)
    messages: list[str] = []
    _heard.messages = messages
    try:
        yield messages
    finally:
        _heard.messages = outer
