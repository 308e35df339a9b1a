"""Compares road lines with a map: what is new, what matches and what is missing.

This package reads and writes the layers. The code that finds and cuts matching stretches belongs in `metrics`.
"""

from road_extract.evaluation.diff.flow import diff_roads
from road_extract.evaluation.diff.results import Difference

__all__ = ["Difference", "diff_roads"]
