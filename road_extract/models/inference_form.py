"""The trained network in the form in which inference runs it, for any runtime that has convolutions.

The same function as `build_resunet`'s, with less work:

- A batch normalization after a convolution is folded into it; one that a ReLU follows directly is one scale and shift.
- Nearest upsampling by 2 and a 3 x 3 convolution after it are one transposed convolution of 4 x 4 and stride 2: four
  products in place of nine. Batch normalization and ReLU act on each pixel alone, so they move before the upsampling;
  a convolution of a concatenation is the sum of the convolutions of its parts.
- A 1 x 1 convolution commutes with nearest upsampling and runs on the smaller map.

Kernels are (rows, cols, in, out), biases, scales and shifts (channels,), all float32. How a runtime lays out its
feature maps is its own matter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import numpy as np

from road_extract.base.arrays import Float32Array
from road_extract.base.errors import InputError

T = TypeVar("T")

#: What Keras adds to the variance in a batch normalization.
_EPSILON = 1e-3


class Operations(Protocol[T]):
    """What a runtime must be able to do with its feature maps."""

    def convolution(self, x: T, kernel: Float32Array, bias: Float32Array, stride: int, name: str) -> T:
        """Convolution, padded as TensorFlow's ``same``: what is missing is added evenly, the odd one at the end."""
        ...

    def transposed_convolution(self, x: T, kernel: Float32Array, name: str) -> T:
        """Transposed convolution of 4 x 4, stride 2, one pixel cut off all round: the map doubles its size."""
        ...

    def scaled_relu(self, x: T, scale: Float32Array, shift: Float32Array) -> T:
        """max(0, x * scale + shift), per channel."""
        ...

    def relu(self, x: T) -> T:
        """max(0, x)."""
        ...

    def upsampled(self, x: T) -> T:
        """Nearest upsampling by 2."""
        ...

    def add(self, x: T, y: T) -> T:
        """Sum of two maps of one shape."""
        ...


def build_inference_form(operations: Operations[T], image: T, weights: Mapping[str, Float32Array], bands: int) -> T:
    """Build the network in a runtime.

    Args:
        operations: The runtime's.
        image: Feature map of the input's bands.
        weights: By path, as `read_weights` gives them.
        bands: Of the input.

    Returns:
        Feature map of one channel: the logits.

    Raises:
        InputError: If a weight is missing or has another shape than the network's.
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
    """The 4 x 4 kernel of the transposed convolution that equals nearest upsampling by 2 and a 3 x 3 convolution.

    A pixel i of the small map lies at 2i and 2i + 1 of the large one; the tap t (0..2) of the convolution carries what
    lies at j to j + 1 - t. So from i to o goes the sum of all taps with o = 2i + p + 1 - t, p being 0 or 1: in a
    transposed convolution of stride 2 with one pixel cut off, that is the tap o - 2i + 1 = p + 2 - t.

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
        """A residual block that halves the map."""
        y = self.operations.scaled_relu(x, *self.normalization(f"{name}_1_bn", inputs))
        y = self.convolution(y, f"{name}_1_conv", (3, inputs, filters), 2, then=f"{name}_2_bn")
        y = self.convolution(self.operations.relu(y), f"{name}_2_conv", (3, filters, filters))
        return self.operations.add(y, self.convolution(x, f"{name}_shortcut", (1, inputs, filters), 2))

    def decoder(self, x: T, skip: T, name: str, inputs: int, skipped: int, filters: int) -> T:
        """Upsampling, concatenation and residual block, without the large map of the first two."""
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
        """Kernel and bias of a convolution of (size, in, out), with the batch normalization after it."""
        size, inputs, filters = shape
        kernel, bias = self.weight(f"{name}/kernel", size, size, inputs, filters), self.weight(f"{name}/bias", filters)
        if then is None:
            return kernel, bias
        scale, shift = self.normalization(then, filters)
        return kernel * scale, bias * scale + shift

    def normalization(self, name: str, channels: int) -> tuple[Float32Array, Float32Array]:
        """A batch normalization as scale and shift."""
        gamma, beta, mean, variance = (
            self.weight(f"{name}/{part}", channels) for part in ("gamma", "beta", "moving_mean", "moving_variance")
        )
        scale = gamma / np.sqrt(variance + np.float32(_EPSILON))
        return scale, beta - mean * scale

    def filters(self, name: str) -> int:
        """How many channels a convolution gives."""
        kernel = self.weights.get(f"{name}/kernel")
        if kernel is None or kernel.ndim != 4:
            raise InputError(f"the model's weights do not fit a ResUNet: {name}/kernel is missing or not a kernel")
        return int(kernel.shape[-1])

    def weight(self, path: str, *shape: int) -> Float32Array:
        found = self.weights.get(path)
        if found is None or found.shape != shape:
            what = "missing" if found is None else f"{found.shape}, not {shape}"
            raise InputError(f"the model's weights do not fit a ResUNet of its spec: {path} is {what}")
        return found
