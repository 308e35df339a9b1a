"""Losses on float32 logits, on the Keras 3 API alone.

Labels are those of `road_extract.training.scenes`: 0 ground, 1 road, more has no weight. Losses are computed from
logits, never from a sigmoid: under a bfloat16 rewrite log(clip(sigmoid)) becomes NaN.
"""

from __future__ import annotations

from typing import Any


def bce_dice_loss(labels: Any, logits: Any) -> Any:
    """Mean of the binary cross-entropy plus half the soft Dice loss, pooled over the labelled pixels of the batch.

    Dice as in Milletari et al. (2016), "V-Net", with unsquared denominators.

    Args:
        labels: (batch, rows, cols, 1): 0 ground, 1 road, more: left out.
        logits: (batch, rows, cols, 1), float32.

    Returns:
        A scalar.
    """
    from keras import ops

    road, weight = _road_and_weight(labels)
    # log(1 + e^x) - x * y, written so that neither branch overflows
    entropy = ops.maximum(logits, 0.0) - logits * road + ops.log1p(ops.exp(-ops.abs(logits)))
    probability = ops.sigmoid(logits) * weight
    dice = 1.0 - (2.0 * ops.sum(probability * road) + 1.0) / (ops.sum(probability) + ops.sum(road * weight) + 1.0)
    return ops.sum(entropy * weight) / (ops.sum(weight) + 1e-6) + 0.5 * dice


def mse_loss(labels: Any, logits: Any) -> Any:
    """Mean squared error of the probability over the labelled pixels: the loss of Zhang, Liu & Wang (2018), eq. 2.

    Args:
        labels: (batch, rows, cols, 1): 0 ground, 1 road, more: left out.
        logits: (batch, rows, cols, 1), float32.

    Returns:
        A scalar.
    """
    from keras import ops

    road, weight = _road_and_weight(labels)
    return ops.sum(weight * ops.square(ops.sigmoid(logits) - road)) / (ops.sum(weight) + 1e-6)


def _road_and_weight(labels: Any) -> tuple[Any, Any]:
    from keras import ops

    labels = ops.cast(labels, "float32")
    return ops.cast(ops.equal(labels, 1.0), "float32"), ops.cast(ops.less(labels, 1.5), "float32")
