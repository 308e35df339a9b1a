"""Geometries out of vector files in any format and CRS."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from road_extract.base.errors import InputError
from road_extract.io.vector.batches import RESERVED_FIELDS

if TYPE_CHECKING:
    import shapely

    from road_extract.base.arrays import Geometries


@dataclass(frozen=True, slots=True)
class Table:
    """A vector layer as it was read, in its own CRS.

    Attributes:
        geometries: None of them is empty, (n,).
        crs: WKT.
        fields: Name to type of every attribute: int, float, bool or str.
        rows: Attributes of each geometry; None where there is no value.
    """

    geometries: Geometries
    crs: str
    fields: dict[str, type]
    rows: list[dict[str, Any]]


def read_table(path: Path, where: str | None = None) -> Table:
    """Read a vector file with its attributes; those that are no numbers or truth values become text.

    Args:
        path: Any file that GDAL opens, or GeoParquet; of several layers the first one of lines, else the first.
        where: Only features for which this SQL condition holds; not for GeoParquet.

    Raises:
        InputError: The file cannot be read, or has no CRS, or the condition does not fit it.
    """
    layer = _read_layer(path, _line_layer(path), where)
    layer = layer[~(layer.geometry.isna() | layer.geometry.is_empty)]
    names = [name for name in layer.columns if name.lower() not in RESERVED_FIELDS and name != layer.geometry.name]
    fields = {name: _type_of(layer[name].dtype.kind) for name in names}
    columns = [_values(layer[name], fields[name]) for name in names]
    rows = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)] or [{} for _ in range(len(layer))]
    return Table(layer.geometry.to_numpy(), str(layer.crs.to_wkt()), fields, rows)


def _type_of(kind: str) -> type:
    return {"b": bool, "i": int, "u": int, "f": float}.get(kind, str)


def _values(column: Any, kind: type) -> list[Any]:
    return [None if missing else kind(value) for value, missing in zip(column, column.isna(), strict=True)]


def read_geometries(path: Path, crs: str) -> list[shapely.Geometry]:
    """The geometries of a vector file, brought to a CRS; empty ones are left out.

    Args:
        path: Any file that GDAL opens, or GeoParquet; of several layers the first.
        crs: The CRS wanted, as WKT.

    Raises:
        InputError: The file cannot be read, or has no CRS.
    """
    return [part for part in _read(path).to_crs(crs) if part is not None and not part.is_empty]


def read_area(path: Path, crs: str, near: shapely.Geometry) -> shapely.Geometry:
    """The union of the polygons of a vector file, as far as they lie near a place, brought to a CRS.

    They are cut before they are moved, and their edges are divided: an edge that is straight in one CRS is not in
    another, and what lies far away may have no place there at all.

    Args:
        path: Any file that GDAL opens, or GeoParquet.
        crs: The CRS wanted, as WKT.
        near: A geometry in that CRS.

    Returns:
        A geometry, empty if nothing is near.

    Raises:
        InputError: The file cannot be read, or has no CRS or no polygon.
    """
    import geopandas
    import shapely

    layer = _read(path)
    polygons = layer[layer.geom_type.isin(["Polygon", "MultiPolygon"])]
    if polygons.empty:
        raise InputError(f"{path}: holds no polygon; an area of interest needs at least one")
    place = geopandas.GeoSeries([near.segmentize(near.length / 100)], crs=crs).to_crs(layer.crs)
    west, south, east, north = place.total_bounds
    slack = max(east - west, north - south) / 10
    box = shapely.box(west - slack, south - slack, east + slack, north + slack)
    part = shapely.intersection(shapely.make_valid(shapely.union_all(shapely.make_valid(polygons.values))), box)
    divided = shapely.segmentize(part, max(east - west, north - south) / 100)
    return geopandas.GeoSeries([divided], crs=layer.crs).to_crs(crs).iloc[0]


def read_roads(path: Path, crs: str) -> tuple[list[shapely.Geometry], list[shapely.Geometry]]:
    """The geometries of all layers of a vector file, brought to a CRS: what was seen, and lines that bridge gaps.

    Args:
        path: Any file that GDAL opens, or GeoParquet.
        crs: The CRS wanted, as WKT.

    Raises:
        InputError: The file cannot be read, or has no CRS.
    """
    seen: list[shapely.Geometry] = []
    bridges: list[shapely.Geometry] = []
    for name in _layer_names(path):
        layer = _read_layer(path, name)
        bridged = layer["bridged"].fillna(False).astype(bool) if "bridged" in layer else [False] * len(layer)
        for geometry, is_bridge in zip(layer.geometry.to_crs(crs), bridged, strict=True):
            if geometry is not None and not geometry.is_empty:
                (bridges if is_bridge else seen).append(geometry)
    return seen, bridges


def _line_layer(path: Path) -> str | None:
    """The first layer of lines; None for the first of all."""
    return next((name for name, kind in _list_layers(path) if "LineString" in kind), None)


def _layer_names(path: Path) -> list[str | None]:
    return [name for name, _ in _list_layers(path)] if path.suffix.lower() == ".gpkg" else [None]


def _list_layers(path: Path) -> list[tuple[str, str]]:
    """Name and geometry type of each layer; GeoParquet has none."""
    import pyogrio

    if path.suffix.lower() == ".parquet":
        return []
    try:
        return [(str(name), str(kind)) for name, kind in pyogrio.list_layers(path)]
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as vector data ({error})") from error


def _read(path: Path) -> Any:
    """The geometries of the first layer as a GeoSeries."""
    return _read_layer(path, None).geometry


def _read_layer(path: Path, name: str | None, where: str | None = None) -> Any:
    """A layer, the first one if it is not named, as a GeoDataFrame."""
    import geopandas

    chosen = {key: value for key, value in (("layer", name), ("where", where)) if value is not None}
    try:
        if path.suffix.lower() == ".parquet":
            if where is not None:
                raise InputError(f"{path}: conditions cannot be asked of GeoParquet; give another format")
            layer = geopandas.read_parquet(path)
        else:
            layer = geopandas.read_file(path, **chosen)
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as vector data ({error})") from error
    if getattr(layer, "crs", None) is None:
        raise InputError(f"{path}: has no CRS; give a vector file with one")
    return layer
