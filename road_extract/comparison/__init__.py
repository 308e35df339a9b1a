"""Road lines against a map: what is new, what both have, what is missing."""

from road_extract.comparison.flow import diff_roads
from road_extract.comparison.results import Difference

__all__ = ["Difference", "diff_roads"]
