"""Reads geometries from vector files in any format and CRS."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from road_extract.base.errors import InputError
from road_extract.io.vector.batches import RESERVED_FIELDS
from road_extract.io.vector.fields import unique_names
from road_extract.io.vector.layers import (
    ANY,
    AREAS,
    EVERYTHING,
    LINES,
    Layer,
    Selection,
    choose_layers,
    list_layers,
    osm_condition,
    read_frame,
    say_layers,
    source_name,
    vector_errors,
)

if TYPE_CHECKING:
    import shapely

    from road_extract.base.arrays import Geometries

log = logging.getLogger("road_extract")


@dataclass(frozen=True, slots=True)
class Table:
    """Features of a vector file, in one CRS.

    Attributes:
        geometries: None of them is empty, (n,). Longitudes are continuous, see `road_extract.base.geodesy.unwrap`.
        crs: WKT.
        fields: Name to type of every attribute: int, float, bool or str. No two names differ only in case.
        rows: Attributes of each geometry; None if there is no value.
    """

    geometries: Geometries
    crs: str
    fields: dict[str, type]
    rows: list[dict[str, Any]]


def read_table(path: Path, where: str | None = None, *, selection: Selection = EVERYTHING) -> Table:
    """Read a vector file with its attributes; those that are neither numbers nor booleans become text.

    All line layers are read, or all polygon layers if there are none. The log says what was left out. From
    OpenStreetMap files, the roads are read.

    Args:
        path: Any file that GDAL opens, GeoParquet, or an archive that contains one.
        where: SQL condition that features must meet; not for GeoParquet. Short for `Selection.where`.
        selection: What to read.

    Raises:
        InputError: The file cannot be read or has no CRS, or its coordinates or the selection do not fit.
    """
    selection = selection if where is None else replace(selection, where=where)
    tables = _read(path, LINES, selection)
    return _joined([_to_table(path, frame, crs) for frame, crs in tables])


def read_layers(path: Path, *, selection: Selection = EVERYTHING) -> dict[str, Table]:
    """Read all layers of a vector file that hold geometries, by name; a file without layers gives its own name.

    Args:
        path: See `read_table`.
        selection: What to read.

    Raises:
        InputError: As for `read_table`.
    """
    found = _read_named(path, ANY, selection)
    return {layer.name or path.stem: _to_table(path, frame, crs) for layer, frame, crs in found}


def read_geometries(path: Path, crs: str, *, selection: Selection = EVERYTHING) -> list[shapely.Geometry]:
    """Read the polygons of a vector file, or whatever it contains, in a given CRS. Empty ones are left out.

    Args:
        path: See `read_table`.
        crs: Target CRS, as WKT.
        selection: What to read.

    Raises:
        InputError: The file cannot be read, or has no CRS.
    """
    found: list[shapely.Geometry] = []
    for frame, own in _read(path, AREAS, selection):
        found += list(_moved(_geometries(frame, own), own, crs)[0])
    return found


def _moved(geometries: Geometries, crs: str, to_crs: str) -> tuple[Geometries, Any]:
    """Reproject geometries, dropping those that cannot be; returns the rest and a mask of which they are."""
    import numpy as np
    import shapely

    from road_extract.base.coordinates import transformer

    moved = shapely.transform(geometries, transformer(crs, to_crs).transform, interleaved=False)
    points, index = shapely.get_coordinates(moved, return_index=True)
    placed = np.ones(len(moved), np.bool_)
    placed[np.unique(index[~np.isfinite(points).all(axis=1)])] = False
    return moved[placed], placed


def read_area(path: Path, crs: str, near: shapely.Geometry, *, assume_crs: str | None = None) -> shapely.Geometry:
    """Read the union of the polygons of a vector file near a location, in a given CRS.

    The polygons are clipped before they are reprojected, because distant parts may have no coordinates in the target
    CRS, and their edges are subdivided, because an edge that is straight in one CRS is curved in another.

    Args:
        path: See `read_table`.
        crs: Target CRS, as WKT.
        near: A geometry in that CRS.
        assume_crs: CRS of a file that has none.

    Returns:
        A geometry; empty if there is nothing near the location.

    Raises:
        InputError: The file cannot be read, or has no CRS or no polygon.
    """
    import numpy as np
    import shapely

    parts = []
    for frame, own in _read(path, AREAS, Selection(assume_crs=assume_crs)):
        geometries = shapely.get_parts(_geometries(frame, own))
        polygons = geometries[shapely.get_dimensions(geometries) == 2]
        if len(polygons):
            with vector_errors(path):
                parts.append(_cut_near(polygons, own, crs, near))
    if not parts:
        raise InputError(f"{path}: contains no polygon; an area of interest needs at least one")
    return shapely.union_all(np.array(parts, dtype=object))


def _cut_near(polygons: Geometries, own: str, crs: str, near: shapely.Geometry) -> shapely.Geometry:
    import numpy as np
    import shapely

    from road_extract.base.geodesy import move, unwrap

    edge = near.boundary if near.geom_type == "Polygon" else near  # see `bring_near`
    place = unwrap(move(np.array([edge.segmentize(near.length / 100)], dtype=object), crs, own), own)
    west, south, east, north = shapely.total_bounds(place)
    polygons = unwrap(polygons, own, (west + east) / 2)
    slack = max(east - west, north - south) / 10
    box = shapely.box(west - slack, south - slack, east + slack, north + slack)
    part = shapely.intersection(shapely.make_valid(shapely.union_all(shapely.make_valid(polygons))), box)
    divided = shapely.segmentize(part, max(east - west, north - south) / 100)
    return move(np.array([divided], dtype=object), own, crs)[0]


def read_roads(
    path: Path, crs: str, assume_crs: str | None = None
) -> tuple[list[shapely.Geometry], list[shapely.Geometry]]:
    """Read the geometries of all layers of a vector file in a given CRS: detected roads, and lines that bridge gaps.

    Args:
        path: See `read_table`.
        crs: Target CRS, as WKT.
        assume_crs: CRS of a file that has none.

    Raises:
        InputError: The file cannot be read, or has no CRS.
    """
    seen: list[shapely.Geometry] = []
    bridges: list[shapely.Geometry] = []
    for frame, own in _read(path, ANY, Selection(assume_crs=assume_crs)):
        table = _to_table(path, frame, own)
        geometries, placed = _moved(table.geometries, own, crs)
        rows = [row for row, is_placed in zip(table.rows, placed, strict=True) if is_placed]
        for geometry, row in zip(geometries, rows, strict=True):
            (bridges if row.get("bridged") is True else seen).append(geometry)
    return seen, bridges


def _read(path: Path, wanted: str, selection: Selection) -> list[tuple[Any, str]]:
    """Read the layers that contain the wanted geometries, each as a GeoDataFrame with its CRS as WKT."""
    return [(frame, crs) for _, frame, crs in _read_named(path, wanted, selection)]


def _read_named(path: Path, wanted: str, selection: Selection) -> list[tuple[Layer, Any, str]]:
    name = source_name(path)
    layers = list_layers(path, name)
    chosen = choose_layers(path, layers, wanted, selection.layer)
    frames = [(layer, read_frame(path, name, layer, osm_condition(layers, layer, selection))) for layer in chosen]
    frames = [(layer, frame) for layer, frame in frames if hasattr(frame, "geom_type")]
    if not frames:
        raise InputError(f"{path}: holds no geometries; use a map with lines or polygons")
    frames = _of_kind(frames, wanted) or frames
    say_layers(path, [layer for layer, _ in frames], layers, can_choose=selection.can_choose)
    return [(layer, frame, _crs_of(path, frame, selection.assume_crs)) for layer, frame in frames]


def _of_kind(frames: Sequence[tuple[Layer, Any]], wanted: str) -> list[tuple[Layer, Any]]:
    """Keep the layers that contain at least one of the wanted geometries."""
    words = {LINES: "LineString", AREAS: "Polygon", ANY: ""}[wanted]
    return [(layer, frame) for layer, frame in frames if frame.geom_type.str.contains(words, na=False).any()]


def _crs_of(path: Path, frame: Any, assumed: str | None) -> str:
    from road_extract.base.coordinates import horizontal_crs, parse_crs

    own = None if frame.crs is None else horizontal_crs(str(frame.crs.to_wkt()))
    if own is None and assumed is None:
        raise InputError(f"{path}: has no CRS; specify it (--assume-crs EPSG:...)")
    if own is not None and _fits(frame, own):
        return own
    if assumed is not None:
        return horizontal_crs(str(parse_crs(assumed).to_wkt()))
    x, y = (float(value) for value in frame.total_bounds[:2])
    raise InputError(
        f"{path}: its coordinates, such as {x:.7g} {y:.7g}, are not degrees, though its CRS is "
        f"{parse_crs(str(own)).name!r}; specify their actual CRS (--assume-crs EPSG:...)"
    )


def _fits(frame: Any, crs: str) -> bool:
    """Check whether coordinates are plausible for a CRS: degrees have limits at the poles and at two turns."""
    import numpy as np

    from road_extract.base.coordinates import full_turn

    turn = full_turn(crs)
    bounds = np.abs(frame.total_bounds)
    if turn is None or np.isnan(bounds).any():
        return True
    return bool(bounds[[1, 3]].max() <= turn / 4 * (1 + 1e-6) and bounds[[0, 2]].max() <= 2 * turn)


def _geometries(frame: Any, crs: str) -> Geometries:
    """Return the usable geometries in 2D, with continuous longitudes."""
    geometries = frame.geometry.to_numpy()
    return _flat(geometries[_usable(geometries)], crs)


def _flat(geometries: Geometries, crs: str) -> Geometries:
    import shapely

    from road_extract.base.geodesy import unwrap

    return unwrap(shapely.force_2d(geometries), crs)


def _usable(geometries: Geometries) -> Any:
    import numpy as np
    import shapely

    there = ~(shapely.is_missing(geometries) | shapely.is_empty(geometries))
    points, index = shapely.get_coordinates(geometries, return_index=True)
    there[np.unique(index[~np.isfinite(points).all(axis=1)])] = False
    if left_out := len(geometries) - int(there.sum()):
        log.info("%d of %d features have no usable geometry and are left out", left_out, len(geometries))
    return there


def _to_table(path: Path, frame: Any, crs: str) -> Table:
    usable = _usable(frame.geometry.to_numpy())
    frame = frame[usable]
    # by number, because a damaged table may have two columns with the same name
    numbers = [n for n, name in enumerate(frame.columns) if name != frame.geometry.name and _is_attribute(str(name))]
    names = unique_names([str(frame.columns[number]) for number in numbers])
    columns = [frame.iloc[:, number] for number in numbers]
    fields = {name: _type_of(column) for name, column in zip(names, columns, strict=True)}
    with vector_errors(path):  # text is decoded here
        values = [_values(column, kind) for column, kind in zip(columns, fields.values(), strict=True)]
    rows = [dict(zip(names, row, strict=True)) for row in zip(*values, strict=True)] or [{} for _ in range(len(frame))]
    return Table(_flat(frame.geometry.to_numpy(), crs), crs, fields, rows)


def _is_attribute(name: str) -> bool:
    return name.lower() not in RESERVED_FIELDS


def _type_of(column: Any) -> type:
    kind = column.dtype.kind
    if kind in "iu" and len(column) and int(column.max()) >= 2**63:  # too large for any format
        return str
    return {"b": bool, "i": int, "u": int, "f": float}.get(kind, str)


def _values(column: Any, kind: type) -> list[Any]:
    return [None if missing else kind(value) for value, missing in zip(column, column.isna(), strict=True)]


def _joined(tables: Sequence[Table]) -> Table:
    """Combine tables in the CRS of the first one; fields with differing types become text."""
    import numpy as np

    from road_extract.base.geodesy import move, unwrap

    if len(tables) == 1:
        return tables[0]
    crs = tables[0].crs
    geometries = np.concatenate([move(table.geometries, table.crs, crs) for table in tables])
    spelled: dict[str, str] = {}
    fields: dict[str, type] = {}
    rows = []
    for table in tables:
        names = {name: spelled.setdefault(name.lower(), name) for name in table.fields}
        for name, kind in table.fields.items():
            fields[names[name]] = kind if fields.get(names[name], kind) is kind else str
        rows += [{names[name]: value for name, value in row.items()} for row in table.rows]
    filled = [{name: _as(row.get(name), kind) for name, kind in fields.items()} for row in rows]
    return Table(unwrap(geometries, crs), crs, fields, filled)


def _as(value: Any, kind: type) -> Any:
    return None if value is None else kind(value)


def read_written(path: Path, layer: str) -> Any:
    """Read a file that `write_features` wrote into a ``geopandas.GeoDataFrame``.

    Raises:
        InputError: If it cannot be read as one.
    """
    import geopandas

    if path.suffix.lower() in (".osm", ".graphml"):
        raise InputError(f"{path}: geopandas cannot read this format; write .gpkg or .parquet instead")
    with vector_errors(path):
        if path.suffix.lower() == ".parquet":
            return geopandas.read_parquet(path)
        return geopandas.read_file(path, layer=layer if path.suffix.lower() == ".gpkg" else None)
