"""OpenVINO's 8-bit form of the network: fake quantization round every convolution.

Jacob et al. (2018), "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference",
CVPR: feature maps with a range of their own, kernels symmetric with a scale for each output channel. A range that is
not all positive is stretched so that zero is one of its 256 values: padding stays exact.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from road_extract.base.arrays import Float32Array
from road_extract.base.errors import BackendError

#: Axis of the output channels in a kernel of OpenVINO's layouts.
_OUTPUT_AXIS = {"Convolution": 0, "ConvolutionBackpropData": 1}
_LEVELS = 256
#: Symmetric round zero: -127 to 127.
_WEIGHT_LEVELS = 255


def measure_ranges(model: Any, tiles: Sequence[Float32Array]) -> dict[str, tuple[float, float]]:
    """Choose the feature maps to quantize, and their ranges, by NNCF's post-training quantization.

    Args:
        model: As `build_openvino` makes it, for batches of one.
        tiles: Model inputs to run, each (rows, cols, bands); a hundred of the model's own kind of imagery are enough.

    Returns:
        Node name to least and greatest value.

    Raises:
        BackendError: If NNCF cannot be imported.
    """
    try:
        import nncf
    except ImportError as error:
        raise BackendError(
            f"NNCF cannot be imported ({error}); install it (pip install 'road-extract[int8]')"
        ) from error
    data = nncf.Dataset([tile[None] for tile in tiles])
    preset = nncf.QuantizationPreset.MIXED
    quantized = nncf.quantize(model, data, preset=preset, subset_size=len(tiles), fast_bias_correction=True)
    ranges = {}
    for node in quantized.get_ordered_ops():
        if node.get_type_name() != "FakeQuantize":
            continue
        source, low, high = (node.input(port).get_source_output().get_node() for port in range(3))
        if low.data.size == 1:  # the others are kernels, quantized by output channel
            ranges[source.get_friendly_name()] = (float(low.data.item()), float(high.data.item()))
    return ranges


def quantize(model: Any, ranges: Mapping[str, tuple[float, float]]) -> None:
    """Rewrite an ``openvino.Model`` in place.

    Args:
        model: As `build_openvino` makes it.
        ranges: Of the maps to quantize, by the names of their nodes.

    Raises:
        KeyError: If a range belongs to no node.
    """
    nodes = {node.get_friendly_name(): node for node in model.get_ordered_ops()}
    for name, (low, high) in ranges.items():
        _quantize_output(nodes[name].output(0), *_with_zero(low, high), _LEVELS)
    for node in nodes.values():
        if node.get_type_name() in _OUTPUT_AXIS:
            _quantize_kernel(node)


def _with_zero(low: float, high: float) -> tuple[Float32Array, Float32Array]:
    """The least range about low..high in which zero is a whole number of steps from its ends."""
    low, high = min(low, 0.0), max(high, 0.0)
    steps = _LEVELS - 1
    below = round(-low / (high - low) * steps)
    if 0 < below < steps:
        low, high = min(low, -high * below / (steps - below)), max(high, -low * (steps - below) / below)
    return np.array(low, np.float32), np.array(high, np.float32)


def _quantize_kernel(node: Any) -> None:
    source = node.input(1).get_source_output()
    kernel = source.get_node().data
    others = tuple(axis for axis in range(4) if axis != _OUTPUT_AXIS[node.get_type_name()])
    limit = np.maximum(np.abs(kernel).max(axis=others, keepdims=True), np.finfo(np.float32).tiny)
    _quantize_output(source, -limit, limit, _WEIGHT_LEVELS)


def _quantize_output(output: Any, low: Float32Array, high: Float32Array, levels: int) -> None:
    """Let everything that reads an output read it in ``levels`` values."""
    from openvino import opset13 as ops

    readers = list(output.get_target_inputs())
    limits = [ops.constant(np.ascontiguousarray(limit, np.float32)) for limit in (low, high)]
    quantized = ops.fake_quantize(output, *limits, *limits, levels=levels)
    for reader in readers:
        reader.replace_source_output(quantized.output(0))
