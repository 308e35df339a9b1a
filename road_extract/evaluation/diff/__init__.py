"""Road lines against a map: what is new, what both have, what is missing.

Layers are read, compared and written here. Finding and cutting the stretches that match is in `metrics`.
"""

from road_extract.evaluation.diff.flow import diff_roads
from road_extract.evaluation.diff.results import Difference

__all__ = ["Difference", "diff_roads"]
