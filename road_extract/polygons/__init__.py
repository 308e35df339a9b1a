"""Road polygons out of a mask that streams by.

mask strips --components--> rows of cells --boundaries--> arcs --simplify--> simpler arcs --rings--> polygons
"""

from road_extract.polygons.components import RoadPolygon, iter_polygons

__all__ = ["RoadPolygon", "iter_polygons"]
