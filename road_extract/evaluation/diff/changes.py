"""Marks doubtful roads, and writes new roads as changes to the map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import shapely

from road_extract.base.arrays import Geometries, to_geometries
from road_extract.base.coordinates import LONLAT
from road_extract.base.features import Feature
from road_extract.base.geodesy import lengths_m, local_crs, move, unwrap
from road_extract.base.options import DiffOptions, JoinOptions
from road_extract.base.osm import LEVEL_KEYS, OsmMap
from road_extract.conflation.doubt import crossings, cut_doubtful, find_obstacles
from road_extract.conflation.joining import Joined, JoinedLine, NewLine, join_lines, to_change
from road_extract.conflation.kinds import level_in_table, level_of
from road_extract.evaluation.diff.layers import Layers
from road_extract.evaluation.diff.results import JoinedRoads
from road_extract.io.vector import TagRule, check_attributes, write_change
from road_extract.io.vector.osm_tags import BRIDGED, make_tags
from road_extract.metrics.cutting import MatchRule

_BESIDE = "ends on a road of the map without sharing a node: join them"
_CONNECTION = "connects a road of the map with a new road beside its end: check"
_COMMENT = "Add roads seen in imagery by road_extract, checked one by one"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Pieces of both sides, before they are written.

    Attributes:
        pieces: Of the roads (new, doubtful, matched) and of the map (missing), in the CRS of the roads.
        layers: What was compared.
        loose: Ends of matched pieces, where new roads begin.
    """

    pieces: list[Feature]
    layers: Layers
    loose: set[tuple[float, float]]


def mark_doubtful(
    pieces: list[Feature], existing: OsmMap, crs: str, metres: str, limits: tuple[float, float]
) -> list[Feature]:
    """Cut new pieces where they start or stop lying along something that may look like a road.

    Args:
        pieces: Pieces of the roads.
        existing: The map.
        crs: CRS of the pieces, WKT.
        metres: A CRS in metres around them, WKT.
        limits: Maximum angle in degrees and distance in metres.
    """
    chosen = [piece for piece in pieces if piece.properties["status"] == "new"]
    if not chosen:
        return pieces
    lines = _geometries(chosen)
    near = float(move(lines[:1], crs, LONLAT)[0].coords[0][0])
    obstacles = find_obstacles(existing, metres, near)
    stretches = cut_doubtful(lines, move(lines, crs, metres), obstacles, limits[1], limits[0])
    lengths = lengths_m(to_geometries(stretch.geometry for stretch in stretches), crs)
    cut: dict[int, list[Feature]] = {}
    for stretch, length in zip(stretches, lengths, strict=True):
        given = chosen[stretch.line].properties
        own: dict[str, float | str] = {"length_m": float(length)}
        if stretch.reason:
            own |= {"status": "doubtful", "reason": stretch.reason}
        cut.setdefault(stretch.line, []).append(Feature(stretch.geometry, {**given, **own}))
    numbers = {id(piece): number for number, piece in enumerate(chosen)}
    return [part for piece in pieces for part in cut.get(numbers.get(id(piece), -1), [piece])]


def write_joined(
    out: Path, found: Comparison, rules: Sequence[TagRule], options: DiffOptions, joining: JoinOptions
) -> JoinedRoads:
    """Join the new roads to the map and write the changes.

    Raises:
        RoadExtractError: If tags cannot be made or the file cannot be written.
    """
    existing = found.layers.existing
    assert existing is not None
    check_attributes(rules, {**found.layers.ours.fields, "status": str, "reason": str, "length_m": float})
    statuses = ("new",) if joining.leave_out_doubtful else ("new", "doubtful")
    pieces = [piece for piece in found.pieces if piece.properties["status"] in statuses]
    rows = [{**piece.properties, **_own_tags(piece.properties)} for piece in pieces]
    lines = _new_lines(pieces, rows, found)
    rule = MatchRule(options.buffer_m, options.angle_deg, options.min_length_m)
    joined = join_lines(lines, existing, joining, rule)
    shapes = to_geometries(shapely.LineString([joined.place(ref) for ref in line.refs]) for line in joined.lines)
    shapes = unwrap(shapes, LONLAT) if len(shapes) else shapes
    crossed = _crossed(shapes, joined, lines, existing)
    tags = [
        make_tags(rules, rows[line.source] if line.source >= 0 else {}, [*_notes(line, rows), *notes])
        for line, notes in zip(joined.lines, crossed, strict=True)
    ]
    write_change(out, to_change(joined, tags))
    return JoinedRoads(
        len(joined.lines),
        len(joined.nodes),
        len(joined.modified),
        float(lengths_m(shapes, LONLAT).sum()) / 1000 if len(shapes) else 0.0,
        2 * len(joined.lines),
        joined.free_ends,
        joined.joins,
        _COMMENT,
    )


def _new_lines(pieces: Sequence[Feature], rows: Sequence[dict[str, Any]], found: Comparison) -> list[NewLine]:
    moved = unwrap(move(_geometries(pieces), found.layers.crs, LONLAT), LONLAT) if pieces else to_geometries(())
    return [
        NewLine(
            shapely.get_coordinates(line),
            level_of(level_in_table(row)),
            (piece.geometry.coords[0] in found.loose, piece.geometry.coords[-1] in found.loose),
        )
        for piece, row, line in zip(pieces, rows, moved, strict=True)
    ]


def _own_tags(row: Any) -> dict[str, str]:
    """Tags of the level from the column in which GDAL puts most tags of OpenStreetMap files."""
    text = row.get("other_tags")
    if not isinstance(text, str):
        return {}
    pairs = [part.strip('"').partition('"=>"') for part in text.split('","')]
    return {key: value for key, _, value in pairs if key in LEVEL_KEYS}


def _crossed(shapes: Geometries, joined: Joined, lines: Sequence[NewLine], existing: OsmMap) -> list[list[str]]:
    if not len(shapes):
        return []
    west, south, east, north = shapely.total_bounds(shapes)
    metres = local_crs((west + east) / 2, (south + north) / 2, LONLAT)
    obstacles = find_obstacles(existing, metres, (west + east) / 2)
    levels = [lines[max(line.source, 0)].level for line in joined.lines]
    return crossings(move(shapes, LONLAT, metres), levels, obstacles)


def _notes(line: JoinedLine, rows: Sequence[dict[str, Any]]) -> list[str]:
    notes = [_BESIDE] if line.beside else []
    if line.source < 0:
        return [_CONNECTION, *notes]
    row = rows[line.source]
    if row.get("bridged") in (True, 1, "True", "true", "1"):
        notes.append(BRIDGED)
    if row.get("reason"):
        notes.append(f"{row['reason']}: is it a road?")
    return notes


def _geometries(pieces: Sequence[Feature]) -> Geometries:
    return to_geometries(piece.geometry for piece in pieces)
