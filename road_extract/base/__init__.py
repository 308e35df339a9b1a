"""Values and small functions used by all other packages: options, windows, grids, errors, geodesy, atomic files.

Code about models, raster formats or roads does not belong here, and only the standard library, numpy, affine and, for
geodesy, pyproj and shapely may be imported.
"""
