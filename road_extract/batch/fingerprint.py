"""What decides the outputs of a scene: nothing is kept that was made of anything else."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from road_extract.base.errors import InputError
from road_extract.base.options import PredictOptions
from road_extract.base.version import __version__
from road_extract.models.backends import choose_backend

#: These change the speed and not a bit of the result.
SPEED_ONLY = ("threads", "batch_size")


def fingerprint(values: dict[str, Any]) -> str:
    """A short name of values that JSON takes: equal if and only if they are."""
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def prediction_values(identity: dict[str, Any], options: PredictOptions, model: str, shard_px: int) -> dict[str, Any]:
    """All that the probability of a scene comes from.

    Args:
        identity: Of the scene's content.
        options: How probabilities are made.
        model: SHA-256 of the model.
        shard_px: Decides which file holds which pixels.
    """
    # the model and the area by what they hold, wherever they lie
    left_out = (*SPEED_ONLY, "model", "aoi")
    chosen = {name: value for name, value in asdict(options).items() if name not in left_out}
    return {
        "input": identity,
        "model": model,
        "options": chosen,
        "area": None if options.aoi is None else file_hash(Path(options.aoi)),
        "shard_px": shard_px,
        "versions": versions_of(options),
    }


def versions_of(options: PredictOptions) -> dict[str, str]:
    """Of this package and of what computes for it."""
    backend = choose_backend() if options.backend == "auto" else options.backend
    names = (backend, "numpy", "rasterio", "shapely")
    return {"road-extract": __version__, **{name: _version_of(name) for name in names}}


def _version_of(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"


def file_hash(path: Path) -> str:
    """SHA-256 of a file, hexadecimal.

    Raises:
        InputError: If it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
