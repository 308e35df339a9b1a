"""Reads small documents, and the metadata of large files, from disk and over HTTP."""

from __future__ import annotations

import base64
import csv
import http.client
import logging
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit, urlunsplit

from road_extract.base.errors import InputError
from road_extract.base.urls import is_url, redact

log = logging.getLogger("road_extract")

T = TypeVar("T")

#: Lists and catalogues are small. This limit avoids downloading a whole raster that was specified by mistake.
MAX_BYTES = 64 * 2**20
TIMEOUT_S = 30
#: Seconds to wait before a failed request or read is made again.
WAITS_S = (0.5, 2.0, 6.0)
_TRY_AGAIN = (429, 500, 502, 503, 504)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows only those redirects that `road_extract.io.allowed` permits."""

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        """Follow a redirect like the standard library, after a check."""
        from road_extract.io.allowed import check_link

        check_link(req.full_url, newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


_OPENER = urllib.request.build_opener(_Redirects)


def is_http(location: str) -> bool:
    """Check whether a location is an HTTP URL."""
    return location.lower().startswith(("http://", "https://"))


def read_document(location: str) -> str:
    """Read a text document from a file or URL.

    Raises:
        InputError: If it cannot be read, or is not text.
    """
    from road_extract.io.allowed import check_allowed

    check_allowed(location)
    if is_http(location):
        data = _request(location, {}, _read_body)
    elif is_url(location) or location.startswith("/vsi"):
        raise InputError(f"{location}: lists and catalogues can only be read from files and HTTP; download it first")
    else:
        data = _read_file(location)
    if len(data) > MAX_BYTES:
        raise InputError(f"{location}: is larger than {MAX_BYTES >> 20} MB; expected a list or a STAC document")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{location}: is not UTF-8 text; expected a list or a STAC document") from error


def read_bytes(location: str, limit: int) -> bytes:
    """Read a file, or the object at an HTTP URL.

    Args:
        location: Path or URL.
        limit: Largest size, in bytes.

    Raises:
        InputError: If it cannot be read, or is larger.
    """
    from road_extract.io.allowed import check_allowed

    check_allowed(location)
    if is_http(location):
        data = _request(location, {}, lambda answer: _read_body(answer, limit))
    elif is_url(location) or location.startswith("/vsi"):
        raise InputError(f"{location}: can only be read from a file or over HTTP; download it first")
    else:
        data = _read_file(location, limit)
    if len(data) > limit:
        raise InputError(f"{location}: is larger than {limit >> 20} MB")
    return data


def _read_body(answer: http.client.HTTPResponse, limit: int = MAX_BYTES) -> bytes:
    data = answer.read(limit + 1)
    if answer.length and len(data) <= limit:  # with a size argument, read() does not report missing bytes itself
        raise http.client.IncompleteRead(data, answer.length)
    return data


def _read_file(path: str, limit: int = MAX_BYTES) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(limit + 1)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check its name and permissions") from error


def read_http_facts(url: str) -> dict[str, Any]:
    """Read size, ETag, date and type of the object at a URL, as far as the server provides them.

    This requests the first byte instead of only the headers, because signed URLs do not allow HEAD requests.

    Raises:
        InputError: If the URL cannot be reached.
    """
    return _request(url, {"Range": "bytes=0-0"}, _facts)


def _facts(answer: Any) -> dict[str, Any]:
    headers = answer.headers
    size = headers.get("Content-Range", "").rpartition("/")[2] or headers.get("Content-Length", "")
    found = {
        "size": int(size) if size.isdigit() else None,
        "etag": headers.get("ETag"),
        "last_modified": headers.get("Last-Modified"),
        "type": headers.get_content_type(),
    }
    return {key: value for key, value in found.items() if value is not None}


def _request(url: str, headers: dict[str, str], read: Callable[[Any], T]) -> T:
    request = _prepared(url, headers)
    for wait_s in (*WAITS_S, None):
        try:
            with _OPENER.open(request, timeout=TIMEOUT_S) as answer:
                return read(answer)
        except (OSError, http.client.HTTPException) as error:
            reason = _reason(error)
            if isinstance(error, urllib.error.HTTPError):
                error.close()
            if wait_s is None or _is_final(error):
                raise InputError(
                    f"{url}: cannot be read ({reason}); check the address, credentials and network"
                ) from error
            log.warning("%s: %s; trying again in %g s", redact(url), reason, wait_s)
            time.sleep(wait_s)
    raise AssertionError("the last attempt returns or raises")


def _prepared(url: str, headers: dict[str, str]) -> urllib.request.Request:
    """Build a request with the credentials that GDAL would use. They are not sent to other hosts after a redirect."""
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    try:
        request = urllib.request.Request(urlunsplit(parts._replace(netloc=host, fragment="")), headers=headers)
    except ValueError as error:
        raise InputError(f"{url}: is not a valid URL ({error})") from error
    user = unquote(user) or os.environ.get("GDAL_HTTP_USERPWD", "")
    if user:
        request.add_unredirected_header("Authorization", f"Basic {base64.b64encode(user.encode()).decode()}")
    elif bearer := os.environ.get("GDAL_HTTP_BEARER"):
        request.add_unredirected_header("Authorization", f"Bearer {bearer}")
    for header in next(csv.reader([os.environ.get("GDAL_HTTP_HEADERS", "")]), []):
        name, _, value = header.partition(":")
        request.add_unredirected_header(name.strip(), value.strip())
    return request


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP {error.code} {error.reason}".strip()
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    return redact(str(cause) or type(cause).__name__)


def _is_final(error: Exception) -> bool:
    if isinstance(error, urllib.error.HTTPError):
        return error.code not in _TRY_AGAIN
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    # connection refused, unknown host, bad certificate
    return isinstance(cause, ConnectionRefusedError | str) or type(cause).__name__ in (
        "gaierror",
        "SSLCertVerificationError",
    )
