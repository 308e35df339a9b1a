"""GeoTIFF in, georeferenced roads out.

This package provides one function per command: inputs first, then outputs, then options by keyword. They take and
return paths and print nothing. These names are the public API; all other names in the package are internal and may
change.

Names are loaded when they are first used, so importing the package is fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from road_extract.base.errors import BackendError as BackendError
    from road_extract.base.errors import InputError as InputError
    from road_extract.base.errors import OutputError as OutputError
    from road_extract.base.errors import RoadExtractError as RoadExtractError
    from road_extract.base.options import BatchOptions as BatchOptions
    from road_extract.base.options import DiffOptions as DiffOptions
    from road_extract.base.options import EvaluateOptions as EvaluateOptions
    from road_extract.base.options import JoinOptions as JoinOptions
    from road_extract.base.options import LineOptions as LineOptions
    from road_extract.base.options import PredictOptions as PredictOptions
    from road_extract.base.options import ReportOptions as ReportOptions
    from road_extract.base.options import ReviewOptions as ReviewOptions
    from road_extract.base.options import VectorizeOptions as VectorizeOptions
    from road_extract.base.progress import Progress as Progress
    from road_extract.base.version import __version__ as __version__
    from road_extract.batch import BatchResult as BatchResult
    from road_extract.batch import PortionResult as PortionResult
    from road_extract.batch import extract_batch as extract_batch
    from road_extract.batch import predict_portion as predict_portion
    from road_extract.evaluation import Evaluation as Evaluation
    from road_extract.evaluation import evaluate as evaluate
    from road_extract.evaluation.diff import Difference as Difference
    from road_extract.evaluation.diff import DiffOutputs as DiffOutputs
    from road_extract.evaluation.diff import diff_roads as diff_roads
    from road_extract.models.backends.listing import list_backends as list_backends
    from road_extract.pipeline.calibration import quantize_model as quantize_model
    from road_extract.pipeline.diagnosis import diagnose as diagnose
    from road_extract.pipeline.export import export_model as export_model
    from road_extract.pipeline.flow import extract_roads as extract_roads
    from road_extract.pipeline.flow import predict_probability as predict_probability
    from road_extract.pipeline.flow import vectorize_roads as vectorize_roads
    from road_extract.pipeline.installing import ModelInfo as ModelInfo
    from road_extract.pipeline.installing import describe_model as describe_model
    from road_extract.pipeline.installing import install_model as install_model
    from road_extract.pipeline.installing import list_models as list_models
    from road_extract.pipeline.installing import verify_model as verify_model
    from road_extract.pipeline.outputs import Extraction as Extraction
    from road_extract.pipeline.outputs import Outputs as Outputs
    from road_extract.pipeline.outputs import RasterFile as RasterFile
    from road_extract.pipeline.preflight import SceneReport as SceneReport
    from road_extract.pipeline.preflight import describe_scene as describe_scene
    from road_extract.pipeline.preview import draw_preview as draw_preview
    from road_extract.pipeline.streaming import RoadStream as RoadStream
    from road_extract.pipeline.streaming import extract_arrow as extract_arrow
    from road_extract.pipeline.streaming import vectorize_arrow as vectorize_arrow
    from road_extract.review.decisions import Reviewed as Reviewed
    from road_extract.review.decisions import review_roads as review_roads
    from road_extract.review.report import Report as Report
    from road_extract.review.report import write_report as write_report
    from road_extract.training.from_scenes import train_model as train_model
    from road_extract.training.loop import TrainProgress as TrainProgress
    from road_extract.training.options import BaseModels as BaseModels
    from road_extract.training.options import DataOptions as DataOptions
    from road_extract.training.options import TrainOptions as TrainOptions
    from road_extract.training.sources import TrainingSource as TrainingSource

_HOMES = {
    "BackendError": "base.errors",
    "BaseModels": "training.options",
    "BatchOptions": "base.options",
    "BatchResult": "batch",
    "DataOptions": "training.options",
    "DiffOptions": "base.options",
    "DiffOutputs": "evaluation.diff",
    "Difference": "evaluation.diff",
    "EvaluateOptions": "base.options",
    "Evaluation": "evaluation",
    "Extraction": "pipeline.outputs",
    "InputError": "base.errors",
    "JoinOptions": "base.options",
    "LineOptions": "base.options",
    "ModelInfo": "pipeline.installing",
    "OutputError": "base.errors",
    "Outputs": "pipeline.outputs",
    "PortionResult": "batch",
    "PredictOptions": "base.options",
    "Progress": "base.progress",
    "RasterFile": "pipeline.outputs",
    "Report": "review.report",
    "ReportOptions": "base.options",
    "ReviewOptions": "base.options",
    "Reviewed": "review.decisions",
    "RoadExtractError": "base.errors",
    "RoadStream": "pipeline.streaming",
    "SceneReport": "pipeline.preflight",
    "TrainOptions": "training.options",
    "TrainProgress": "training.loop",
    "TrainingSource": "training.sources",
    "VectorizeOptions": "base.options",
    "__version__": "base.version",
    "describe_model": "pipeline.installing",
    "describe_scene": "pipeline.preflight",
    "diagnose": "pipeline.diagnosis",
    "diff_roads": "evaluation.diff",
    "draw_preview": "pipeline.preview",
    "evaluate": "evaluation",
    "export_model": "pipeline.export",
    "extract_arrow": "pipeline.streaming",
    "extract_batch": "batch",
    "install_model": "pipeline.installing",
    "list_backends": "models.backends.listing",
    "extract_roads": "pipeline.flow",
    "list_models": "pipeline.installing",
    "predict_portion": "batch",
    "predict_probability": "pipeline.flow",
    "quantize_model": "pipeline.calibration",
    "review_roads": "review.decisions",
    "train_model": "training.from_scenes",
    "verify_model": "pipeline.installing",
    "vectorize_arrow": "pipeline.streaming",
    "vectorize_roads": "pipeline.flow",
    "write_report": "review.report",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
