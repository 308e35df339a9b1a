"""The options of every command, each declared once with the help text, unit and range that all front ends show.

Only dataclasses and their checks belong here. Code that parses or displays options belongs to the front ends.
"""

from road_extract.base.options.batch import BatchOptions
from road_extract.base.options.conflation import JoinOptions
from road_extract.base.options.declaring import check_ranges, option
from road_extract.base.options.evaluation import DiffOptions, EvaluateOptions
from road_extract.base.options.prediction import BACKENDS, PRECISIONS, PredictOptions
from road_extract.base.options.review import ReportOptions, ReviewOptions
from road_extract.base.options.vectorizing import GEOMETRIES, LineOptions, VectorizeOptions

__all__ = [
    "BACKENDS",
    "GEOMETRIES",
    "PRECISIONS",
    "BatchOptions",
    "DiffOptions",
    "EvaluateOptions",
    "JoinOptions",
    "LineOptions",
    "PredictOptions",
    "ReportOptions",
    "ReviewOptions",
    "VectorizeOptions",
    "check_ranges",
    "option",
]
