"""Training: windows drawn from whole scenes, losses on logits, a resumable loop."""

from road_extract.training.loop import TrainOptions, TrainProgress, train_model

__all__ = ["TrainOptions", "TrainProgress", "train_model"]
