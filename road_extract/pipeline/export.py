"""Exports a model for use in other tools."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from road_extract.base.errors import InputError, OutputError
from road_extract.base.files import temp_name
from road_extract.models import SPEC_FILE, find_model, read_spec, shipped_model
from road_extract.models.backends import export_network
from road_extract.pipeline.setup import PathLike


def export_model(model: PathLike | None, out: PathLike, *, to: str = "onnx") -> Path:
    """Write a model into a new folder: the network, and ``spec.json``, which says how to prepare its input.

    The network takes (batch, rows, cols, bands) float32, scaled as the spec says, and gives (batch, rows, cols)
    probabilities; as ONNX, (batch, bands, rows, cols) and (batch, 1, rows, cols).

    Args:
        model: Model folder; None for the shipped one.
        out: Folder to create.
        to: ``onnx``, ``openvino`` (IR: ``.xml`` and ``.bin``) or ``savedmodel`` (TensorFlow).

    Returns:
        ``out``.

    Raises:
        InputError: If the model cannot be used, or the format is unknown.
        BackendError: If the runtime that writes the format is not installed.
        OutputError: If ``out`` exists or cannot be written.
    """
    folder, out = shipped_model() if model is None else find_model(model), Path(out)
    read_spec(folder)
    if os.path.lexists(out):
        raise InputError(f"{out}: already exists; choose another name for the new folder")
    temp = temp_name(out)
    try:
        temp.mkdir()
        export_network(to, folder, temp)
        shutil.copyfile(folder / SPEC_FILE, temp / SPEC_FILE)
        temp.rename(out)
    except OSError as error:
        raise OutputError(f"{out}: cannot be written ({error.strerror or error})") from error
    finally:
        shutil.rmtree(temp, ignore_errors=True)
    return out
