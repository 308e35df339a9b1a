"""Compares road lines with a map, and finds which are new, matched or missing.

This package reads and writes the layers. The code that finds and cuts matching stretches belongs in `metrics`.
"""

from road_extract.evaluation.diff.flow import DiffOutputs, diff_roads
from road_extract.evaluation.diff.results import Difference

__all__ = ["DiffOutputs", "Difference", "diff_roads"]
