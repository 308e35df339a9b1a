"""Layers of features, written whole or not at all."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from road_extract.base import files
from road_extract.base.errors import InputError, OutputError, RoadExtractError
from road_extract.base.features import Feature, LayerSchema
from road_extract.io.vector.batches import Watch, check_schema, iter_batches
from road_extract.io.vector.geojson import write_geojson
from road_extract.io.vector.tables import write_flatgeobuf, write_geopackage, write_parquet

if TYPE_CHECKING:
    from road_extract.roads.network import RoadNetwork

Writer = Callable[[Path, LayerSchema, Iterator[list[Feature]]], int]

FORMATS = {".geojson": "GeoJSON", ".gpkg": "GPKG", ".fgb": "FlatGeobuf", ".parquet": "Parquet"}
"""Suffix to format: a GDAL driver, or GeoParquet."""

GDAL_SUFFIXES = frozenset({".gpkg", ".fgb"})
"""Those that GDAL writes."""

NETWORK_FORMATS = {".osm": "OSM XML", ".graphml": "GraphML"}
"""Suffix to format, of those for networks."""

_WRITERS: dict[str, Writer] = {
    "GeoJSON": write_geojson,
    "GPKG": write_geopackage,
    "FlatGeobuf": write_flatgeobuf,
    "Parquet": write_parquet,
}


def check_format(path: Path) -> str:
    """The format that a file name stands for.

    Raises:
        InputError: The suffix names no known format.
    """
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise InputError(f"{path} does not end in a known vector format; use {', '.join(FORMATS)}")
    return FORMATS[suffix]


def check_output(path: Path, overwrite: bool) -> None:
    """Find out before any work whether `write_features` could write there.

    Args:
        path: The file to be written.
        overwrite: Whether a file of that name may be replaced.

    Raises:
        InputError: The suffix names no known format, or the file is there already.
        OutputError: Its folder is missing or cannot be written to.
    """
    check_format(path)
    files.check_output(path, overwrite)


def write_features(path: Path, schema: LayerSchema, features: Iterable[Feature]) -> int:
    """Write a layer; a file of that name is replaced at the very end, and stays as it was if anything fails.

    Geometries keep the schema's CRS, except in GeoJSON: WGS 84 in degrees, longitude before latitude, exterior rings
    counterclockwise, cut at the antimeridian, 7 decimals (RFC 7946, sections 3.1.6, 3.1.9, 4 and 11.2). A geometry
    that vanishes by that rounding (about 1 cm) is null there.

    Args:
        path: A file with a suffix of `FORMATS`.
        schema: The layer.
        features: Consumed once and in batches, so that memory does not grow with their number.

    Returns:
        The number of features written.

    Raises:
        InputError: The suffix, the schema or a feature cannot be used.
        OutputError: The file cannot be written.
        BaseException: Whatever `features` raises, unchanged.
    """
    write = _WRITERS[check_format(path)]
    check_schema(schema)
    source = Watch(features)
    with files.replacing(path) as temporary, _driver_errors(path, source):
        return write(temporary, schema, iter_batches(schema, source))


def add_layer(path: Path, schema: LayerSchema, features: Iterable[Feature]) -> int:
    """Write one more layer into a GeoPackage that is there, which is changed in place: give it a temporary one.

    Arguments, result and errors as for `write_features`.
    """
    check_schema(schema)
    source = Watch(features)
    with _driver_errors(path, source):
        return write_geopackage(path, schema, iter_batches(schema, source))


def check_crs(path: Path, crs: str) -> None:
    """Find out before any work whether places in a CRS can be written to a file.

    Args:
        path: To be written; its suffix tells the format.
        crs: WKT.

    Raises:
        InputError: The format needs longitude and latitude on the earth, and the CRS has none.
    """
    from road_extract.base.coordinates import check_lonlat

    if path.suffix.lower() in (".geojson", ".osm"):
        check_lonlat(crs, f"{path.suffix} files")


def is_network_format(path: Path) -> bool:
    """Whether a file name stands for a format that holds a network of lines and nothing else."""
    return path.suffix.lower() in NETWORK_FORMATS


def write_network(path: Path, network: RoadNetwork, crs: str, model: str) -> int:
    """Write a network whole, nodes and lines; a file of that name is replaced at the very end.

    Args:
        path: A file with a suffix of `NETWORK_FORMATS`.
        network: In map coordinates.
        crs: Theirs, as WKT.
        model: What found the roads; may be empty.

    Returns:
        The number of lines written.

    Raises:
        InputError: A coordinate has no place in WGS 84.
        OutputError: The file cannot be written.
    """
    from road_extract.io.vector.graphml import write_graphml
    from road_extract.io.vector.osm import write_osm

    write = write_osm if NETWORK_FORMATS[path.suffix.lower()] == "OSM XML" else write_graphml
    with files.replacing(path) as temporary, _driver_errors(path, Watch(())):
        write(temporary, network, crs, model)
    return len(network)


@contextmanager
def _driver_errors(path: Path, source: Watch[Feature]) -> Iterator[None]:
    """Tell errors of writing from those of the features."""
    try:
        yield
    except (OSError, RuntimeError, ValueError, sqlite3.Error) as error:
        if error is source.error or isinstance(error, RoadExtractError):
            raise
        reason = " ".join(str(getattr(error, "strerror", None) or error).split())
        raise OutputError(f"{path}: cannot be written ({reason}){files.space_advice(path, error)}") from error
