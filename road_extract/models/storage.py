"""Model folders: ``weights.npz`` (float16 arrays, no Python objects) and ``spec.json``.

The NumPy archive is read with ``allow_pickle=False``, and the network is built by this package's own code, so a model
from an untrusted source cannot run code.
"""

from __future__ import annotations

import hashlib
import os
import sys
import zipfile
import zlib
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from road_extract.base.arrays import Float32Array
from road_extract.base.errors import InputError
from road_extract.base.files import replacing
from road_extract.models.resunet import build_resunet
from road_extract.models.spec import ModelSpec

if TYPE_CHECKING:
    import keras

WEIGHTS_FILE = "weights.npz"
SPEC_FILE = "spec.json"
#: Only in models prepared for 8-bit inference; see `road_extract.models.quantization`.
INT8_FILE = "int8.json"


#: Models that come with the package, by the name that `find_model` takes; the first is the default.
SHIPPED_MODELS = ("standard", "fast")


def shipped_model(name: str = SHIPPED_MODELS[0]) -> Path:
    """Return the folder of a model that comes with the package, one of `SHIPPED_MODELS`."""
    return Path(str(resources.files("road_extract"))) / "models" / "weights" / name


#: Environment variable with the folder of installed models.
MODELS_VARIABLE = "ROAD_EXTRACT_MODELS"


def models_folder() -> Path:
    """Return the user's folder of installed models, which may not exist."""
    if os.environ.get(MODELS_VARIABLE):
        return Path(os.environ[MODELS_VARIABLE])
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "road-extract" / "models"


def installed_models() -> dict[str, Path]:
    """Return the folders of installed models by name; names that begin with a dot are unfinished."""
    try:
        found = sorted(path for path in models_folder().iterdir() if path.is_dir() and path.name[0] != ".")
    except (OSError, RuntimeError):  # RuntimeError: the user has no home folder
        return {}
    return {path.name: path for path in found}


def find_model(model: str | Path) -> Path:
    """Return the folder of a model.

    Args:
        model: A folder, one of `SHIPPED_MODELS`, or the name of an installed model. A folder that has such a name is
            given as ``./standard``.
    """
    if model in SHIPPED_MODELS:
        return shipped_model(str(model))
    return installed_models().get(str(model), Path(model))


def save_model(model: keras.Model, spec: ModelSpec, folder: Path) -> None:
    """Write a model folder, overwriting an existing one."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {w.path: np.asarray(w.numpy(), dtype=np.float16) for w in model.weights}
    with replacing(folder / WEIGHTS_FILE) as weights, replacing(folder / SPEC_FILE) as text:
        np.savez_compressed(weights, **arrays)  # type: ignore[arg-type]
        text.write_text(spec.to_json(), encoding="utf-8")


def read_spec(folder: Path) -> ModelSpec:
    """Read the spec of a model folder, without the weights.

    Raises:
        InputError: If the folder or one of its files is missing, or the spec is invalid.
    """
    for name in (SPEC_FILE, WEIGHTS_FILE):
        if not (folder / name).is_file():
            raise InputError(f"model {folder}: has no {name}; expected a folder with {SPEC_FILE} and {WEIGHTS_FILE}")
    try:
        return ModelSpec.from_json((folder / SPEC_FILE).read_text(encoding="utf-8"))
    except (InputError, UnicodeDecodeError) as error:
        raise InputError(f"model {folder}: {error}") from error


def load_model(folder: Path) -> keras.Model:
    """Build the network described by a model folder and load its weights.

    Raises:
        InputError: If the folder is not a model folder, or its weights do not match the network.
    """
    spec = read_spec(folder)
    model = build_resunet((spec.tile_size_px, spec.tile_size_px, len(spec.bands)), spec.filters)
    load_weights(model, folder)
    return model


def load_weights(model: keras.Model, folder: Path) -> None:
    """Load the weights of a model folder into a network.

    Raises:
        InputError: If the weights do not match the network.
    """
    arrays = read_weights(folder)
    for weight in model.weights:
        values = arrays.get(weight.path)
        if values is None or values.shape != tuple(weight.shape):
            found = "missing" if values is None else f"{values.shape}, not {tuple(weight.shape)}"
            raise InputError(
                f"model {folder}: its weights do not match the ResUNet in its spec: {weight.path} is {found}"
            )
        weight.assign(values)


def read_weights(folder: Path) -> dict[str, Float32Array]:
    """Read the weights of a model folder, by path.

    Raises:
        InputError: If the weights cannot be read.
    """
    try:
        with (folder / WEIGHTS_FILE).open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return {path: np.asarray(arrays[path], np.float32) for path in arrays.files}
    except (ValueError, OSError, EOFError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"model {folder}: {WEIGHTS_FILE} does not match the ResUNet in its spec ({error})") from error


def model_hash(folder: Path) -> str:
    """Identify a model: the hexadecimal SHA-256 of its spec, its weights and, if present, its 8-bit ranges."""
    digest = hashlib.sha256()
    for name in (SPEC_FILE, WEIGHTS_FILE, INT8_FILE):
        if (folder / name).exists():
            digest.update((folder / name).read_bytes())
    return digest.hexdigest()
