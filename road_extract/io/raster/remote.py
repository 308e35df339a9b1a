"""Rasters over a network: GDAL's settings for them, and patience where GDAL has none."""

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
from road_extract.io.raster.gdal_log import hearing

log = logging.getLogger("road_extract")

T = TypeVar("T")

#: Set unless the user has set them: in the environment, or by a `rasterio.Env` around the call.
SETTINGS = {
    # no requests for files that might lie beside: masks and overviews are inside, as in every COG
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_HTTP_CONNECTTIMEOUT": "10",
    # a transfer may take long, but not stand still
    "GDAL_HTTP_LOW_SPEED_LIMIT": "1000",
    "GDAL_HTTP_LOW_SPEED_TIME": "30",
    "GDAL_HTTP_MAX_RETRY": "2",
    "GDAL_HTTP_RETRY_DELAY": "0.5",
    "GDAL_HTTP_TCP_KEEPALIVE": "YES",
    # else GDAL keeps what it got of a cut transfer, and that an object was not there, for all who open it later, and
    # mixes an object with its next version
    "CPL_VSIL_CURL_NON_CACHED": "/vsi",
}
#: Trying again does not help.
_FINAL = re.compile(
    r"(?i)response code: 4(0[0-7]|1\d)|resolve host|connect to server|connection refused|certificate|does not exist"
    r"|no ?such|not defined|access ?denied|forbidden|credential|access ?key|signature"
)
#: What a header that arrived in part makes GDAL say, before it goes on without masks or overviews.
_CUT_HEADER = re.compile(r"(?i)read (TIFF )?director|(fetching|read|IO) error|error (fetching|reading)|HTTP|curl")

_NAMES = re.compile(r"(/vsi[^\s'\":]*)?(https?://[^\s'\"]+)?")


def remote_env() -> rasterio.Env:
    """GDAL's settings for one call in this thread: rasterio's settings do not reach other threads."""
    taken = set(os.environ) | set(getenv() if hasenv() else ())
    settings = {name: value for name, value in SETTINGS.items() if name not in taken}
    # GDAL finds credentials by itself; rasterio would have boto3 look for them each time
    return rasterio.Env(DummySession(), **settings)


class RemoteDataset:
    """A dataset that is opened anew, after a while, when the network fails in the middle.

    It has what rasterio's datasets have.
    """

    def __init__(self, path: str, settings: dict[str, str], drivers: tuple[str, ...] | None = None) -> None:
        """Open it, with its whole header.

        Raises:
            RasterioError: If that does not succeed in the end.
        """
        self._path, self._settings, self._drivers = path, settings, drivers
        self._dataset: Any = None
        self._again(lambda dataset: None)

    def read(self, *args: Any, **kwargs: Any) -> Any:
        """As rasterio's."""
        return self._again(lambda dataset: dataset.read(*args, **kwargs))

    def read_masks(self, *args: Any, **kwargs: Any) -> Any:
        """As rasterio's."""
        return self._again(lambda dataset: dataset.read_masks(*args, **kwargs))

    def dataset_mask(self, *args: Any, **kwargs: Any) -> Any:
        """As rasterio's."""
        return self._again(lambda dataset: dataset.dataset_mask(*args, **kwargs))

    def get_tag_item(self, *args: Any, **kwargs: Any) -> Any:
        """As rasterio's."""
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
                # nothing tells a start that was lost on the way from a file of another kind, but that it comes back
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
    with hearing() as messages:
        dataset = open_with(path, drivers, **settings)
        for band in dataset.indexes:  # GDAL reads the headers of masks and overviews when they are asked for
            _ = dataset.overviews(band)
        _ = dataset.mask_flag_enums
    told = [_nameless(text, path) for text in messages if "Retrying again" not in text]
    if complaints := [text for text in told if _CUT_HEADER.search(text)]:
        dataset.close()
        raise RasterioIOError(f"its header cannot be read whole: {complaints[0]}")
    return dataset


def _nameless(text: str, path: str) -> str:
    """What GDAL said, without names of files: anything may stand in them."""
    name = re.split("[?#]", path.rpartition("/")[2])[0]
    text = _NAMES.sub("", text.replace(redact(path), ""))
    return re.sub(r"^.*?msg=['\"]|['\"]$", "", text.replace(name, "") if name else text)


def _reason(error: Exception, path: str) -> str:
    return redact(str(error.__cause__ or error)).replace(f"'{redact(path)}'", "").strip(" .")


def is_networked(dataset: Any, path: str) -> bool:
    """Whether a dataset that was opened as a file refers to remote ones."""
    return path.lower().endswith(".vrt") and any(is_remote(file) for file in dataset.files)
