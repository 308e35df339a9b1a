"""The pieces of a result that people decide about: its lines and polygons, each with a permanent id.

An id is the attribute ``id``, if every feature of the layer has a different one, as all files of this package have;
otherwise, it is the place of the feature in its layer, counted from 1. It belongs to a layer and to the layer's
fingerprint, a hash over all ids and geometries, because a decision applies only to the result for which it was made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import shapely

from road_extract.base.arrays import BoolArray, Geometries
from road_extract.base.errors import InputError
from road_extract.io.vector import NETWORK_FORMATS, TILE_FORMATS, Selection, Table, read_layers

Kind = Literal["line", "area"]

_TRUTH_VALUES = ("bridged", "dead_end")
#: Statuses that need no second look.
_SETTLED = frozenset({"matched"})
#: Statuses in the order of interest; a result without statuses has one for all.
_STATUS_ORDER = ("doubtful", "new", "missing")


@dataclass(frozen=True, slots=True)
class PieceLayer:
    """The lines or the polygons of a layer.

    Attributes:
        name: Name of the layer.
        kind: What its pieces are.
        fingerprint: Of the whole layer, hexadecimal.
        crs: WKT.
        geometries: (n,).
        ids: Id of each piece, (n,).
        fields: Name and type of each attribute.
        rows: Attributes of each piece, (n,).
    """

    name: str
    kind: Kind
    fingerprint: str
    crs: str
    geometries: Geometries
    ids: list[int]
    fields: dict[str, type]
    rows: list[dict[str, Any]]

    def part(self, wanted: BoolArray) -> PieceLayer:
        """Some of the pieces, by a mask (n,)."""
        numbers = np.flatnonzero(wanted)
        ids, rows = [self.ids[n] for n in numbers], [self.rows[n] for n in numbers]
        return replace(self, geometries=self.geometries[numbers], ids=ids, rows=rows)


def read_pieces(paths: Sequence[Path], assume_crs: str | None = None) -> list[PieceLayer]:
    """Read the lines and polygons of all layers of some files.

    Raises:
        InputError: If a file cannot be read, or two layers have the same name.
    """
    found: list[PieceLayer] = []
    for path in paths:
        check_reviewable(path)
        for name, table in read_layers(path, selection=Selection(assume_crs=assume_crs)).items():
            if any(layer.name == name for layer in found):
                raise InputError(
                    f"{path}: has a layer {name!r}, and so does another file; specify each layer only once"
                )
            found += _split(name, table)
    return found


def check_reviewable(path: Path) -> None:
    """Check the format of a file.

    Raises:
        InputError: If its features have no permanent ids.
    """
    if path.suffix.lower() in (*NETWORK_FORMATS, *TILE_FORMATS):
        raise InputError(f"{path}: its roads have no permanent ids to review; use .gpkg, .geojson, .fgb or .parquet")


def fingerprint_of(layers: Iterable[PieceLayer]) -> str:
    """The fingerprint of a result of several layers, whatever their order."""
    prints = sorted({(layer.name, layer.fingerprint) for layer in layers})
    return hashlib.sha256(repr(prints).encode()).hexdigest()


def doubt_of(row: dict[str, Any]) -> float | None:
    """How doubtful a piece is, 0 to 1: from the confidence of a bridged gap, else from its probability, if known."""
    known = row.get("confidence") if row.get("bridged") is True else None
    known = row.get("probability") if known is None else known
    if isinstance(known, bool) or not isinstance(known, int | float):
        return None
    return round(min(1.0, max(0.0, 1.0 - known)), 4)


def order_pieces(layers: Sequence[PieceLayer]) -> list[tuple[int, int]]:
    """Layer and piece of everything worth a look: new roads before missing ones, the most doubtful first."""
    places = [
        (number, index)
        for number, layer in enumerate(layers)
        for index, row in enumerate(layer.rows)
        if row.get("status") not in _SETTLED
    ]

    def key(place: tuple[int, int]) -> tuple[int, bool, float, int, int]:
        row = layers[place[0]].rows[place[1]]
        status, doubt = row.get("status"), doubt_of(row)
        rank = _STATUS_ORDER.index(str(status)) if status in _STATUS_ORDER else len(_STATUS_ORDER)
        return rank, doubt is None, -(doubt or 0.0), *place

    return sorted(places, key=key)


def _split(name: str, table: Table) -> list[PieceLayer]:
    ids, table = _ids(table), _with_truth(table)
    fingerprint = _fingerprint(ids, table.geometries)
    whole = PieceLayer(name, "line", fingerprint, table.crs, table.geometries, ids, table.fields, table.rows)
    dimensions = shapely.get_dimensions(table.geometries)
    kinds: list[tuple[Kind, int]] = [("area", 2), ("line", 1)]
    found = []
    for kind, dimension in kinds:
        # the attributes of a layer without features show its kind
        is_empty_one = not len(dimensions) and (kind == "area") == ("area_m2" in table.fields)
        if (dimensions == dimension).any() or is_empty_one:
            found.append(replace(whole.part(dimensions == dimension), kind=kind))
    return found


def _with_truth(table: Table) -> Table:
    """Restore truth values, which some libraries read as numbers if a few of them are missing."""
    lost = [
        name for name in _TRUTH_VALUES
        if table.fields.get(name) in (int, float) and {row[name] for row in table.rows} <= {0, 1, None}
    ]  # fmt: skip
    rows = [{**row, **{name: None if row[name] is None else bool(row[name]) for name in lost}} for row in table.rows]
    return Table(table.geometries, table.crs, table.fields | dict.fromkeys(lost, bool), rows)


def _ids(table: Table) -> list[int]:
    own = [row.get("id") for row in table.rows]
    if table.fields.get("id") is int and None not in own and len(set(own)) == len(own):
        return [int(number) for number in own if number is not None]
    return list(range(1, len(own) + 1))


def _fingerprint(ids: list[int], geometries: Geometries) -> str:
    """A hash of ids and geometries, whatever their order in the file."""
    shapes = shapely.to_wkb(geometries, byte_order=1, output_dimension=2)
    digest = hashlib.sha256()
    for number, shape in sorted(zip(ids, shapes, strict=True)):
        digest.update(number.to_bytes(8, "little", signed=True) + hashlib.sha256(shape).digest())
    return digest.hexdigest()
