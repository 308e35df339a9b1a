"""Reads and writes rasters: scenes on the model's grid, probability and masks, mosaics, pictures.

Only these modules may import rasterio. Computations on the pixels belong in other packages.
"""

from road_extract.io.raster.cog import check_creation_options
from road_extract.io.raster.extent import footprint
from road_extract.io.raster.facts import SceneFacts, find_problems, read_facts
from road_extract.io.raster.joining import join_rasters, read_tags
from road_extract.io.raster.mosaic import plan_mosaic, write_mosaic
from road_extract.io.raster.opening import gdal_session
from road_extract.io.raster.probability import (
    BACKEND_TAG,
    MADE_BY_TAG,
    MODEL_TAG,
    THRESHOLD_TAG,
    TRUE_WIDTH_TAG,
    ProbabilityRaster,
)
from road_extract.io.raster.scene import Scene
from road_extract.io.raster.scene_view import GSD_EXTREME, SceneView
from road_extract.io.raster.sink import (
    RasterSink,
    open_mask_sink,
    open_probability_sink,
    to_uint8,
)

__all__ = [
    "BACKEND_TAG",
    "GSD_EXTREME",
    "MADE_BY_TAG",
    "MODEL_TAG",
    "THRESHOLD_TAG",
    "TRUE_WIDTH_TAG",
    "ProbabilityRaster",
    "RasterSink",
    "Scene",
    "SceneFacts",
    "SceneView",
    "check_creation_options",
    "find_problems",
    "footprint",
    "gdal_session",
    "join_rasters",
    "open_mask_sink",
    "open_probability_sink",
    "plan_mosaic",
    "read_facts",
    "read_tags",
    "to_uint8",
    "write_mosaic",
]
