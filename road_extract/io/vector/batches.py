"""Checks features on their way to a file and groups them into batches of bounded size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Generic, TypeVar

from road_extract.base.errors import InputError
from road_extract.base.features import Feature, LayerSchema
from road_extract.io.vector.fields import unique_names

if TYPE_CHECKING:
    import pyproj

    from road_extract.base.arrays import Geometries

T = TypeVar("T")

BATCH_FEATURES = 2_000
BATCH_BYTES = 8 * 2**20
_BYTES_PER_VERTEX = 16

_FIELD_TYPES = (int, float, bool, str)
#: Names that drivers use for their own columns.
RESERVED_FIELDS = frozenset({"fid", "geom", "geometry"})


def check_schema(schema: LayerSchema) -> None:
    """Check the CRS and the names and types of the fields.

    Raises:
        InputError: One of them cannot be used.
    """
    crs_of(schema)
    if unique_names(list(schema.fields)) != list(schema.fields):
        raise InputError(f"field names of layer {schema.name!r} differ only in case; use different names")
    for name, kind in schema.fields.items():
        if name.lower() in RESERVED_FIELDS:
            raise InputError(f"the field name {name!r} is reserved by the file formats; choose another one")
        if kind not in _FIELD_TYPES:
            raise InputError(f"the field {name!r} has the type {kind!r}; expected int, float, bool or str")


def iter_batches(schema: LayerSchema, features: Iterable[Feature]) -> Iterator[list[Feature]]:
    """Iterate over lists of checked features, limited in features and vertices."""
    import shapely

    batch: list[Feature] = []
    size = 0
    for feature in features:
        _check_feature(schema, feature)
        batch.append(feature)
        size += int(shapely.get_num_coordinates(feature.geometry)) * _BYTES_PER_VERTEX
        if len(batch) >= BATCH_FEATURES or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _check_feature(schema: LayerSchema, feature: Feature) -> None:
    geometry = feature.geometry
    if geometry.geom_type != schema.geometry_type or geometry.is_empty:
        found = f"an empty {geometry.geom_type}" if geometry.is_empty else f"a {geometry.geom_type}"
        raise InputError(f"layer {schema.name!r} was given {found}; expected a {schema.geometry_type}")
    if feature.properties.keys() != schema.fields.keys():
        got, expected = sorted(feature.properties), sorted(schema.fields)
        raise InputError(f"a feature of layer {schema.name!r} has the properties {got}; expected {expected}")
    for name, kind in schema.fields.items():
        _check_value(name, kind, feature.properties[name])


def _check_value(name: str, kind: type, value: object) -> None:
    if value is None or (kind is float and isinstance(value, float)):
        return
    if type(value) not in ((int, float) if kind is float else (kind,)):
        got = type(value).__name__
        raise InputError(f"the field {name!r} holds {value!r} of type {got}; expected {kind.__name__} or None")
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise InputError(f"the field {name!r} holds {value}; expected a 64-bit integer")


def crs_of(schema: LayerSchema) -> pyproj.CRS:
    """Parse the CRS of a layer.

    Raises:
        InputError: It is not valid WKT.
    """
    import pyproj

    try:
        return pyproj.CRS.from_wkt(schema.crs)
    except pyproj.exceptions.CRSError as error:
        raise InputError(
            f"the CRS of layer {schema.name!r} is not valid WKT ({schema.crs[:60]!r}); pass WKT"
        ) from error


def geometries_of(batch: list[Feature]) -> Geometries:
    """Return the geometries of a batch as the object array that shapely's functions expect."""
    from road_extract.base.arrays import to_geometries

    return to_geometries(feature.geometry for feature in batch)


class Watch(Generic[T]):
    """An iterator that remembers the error that ended it, because C code in between raises its own error instead."""

    def __init__(self, items: Iterable[T]) -> None:
        self._items = items
        self.error: BaseException | None = None

    def __iter__(self) -> Iterator[T]:
        try:
            yield from self._items
        except GeneratorExit:
            raise
        except BaseException as error:
            self.error = error
            raise
