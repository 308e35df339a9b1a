"""Values and small functions that every other room uses: options, windows, grids, errors, geodesy, files written whole.

Nothing here knows a model, a raster format or a road; only the standard library, numpy, affine and, for geodesy, pyproj
and shapely may be imported.
"""
