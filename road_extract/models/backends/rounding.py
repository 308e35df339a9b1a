"""Rounding of kernels to integers so that the errors cancel out.

Guo et al. (2022), "SQuant: On-the-Fly Data-Free Quantization via Diagonal Hessian Approximation", ICLR. A
convolution adds up neighbouring pixels, which are nearly equal. If the errors of the taps of a kernel sum to zero, they
therefore have hardly any effect. No data is needed.
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

    Each output pixel uses every second tap along both axes, so this is equivalent to four 2 x 2 kernels.
    """
    inputs, outputs = kernel.shape[:2]
    phases = kernel.reshape(inputs, outputs, 2, 2, 2, 2).transpose(1, 3, 5, 0, 2, 4)
    rounded = round_together(phases.reshape(outputs * 4, inputs, 4)).reshape(phases.shape)
    return rounded.transpose(3, 0, 4, 1, 5, 2).reshape(kernel.shape)


def round_together(values: Float32Array) -> Float32Array:
    """Round so that errors cancel out, first within each input channel, then over all input channels.

    Args:
        values: (output channels, input channels, taps), in steps.

    Returns:
        Integers, each of which differs from its value by less than 1.
    """
    rounded = np.round(values)
    rounded -= _turned(rounded - values)
    errors = rounded - values
    # in each input channel, only the tap closest to the other integer may change
    channels = errors.sum(axis=2)
    turned = _turned(channels)
    tap = (errors * np.sign(turned)[:, :, None]).argmax(axis=2)
    outputs, inputs = np.ogrid[: len(values), : values.shape[1]]
    rounded[outputs, inputs, tap] -= turned
    return rounded


def _turned(errors: Float32Array) -> Float32Array:
    """What to subtract (-1, 0 or 1) along the last axis so that the errors sum to at most a half.

    The numbers rounded the other way are those with the largest errors in the direction of the sum.
    """
    total = errors.sum(axis=-1, keepdims=True)
    sign = np.sign(total)
    rank = np.argsort(np.argsort(-errors * sign, axis=-1), axis=-1)
    return np.where(rank < np.abs(np.round(total)), sign, 0).astype(np.float32)
