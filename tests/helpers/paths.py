"""Paths used by the tests."""

from __future__ import annotations

import os
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
SAMPLES = REPOSITORY / "sample_tiles"
#: Imagery that is too large for the repository. Tests that need it are skipped if it is missing.
SHARED = Path(os.environ.get("ROAD_EXTRACT_SHARED", REPOSITORY.parent / "shared")) / "data"
