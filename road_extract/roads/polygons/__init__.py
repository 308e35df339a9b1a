"""Road polygons out of a mask that streams by. Mask strips come in, polygons in pixels go out: no file, no CRS.

mask strips --components--> rows of cells --boundaries--> arcs --simplify--> simpler arcs --rings--> polygons
"""

from road_extract.roads.polygons.components import RoadPolygon, iter_polygons

__all__ = ["RoadPolygon", "iter_polygons"]
