"""The only modules that open rasters."""

from road_extract.raster_io.facts import SceneFacts, find_problems, read_facts
from road_extract.raster_io.joining import join_rasters, read_tags
from road_extract.raster_io.mosaic import plan_mosaic, write_mosaic
from road_extract.raster_io.opening import gdal_session
from road_extract.raster_io.probability import MODEL_TAG, THRESHOLD_TAG, TRUE_WIDTH_TAG, ProbabilityRaster
from road_extract.raster_io.scene import GSD_EXTREME, RasterSource, Scene, SceneView, footprint
from road_extract.raster_io.sink import NODATA, PROBABILITY_MAX, RasterSink, open_mask_sink, open_probability_sink

__all__ = [
    "GSD_EXTREME",
    "MODEL_TAG",
    "NODATA",
    "PROBABILITY_MAX",
    "THRESHOLD_TAG",
    "TRUE_WIDTH_TAG",
    "ProbabilityRaster",
    "RasterSink",
    "RasterSource",
    "Scene",
    "SceneFacts",
    "SceneView",
    "find_problems",
    "footprint",
    "gdal_session",
    "join_rasters",
    "open_mask_sink",
    "open_probability_sink",
    "plan_mosaic",
    "read_facts",
    "read_tags",
    "write_mosaic",
]
