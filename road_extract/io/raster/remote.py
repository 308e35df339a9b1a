"""Rasters over a network: GDAL's settings for them, and retries where GDAL does not retry."""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Callable
from typing import Any, Self, TypeVar

import rasterio
from rasterio.env import getenv, hasenv
from rasterio.errors import RasterioIOError
from rasterio.session import DummySession

from road_extract.base.urls import is_remote, redact
from road_extract.io import fetching
from road_extract.io.raster.drivers import open_with
from road_extract.io.raster.gdal_errors import GDAL_ERRORS
from road_extract.io.raster.gdal_log import capture_gdal_log

log = logging.getLogger("road_extract")

T = TypeVar("T")

#: Defaults for options that the user has set neither in the environment nor by a surrounding `rasterio.Env`.
SETTINGS = {
    # no requests for sidecar files: in a COG, masks and overviews are inside the file
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_HTTP_CONNECTTIMEOUT": "10",
    # slow transfers are fine, stalled ones are not
    "GDAL_HTTP_LOW_SPEED_LIMIT": "1000",
    "GDAL_HTTP_LOW_SPEED_TIME": "30",
    "GDAL_HTTP_MAX_RETRY": "2",
    "GDAL_HTTP_RETRY_DELAY": "0.5",
    "GDAL_HTTP_TCP_KEEPALIVE": "YES",
    # otherwise GDAL caches incomplete transfers and missing objects for everyone who opens them later, and mixes
    # versions of an object
    "CPL_VSIL_CURL_NON_CACHED": "/vsi",
}
#: Errors that retrying does not solve.
_FINAL = re.compile(
    r"(?i)response code: 4(0[0-7]|1\d)|resolve host|connect to server|connection refused|certificate|does not exist"
    r"|no ?such|not defined|access ?denied|forbidden|credential|access ?key|signature"
)
#: What GDAL logs when part of a header is missing, before it continues without masks or overviews.
_CUT_HEADER = re.compile(r"(?i)read (TIFF )?director|(fetching|read|IO) error|error (fetching|reading)|HTTP|curl")

_NAMES = re.compile(r"(/vsi[^\s'\":]*)?(https?://[^\s'\"]+)?")


def remote_env() -> rasterio.Env:
    """Return GDAL's settings for one call. They are needed in each thread: rasterio's settings do not cross threads."""
    taken = set(os.environ) | set(getenv() if hasenv() else ())
    settings = {name: value for name, value in SETTINGS.items() if name not in taken}
    # GDAL finds credentials itself; rasterio would ask boto3 for them every time
    return rasterio.Env(DummySession(), **settings)


class RemoteDataset:
    """A dataset that is reopened after a pause when the network fails. It has the interface of a rasterio dataset."""

    def __init__(self, path: str, settings: dict[str, str], drivers: tuple[str, ...] | None = None) -> None:
        """Open the dataset and read its complete header.

        Raises:
            RasterioError: If all attempts fail.
        """
        self._path, self._settings, self._drivers = path, settings, drivers
        self._dataset: Any = None
        self._again(lambda dataset: None)

    def read(self, *args: Any, **kwargs: Any) -> Any:
        """Same as in rasterio."""
        return self._again(lambda dataset: dataset.read(*args, **kwargs))

    def read_masks(self, *args: Any, **kwargs: Any) -> Any:
        """Same as in rasterio."""
        return self._again(lambda dataset: dataset.read_masks(*args, **kwargs))

    def dataset_mask(self, *args: Any, **kwargs: Any) -> Any:
        """Same as in rasterio."""
        return self._again(lambda dataset: dataset.dataset_mask(*args, **kwargs))

    def get_tag_item(self, *args: Any, **kwargs: Any) -> Any:
        """Same as in rasterio."""
        return self._again(lambda dataset: dataset.get_tag_item(*args, **kwargs))

    def _again(self, step: Callable[[Any], T]) -> T:
        waits, before = iter(fetching.WAITS_S), ""
        while True:
            try:
                with remote_env():
                    self._dataset = self._dataset or _open(self._path, self._settings, self._drivers)
                    return step(self._dataset)
            except GDAL_ERRORS as error:
                self.close()
                reason = _reason(error, self._path)
                # a truncated start of a file looks like an unknown format; only a second attempt tells them apart
                if _FINAL.search(_nameless(reason, self._path)) or ("not recognized" in reason and reason == before):
                    raise
                before = reason
                if (wait_s := next(waits, None)) is None:
                    raise RasterioIOError(f"{reason}; given up after {len(fetching.WAITS_S) + 1} attempts") from None
                log.warning("%s: %s; trying again in %g s", redact(self._path), reason, wait_s)
                time.sleep(wait_s)

    def close(self) -> None:
        """Close it."""
        if self._dataset is not None:
            self._dataset.close()
            self._dataset = None

    def __getattr__(self, name: str) -> Any:
        return self._again(lambda dataset: getattr(dataset, name))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *args: object) -> None:
        self.close()


def _open(path: str, settings: dict[str, str], drivers: tuple[str, ...] | None) -> Any:
    with capture_gdal_log() as messages:
        dataset = open_with(path, drivers, **settings)
        for band in dataset.indexes:  # GDAL reads the headers of masks and overviews on first use
            _ = dataset.overviews(band)
        _ = dataset.mask_flag_enums
    told = [_nameless(text, path) for text in messages if "Retrying again" not in text]
    if complaints := [text for text in told if _CUT_HEADER.search(text)]:
        dataset.close()
        raise RasterioIOError(f"its header cannot be read completely: {complaints[0]}")
    return dataset


def _nameless(text: str, path: str) -> str:
    """Remove file names from a GDAL message: they can contain anything, including words that look like errors."""
    name = re.split("[?#]", path.rpartition("/")[2])[0]
    text = _NAMES.sub("", text.replace(redact(path), ""))
    return re.sub(r"^.*?msg=['\"]|['\"]$", "", text.replace(name, "") if name else text)


def _reason(error: Exception, path: str) -> str:
    return redact(str(error.__cause__ or error)).replace(f"'{redact(path)}'", "").strip(" .")


def is_networked(dataset: Any, path: str) -> bool:
    """Whether a dataset that was opened as a local file refers to remote ones."""
    return path.lower().endswith(".vrt") and any(is_remote(file) for file in dataset.files)
