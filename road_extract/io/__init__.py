"""Reading and writing: raster files, vector files, and the lists and catalogues that refer to scenes.

Only these modules may import rasterio, geopandas, pyogrio and pyarrow. Code that runs models or finds roads does not
belong here.
"""
