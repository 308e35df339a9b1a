"""Locations of rasters (paths, URLs and GDAL's ``/vsi`` names), and how to show them without secrets."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

#: GDAL's prefix for each kind of URL.
_HANDLERS = {
    "http": "/vsicurl/http://",
    "https": "/vsicurl/https://",
    "s3": "/vsis3/",
    "gs": "/vsigs/",
    "az": "/vsiaz/",
}
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
_NETWORK = re.compile(r"/vsi(curl|s3|gs|az|adls|oss|swift|webhdfs)(_streaming)?[/?]")

_HIDDEN = "***"
_VSICURL_QUERY = re.compile(r"(/vsicurl(?:_streaming)?\?)([^\s'\"<>]+)")
_USERINFO = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)[^\s/?#'\"<>]*@")
_QUERY = re.compile(
    r"([A-Za-z][A-Za-z0-9+.-]*://[^\s?#'\"<>]*|/vsi[a-z0-9_]+/[^\s?#'\"<>]*)[?#]\S*?(?=[:;,.)]*(?:[\s'\"<>]|$))"
)
#: Names of values that are secret wherever they appear.
_SECRET = re.compile(
    r"(?i)((?:x-(?:amz|goog)-[a-z-]+|[a-z_-]*(?:signature|token|secret|password|passwd|api_?key|userpwd|bearer|access_key"
    r"(?:_id)?)|sig)\s*[=:]\s*)[^\s&;,'\"<>]+"
)
_AUTHORIZATION = re.compile(r"(?i)(authorization\s*[=:]\s*(?:basic|bearer|digest)?\s*)[^\s'\"<>,]+")

#: Parameters that sign a URL: they change each time and say nothing about its target.
_SIGNING = re.compile(
    r"(?i)x-(amz|goog)-.*|sig|signature|token|access_token|s[etprvks]|spr|sip|srt|ss|sks|sk[a-z]+|expires|policy|key-pair-id"
    r"|awsaccesskeyid|googleaccessid"
)


def to_gdal_path(location: str) -> str:
    """GDAL's name of a location: ``https://`` becomes ``/vsicurl/https://``, and ``s3://`` becomes ``/vsis3/``."""
    found = _SCHEME.match(location)
    handler = _HANDLERS.get(found[1].lower()) if found else None
    return location if found is None or handler is None else handler + location[found.end() :]


def is_url(location: str) -> bool:
    """Whether a location is a URL."""
    return _SCHEME.match(location) is not None


def is_remote(location: str) -> bool:
    """Whether a location is read over the network."""
    return _NETWORK.search(to_gdal_path(location)) is not None


def redact(text: str) -> str:
    """Remove passwords, tokens and signatures from text that is shown, logged or recorded.

    User name, password and the whole query are removed from every URL, because nobody knows which parameter a server
    uses as a password.
    """
    text = _VSICURL_QUERY.sub(_redact_vsicurl, text)
    text = _QUERY.sub(rf"\1?{_HIDDEN}", text)
    text = _USERINFO.sub(rf"\1{_HIDDEN}@", text)
    text = _AUTHORIZATION.sub(rf"\1{_HIDDEN}", text)
    return _SECRET.sub(rf"\1{_HIDDEN}", text)


def _redact_vsicurl(found: re.Match[str]) -> str:
    """GDAL's form with options, ``/vsicurl?header.Authorization=...&url=https%3A...``: only the URL may be shown."""
    url = dict(parse_qsl(found[2])).get("url", "")
    return found[1] + _HIDDEN + (f"&url={redact(url)}" if url else "")


def unsigned(location: str) -> str:
    """Remove what may change while the target stays the same: signatures, their dates and passwords."""
    if not is_url(location):
        return location
    parts = urlsplit(location)
    query = [(key, value) for key, value in parse_qsl(parts.query, True) if not _SIGNING.fullmatch(key)]
    return urlunsplit((parts.scheme.lower(), parts.netloc.rpartition("@")[2], parts.path, urlencode(query), ""))
