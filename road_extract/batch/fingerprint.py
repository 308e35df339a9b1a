"""Fingerprints of everything that determines the outputs of a scene, so that outdated results are never reused."""

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
from road_extract.models.backends.choosing import MODULES, choose_backend

#: Options that affect the speed but not a single bit of the result.
SPEED_ONLY = ("threads", "batch_size")


def fingerprint(values: dict[str, Any]) -> str:
    """Compute a short hash of JSON values, equal if and only if the values are equal."""
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def prediction_values(identity: dict[str, Any], options: PredictOptions, model: str, shard_px: int) -> dict[str, Any]:
    """Collect everything that determines the probability of a scene.

    Args:
        identity: Identity of the scene's content.
        options: How to predict probabilities.
        model: SHA-256 of the model.
        shard_px: Minimum side of a shard, which determines the pixels that each file contains.
    """
    # the model and the area are identified by their content, not by their location
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
    """Return the versions of this package and of the libraries that compute the results."""
    backend = choose_backend().name if options.backend == "auto" else options.backend
    names = (MODULES[backend], "numpy", "rasterio", "shapely")
    return {"road-extract": __version__, **{name: _version_of(name) for name in names}}


def _version_of(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"


def file_hash(path: Path) -> str:
    """Compute the hexadecimal SHA-256 of a file.

    Raises:
        InputError: If the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
