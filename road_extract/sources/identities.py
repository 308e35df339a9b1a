"""What tells that a scene's content is still the same."""

from __future__ import annotations

import os
from typing import Any

from road_extract.errors import InputError


def read_identity(path: str) -> dict[str, Any]:
    """See `SceneRef.identity`."""
    try:
        found = os.stat(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    return {"size": found.st_size, "mtime_ns": found.st_mtime_ns}
