"""Converts the map to what joining needs: OpenStreetMap objects, whatever the format of the file."""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from road_extract.base.arrays import Geometries, IntArray, to_geometries
from road_extract.base.coordinates import LONLAT, turns_to
from road_extract.base.errors import InputError
from road_extract.base.geodesy import move, unwrap
from road_extract.base.options import DiffOptions
from road_extract.base.osm import UNITS_PER_DEGREE, OsmMap, OsmNode, OsmWay
from road_extract.conflation.kinds import is_visible_road, level_in_table
from road_extract.evaluation.diff.results import LineLayer, Side
from road_extract.io.vector import is_osm_file, is_overpass_file, read_osm

log = logging.getLogger("road_extract")

#: How far around the area the map is read, in degrees of latitude: about a kilometre.
_MARGIN_DEG = 0.01


def read_objects(
    path: Path, area: shapely.Geometry, crs: str, options: DiffOptions, *, to_join: bool, mark: bool
) -> OsmMap | None:
    """Read the objects of an OpenStreetMap file near an area; None for other files, or if they are not needed.

    Args:
        path: The map.
        area: In ``crs``.
        crs: WKT.
        options: Selections, which cannot be applied to objects.
        to_join: Whether roads will be joined to them.
        mark: Whether they are needed to mark doubtful roads.

    Raises:
        InputError: If the file cannot be read, or a selection does not fit.
    """
    if not is_osm_file(path):
        if to_join and path.exists():
            log.warning(
                "%s: is not OpenStreetMap data, so the ids of its objects are unknown: new roads end on its roads, but "
                "these joins cannot be written as changes to them",
                path,
            )
        return None
    is_needed = to_join or is_overpass_file(path)
    if is_needed and (options.layer or options.where):
        raise InputError(
            f"{path}: --layer and --where cannot be used with OpenStreetMap data here: roads are selected by their tags"
        )
    if not (is_needed or mark):
        return None
    try:
        found = read_osm(path, _Near(area, crs))
    except InputError as error:
        if is_needed:
            raise
        log.info("roads along railways, runways and shores are not marked: %s", error)
        return None
    if to_join:
        _say_what_cannot_be_named(path, found)
    return found


def _say_what_cannot_be_named(path: Path, found: OsmMap) -> None:
    nameless = sum(not way.can_be_named for way in found.ways.values())
    if nameless:
        log.warning(
            "%s: %s of %s ways have no version, so joins with them cannot be written as changes to them; get the data "
            "with metadata (Overpass: `out meta`)",
            path, f"{nameless:,}", f"{len(found.ways):,}",
        )  # fmt: skip
    partial = sum(any(ref not in found.nodes for ref in way.refs) for way in found.ways.values())
    if partial:
        log.warning(
            "%s: %s of %s ways lack nodes, so no node is put into them; cut extracts with complete ways (osmium "
            "extract --strategy complete_ways)",
            path, f"{partial:,}", f"{len(found.ways):,}",
        )  # fmt: skip


class _Near:
    """Decides whether a place is near an area."""

    def __init__(self, area: shapely.Geometry, crs: str) -> None:
        outline = area.envelope.boundary if area.area else area
        edge = np.array([outline.segmentize(max(outline.length / 100, 1e-9))], dtype=object)
        place = unwrap(move(edge, crs, LONLAT), LONLAT)
        self._west, self._south, self._east, self._north = (float(value) for value in shapely.total_bounds(place))
        across = _MARGIN_DEG / max(math.cos(math.radians(max(abs(self._south), abs(self._north)))), 0.01)
        self._centre = (self._west + self._east) / 2
        self._west, self._east = self._west - across, self._east + across
        self._south, self._north = self._south - _MARGIN_DEG, self._north + _MARGIN_DEG

    def __call__(self, lon: float, lat: float) -> bool:
        if not self._south <= lat <= self._north:
            return False
        if not self._west <= lon <= self._east:
            lon += float(turns_to(lon, self._centre, 360.0))
        return self._west <= lon <= self._east


def osm_lines(existing: OsmMap) -> LineLayer:
    """The roads of a map that can be seen from above, as lines in longitude and latitude."""
    lines: list[shapely.LineString] = []
    rows: list[dict[str, Any]] = []
    source: list[int] = []
    for way in existing.ways.values():
        if not is_visible_road(way.tags):
            continue
        for run in existing.iter_runs(way.refs):
            lines.append(shapely.LineString(run))
            source.append(len(rows))
        rows.append({"osm_id": str(way.id), "name": way.tags.get("name"), "highway": way.tags["highway"]})
    fields: dict[str, type] = {"osm_id": str, "name": str, "highway": str}
    return LineLayer(unwrap(to_geometries(lines), LONLAT), np.array(source, np.int64), fields, rows, Side(0.0, 0.0, 0))


def lines_to_osm(lines: Geometries, source: IntArray, rows: list[dict[str, Any]], crs: str) -> OsmMap:
    """Roads of a file without ids as objects: vertices in the same place become one node.

    Args:
        lines: LineStrings in ``crs``, (n,).
        source: Index of the row of each line, (n,).
        rows: Attributes; those named like tags of the level (``layer``, ``bridge``, ``tunnel``) are kept.
        crs: WKT.
    """
    nodes: dict[int, OsmNode] = {}
    at: dict[tuple[int, int], int] = {}
    ways: dict[int, OsmWay] = {}
    moved = move(lines, crs, LONLAT) if len(lines) else lines
    for number, (line, row) in enumerate(zip(moved, source, strict=True), 1):
        refs = []
        for lon, lat in shapely.get_coordinates(line):
            lon = (lon + 180) % 360 - 180
            place = round(lon * UNITS_PER_DEGREE), round(lat * UNITS_PER_DEGREE)
            if place not in at:
                at[place] = len(nodes) + 1
                nodes[at[place]] = OsmNode(at[place], place[0] / UNITS_PER_DEGREE, place[1] / UNITS_PER_DEGREE)
            refs.append(at[place])
        ways[number] = OsmWay(number, tuple(refs), tags={"highway": "road", **level_in_table(rows[row])})
    return OsmMap(nodes, ways, has_ids=False)
