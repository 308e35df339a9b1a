"""The trained network in a form optimized for inference, for any runtime with convolutions.

It computes the same function as the network of `build_resunet`, with less work:

- A batch normalization after a convolution is folded into the convolution. One that is directly followed by a ReLU
  becomes a scale and a shift.
- Nearest-neighbour upsampling by 2 followed by a 3 x 3 convolution becomes one transposed 4 x 4 convolution with stride
  2: four products instead of nine. Batch normalization and ReLU act on each pixel separately, so they can be applied
  before the upsampling; the convolution of a concatenation is the sum of the convolutions of its parts.
- A 1 x 1 convolution commutes with nearest-neighbour upsampling, and runs on the smaller map.

Kernels are (rows, cols, in, out); biases, scales and shifts are (channels,); all are float32. Each runtime chooses the
memory layout of its feature maps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import numpy as np

from road_extract.base.arrays import Float32Array
from road_extract.base.errors import InputError

T = TypeVar("T")

#: Keras adds this to the variance in batch normalization.
_EPSILON = 1e-3


class Operations(Protocol[T]):
    """The operations on feature maps that a runtime must provide."""

    def convolution(self, x: T, kernel: Float32Array, bias: Float32Array, stride: int, name: str) -> T:
        """Convolve, padded like TensorFlow's ``same``: evenly on both sides, with any odd pixel at the end."""
        ...

    def transposed_convolution(self, x: T, kernel: Float32Array, name: str) -> T:
        """Apply a transposed 4 x 4 convolution with stride 2, cropped by one pixel on each side: doubles the size."""
        ...

    def scaled_relu(self, x: T, scale: Float32Array, shift: Float32Array) -> T:
        """Compute max(0, x * scale + shift) per channel."""
        ...

    def relu(self, x: T) -> T:
        """Compute max(0, x)."""
        ...

    def upsampled(self, x: T) -> T:
        """Upsample by 2, nearest neighbour."""
        ...

    def add(self, x: T, y: T) -> T:
        """Add two maps of the same shape."""
        ...


def build_inference_form(operations: Operations[T], image: T, weights: Mapping[str, Float32Array], bands: int) -> T:
    """Build the network in a runtime.

    Args:
        operations: The operations of the runtime.
        image: Feature map with the input bands.
        weights: Arrays by path, as returned by `read_weights`.
        bands: Number of input bands.

    Returns:
        A feature map with one channel, the logits.

    Raises:
        InputError: If a weight is missing or does not have the shape that the network needs.
    """
    net = _Network(operations, weights)
    f1, f2, f3, f4 = (net.filters(f"{name}_1_conv") for name in ("encoder1", "encoder2", "encoder3", "bridge"))
    x = net.convolution(image, "encoder1_1_conv", (3, bands, f1), then="encoder1_2_bn")
    x = net.convolution(operations.relu(x), "encoder1_2_conv", (3, f1, f1))
    encoder1 = operations.add(x, net.convolution(image, "encoder1_shortcut", (1, bands, f1)))
    encoder2 = net.encoder(encoder1, "encoder2", f1, f2)
    encoder3 = net.encoder(encoder2, "encoder3", f2, f3)
    x = net.encoder(encoder3, "bridge", f3, f4)
    x = net.decoder(x, encoder3, "decoder1", f4, f3, f3)
    x = net.decoder(x, encoder2, "decoder2", f3, f2, f2)
    x = net.decoder(x, encoder1, "decoder3", f2, f1, f1)
    return net.convolution(x, "head_conv", (1, f1, 1))


def upsampling_kernel(kernel: Float32Array) -> Float32Array:
    """Compute the 4 x 4 transposed kernel equivalent to nearest-neighbour upsampling by 2 and a 3 x 3 convolution.

    Pixel i of the small map covers pixels 2i and 2i + 1 of the large map, and tap t (0..2) of the convolution maps the
    value at j to j + 1 - t. The weight from i to o is therefore the sum of all taps with o = 2i + p + 1 - t, where p is
    0 or 1. In a transposed convolution with stride 2, cropped by one pixel, this is tap o - 2i + 1 = p + 2 - t.

    Args:
        kernel: (3, 3, in, out).

    Returns:
        (4, 4, in, out).
    """
    spread = np.zeros((4, 3), np.float32)
    for tap in range(3):
        for phase in range(2):
            spread[phase + 2 - tap, tap] += 1
    wide: Float32Array = np.einsum("rt,cu,tuio->rcio", spread, spread, kernel, optimize=True).astype(np.float32)
    return wide


@dataclass(frozen=True, slots=True)
class _Network(Generic[T]):
    operations: Operations[T]
    weights: Mapping[str, Float32Array]

    def encoder(self, x: T, name: str, inputs: int, filters: int) -> T:
        """Apply a residual block that halves the size of the map."""
        y = self.operations.scaled_relu(x, *self.normalization(f"{name}_1_bn", inputs))
        y = self.convolution(y, f"{name}_1_conv", (3, inputs, filters), 2, then=f"{name}_2_bn")
        y = self.convolution(self.operations.relu(y), f"{name}_2_conv", (3, filters, filters))
        return self.operations.add(y, self.convolution(x, f"{name}_shortcut", (1, inputs, filters), 2))

    def decoder(self, x: T, skip: T, name: str, inputs: int, skipped: int, filters: int) -> T:
        """Apply upsampling, concatenation and a residual block without creating the large concatenated map."""
        ops, first = self.operations, f"{name}_1_conv"
        scale, shift = self.normalization(f"{name}_1_bn", inputs + skipped)
        below = ops.scaled_relu(x, scale[:inputs], shift[:inputs])
        beside = ops.scaled_relu(skip, scale[inputs:], shift[inputs:])
        kernel, bias = self.folded(first, (3, inputs + skipped, filters), then=f"{name}_2_bn")
        y = ops.add(
            ops.transposed_convolution(below, upsampling_kernel(kernel[:, :, :inputs]), f"{first}_below"),
            ops.convolution(beside, kernel[:, :, inputs:], bias, 1, f"{first}_beside"),
        )
        y = self.convolution(ops.relu(y), f"{name}_2_conv", (3, filters, filters))
        kernel, bias = self.folded(f"{name}_shortcut", (1, inputs + skipped, filters))
        z = ops.add(
            ops.upsampled(ops.convolution(x, kernel[:, :, :inputs], bias, 1, f"{name}_shortcut_below")),
            ops.convolution(skip, kernel[:, :, inputs:], np.zeros_like(bias), 1, f"{name}_shortcut_beside"),
        )
        return ops.add(y, z)

    def convolution(self, x: T, name: str, shape: tuple[int, int, int], stride: int = 1, then: str | None = None) -> T:
        kernel, bias = self.folded(name, shape, then)
        return self.operations.convolution(x, kernel, bias, stride, name)

    def folded(
        self, name: str, shape: tuple[int, int, int], then: str | None = None
    ) -> tuple[Float32Array, Float32Array]:
        """Return kernel and bias of a convolution (size, in, out), including the batch normalization that follows."""
        size, inputs, filters = shape
        kernel, bias = self.weight(f"{name}/kernel", size, size, inputs, filters), self.weight(f"{name}/bias", filters)
        if then is None:
            return kernel, bias
        scale, shift = self.normalization(then, filters)
        return kernel * scale, bias * scale + shift

    def normalization(self, name: str, channels: int) -> tuple[Float32Array, Float32Array]:
        """Return a batch normalization as scale and shift."""
        gamma, beta, mean, variance = (
            self.weight(f"{name}/{part}", channels) for part in ("gamma", "beta", "moving_mean", "moving_variance")
        )
        scale = gamma / np.sqrt(variance + np.float32(_EPSILON))
        return scale, beta - mean * scale

    def filters(self, name: str) -> int:
        """Return the number of output channels of a convolution."""
        kernel = self.weights.get(f"{name}/kernel")
        if kernel is None or kernel.ndim != 4:
            raise InputError(f"the model's weights do not match a ResUNet: {name}/kernel is missing or not a kernel")
        return int(kernel.shape[-1])

    def weight(self, path: str, *shape: int) -> Float32Array:
        found = self.weights.get(path)
        if found is None or found.shape != shape:
            what = "missing" if found is None else f"{found.shape}, not {shape}"
            raise InputError(f"the model's weights do not match the ResUNet in its spec: {path} is {what}")
        return found
