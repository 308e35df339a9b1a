"""The network in 8 bits for OpenVINO, with fake quantization around every convolution.

Jacob et al. (2018), "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference",
CVPR: each feature map has its own range, and kernels are symmetric with a scale for each output channel. A range that
includes negative values is widened so that zero is one of its 256 values, which keeps padding exact.

CPUs with AVX2 or AVX-512 but without VNNI add two 8-bit products in 16 bits, where the sum saturates: 2 x 255 x 127 is
more than 32,767. On such CPUs, kernels are limited to 7 bits, because 2 x 255 x 63 is less.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from road_extract.base.arrays import Float32Array
from road_extract.base.errors import BackendError
from road_extract.models.backends.rounding import round_convolution, round_transposed

#: Axis of the output channels in a kernel of OpenVINO's layouts.
_OUTPUT_AXIS = {"Convolution": 0, "ConvolutionBackpropData": 1}
_LEVELS = 256
#: Symmetric around zero: -127 to 127.
_WEIGHT_LEVELS = 255
#: Largest integer in a kernel.
KERNEL_8_BITS, KERNEL_7_BITS = 127, 63


def measure_ranges(model: Any, tiles: Sequence[Float32Array]) -> dict[str, tuple[float, float]]:
    """Choose the feature maps to quantize, and their ranges, by NNCF's post-training quantization.

    Args:
        model: Model from `build_openvino`, for batches of one.
        tiles: Model inputs to run, each (rows, cols, bands); a hundred tiles of typical imagery are enough.

    Returns:
        Minimum and maximum for each node name.

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


def quantize(model: Any, ranges: Mapping[str, tuple[float, float]], largest: int = KERNEL_8_BITS) -> None:
    """Rewrite an ``openvino.Model`` in place.

    Args:
        model: Model from `build_openvino`.
        ranges: Ranges of the feature maps to quantize, by node name.
        largest: `KERNEL_8_BITS`, or `KERNEL_7_BITS` for CPUs on which 8-bit products saturate.

    Raises:
        KeyError: If a range belongs to no node.
    """
    nodes = {node.get_friendly_name(): node for node in model.get_ordered_ops()}
    for name, (low, high) in ranges.items():
        _quantize_output(nodes[name].output(0), *_with_zero(low, high), _LEVELS)
    for node in nodes.values():
        if node.get_type_name() in _OUTPUT_AXIS:
            _quantize_kernel(node, largest)


def products_saturate(core: Any) -> bool:
    """Check whether sums of 8-bit products saturate on this CPU.

    This is measured instead of derived from a list of instructions, so it works on every platform and respects the
    limits set by oneDNN's environment variables.

    Args:
        core: An ``openvino.Core``.

    Raises:
        RuntimeError: If OpenVINO cannot compile the test network.
    """
    import openvino as ov
    from openvino import opset13 as ops

    channels, top = 32, 255.0
    image = ops.parameter([1, channels, 4, 4], np.float32)
    kernel = ops.constant(np.full((channels, channels, 1, 1), KERNEL_8_BITS, np.float32))
    sums = ops.convolution(image, kernel, [1, 1], [0, 0], [0, 0], [1, 1])
    _quantize_output(image.output(0), np.array(0, np.float32), np.array(top, np.float32), _LEVELS)
    _quantize_kernel(sums, KERNEL_8_BITS)
    compiled = core.compile_model(ov.Model([sums], [image], "products"), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    found = compiled(np.full((1, channels, 4, 4), top, np.float32))[0]
    return bool(found.min() < 0.99 * channels * top * KERNEL_8_BITS)


def _with_zero(low: float, high: float) -> tuple[Float32Array, Float32Array]:
    """Return the smallest range that contains low..high and in which zero is a whole number of steps from both ends."""
    low, high = min(low, 0.0), max(high, 0.0)
    steps = _LEVELS - 1
    below = round(-low / (high - low) * steps)
    if 0 < below < steps:
        low, high = min(low, -high * below / (steps - below)), max(high, -low * (steps - below) / below)
    return np.array(low, np.float32), np.array(high, np.float32)


def _quantize_kernel(node: Any, largest: int) -> None:
    from openvino import opset13 as ops

    axis = _OUTPUT_AXIS[node.get_type_name()]
    kernel = node.input(1).get_source_output().get_node().data
    others = tuple(other for other in range(4) if other != axis)
    limit = np.maximum(np.abs(kernel).max(axis=others, keepdims=True), np.finfo(np.float32).tiny)
    step = limit / np.float32(largest)
    if largest < KERNEL_8_BITS:  # with coarse steps, the direction in which each number is rounded matters
        whole = round_convolution(kernel / step) if axis == 0 else round_transposed(kernel / step)
        node.input(1).replace_source_output(ops.constant(np.ascontiguousarray(whole * step)).output(0))
    reach = step * np.float32(KERNEL_8_BITS)
    _quantize_output(node.input(1).get_source_output(), -reach, reach, _WEIGHT_LEVELS)


def _quantize_output(output: Any, low: Float32Array, high: Float32Array, levels: int) -> None:
    """Quantize an output to ``levels`` values for all of its readers."""
    from openvino import opset13 as ops

    readers = list(output.get_target_inputs())
    limits = [ops.constant(np.ascontiguousarray(limit, np.float32)) for limit in (low, high)]
    quantized = ops.fake_quantize(output, *limits, *limits, levels=levels)
    for reader in readers:
        reader.replace_source_output(quantized.output(0))
