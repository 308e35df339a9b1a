"""Losses on float32 logits, on the Keras 3 API alone.

Targets carry two channels: the label (0 or 1) and its weight (0 where there is no data or no label).
They are computed from logits, never from a sigmoid: under a bfloat16 rewrite log(clip(sigmoid)) becomes NaN.
"""

from __future__ import annotations

from typing import Any


def bce_dice_loss(target: Any, logits: Any) -> Any:
    """Weighted mean of the binary cross-entropy plus half the soft Dice loss, pooled over the batch.

    Dice as in Milletari et al. (2016), "V-Net", with unsquared denominators.

    Args:
        target: (batch, rows, cols, 2): label 0..1 and weight 0..1, float32.
        logits: (batch, rows, cols, 1), float32.

    Returns:
        A scalar.
    """
    from keras import ops

    label, weight = target[..., :1], target[..., 1:]
    total = ops.sum(weight) + 1e-6
    # log(1 + e^x) - x * y, written so that neither branch overflows
    entropy = ops.maximum(logits, 0.0) - logits * label + ops.log1p(ops.exp(-ops.abs(logits)))
    probability = ops.sigmoid(logits) * weight
    overlap = ops.sum(probability * label)
    dice = 1.0 - (2.0 * overlap + 1.0) / (ops.sum(probability) + ops.sum(label * weight) + 1.0)
    return ops.sum(entropy * weight) / total + 0.5 * dice
