"""GeoPackage and FlatGeobuf, written by GDAL.

GDAL does not report an error if the disk fills up while it closes a file, so files are read back.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from road_extract.base.features import Feature, LayerSchema
from road_extract.io.vector.arrow import arrow_schema, record_batch
from road_extract.io.vector.batches import BATCH_FEATURES, Watch

# A fixed date, so that equal features give equal bytes.
_GPKG_LAST_CHANGE = "1970-01-01T00:00:00.000Z"
#: The newest that GDAL 3.6 and QGIS 3.22 know; they warn about newer ones.
_GPKG_VERSION = "1.3"


def _write_gdal(path: Path, schema: LayerSchema, batches: Iterator[list[Feature]], driver: str) -> int:
    import pyarrow as pa
    import pyogrio

    columns = arrow_schema(schema)
    count = _Count()
    watch = Watch(record_batch(batch, columns) for batch in count.over(batches))
    reader = pa.RecordBatchReader.from_batches(columns, iter(watch))
    layer: dict[str, Any] = {"layer": schema.name, "geometry_type": schema.geometry_type, "crs": schema.crs}
    layer["layer_metadata"] = {f"road_extract_{name}": value for name, value in schema.made.items()} or None
    if driver == "GPKG" and not path.exists():
        layer["dataset_options"] = {"VERSION": _GPKG_VERSION}
    try:
        pyogrio.write_arrow(reader, path, driver=driver, geometry_name="geometry", **layer)
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
