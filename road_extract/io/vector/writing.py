"""Writes layers of features, completely or not at all."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from road_extract.base import files
from road_extract.base.errors import InputError, OutputError, RoadExtractError
from road_extract.base.features import Feature, LayerSchema
from road_extract.io.vector.batches import Watch, check_schema, iter_batches
from road_extract.io.vector.geojson import write_geojson
from road_extract.io.vector.parquet import write_parquet
from road_extract.io.vector.tables import write_flatgeobuf, write_geopackage, write_pmtiles

if TYPE_CHECKING:
    from road_extract.io.vector.osm_tags import TagRule
    from road_extract.roads.network import RoadNetwork

log = logging.getLogger("road_extract")

OSM_ADVICE = (
    ".osm files are for JOSM and other editors of OpenStreetMap. QGIS and ogr2ogr show them empty, because they leave "
    "out the negative ids of new objects; write .gpkg or .geojson for those"
)

Writer = Callable[[Path, LayerSchema, Iterator[list[Feature]]], int]

FORMATS = {".geojson": "GeoJSON", ".gpkg": "GPKG", ".fgb": "FlatGeobuf", ".parquet": "Parquet"}
"""Format by suffix: a GDAL driver, or GeoParquet."""

TILE_FORMATS = {".pmtiles": "PMTiles"}
"""Formats for maps on the web, by suffix: what is read from them is cut at tiles and simplified."""

GDAL_SUFFIXES = frozenset({".gpkg", ".fgb", ".pmtiles"})
"""Suffixes of the formats that GDAL writes."""

NETWORK_FORMATS = {".osm": "OSM XML", ".graphml": "GraphML"}
"""Network format by suffix."""

_WRITERS: dict[str, Writer] = {
    "GeoJSON": write_geojson,
    "GPKG": write_geopackage,
    "FlatGeobuf": write_flatgeobuf,
    "Parquet": write_parquet,
    "PMTiles": write_pmtiles,
}


def check_format(path: Path, others: Iterable[str] = ()) -> str:
    """Return the format for a file name.

    Args:
        path: The file.
        others: Further suffixes that the caller takes, for the message.

    Raises:
        InputError: The suffix is not that of a known format.
    """
    known = FORMATS | TILE_FORMATS
    suffix = path.suffix.lower()
    if suffix not in known:
        names = ", ".join([*known, *others])
        raise InputError(f"{path} does not have the suffix of a known vector format; use {names}")
    return known[suffix]


def check_output(path: Path, overwrite: bool) -> None:
    """Check, before any work, whether `write_features` can write a file.

    Args:
        path: File to write.
        overwrite: Whether an existing file may be replaced.

    Raises:
        InputError: The suffix is not that of a known format, or the file already exists.
        OutputError: The folder is missing or not writable.
    """
    check_format(path)
    files.check_output(path, overwrite)


def write_features(path: Path, schema: LayerSchema, features: Iterable[Feature]) -> int:
    """Write a layer. An existing file is replaced at the very end and stays unchanged if anything fails.

    Geometries keep the schema's CRS, with two exceptions. PMTiles are in Web Mercator. GeoJSON is in WGS 84: degrees,
    longitude before latitude, exterior rings counterclockwise, cut at the antimeridian, 7 decimals (RFC 7946, sections
    3.1.6, 3.1.9, 4 and 11.2); a geometry that this rounding (about 1 cm) reduces to nothing becomes null.

    Args:
        path: A file with a suffix of `FORMATS` or `TILE_FORMATS`.
        schema: The layer.
        features: Features, consumed once and in batches, so that memory does not depend on their number.

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
    """Add a layer to an existing GeoPackage, in place. Pass a temporary file.

    Arguments, result and errors as for `write_features`.
    """
    check_schema(schema)
    source = Watch(features)
    with _driver_errors(path, source):
        return write_geopackage(path, schema, iter_batches(schema, source))


def check_crs(path: Path, crs: str) -> None:
    """Check, before any work, whether coordinates in a CRS can be written to a file.

    Args:
        path: File to write; its suffix determines the format.
        crs: WKT.

    Raises:
        InputError: The format needs longitude and latitude on the Earth, and the CRS does not have them.
    """
    from road_extract.base.coordinates import check_lonlat

    if path.suffix.lower() in (".geojson", ".osm", *TILE_FORMATS):
        check_lonlat(crs, f"{path.suffix} files")


def is_network_format(path: Path) -> bool:
    """Whether a file name has the suffix of a format for line networks only."""
    return path.suffix.lower() in NETWORK_FORMATS


def write_network(
    path: Path, network: RoadNetwork, crs: str, made: Mapping[str, str], rules: Sequence[TagRule] = ()
) -> int:
    """Write a network with nodes and lines. An existing file is replaced at the very end.

    Args:
        path: A file with a suffix of `NETWORK_FORMATS`.
        network: Network in map coordinates.
        crs: CRS of the coordinates, as WKT.
        made: How the roads were made; see `LayerSchema`.
        rules: Tags of OpenStreetMap; other formats have none.

    Returns:
        The number of lines written.

    Raises:
        InputError: A coordinate cannot be expressed in WGS 84, or a tag is too long.
        OutputError: The file cannot be written.
    """
    from road_extract.io.vector.graphml import write_graphml
    from road_extract.io.vector.osm import write_osm

    with files.replacing(path) as temporary, _driver_errors(path, Watch(())):
        if path.suffix.lower() == ".osm":
            write_osm(temporary, network, crs, made, rules)
        else:
            write_graphml(temporary, network, crs, made)
    if path.suffix.lower() == ".osm":
        log.info(OSM_ADVICE)
    return len(network)


@contextmanager
def _driver_errors(path: Path, source: Watch[Feature]) -> Iterator[None]:
    """Distinguish errors of writing from errors raised by the features."""
    try:
        yield
    except (OSError, RuntimeError, ValueError, sqlite3.Error) as error:
        if error is source.error or isinstance(error, RoadExtractError):
            raise
        reason = " ".join(str(getattr(error, "strerror", None) or error).split())
        raise OutputError(f"{path}: cannot be written ({reason}){files.space_advice(path, error)}") from error
