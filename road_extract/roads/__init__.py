"""Turns a road mask into road polygons and road lines.

It takes arrays and returns arrays or shapely geometries. Files, models and the command line do not belong here.
"""
