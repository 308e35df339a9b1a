"""Losses on float32 logits, using only the Keras 3 API.

Labels are those of `road_extract.training.scenes`: 0 is ground, 1 is road, and higher values have no weight. Losses are
computed from logits, never from a sigmoid, because a bfloat16 rewrite turns log(clip(sigmoid)) into NaN.
"""

from __future__ import annotations

from typing import Any

#: Weight of the pixels on both sides of the edge of a road.
EDGE_WEIGHT = 0.5
#: Weight of the loss on labels, relative to the loss on the teacher's predictions, in distillation.
HARD_SHARE = 0.3


def bce_dice_loss(labels: Any, logits: Any) -> Any:
    """Compute the mean binary cross-entropy plus half the soft Dice loss, pooled over the labelled pixels of the batch.

    Dice as in Milletari et al. (2016), "V-Net", with unsquared denominators. Pixels at the edge of a road count less
    (`EDGE_WEIGHT`), because labels may be lines of a fixed width or true surfaces, and may be a pixel or two off.

    Args:
        labels: (batch, rows, cols, 1): 0 ground, 1 road, higher values ignored.
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
    """Compute the cross-entropy with the teacher's probabilities on all valid pixels, plus a share of `bce_dice_loss`.

    Hinton, Vinyals & Dean (2015), "Distilling the Knowledge in a Neural Network", at temperature 1.

    Args:
        labels: (batch, rows, cols, 2), float32: the labels as for `bce_dice_loss`, and the teacher's probabilities.
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
    """Return `EDGE_WEIGHT` for pixels on both sides of the edge of a road, and 1 elsewhere; (batch, rows, cols, 1)."""
    from keras import ops

    grown = ops.max_pool(road, 3, strides=1, padding="same")
    shrunk = 1.0 - ops.max_pool(1.0 - road, 3, strides=1, padding="same")
    return 1.0 - (1.0 - EDGE_WEIGHT) * (grown - shrunk)


def mse_loss(labels: Any, logits: Any) -> Any:
    """Compute the mean squared error of the probability over labelled pixels: Zhang, Liu & Wang (2018), equation 2.

    Args:
        labels: (batch, rows, cols, 1): 0 ground, 1 road, higher values ignored.
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
