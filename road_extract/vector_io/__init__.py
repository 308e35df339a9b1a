"""Vector files: the only modules that read and write them.

A layer is streamed in batches into a temporary file beside the target, which takes the target's name when it is whole:

    features --batches--> checked batches --one writer per format--> temporary file --rename--> target
"""

from road_extract.vector_io.reading import Table, read_area, read_geometries, read_table
from road_extract.vector_io.writing import FORMATS, check_format, check_output, load_drivers, write_features

__all__ = [
    "FORMATS",
    "Table",
    "check_format",
    "check_output",
    "load_drivers",
    "read_area",
    "read_geometries",
    "read_table",
    "write_features",
]
