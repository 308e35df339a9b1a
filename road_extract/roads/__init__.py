"""From a road mask to road polygons and road lines.

Arrays come in, arrays and shapely geometries go out: no file, no model and no command line is known here.
"""
