"""Identities that show whether the content of a scene has changed."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from road_extract.base.errors import InputError
from road_extract.base.urls import redact
from road_extract.io.fetching import is_http, read_http_facts
from road_extract.io.raster.structure import read_files, read_structure

_AT_ONCE = 16


def read_identity(path: str) -> dict[str, Any]:
    """See `SceneRef.identity`."""
    own = _facts(path)
    others = _others(path)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        facts = dict(zip(map(redact, others), pool.map(_facts, others), strict=True))
    return {**own, "files": facts} if facts else own


def _others(path: str) -> list[str]:
    """List the files that a raster on disk refers to, directly or indirectly."""
    seen, waiting = [path], [path]
    while waiting:
        for file in _files(waiting.pop()):
            if file not in seen:
                seen.append(file)
                waiting.append(file)
    return seen[1:]


def _files(path: str) -> list[str]:
    """List the files that belong to a raster. Only a VRT can refer to files outside its folder."""
    if not os.path.isfile(path) and not path.lower().endswith(".vrt"):
        return []
    try:
        return read_files(path)
    except InputError:  # opening it later will report the reason
        return []


def _facts(path: str) -> dict[str, Any]:
    url = path.removeprefix("/vsicurl/")
    if is_http(url):
        found = read_http_facts(url)
        return {key: value for key, value in found.items() if key != "type"} or {"structure": read_structure(path)}
    if path.startswith("/vsi") and not os.path.exists(path):
        return {"structure": read_structure(path)}
    try:
        stat = os.stat(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check its name") from error
    return {"size": stat.st_size, "mtime_ns": stat.st_mtime_ns}
