"""Trains models: draws windows from whole scenes, computes losses on logits, and runs a resumable training loop.

Preparing scenes (`from_scenes`, `preparation`) needs GDAL. Everything after that, from `loop` on, must not use it.
"""

from road_extract.training.loop import TrainProgress, train_prepared
from road_extract.training.options import TrainOptions

__all__ = ["TrainOptions", "TrainProgress", "train_prepared"]
