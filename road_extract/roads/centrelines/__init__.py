"""Finds the skeleton pixels of a streamed road mask: mask strips --blocks--> thinning --> pixels with half widths.

This package only finds pixels. Connecting them into lines belongs in `roads.network`.
"""

from road_extract.roads.centrelines.skeleton import SkeletonPixels, trace_skeleton

__all__ = ["SkeletonPixels", "trace_skeleton"]
