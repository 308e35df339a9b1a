"""Skeleton pixels of a road mask that streams by: mask strips --blocks--> thinning --> pixels with half widths."""

from road_extract.centrelines.skeleton import PROBABILITY_MAX, SkeletonPixels, trace_skeleton

__all__ = ["PROBABILITY_MAX", "SkeletonPixels", "trace_skeleton"]
