"""Builds road polygons from a streamed mask, in pixel coordinates. Files and CRSs do not belong here.

mask strips --components--> rows of cells --boundaries--> arcs --simplify--> simpler arcs --rings--> polygons
"""

from road_extract.roads.polygons.components import RoadPolygon, iter_polygons

__all__ = ["RoadPolygon", "iter_polygons"]
