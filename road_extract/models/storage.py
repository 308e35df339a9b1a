"""Model folders: ``weights.npz`` (float16 arrays, no Python objects) beside ``spec.json``.

NumPy's archive is read with ``allow_pickle=False`` and the network is built from this package's own code, so a model
from a stranger cannot run code.
"""

from __future__ import annotations

import hashlib
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
#: Only in models that are ready for 8-bit integers, see `road_extract.models.quantization`.
INT8_FILE = "int8.json"


def shipped_model() -> Path:
    """The folder of the model that comes with the package."""
    return Path(str(resources.files("road_extract"))) / "models" / "weights"


def save_model(model: keras.Model, spec: ModelSpec, folder: Path) -> None:
    """Write a model folder; an existing one is overwritten."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {w.path: np.asarray(w.numpy(), dtype=np.float16) for w in model.weights}
    with replacing(folder / WEIGHTS_FILE) as weights, replacing(folder / SPEC_FILE) as text:
        np.savez_compressed(weights, **arrays)  # type: ignore[arg-type]
        text.write_text(spec.to_json(), encoding="utf-8")


def read_spec(folder: Path) -> ModelSpec:
    """Read a model folder's spec, without its weights.

    Raises:
        InputError: If the folder or a file of it is missing, or the spec is wrong.
    """
    for name in (SPEC_FILE, WEIGHTS_FILE):
        if not (folder / name).is_file():
            raise InputError(f"model {folder}: has no {name}; expected a folder with {SPEC_FILE} and {WEIGHTS_FILE}")
    try:
        return ModelSpec.from_json((folder / SPEC_FILE).read_text(encoding="utf-8"))
    except (InputError, UnicodeDecodeError) as error:
        raise InputError(f"model {folder}: {error}") from error


def load_model(folder: Path) -> keras.Model:
    """Build the network for a model folder's spec and fill in its weights.

    Raises:
        InputError: If the folder is no model folder, or its weights do not fit the network.
    """
    spec = read_spec(folder)
    model = build_resunet((spec.tile_size_px, spec.tile_size_px, len(spec.bands)), spec.filters)
    load_weights(model, folder)
    return model


def load_weights(model: keras.Model, folder: Path) -> None:
    """Fill a network with a model folder's weights.

    Raises:
        InputError: If they do not fit.
    """
    arrays = read_weights(folder)
    for weight in model.weights:
        values = arrays.get(weight.path)
        if values is None or values.shape != tuple(weight.shape):
            found = "missing" if values is None else f"{values.shape}, not {tuple(weight.shape)}"
            raise InputError(f"model {folder}: its weights do not fit a ResUNet of its spec: {weight.path} is {found}")
        weight.assign(values)


def read_weights(folder: Path) -> dict[str, Float32Array]:
    """Read a model folder's weights, by path.

    Raises:
        InputError: If they cannot be read.
    """
    try:
        with (folder / WEIGHTS_FILE).open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return {path: np.asarray(arrays[path], np.float32) for path in arrays.files}
    except (ValueError, OSError, EOFError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"model {folder}: {WEIGHTS_FILE} does not fit a ResUNet of its spec ({error})") from error


def model_hash(folder: Path) -> str:
    """SHA-256 over spec, weights and, where there are some, ranges; hexadecimal: the identity of a model."""
    digest = hashlib.sha256()
    for name in (SPEC_FILE, WEIGHTS_FILE, INT8_FILE):
        if (folder / name).exists():
            digest.update((folder / name).read_bytes())
    return digest.hexdigest()
