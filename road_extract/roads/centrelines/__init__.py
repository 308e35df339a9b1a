"""Skeleton pixels of a road mask that streams by: mask strips --blocks--> thinning --> pixels with half widths.

Only pixels are found here; `roads.network` makes lines of them.
"""

from road_extract.roads.centrelines.skeleton import SkeletonPixels, trace_skeleton

__all__ = ["SkeletonPixels", "trace_skeleton"]
