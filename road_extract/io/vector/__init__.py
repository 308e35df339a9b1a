"""Reads and writes vector files. Only these modules may import geopandas, pyogrio and pyarrow.

A layer is streamed in batches to a temporary file next to the target, which is renamed when it is complete:

    features --batches--> checked batches --one writer per format--> temporary file --rename--> target
"""

from road_extract.io.vector.arrow import to_frame, to_reader
from road_extract.io.vector.fields import unique_names
from road_extract.io.vector.geojson import reproject, to_lonlat
from road_extract.io.vector.layers import Selection
from road_extract.io.vector.osm_change import CHANGE_SUFFIXES, write_change
from road_extract.io.vector.osm_reading import is_osm_file, is_overpass_file, read_osm
from road_extract.io.vector.osm_tags import TagRule, check_attributes, check_tagged, read_tag_rules
from road_extract.io.vector.reading import (
    Table,
    read_area,
    read_geometries,
    read_layers,
    read_roads,
    read_table,
    read_written,
)
from road_extract.io.vector.writing import (
    FORMATS,
    GDAL_SUFFIXES,
    NETWORK_FORMATS,
    TILE_FORMATS,
    add_layer,
    check_crs,
    check_format,
    check_output,
    is_network_format,
    write_features,
    write_network,
)

__all__ = [
    "CHANGE_SUFFIXES",
    "FORMATS",
    "GDAL_SUFFIXES",
    "NETWORK_FORMATS",
    "TILE_FORMATS",
    "Selection",
    "Table",
    "TagRule",
    "add_layer",
    "check_attributes",
    "check_crs",
    "check_format",
    "check_output",
    "check_tagged",
    "is_network_format",
    "is_osm_file",
    "is_overpass_file",
    "read_area",
    "read_geometries",
    "read_layers",
    "read_osm",
    "read_roads",
    "read_table",
    "read_tag_rules",
    "read_written",
    "reproject",
    "to_frame",
    "to_lonlat",
    "to_reader",
    "unique_names",
    "write_change",
    "write_features",
    "write_network",
]
