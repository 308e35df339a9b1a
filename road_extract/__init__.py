"""GeoTIFF in, georeferenced roads out.

Every command is one function here: paths in, paths out, no printing. Names are loaded when they are first used, so
that importing the package is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from road_extract.base.errors import RoadExtractError as RoadExtractError
    from road_extract.base.options import BatchOptions as BatchOptions
    from road_extract.base.options import DiffOptions as DiffOptions
    from road_extract.base.options import EvaluateOptions as EvaluateOptions
    from road_extract.base.options import LineOptions as LineOptions
    from road_extract.base.options import PredictOptions as PredictOptions
    from road_extract.base.options import VectorizeOptions as VectorizeOptions
    from road_extract.base.version import __version__ as __version__
    from road_extract.batch import extract_batch as extract_batch
    from road_extract.evaluation import evaluate as evaluate
    from road_extract.evaluation.diff import diff_roads as diff_roads
    from road_extract.pipeline.diagnosis import diagnose as diagnose
    from road_extract.pipeline.flow import extract_roads as extract_roads
    from road_extract.pipeline.flow import predict_probability as predict_probability
    from road_extract.pipeline.flow import vectorize_roads as vectorize_roads
    from road_extract.pipeline.preflight import describe_scene as describe_scene
    from road_extract.pipeline.preview import draw_preview as draw_preview
    from road_extract.training.from_scenes import train_model as train_model
    from road_extract.training.options import DataOptions as DataOptions
    from road_extract.training.options import TrainOptions as TrainOptions
    from road_extract.training.sources import TrainingSource as TrainingSource

_HOMES = {
    "BatchOptions": "base.options",
    "DiffOptions": "base.options",
    "EvaluateOptions": "base.options",
    "LineOptions": "base.options",
    "PredictOptions": "base.options",
    "RoadExtractError": "base.errors",
    "DataOptions": "training.options",
    "TrainOptions": "training.options",
    "TrainingSource": "training.sources",
    "VectorizeOptions": "base.options",
    "__version__": "base.version",
    "describe_scene": "pipeline.preflight",
    "diagnose": "pipeline.diagnosis",
    "diff_roads": "evaluation.diff",
    "draw_preview": "pipeline.preview",
    "evaluate": "evaluation",
    "extract_batch": "batch",
    "extract_roads": "pipeline.flow",
    "predict_probability": "pipeline.flow",
    "train_model": "training.from_scenes",
    "vectorize_roads": "pipeline.flow",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
