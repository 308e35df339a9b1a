"""Vector files: the only modules that read and write them.

A layer is streamed in batches into a temporary file beside the target, which takes the target's name when it is whole:

    features --batches--> checked batches --one writer per format--> temporary file --rename--> target
"""

from road_extract.vector_io.geojson import reproject, to_lonlat
from road_extract.vector_io.reading import Table, read_area, read_geometries, read_roads, read_table
from road_extract.vector_io.writing import (
    FORMATS,
    GDAL_SUFFIXES,
    NETWORK_FORMATS,
    add_layer,
    check_format,
    check_output,
    is_network_format,
    load_drivers,
    write_features,
    write_network,
)

__all__ = [
    "FORMATS",
    "GDAL_SUFFIXES",
    "NETWORK_FORMATS",
    "Table",
    "add_layer",
    "check_format",
    "check_output",
    "is_network_format",
    "load_drivers",
    "read_area",
    "read_geometries",
    "read_roads",
    "read_table",
    "reproject",
    "to_lonlat",
    "write_features",
    "write_network",
]
