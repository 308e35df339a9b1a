"""Losses on float32 logits, on the Keras 3 API alone.

Labels are those of `road_extract.training.scenes`: 0 ground, 1 road, more has no weight. Losses are computed from
logits, never from a sigmoid: under a bfloat16 rewrite log(clip(sigmoid)) becomes NaN.
"""

from __future__ import annotations

from typing import Any

#: Weight of the pixels on either side of a road's edge.
EDGE_WEIGHT = 0.5
#: Share of the labels' loss beside the teacher's in distillation.
HARD_SHARE = 0.3


def bce_dice_loss(labels: Any, logits: Any) -> Any:
    """Mean of the binary cross-entropy plus half the soft Dice loss, pooled over the labelled pixels of the batch.

    Dice as in Milletari et al. (2016), "V-Net", with unsquared denominators. Pixels at a road's edge count less
    (`EDGE_WEIGHT`): labels are lines drawn in one width, true surfaces, or lie a pixel or two off.

    Args:
        labels: (batch, rows, cols, 1): 0 ground, 1 road, more: left out.
        logits: (batch, rows, cols, 1), float32.

    Returns:
        A scalar.
    """
    from keras import ops

    road, weight = _road_and_weight(labels)
    weight = weight * _edge_weight(road)
    # log(1 + e^x) - x * y, written so that neither branch overflows
    entropy = ops.maximum(logits, 0.0) - logits * road + ops.log1p(ops.exp(-ops.abs(logits)))
    probability = ops.sigmoid(logits) * weight
    dice = 1.0 - (2.0 * ops.sum(probability * road) + 1.0) / (ops.sum(probability) + ops.sum(road * weight) + 1.0)
    return ops.sum(entropy * weight) / (ops.sum(weight) + 1e-6) + 0.5 * dice


def distillation_loss(labels: Any, logits: Any) -> Any:
    """Cross-entropy against a teacher's probabilities, on every pixel it saw, plus a share of `bce_dice_loss`.

    Hinton, Vinyals & Dean (2015), "Distilling the Knowledge in a Neural Network", at temperature 1.

    Args:
        labels: (batch, rows, cols, 2), float32: labels as for `bce_dice_loss`, and the teacher's probabilities.
        logits: (batch, rows, cols, 1), float32.

    Returns:
        A scalar.
    """
    from keras import ops

    truth, teacher = labels[..., :1], labels[..., 1:]
    seen = ops.cast(ops.less(truth, 2.5), "float32")
    entropy = ops.maximum(logits, 0.0) - logits * teacher + ops.log1p(ops.exp(-ops.abs(logits)))
    soft = ops.sum(entropy * seen) / (ops.sum(seen) + 1e-6)
    return soft + HARD_SHARE * bce_dice_loss(truth, logits)


def _edge_weight(road: Any) -> Any:
    """`EDGE_WEIGHT` for the pixels on either side of a road's edge, else 1; (batch, rows, cols, 1)."""
    from keras import ops

    grown = ops.max_pool(road, 3, strides=1, padding="same")
    shrunk = 1.0 - ops.max_pool(1.0 - road, 3, strides=1, padding="same")
    return 1.0 - (1.0 - EDGE_WEIGHT) * (grown - shrunk)


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
