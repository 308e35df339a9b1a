"""Names for outputs that never collide and depend on other inputs only where they would."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping

_MAX_BYTES = 120
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")


def name_all(wanted: Mapping[str, str]) -> dict[str, str]:
    """Give each place a name of its own.

    A name that only one place wants is kept as it is; those who share one, upper and lower case aside, all get a few
    letters of the hash of their place, so that neither order nor number matters.

    Args:
        wanted: From each place, that does not change from run to run, to the name that it would have alone.
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
    """A file name, without suffix, that every file system takes."""
    text = re.sub(r"[^\w.-]+", "_", unicodedata.normalize("NFC", text)).strip("._-")
    text = text.encode()[:_MAX_BYTES].decode(errors="ignore").rstrip("._-") or "scene"
    return f"{text}_" if _RESERVED.fullmatch(text) else text
