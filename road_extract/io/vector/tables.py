"""GeoPackage, FlatGeobuf and PMTiles, written by GDAL.

GDAL does not report an error if the disk fills up while it closes a file, so files are read back.
"""

from __future__ import annotations

import math
import sqlite3
import struct
import warnings
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import Any

from road_extract.base.features import Feature, LayerSchema
from road_extract.io.vector.arrow import arrow_schema, record_batch
from road_extract.io.vector.batches import BATCH_FEATURES, Watch

#: Vector tiles: their units along a side (GDAL's default), the most detailed zoom level, and the levels above it.
_TILE_UNITS, _ZOOM_MOST, _ZOOM_SPAN = 4096, 16, 8
#: Length of the equator in Web Mercator.
_EQUATOR_M = 40_075_016.7
# A fixed date, so that equal features give equal bytes.
_GPKG_LAST_CHANGE = "1970-01-01T00:00:00.000Z"
#: The newest that GDAL 3.6 and QGIS 3.22 know; they warn about newer ones.
_GPKG_VERSION = "1.3"


def _write_gdal(path: Path, schema: LayerSchema, batches: Iterator[list[Feature]], driver: str, **options: str) -> int:
    import pyarrow as pa
    import pyogrio

    columns = arrow_schema(schema)
    count = _Count()
    watch = Watch(record_batch(batch, columns) for batch in count.over(batches))
    reader = pa.RecordBatchReader.from_batches(columns, iter(watch))
    layer: dict[str, Any] = {"layer": schema.name, "geometry_type": schema.geometry_type, "crs": schema.crs}
    layer["layer_metadata"] = {f"road_extract_{name}": value for name, value in schema.made.items()} or None
    if driver == "GPKG" and not path.exists():
        options["VERSION"] = _GPKG_VERSION
    try:
        pyogrio.write_arrow(reader, path, driver=driver, geometry_name="geometry", **layer, dataset_options=options)
    except Exception:
        if watch.error is not None:
            raise watch.error from None
        raise
    return count.value


class _Count:
    """Counts the features that pass through."""

    def __init__(self) -> None:
        self.value = 0

    def over(self, batches: Iterable[list[Feature]]) -> Iterator[list[Feature]]:
        for batch in batches:
            self.value += len(batch)
            yield batch


def write_flatgeobuf(path: Path, schema: LayerSchema, batches: Iterator[list[Feature]]) -> int:
    """Write FlatGeobuf with a spatial index and return the number of features."""
    import pyogrio

    count = _write_gdal(path, schema, batches, "FlatGeobuf")
    with pyogrio.open_arrow(path, columns=[], batch_size=BATCH_FEATURES, use_pyarrow=True) as (_, reader):
        _check_whole(count, sum(batch.num_rows for batch in reader))
    return count


def write_geopackage(path: Path, schema: LayerSchema, batches: Iterator[list[Feature]]) -> int:
    """Write a layer with a spatial index into a new or an existing GeoPackage and return the number of features."""
    count = _write_gdal(path, schema, batches, "GPKG")
    layer, index = (name.replace('"', '""') for name in (schema.name, f"rtree_{schema.name}_geom_rowid"))
    with closing(sqlite3.connect(path)) as database, database:
        for table in (layer, index):
            (rows,) = database.execute(f'SELECT count(*) FROM "{table}"').fetchone()
            _check_whole(count, rows)
        database.execute("UPDATE gpkg_contents SET last_change = ?", (_GPKG_LAST_CHANGE,))
        if schema.made:
            database.execute("UPDATE gpkg_metadata_reference SET timestamp = ?", (_GPKG_LAST_CHANGE,))
    _fix_change_counter(path)
    return count


def write_pmtiles(path: Path, schema: LayerSchema, batches: Iterator[list[Feature]]) -> int:
    """Write vector tiles in Web Mercator as one PMTiles archive and return the number of features.

    The most detailed zoom level shows half a pixel of the scene; in others, lines are simplified.
    """
    least, most = _zooms(schema.pixel_m)
    options = {"MINZOOM": str(least), "MAXZOOM": str(most), "NAME": schema.name}
    first = next(batches, None)
    if first is None:  # without features, GDAL knows no bounds and writes nothing
        options["BOUNDS"] = "-180,-85,180,85"
    rest = batches if first is None else chain([first], batches)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # that the option is not in the driver's list
        count = _write_gdal(path, schema, rest, "PMTiles", **options)
    # PMTiles version 3, section 3: offset and length of the tiles, which are the last part of the file
    with path.open("rb") as file:
        magic, offset, length = struct.unpack("<7s49xQQ", file.read(72))
    if magic != b"PMTiles" or offset + length != path.stat().st_size:
        raise OSError("only some of the tiles were written to the file")
    return count


def _zooms(pixel_m: float | None) -> tuple[int, int]:
    """The least and the most detailed zoom level."""
    if pixel_m is None:
        return _ZOOM_MOST - _ZOOM_SPAN, _ZOOM_MOST
    wanted = math.ceil(math.log2(2 * _EQUATOR_M / _TILE_UNITS / pixel_m))
    most = min(_ZOOM_MOST, max(_ZOOM_SPAN, wanted))
    return most - _ZOOM_SPAN, most


def _fix_change_counter(path: Path) -> None:
    """Set the change counter to 1: the number of GDAL's transactions varies from run to run.

    The header contains the counter twice, and both must agree (sqlite.org/fileformat2.html, 1.3.7 and 1.3.15).
    """
    with path.open("r+b") as file:
        for place in (24, 92):
            file.seek(place)
            file.write((1).to_bytes(4, "big"))


def _check_whole(expected: int, found: int) -> None:
    if found != expected:
        raise OSError(f"only {found} of {expected} features reached the file")
