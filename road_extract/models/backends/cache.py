"""Caches compiled networks in the user's cache folder, so that the next start is faster.

Nothing depends on the cache: if the folder is not writable or an entry is damaged, the network is compiled again.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from road_extract.base.files import replacing

#: Environment variable with the folder; if it is empty, nothing is cached.
VARIABLE = "ROAD_EXTRACT_CACHE"
#: Number of most recently used entries to keep; a network takes 10 to 40 MB.
ENTRIES = 8
_DIGEST_BYTES = 32


def cache_folder() -> Path | None:
    """Return the cache folder; None if caching is switched off."""
    if VARIABLE in os.environ:
        return Path(os.environ[VARIABLE]) if os.environ[VARIABLE] else None
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "road_extract"


def make_key(parts: Iterable[str]) -> str:
    """Combine everything that an entry depends on into one name."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:40]


def read_entry(key: str) -> bytes | None:
    """Return the entry for a key; None if there is none or it is damaged."""
    try:
        path = _path(key)
        content = path.read_bytes() if path else b""
        if path:
            path.touch()  # the least recently used entries are deleted first
    except (OSError, RuntimeError):  # RuntimeError: the user has no home folder
        return None
    digest, value = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    return value if hashlib.sha256(value).digest() == digest else None


def write_entry(key: str, value: bytes) -> None:
    """Store a value if possible, and delete the least recently used entries."""
    try:
        path = _path(key)
        if path is None:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temp:
            temp.write_bytes(hashlib.sha256(value).digest() + value)
        kept = sorted(path.parent.glob(f"*{path.suffix}"), key=lambda entry: entry.stat().st_mtime)
        for entry in kept[:-ENTRIES]:
            entry.unlink(missing_ok=True)
    except (OSError, RuntimeError):
        return


def _path(key: str) -> Path | None:
    folder = cache_folder()
    return folder / f"{key}.compiled" if folder else None
