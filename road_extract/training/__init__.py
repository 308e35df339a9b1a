"""Training: windows drawn from whole scenes, losses on logits, a resumable loop.

Making prepared scenes (`from_scenes`, `preparation`) needs GDAL; what follows, from `loop` down, must not.
"""

from road_extract.training.loop import TrainProgress, train_prepared
from road_extract.training.options import TrainOptions

__all__ = ["TrainOptions", "TrainProgress", "train_prepared"]
