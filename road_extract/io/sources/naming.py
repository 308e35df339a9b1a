"""Unique output names, which depend on other inputs only if they would otherwise collide."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping

_MAX_BYTES = 120
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")


def name_all(wanted: Mapping[str, str]) -> dict[str, str]:
    """Give each location a unique name.

    A name that occurs only once is kept. If several locations share a name, ignoring case, a few digits of the hash of
    its location are appended to each, so that the names depend neither on the order nor on the number of inputs.

    Args:
        wanted: The preferred name of each location. Locations must not change from run to run.
    """
    names = {place: safe_name(name) for place, name in wanted.items()}
    for digits in (8, 64):
        count = Counter(name.casefold() for name in names.values())
        for place, name in names.items():
            if count[name.casefold()] > 1:
                digest = hashlib.sha256(place.encode()).hexdigest()[:digits]
                names[place] = f"{safe_name(wanted[place])}-{digest}"
    return names


def safe_name(text: str) -> str:
    """Convert text to a file name without suffix that is valid on every file system."""
    text = re.sub(r"[^\w.-]+", "_", unicodedata.normalize("NFC", text)).strip("._-")
    text = text.encode()[:_MAX_BYTES].decode(errors="ignore").rstrip("._-") or "scene"
    return f"{text}_" if _RESERVED.fullmatch(text) else text
