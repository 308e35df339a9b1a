"""GDAL's log messages, captured through rasterio's loggers."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from road_extract.base.urls import redact

#: Loggers of GDAL's messages, and those that rasterio itself uses when debug logging is on.
_GDAL = ("rasterio._env", "rasterio._err")
_LOGGERS = (*_GDAL, "rasterio", "rasterio._base", "rasterio._io", "rasterio.env", "rasterio.session")
_captured = threading.local()

#: Messages about problems that GDAL solves by itself, by retrying or in another way.
_HARMLESS = re.compile(r"Retrying again|Request for \S+ failed with response_code")


class LogCapture(logging.Filter):
    """Removes passwords from messages, and collects those of a thread that captures them."""

    def __init__(self, level: int) -> None:
        super().__init__()
        self._level = level

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact a record, collect it, and pass it on if it matters."""
        record.msg, record.args = redact(record.getMessage()), ()
        if (messages := getattr(_captured, "messages", None)) is not None:
            messages.append(record.msg)
        return record.levelno >= self._level and not _HARMLESS.search(record.msg)


def _install() -> None:
    """Install the filter once per process: GDAL logs complete URLs, credentials included."""
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        if not any(isinstance(found, LogCapture) for found in logger.filters):
            logger.addFilter(LogCapture(logger.getEffectiveLevel()))
            if name in _GDAL:  # GDAL's errors arrive as INFO
                logger.setLevel(min(logging.INFO, logger.getEffectiveLevel()))


@contextmanager
def capture_gdal_log() -> Iterator[list[str]]:
    """Collect the messages that GDAL logs in this thread while the block runs."""
    _install()
    outer = getattr(_captured, "messages", None)
    messages: list[str] = []
    _captured.messages = messages
    try:
        yield messages
    finally:
        _captured.messages = outer
