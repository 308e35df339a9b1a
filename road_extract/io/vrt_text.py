"""Reads the references of a VRT from its text, before GDAL follows them."""

from __future__ import annotations

import os
import re
from html import unescape

from road_extract.base.urls import is_remote, is_url
from road_extract.io.fetching import is_http, read_document

#: More than the VRT of a million tiles needs.
_HEAD_BYTES = 512 * 2**20
_REFERENCE = re.compile(
    r"<(?:SourceFilename|SourceDataset|SrcDSName|SourceVRT)\b([^>]*)>\s*(.*?)\s*</", re.DOTALL | re.IGNORECASE
)
_RELATIVE = re.compile(r"""relativeToVRT\s*=\s*["']1["']""", re.IGNORECASE)


def is_vrt(name: str) -> bool:
    """Check whether a name is that of a VRT file."""
    return name.lower().partition("?")[0].endswith(".vrt")


def read_references(name: str) -> list[str]:
    """List the sources of a VRT, with relative names resolved against its own location.

    Raises:
        InputError: If it is on a server and cannot be read, because its references are then unknown.
    """
    folder = name.rpartition("/")[0]
    found = []
    for attributes, text in _REFERENCE.findall(_text_of(name)):
        target = unescape(text)
        if _RELATIVE.search(attributes) and not _is_absolute(target):
            target = f"{folder}/{target}" if folder else target
        if target and not target.startswith("<"):
            found.append(target)
    return found


def find_missing(name: str) -> list[str]:
    """List the missing local files that a local VRT refers to."""
    if is_remote(name) or not is_vrt(name):
        return []
    targets = dict.fromkeys(read_references(name))
    return [target for target in targets if _is_file_name(target) and not os.path.exists(target)]


def _is_file_name(target: str) -> bool:
    return not (is_url(target) or target.startswith("/vsi") or re.match(r"[A-Za-z0-9_]{2,}:", target))


def _is_absolute(text: str) -> bool:
    return is_url(text) or text.startswith(("/", "\\")) or re.match(r"[A-Za-z0-9_]+:", text) is not None


def _text_of(name: str) -> str:
    url = name.removeprefix("/vsicurl/")
    if is_http(url):
        return read_document(url)
    if is_remote(
        name
    ):  # cloud storage: only GDAL has the credentials, so the references are checked after GDAL has opened it
        return ""
    try:
        with open(name, "rb") as file:
            return file.read(_HEAD_BYTES).decode(errors="replace")
    except (OSError, ValueError):
        return ""
