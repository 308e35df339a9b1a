"""Kernels in whole numbers, rounded so that their errors cancel out.

Guo et al. (2022), "SQuant: On-the-Fly Data-Free Quantization via Diagonal Hessian Approximation", ICLR. What a
convolution adds up are neighbouring pixels, which hardly differ: if the errors of a kernel's taps sum to nothing,
hardly any error is left of them. No data are needed.
"""

from __future__ import annotations

import numpy as np

from road_extract.base.arrays import Float32Array


def round_convolution(kernel: Float32Array) -> Float32Array:
    """Round a kernel (output channels, input channels, rows, cols), in steps."""
    outputs, inputs, rows, cols = kernel.shape
    return round_together(kernel.reshape(outputs, inputs, rows * cols)).reshape(kernel.shape)


def round_transposed(kernel: Float32Array) -> Float32Array:
    """Round a kernel (input channels, output channels, 4, 4) of stride 2, in steps.

    Each pixel of the result meets every second tap along either axis: four kernels of 2 x 2.
    """
    inputs, outputs = kernel.shape[:2]
    phases = kernel.reshape(inputs, outputs, 2, 2, 2, 2).transpose(1, 3, 5, 0, 2, 4)
    rounded = round_together(phases.reshape(outputs * 4, inputs, 4)).reshape(phases.shape)
    return rounded.transpose(3, 0, 4, 1, 5, 2).reshape(kernel.shape)


def round_together(values: Float32Array) -> Float32Array:
    """Round so that errors cancel out: within each input channel, then over all of them.

    Args:
        values: (output channels, input channels, taps), in steps.

    Returns:
        Whole numbers, each less than one from its value.
    """
    rounded = np.round(values)
    rounded -= _turned(rounded - values)
    errors = rounded - values
    # each input channel may give the tap that is nearest to the other side
    channels = errors.sum(axis=2)
    turned = _turned(channels)
    tap = (errors * np.sign(turned)[:, :, None]).argmax(axis=2)
    outputs, inputs = np.ogrid[: len(values), : values.shape[1]]
    rounded[outputs, inputs, tap] -= turned
    return rounded


def _turned(errors: Float32Array) -> Float32Array:
    """What to subtract along the last axis, -1, 0 or 1 each, so that the errors sum to a half at most.

    Those are rounded the other way whose errors go furthest in the sum's direction.
    """
    total = errors.sum(axis=-1, keepdims=True)
    sign = np.sign(total)
    rank = np.argsort(np.argsort(-errors * sign, axis=-1), axis=-1)
    return np.where(rank < np.abs(np.round(total)), sign, 0).astype(np.float32)
