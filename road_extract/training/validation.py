"""Scores a model in training on the held-out ground, in the same way as it will be used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from road_extract.base.arrays import ByteArray, Float32Array
from road_extract.base.levels import PROBABILITY_MAX
from road_extract.base.windows import TilePlan
from road_extract.metrics.raster import RoadCounts, count_roads
from road_extract.models.backends import checks
from road_extract.models.spec import ModelSpec
from road_extract.prediction.inference import Inference, iter_probability
from road_extract.prediction.preprocess import byte_scaling
from road_extract.training.scenes import PreparedScene

if TYPE_CHECKING:
    import keras

_OVERLAP_PX = 32


@dataclass(slots=True)
class KerasBackend:
    """A backend for a model in training."""

    model: keras.Model
    batch_size: int
    in_flight: int = 1
    description: str = "model in training"

    def predict(self, batch: Float32Array) -> Float32Array:
        """Predict the probabilities of a batch, (batch, rows, cols)."""
        logits = np.asarray(self.model.predict_on_batch(batch), np.float32)[..., 0]
        with np.errstate(over="ignore"):  # e^1000 is infinite, and its sigmoid 0
            return checks.check_probabilities((1 / (1 + np.exp(-logits))).astype(np.float32))

    def close(self) -> None:
        """Do nothing: there are no resources to release."""


def predict_scene(model: keras.Model, scene: PreparedScene, spec: ModelSpec, batch_size: int) -> ByteArray:
    """Predict the blended probability of a prepared scene, (rows, cols), 0..254."""
    height, width = scene.labels.shape
    plan = TilePlan(height, width, spec.tile_size_px, _OVERLAP_PX)
    inference = Inference(KerasBackend(model, batch_size), spec, byte_scaling(len(spec.bands)))
    strips = [probability for probability, _ in iter_probability(scene, plan, inference)]
    return np.round(np.concatenate(strips) * PROBABILITY_MAX).astype(np.uint8)


def validate(
    model: keras.Model, scenes: Sequence[PreparedScene], spec: ModelSpec, batch_size: int
) -> dict[str, RoadCounts]:
    """Count pixels over the validation ground of several scenes, by group."""
    counts: dict[str, RoadCounts] = {}
    for scene in scenes:
        road, counted = scene.truth()
        found = count_roads(predict_scene(model, scene, spec, batch_size), road, counted)
        group = scene.entry.group
        counts[group] = counts[group] + found if group in counts else found
    return counts
