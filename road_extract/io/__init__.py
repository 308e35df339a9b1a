"""Everything that opens rasters, vector files, and the lists and catalogues that name scenes.

No model runs and no road is found here; these are the only modules that may import rasterio, geopandas, pyogrio and
pyarrow.
"""
