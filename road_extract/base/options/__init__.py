"""Options, with the help, unit and range that every front end shows: the one place where they are written down."""

from road_extract.base.options.batch import BatchOptions
from road_extract.base.options.declaring import check_ranges, option
from road_extract.base.options.evaluation import DiffOptions, EvaluateOptions
from road_extract.base.options.prediction import BACKENDS, PRECISIONS, PredictOptions
from road_extract.base.options.vectorizing import GEOMETRIES, LineOptions, VectorizeOptions

__all__ = [
    "BACKENDS",
    "GEOMETRIES",
    "PRECISIONS",
    "BatchOptions",
    "DiffOptions",
    "EvaluateOptions",
    "LineOptions",
    "PredictOptions",
    "VectorizeOptions",
    "check_ranges",
    "option",
]
