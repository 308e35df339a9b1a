"""Decides which locations may be read.

Two rules, described in docs/security.md:

- A document from the network (a VRT, a STAC document, a list) must not lead closer to this machine than its own
  location: never to local files, and from a public host never to private ones. No document may lead to the metadata
  service of a cloud.
- If ``ROAD_EXTRACT_ALLOWED`` is set, only the folders and URLs that it lists are opened.

``ROAD_EXTRACT_TRUST=1`` switches the first rule off.
"""

from __future__ import annotations

import ipaddress
import os
import re
import socket
from functools import lru_cache
from urllib.parse import unquote, urlsplit

from road_extract.base.errors import InputError
from road_extract.base.urls import is_remote, is_url, redact, to_gdal_path
from road_extract.io.vrt_text import is_vrt, read_references

#: Environment variable that lists folders, separated as in PATH or by spaces, and URLs, separated by spaces.
ALLOWED = "ROAD_EXTRACT_ALLOWED"
TRUST = "ROAD_EXTRACT_TRUST"

#: How far away a location is. A document must not lead closer than its own location.
LOCAL, PRIVATE, PUBLIC = range(3)

_METADATA_HOSTS = ("metadata.google.internal", "metadata", "metadata.goog")
_METADATA_IPS = ("169.254.169.254", "169.254.170.2", "fd00:ec2::254", "100.100.100.200")


#: Text by which GDAL's vector drivers recognize descriptions of services or of other files.
_POINTERS = (b"<OGRVRTDataSource", b"<OGRWFSDataSource", b"<OGRCSWDataSource", b"gdal_streamed_alg", b"<OGRGMLAS")
_SNIFFED_BYTES = 4096


def trusted() -> bool:
    """Check whether the user trusts every document."""
    return os.environ.get(TRUST, "") not in ("", "0", "no", "NO")


def check_allowed(location: str) -> None:
    """Check that a location is allowed on this machine.

    Raises:
        InputError: If it is not.
    """
    allowed = os.environ.get(ALLOWED)
    if not allowed or location.lstrip()[:1] == "<":  # a VRT written by this package; its references have been checked
        return
    place = _plain(location)
    if is_url(place):
        good = ".." not in place and any(place.startswith(prefix) for prefix in re.findall(r"[a-z0-9]+://\S+", allowed))
    else:
        folders = [
            os.path.realpath(part) for part in re.split(rf"[{os.pathsep}\s]", allowed) if part.startswith(os.sep)
        ]
        real = os.path.realpath(place)
        good = any(os.path.commonpath([folder, real]) == folder for folder in folders)
    if not good:
        raise InputError(f"{redact(location)}: is outside the locations that {ALLOWED} allows on this machine")


def check_link(origin: str, target: str) -> None:
    """Check that a document may lead to a location.

    Raises:
        InputError: If it may not.
    """
    check_allowed(target)
    if trusted():
        return
    own = distance(origin)
    if _is_metadata(target, look_up=own > LOCAL):
        raise InputError(f"{redact(origin)}: leads to {redact(target)}, a metadata service, which is never read")
    if own > LOCAL and distance(target) < own:
        raise InputError(
            f"{redact(origin)}: leads to {redact(target)}, which is closer to this machine than the document itself; "
            f"download both, or set {TRUST}=1 if you trust it"
        )


def distance(location: str) -> int:
    """Return how far away a location is: local file, private network or public network."""
    place = _plain(location)
    if not is_url(place):
        return PUBLIC if is_remote(location) else LOCAL
    if not place.lower().startswith(("http://", "https://", "ftp://")):
        return LOCAL if place.lower().startswith("file:") else PUBLIC
    return PRIVATE if _is_private(_host_of(place)) else PUBLIC


def check_references(name: str) -> None:
    """Check the references of a VRT before GDAL follows them.

    Raises:
        InputError: If one of them is not allowed.
    """
    if is_vrt(name) and not trusted():
        for target in dict.fromkeys(read_references(name)):
            check_link(name, target)


def check_content(name: str) -> None:
    """Check that a local vector file contains the data itself, and is not a description of where to fetch them.

    Raises:
        InputError: If it would make GDAL read from elsewhere.
    """
    if trusted() or is_remote(name):
        return
    try:
        with open(name, "rb") as file:
            head = file.read(_SNIFFED_BYTES)
    except OSError:
        return
    if found := next((mark for mark in _POINTERS if mark in head), None):
        raise InputError(
            f"{name}: leads to data elsewhere ({found.decode()}); use the data themselves, or set {TRUST}=1 if you "
            "trust it"
        )


def _plain(location: str) -> str:
    """Return the URL or path behind GDAL's prefixes: ``/vsizip/vsicurl/https://...`` is a location on that host."""
    location = unquote(location) if "/vsicurl?" in location else location
    found = re.search(r"(?:https?|ftp)://.*", location)
    if found:
        return found[0]
    cloud = re.search(r"/vsi(s3|gs|az|adls|oss|swift|webhdfs)(?:_streaming)?/(.*)", to_gdal_path(location))
    if cloud:
        return f"{cloud[1]}://{cloud[2]}"
    inner = re.sub(r"^(/vsi(zip|tar|gzip|7z|rar|subfile|sparse|cached)/?\{?)+", "/", location).rstrip("}")
    return inner.replace("//", "/") if inner != location else location


def _is_metadata(location: str, *, look_up: bool) -> bool:
    """Check whether a location is the metadata service of a cloud, which gives out a machine's credentials.

    Args:
        location: The location.
        look_up: Resolve the host name.
    """
    place = _plain(location)
    host = (_host_of(place) if is_url(place) else "").lower().rstrip(".")
    if host in _METADATA_HOSTS:
        return True
    addresses = _addresses(host) if look_up else _literal(host)
    return any(str(ip) in _METADATA_IPS or ip.is_link_local for ip in addresses)


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:  # brackets that do not enclose an address
        return ""


def _is_private(host: str) -> bool:
    if host.lower() == "localhost" or host.lower().endswith((".localhost", ".local", ".internal")):
        return True
    return any(not ip.is_global for ip in _addresses(host))


_Addresses = tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, ...]


def _literal(host: str) -> _Addresses:
    """Parse a host name that is an IP address, in any notation that C libraries accept, such as 0x7f000001."""
    try:
        return (ipaddress.ip_address(host.partition("%")[0]),)
    except ValueError:
        pass
    if not re.fullmatch(r"(0x[0-9a-f]+|\d+)(\.(0x[0-9a-f]+|\d+)){0,3}", host.lower()):
        return ()
    try:
        return (ipaddress.ip_address(socket.inet_aton(host)),)
    except OSError:
        return ()


@lru_cache(maxsize=1024)
def _addresses(host: str) -> _Addresses:
    """Return the addresses of a host; none if its name cannot be resolved."""
    if not host or (literal := _literal(host)):
        return literal if host else ()
    try:
        found = {info[4][0] for info in socket.getaddrinfo(host, None)}
    except (OSError, UnicodeError):
        return ()
    return tuple(ipaddress.ip_address(str(text).partition("%")[0]) for text in found)
