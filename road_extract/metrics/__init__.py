"""Metrics that compare roads with the ground truth, as counts and ratios of pixels and lines.

They work on arrays and shapely geometries. Code that opens files or knows about scenes does not belong here.
"""
