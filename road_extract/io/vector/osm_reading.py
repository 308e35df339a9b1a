"""Reads OpenStreetMap files with the ids, versions and node lists of their objects, which GDAL does not give.

OSM XML and Overpass JSON are read here, because only their text says what an editor has changed or deleted; PBF and
other formats are read by pyosmium (`osm_pbf`).
"""

from __future__ import annotations

import bz2
import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO
from xml.parsers import expat  # nosec B407: entities are refused, see `_Parser`

from road_extract.base.errors import InputError
from road_extract.base.osm import OsmArea, OsmMap, OsmNode, OsmWay
from road_extract.io.allowed import check_allowed

#: Objects come as (kind, id, attributes, tags, node refs or members); the order of the kinds does not matter.
Record = tuple[str, int, dict[str, Any], dict[str, str], list[Any]]
#: Decides whether a place may matter: longitude and latitude in degrees.
IsNear = Callable[[float, float], bool]

_OPENERS: dict[bytes, Callable[..., Any]] = {b"\x1f\x8b": gzip.open, b"BZ": bz2.open}
_HEAD_BYTES = 4096


def is_osm_file(path: Path) -> bool:
    """Whether a file is OpenStreetMap data that `read_osm` can read, judging by its name and its beginning."""
    name = path.name.lower()
    if name.endswith((".pbf", ".o5m")):
        return True
    try:
        with _open(path) as file:
            head = file.read(_HEAD_BYTES)
    except (OSError, EOFError):
        return False
    return b"<osm " in head or b"<osm>" in head or is_overpass(head)


def is_overpass(head: bytes) -> bool:
    """Whether these are the first bytes of a JSON response from the Overpass API."""
    return head.lstrip()[:1] == b"{" and b'"elements"' in head and (b'"osm3s"' in head or b'"version"' in head)


def is_overpass_file(path: Path) -> bool:
    """Whether a file is a JSON response from the Overpass API."""
    try:
        with _open(path) as file:
            return is_overpass(file.read(_HEAD_BYTES))
    except (OSError, EOFError):
        return False


def read_osm(path: Path, is_near: IsNear | None = None) -> OsmMap:
    """Read the ways of an OpenStreetMap file that have a node near a place, with all of their nodes in the file.

    Objects that are deleted, or that an editor has marked for deletion, are left out. Of several versions of an
    object, the newest counts.

    Args:
        path: OSM XML (also ``.gz`` and ``.bz2``), Overpass JSON, or what pyosmium reads, such as PBF.
        is_near: Which nodes are near; None for all.

    Raises:
        InputError: The file cannot be read, or pyosmium is needed and is not installed.
    """
    check_allowed(str(path))
    found = _Collected()
    try:
        for record in _iter_records(path):
            found.add(record)
    except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, expat.ExpatError) as error:
        if isinstance(error, InputError):
            raise
        reason = " ".join((str(error) or type(error).__name__).split())[:200]
        raise InputError(f"{path}: cannot be read as OpenStreetMap data ({reason}); get the extract again") from error
    return found.to_map(is_near)


def _iter_records(path: Path) -> Iterator[Record]:
    if path.name.lower().endswith((".pbf", ".o5m")):
        from road_extract.io.vector.osm_pbf import iter_pbf

        yield from iter_pbf(path)
        return
    with _open(path) as file:
        if is_overpass(file.read(_HEAD_BYTES)):
            file.seek(0)
            yield from _iter_json(json.load(file))
        else:
            file.seek(0)
            yield from _Parser(path).iter_records(file)


def _open(path: Path) -> BinaryIO:
    with path.open("rb") as file:
        opener = _OPENERS.get(file.read(2))
    return opener(path, "rb") if opener else path.open("rb")


class _Collected:
    """The newest version of every object read so far."""

    def __init__(self) -> None:
        self.nodes: dict[int, OsmNode] = {}
        self.ways: dict[int, OsmWay] = {}
        self.relations: dict[int, OsmArea] = {}
        self.gone: dict[tuple[str, int], int] = {}
        self.lowest = 0

    def add(self, record: Record) -> None:
        kind, number, attributes, tags, refs = record
        self.lowest = min(self.lowest, number)
        version = attributes.get("version") or None
        homes: dict[str, dict[int, Any]] = {"node": self.nodes, "way": self.ways, "relation": self.relations}
        home = homes[kind]
        known = home.get(number)
        if max(self.gone.get((kind, number), -1), (known and known.version) or -1) > (version or 0):
            return
        home.pop(number, None)
        if attributes["gone"]:
            self.gone[kind, number] = version or 0
            return
        if kind == "node":
            place = attributes["lon"], attributes["lat"]
            self.nodes[number] = OsmNode(number, *place, version, tags, attributes["changed"])
        elif kind == "way":
            self.ways[number] = OsmWay(number, tuple(refs), version, tags, attributes["changed"])
        elif tags.get("type") == "multipolygon":
            self.relations[number] = OsmArea(tags, tuple(refs), version)

    def to_map(self, is_near: IsNear | None) -> OsmMap:
        areas = tuple(self.relations.values())
        if is_near is None:
            return OsmMap(self.nodes, self.ways, areas, lowest_id=self.lowest)
        near = {number for number, node in self.nodes.items() if is_near(node.lon, node.lat)}
        ways = {number: way for number, way in self.ways.items() if not near.isdisjoint(way.refs)}
        used = near.union(*(way.refs for way in ways.values()))
        nodes = {number: node for number, node in self.nodes.items() if number in used}
        return OsmMap(nodes, ways, areas, lowest_id=self.lowest)


class _Parser:
    """Streams records from OSM XML. Entities are refused, because they can make a small file endless."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._done: list[Record] = []
        self._open: Record | None = None
        self._depth = 0

    def iter_records(self, file: BinaryIO) -> Iterator[Record]:
        parser = expat.ParserCreate()
        parser.StartElementHandler, parser.EndElementHandler = self._start, self._end
        parser.EntityDeclHandler = self._refuse
        while chunk := file.read(2**20):
            parser.Parse(chunk, False)
            yield from self._done
            self._done.clear()
        parser.Parse(b"", True)
        yield from self._done

    def _refuse(self, *given: Any) -> None:
        raise InputError(f"{self._path}: declares XML entities, which OpenStreetMap files never do")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth == 1 and name != "osm":
            raise InputError(f"{self._path}: starts with <{name}>, not with <osm>; use an .osm file")
        if self._depth == 2 and name in ("node", "way", "relation"):
            self._open = (name, int(attributes["id"]), _from_xml(name, attributes), {}, [])
        elif self._open is not None and name == "tag":
            self._open[3][attributes["k"]] = attributes["v"]
        elif (self._open is not None and name == "nd") or (
            self._open is not None and name == "member" and attributes["type"] == "way"
        ):
            self._open[4].append(int(attributes["ref"]))

    def _end(self, name: str) -> None:
        self._depth -= 1
        if self._depth == 1 and self._open is not None:
            self._done.append(self._open)
            self._open = None


def _from_xml(kind: str, attributes: dict[str, str]) -> dict[str, Any]:
    action = attributes.get("action", "")
    gone = action == "delete" or attributes.get("visible", "true") == "false"
    values: dict[str, Any] = {"version": int(attributes.get("version", 0)), "changed": action == "modify"}
    if kind == "node":
        gone = gone or "lat" not in attributes
        values |= {} if gone else {"lon": float(attributes["lon"]), "lat": float(attributes["lat"])}
    return values | {"gone": gone}


def _iter_json(answer: dict[str, Any]) -> Iterator[Record]:
    for element in answer["elements"]:
        kind = element["type"]
        if kind not in ("node", "way", "relation"):
            continue
        values = {"version": element.get("version", 0), "changed": False, "gone": False}
        if kind == "node":
            values |= {"lon": float(element["lon"]), "lat": float(element["lat"])}
        refs = element.get("nodes", [])
        if kind == "relation":
            refs = [member["ref"] for member in element.get("members", []) if member["type"] == "way"]
        for ref, place in zip(refs, element.get("geometry", []) if kind == "way" else [], strict=False):
            if place is not None:  # `out geom` gives the places of nodes that have no element of their own
                given = {"version": 0, "changed": False, "gone": False, "lon": place["lon"], "lat": place["lat"]}
                yield "node", ref, given, {}, []
        yield kind, element["id"], values, element.get("tags", {}), refs
