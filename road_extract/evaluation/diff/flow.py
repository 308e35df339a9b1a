"""Runs a comparison: reads both files, cuts the lines and writes the result."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from road_extract.base.arrays import Geometries
from road_extract.base.errors import InputError
from road_extract.base.features import Feature, LayerSchema
from road_extract.base.files import check_outputs, replacing
from road_extract.base.geodesy import lengths_m, local_crs, move
from road_extract.base.options import DiffOptions, JoinOptions
from road_extract.base.version import __version__
from road_extract.evaluation.diff.changes import Comparison, mark_doubtful, write_joined
from road_extract.evaluation.diff.layers import read_layers
from road_extract.evaluation.diff.results import STATUSES, Difference, LineLayer, length_of
from road_extract.io.styles import add_styles, style_paths, write_style_files
from road_extract.io.vector import (
    CHANGE_SUFFIXES,
    check_format,
    check_tagged,
    read_tag_rules,
    unique_names,
    write_features,
)
from road_extract.metrics.cutting import MatchRule, cut_by_match

#: Attributes of every piece.
FIELDS = {"id": int, "status": str, "reason": str, "length_m": float, "probability": float, "source_id": str}
#: Attributes of a whole feature that its pieces do not share.
_NOT_INHERITED = {*FIELDS, "area_m2"}


@dataclass(frozen=True, slots=True)
class DiffOutputs:
    """Files to write. Instead of this, a plain path can be given to write one.

    Attributes:
        path: Table, or changes (``.osm`` or ``.osc``).
        table: The table of all pieces, if ``path`` receives the changes.
    """

    path: str | Path
    table: str | Path | None = None


def diff_roads(
    roads: str | Path,
    existing: str | Path,
    out: str | Path | DiffOutputs,
    *,
    options: DiffOptions | None = None,
    joining: JoinOptions | None = None,
    style: bool = False,
    overwrite: bool = False,
) -> Difference:
    """Compare road lines with the lines of a map.

    Lines are cut where they start or stop matching, and every piece gets a ``status``: ``new`` (from ``roads``, not in
    the map), ``doubtful`` (the same, but it lies along something that may look like a road; ``reason`` says what),
    ``matched`` (from ``roads``, also in the map) or ``missing`` (from the map, not in ``roads``).

    ``.osm`` and ``.osc`` files only receive the new and the doubtful roads, joined to the map: as changes to it.

    Args:
        roads: Road lines in any vector format.
        existing: The map's lines in any vector format and CRS.
        out: ``.geojson``, ``.gpkg``, ``.fgb`` or ``.parquet``, in the CRS of ``roads``; or ``.osm`` or ``.osc``; or
            `DiffOutputs` to write the table and the changes at once.
        options: When lines match, and which area to compare.
        joining: How new roads join the map, which of them are doubtful, and their tags.
        style: Add styles for QGIS and other programs.
        overwrite: Replace an existing output.

    Raises:
        RoadExtractError: The message is one sentence that says what to do. No partial output remains.
    """
    outputs = out if isinstance(out, DiffOutputs) else DiffOutputs(out)
    options, joining, out = options or DiffOptions(), joining or JoinOptions(), Path(outputs.path)
    is_change = out.suffix.lower() in CHANGE_SUFFIXES
    table = _plan_table(outputs, is_change=is_change, style=style)
    rules = read_tag_rules(joining.osm_tags)
    check_tagged(rules, out, CHANGE_SUFFIXES)
    check_outputs(
        [*dict.fromkeys([out, table or out]), *(style_paths(table) if style and table is not None else [])],
        [roads, existing, *([] if options.within is None else [options.within])],
        overwrite,
    )
    found = compare_roads(Path(roads), Path(existing), options, joining, to_join=is_change)
    joined = None
    with ExitStack() as stack:
        if table is not None:
            _write_table(stack.enter_context(replacing(table)), found, style=style)
        if is_change:
            joined = write_joined(out, found, rules, options, joining)
    if style and table is not None:
        write_style_files(table, "road_differences")
    lengths = {
        status: [length_of(piece) for piece in found.pieces if piece.properties["status"] == status]
        for status in STATUSES
    }
    return Difference(
        out,
        {status: len(parts) for status, parts in lengths.items()},
        {status: sum(parts) / 1000 for status, parts in lengths.items()},
        found.layers.ours.side,
        found.layers.theirs.side,
        joined,
    )


def _plan_table(outputs: DiffOutputs, *, is_change: bool, style: bool) -> Path | None:
    out = Path(outputs.path)
    if not is_change:
        check_format(out, CHANGE_SUFFIXES)
        if outputs.table is not None:
            raise InputError(f"{out}: is already a table; leave out --table, or write .osm or .osc")
        return out
    if outputs.table is not None:
        check_format(Path(outputs.table))
        return Path(outputs.table)
    if style:
        raise InputError(f"{out}: has no styles; leave out --style, or write another format")
    return None


def _write_table(temp: Path, found: Comparison, *, style: bool) -> None:
    fields = _fields(found.layers.ours.fields, found.layers.theirs.fields)
    schema = LayerSchema("road_differences", "LineString", found.layers.crs, fields, {"version": __version__})
    write_features(temp, schema, _iter_features(found.pieces, fields))
    if style:
        add_styles(temp)


def compare_roads(
    roads: Path, existing: Path, options: DiffOptions, joining: JoinOptions, *, to_join: bool
) -> Comparison:
    """Read both files and cut their lines into pieces.

    Raises:
        InputError: If a file cannot be read, or the area to compare is unknown.
    """
    layers = read_layers(roads, existing, options, to_join=to_join, mark=joining.doubtful_m > 0)
    ours, theirs = _with_columns(layers.ours, layers.theirs)
    layers = replace(layers, ours=ours, theirs=theirs)
    metric, metres = _in_metres(ours.lines, theirs.lines, layers.crs)
    pieces = [*_iter_pieces(ours, metric, layers.crs, options, {False: "new", True: "matched"})]
    matched = [piece.geometry for piece in pieces if piece.properties["status"] == "matched"]
    loose = {line.coords[end] for line in matched for end in (0, -1)}
    if layers.existing is not None and metres is not None:
        pieces = mark_doubtful(pieces, layers.existing, layers.crs, metres, (options.angle_deg, joining.doubtful_m))
    pieces += _iter_pieces(theirs, metric[::-1], layers.crs, options, {False: "missing"})
    return Comparison(_sorted(pieces, options.sort), layers, loose)


def _iter_pieces(
    layer: LineLayer,
    metric: tuple[Geometries, Geometries],
    crs: str,
    options: DiffOptions,
    statuses: dict[bool, str],
) -> Iterator[Feature]:
    """The pieces of one side whose status is wanted; ``statuses`` maps whether a piece matches to its status.

    ``metric`` contains the lines of this side and of the other side, in metres.
    """
    rule = MatchRule(options.buffer_m, options.angle_deg, options.min_length_m)
    pieces = cut_by_match(layer.lines, *metric, rule)
    lengths = lengths_m(pieces.geometry, crs)
    for line, matched, geometry, length in zip(pieces.line, pieces.matched, pieces.geometry, lengths, strict=True):
        if (status := statuses.get(bool(matched))) is not None:
            number = int(layer.source[line])
            row = layer.rows[number]
            own = {"status": status, "reason": None, "length_m": float(length), "probability": _probability(row)}
            yield Feature(geometry, row | own | {"source_id": str(row.get("id", number + 1))})


def _in_metres(lines: Geometries, others: Geometries, crs: str) -> tuple[tuple[Geometries, Geometries], str | None]:
    """Both in metres, and the CRS of that; None if there are no lines."""
    both = np.concatenate([lines, others])
    if not len(both):
        return (lines, others), None
    west, south, east, north = shapely.total_bounds(both)
    metres = local_crs((west + east) / 2, (south + north) / 2, crs)
    return (move(lines, crs, metres), move(others, crs, metres)), metres


def _probability(row: dict[str, Any]) -> float | None:
    value = row.get("probability")
    return float(value) if isinstance(value, int | float) else None


def _sorted(pieces: list[Feature], sort: str) -> list[Feature]:
    """Sort by status, then with the most or the least probable first; pieces of unknown probability come last."""
    if sort == "none":
        return pieces
    sign = -1 if sort == "probability" else 1

    def key(piece: Feature) -> tuple[int, bool, float]:
        probability = piece.properties["probability"]
        status = STATUSES.index(str(piece.properties["status"]))
        return status, probability is None, sign * float(probability or 0)

    return sorted(pieces, key=key)


def _with_columns(ours: LineLayer, theirs: LineLayer) -> tuple[LineLayer, LineLayer]:
    """Rename attributes so that the two sides share a column only if their names are equal.

    Databases treat ``Id`` and ``id`` as the same name, so one of the two is renamed.
    """
    spelled = {name.casefold(): name for name in _NOT_INHERITED}
    return _renamed(ours, spelled), _renamed(theirs, spelled)


def _renamed(layer: LineLayer, spelled: dict[str, str]) -> LineLayer:
    names = {}
    for name in layer.fields:
        if spelled.setdefault(name.casefold(), name) != name:
            (names[name],) = unique_names([name], spelled.values())
            spelled[names[name].casefold()] = names[name]
        else:
            names[name] = name
    if all(name == fresh for name, fresh in names.items()):
        return layer
    fields = {names[name]: kind for name, kind in layer.fields.items()}
    rows = [{names[name]: value for name, value in row.items()} for row in layer.rows]
    return replace(layer, fields=fields, rows=rows)


def _fields(ours: dict[str, type], theirs: dict[str, type]) -> dict[str, type]:
    """The fields of a piece: its own, then those of both files; text if the two files disagree on the type."""
    fields = dict(FIELDS)
    for name, kind in [*ours.items(), *theirs.items()]:
        if name not in _NOT_INHERITED:
            fields[name] = kind if fields.get(name, kind) is kind else str
    return fields


def _iter_features(pieces: list[Feature], fields: dict[str, type]) -> Iterator[Feature]:
    for number, piece in enumerate(pieces, 1):
        row = {**piece.properties, "id": number, "length_m": round(length_of(piece), 3)}
        yield Feature(piece.geometry, {name: _convert(row.get(name), kind) for name, kind in fields.items()})


def _convert(value: Any, kind: type) -> Any:
    return None if value is None else kind(value)
