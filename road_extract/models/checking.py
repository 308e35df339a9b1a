"""Checks a model folder completely without running the model."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from road_extract.base.arrays import Float32Array
from road_extract.base.errors import InputError
from road_extract.models.inference_form import build_inference_form
from road_extract.models.quantization import read_int8_ranges
from road_extract.models.spec import ModelSpec
from road_extract.models.storage import read_spec, read_weights


class _NoOperations:
    """Operations on feature maps that compute nothing; building the network with them checks all weights."""

    def convolution(self, x: int, kernel: Float32Array, bias: Float32Array, stride: int, name: str) -> int:
        return x

    def transposed_convolution(self, x: int, kernel: Float32Array, name: str) -> int:
        return x

    def scaled_relu(self, x: int, scale: Float32Array, shift: Float32Array) -> int:
        return x

    def relu(self, x: int) -> int:
        return x

    def upsampled(self, x: int) -> int:
        return x

    def add(self, x: int, y: int) -> int:
        return x


def check_model(folder: Path) -> ModelSpec:
    """Check that the spec is valid, that all weights are finite and fit the network, and that 8-bit ranges fit them.

    Returns:
        The spec.

    Raises:
        InputError: If the folder is not a complete model folder.
    """
    spec, weights = read_spec(folder), read_weights(folder)
    build_inference_form(_NoOperations(), 0, weights, len(spec.bands))
    for path, values in weights.items():
        if not np.isfinite(values).all():
            raise InputError(f"model {folder}: {path} contains numbers that are not finite; get the model again")
    read_int8_ranges(folder)
    return spec
