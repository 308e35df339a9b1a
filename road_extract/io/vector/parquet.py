"""Writes GeoParquet 1.1 (geoparquet.org/releases/v1.1.0) with Arrow, so that reading a box requires little more.

Rows lie along a Hilbert curve, which keeps neighbours together, in groups of at least 10,000 rows, and a column holds
the bounding box of each row. The order is known only when all rows are, so they are first written to a temporary file
that is mapped into memory. Memory holds one row group, and 40 bytes for each row.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from road_extract.base.features import Feature, LayerSchema
from road_extract.base.files import scratch
from road_extract.io.vector.arrow import arrow_schema, record_batch
from road_extract.io.vector.batches import crs_of, geometries_of
from road_extract.io.vector.fields import unique_names

if TYPE_CHECKING:
    import pyarrow as pa

    from road_extract.base.arrays import Float64Array, IntArray

#: Smallest row group, unless the whole file has fewer rows.
ROW_GROUP = 10_000
_CORNERS = ("xmin", "ymin", "xmax", "ymax")


def write_parquet(path: Path, schema: LayerSchema, batches: Iterator[list[Feature]]) -> int:
    """Write GeoParquet and return the number of features."""
    import numpy as np
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    with scratch(path) as spool:
        boxes = _write_rows(spool, schema, batches)
        with pa.memory_map(str(spool)) as file, path.open("wb") as out:
            rows = pa.ipc.open_file(file).read_all()
            columns = _columns(schema, boxes)
            # no statistics of the geometries: for WKB, they are meaningless
            known = [*schema.fields, *(f"{columns.names[-1]}.{corner}" for corner in _CORNERS)]
            with ParquetWriter(out, columns, compression="zstd", write_statistics=known) as writer:
                order = _hilbert_order(boxes)
                for part in np.array_split(order, max(1, len(order) // ROW_GROUP)) if len(order) else []:
                    writer.write_table(_with_boxes(rows.take(part), boxes[part], columns), row_group_size=len(part))
    return len(boxes)


def _write_rows(spool: Path, schema: LayerSchema, batches: Iterator[list[Feature]]) -> Float64Array:
    """Write the rows in the order given; returns their bounding boxes, (rows, 4)."""
    import numpy as np
    import pyarrow as pa
    import shapely

    columns = arrow_schema(schema)
    boxes = [np.empty((0, 4))]
    with spool.open("wb") as file, pa.ipc.new_file(file, columns) as writer:
        for batch in batches:
            writer.write_batch(record_batch(batch, columns))
            boxes.append(shapely.bounds(geometries_of(batch)))
    return np.concatenate(boxes)


def _hilbert_order(boxes: Float64Array) -> IntArray:
    """The order of the centres of boxes along a Hilbert curve over all of them; equal ones keep their order."""
    import geopandas
    import numpy as np
    import shapely

    if not len(boxes):
        return np.empty(0, np.int64)
    middles = geopandas.GeoSeries(shapely.points((boxes[:, :2] + boxes[:, 2:]) / 2))
    return np.argsort(middles.hilbert_distance().to_numpy(), kind="stable")


def _total(boxes: Float64Array) -> list[float]:
    return [*boxes[:, :2].min(axis=0).tolist(), *boxes[:, 2:].max(axis=0).tolist()]


def _columns(schema: LayerSchema, boxes: Float64Array) -> pa.Schema:
    import pyarrow as pa

    (name,) = unique_names(["bbox"], taken=schema.fields)
    corner = pa.struct([pa.field(corner, pa.float64(), nullable=False) for corner in _CORNERS])
    metadata = {"geo": json.dumps(_geo_metadata(schema, name, boxes))}
    if schema.made:
        metadata["road_extract"] = json.dumps(dict(schema.made))
    geometry = pa.field("geometry", pa.binary(), nullable=False)
    box = pa.field(name, corner, nullable=False)
    return pa.schema([geometry, *list(arrow_schema(schema))[1:], box], metadata=metadata)


def _with_boxes(rows: pa.Table, boxes: Float64Array, columns: pa.Schema) -> pa.Table:
    import pyarrow as pa

    corners = [pa.array(boxes[:, index]) for index in range(4)]
    box = pa.StructArray.from_arrays(corners, fields=list(columns[-1].type))
    return pa.table([*rows.columns, box], schema=columns)


def _geo_metadata(schema: LayerSchema, box: str, boxes: Float64Array) -> dict[str, Any]:
    column: dict[str, Any] = {
        "encoding": "WKB",
        "geometry_types": [schema.geometry_type],
        "crs": crs_of(schema).to_json_dict(),
        "covering": {"bbox": {corner: [box, corner] for corner in _CORNERS}},
    }
    if len(boxes):
        column["bbox"] = _total(boxes)
    return {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}
