"""Features as Arrow tables: the batches that writers use, and a stream for programs that read Arrow."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from road_extract.base.features import Feature, LayerSchema
from road_extract.io.vector.batches import Watch, check_schema, crs_of, geometries_of, iter_batches

if TYPE_CHECKING:
    import geopandas
    import pyarrow as pa


def arrow_schema(schema: LayerSchema) -> pa.Schema:
    """The columns of a layer: ``geometry`` as WKB, then the fields."""
    import pyarrow as pa

    kinds = {int: pa.int64(), float: pa.float64(), bool: pa.bool_(), str: pa.string()}
    columns = [(name, kinds[kind]) for name, kind in schema.fields.items()]
    return pa.schema([("geometry", pa.binary()), *columns])


def record_batch(batch: list[Feature], schema: pa.Schema) -> pa.RecordBatch:
    """Features as a batch with the columns of `arrow_schema`."""
    import pyarrow as pa
    import shapely

    geometry = pa.array(shapely.to_wkb(geometries_of(batch), output_dimension=2), pa.binary())
    fields = [pa.array([row.properties[field.name] for row in batch], field.type) for field in list(schema)[1:]]
    return pa.record_batch([geometry, *fields], schema=schema)


def to_reader(schema: LayerSchema, features: Iterable[Feature]) -> pa.RecordBatchReader:
    """Features as a stream of Arrow batches, made while it is read.

    The geometry is a GeoArrow column with its CRS (extension type ``geoarrow.wkb``, geoarrow.org/extension-types), so
    that geopandas, GDAL, DuckDB and others recognise it. The metadata of the schema say how the features were made.

    Raises:
        InputError: If the schema cannot be used. What `features` raises, and an unsuitable feature, end the stream.
    """
    import pyarrow as pa

    check_schema(schema)
    about = {"crs": crs_of(schema).to_json_dict(), "crs_type": "projjson"}
    extension = {"ARROW:extension:name": "geoarrow.wkb", "ARROW:extension:metadata": json.dumps(about)}
    plain = arrow_schema(schema)
    geometry = pa.field("geometry", pa.binary(), metadata=extension)
    made = {f"road_extract:{name}": value for name, value in schema.made.items()}
    columns = pa.schema([geometry, *list(plain)[1:]], metadata=made or None)

    def batches() -> Iterator[pa.RecordBatch]:
        for batch in iter_batches(schema, features):
            yield record_batch(batch, columns)

    return pa.RecordBatchReader.from_batches(columns, batches())


def to_frame(schema: LayerSchema, features: Iterable[Feature]) -> geopandas.GeoDataFrame:
    """Features as a GeoDataFrame.

    Raises:
        InputError: If the schema or a feature cannot be used.
        BaseException: Whatever `features` raises, unchanged.
    """
    import geopandas

    source = Watch(features)
    try:
        return geopandas.GeoDataFrame.from_arrow(to_reader(schema, source))
    except Exception:
        if source.error is not None:
            raise source.error from None
        raise
