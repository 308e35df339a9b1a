"""Joins new roads to a map: from lines and a map to lines that share nodes with it, and the changes to its ways."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from road_extract.base.arrays import Float64Array
from road_extract.base.options import JoinOptions
from road_extract.base.osm import OsmChange, OsmMap, OsmNode, OsmWay, split_refs
from road_extract.conflation.canvas import XY, Canvas, Plane, build_canvas
from road_extract.conflation.doubles import drop_doubles, steepen
from road_extract.conflation.ends import join_to_each_other, join_to_map
from road_extract.conflation.kinds import GROUND, Level
from road_extract.conflation.noding import add_nodes
from road_extract.conflation.tidying import tidy
from road_extract.conflation.touching import join_dead_ends, join_near_misses
from road_extract.metrics.cutting import MatchRule

#: Objects farther from all new roads than this many times the reach are ignored.
_NEAR = 10.0


@dataclass(frozen=True, slots=True)
class NewLine:
    """A new road before it is joined.

    Attributes:
        lonlat: Longitudes and latitudes of its vertices in degrees, (n, 2).
        level: Its level.
        loose_ends: Whether it was cut off a road that the map has at its first and at its last vertex.
    """

    lonlat: Float64Array
    level: Level = GROUND
    loose_ends: tuple[bool, bool] = (False, False)


@dataclass(frozen=True, slots=True)
class Join:
    """A place where new roads meet the map.

    Attributes:
        lonlat: Its longitude and latitude.
        kind: ``node`` (a node of the map), ``inserted`` (a new node in a way of the map) or ``beside`` (a new node
            that lies on a way, but cannot be written into it).
        is_end: Whether a new way ends there.
    """

    lonlat: XY
    kind: str
    is_end: bool


@dataclass(frozen=True, slots=True)
class JoinedLine:
    """A new road that is joined.

    Attributes:
        refs: Ids of its nodes.
        source: Index of the `NewLine` that it comes from; -1 for a short connection to a dead end of the map.
        beside: Whether it ends at a join of the kind ``beside``.
    """

    refs: tuple[int, ...]
    source: int
    beside: bool


@dataclass(frozen=True, slots=True)
class Joined:
    """New roads that join a map.

    Attributes:
        lines: The new roads.
        nodes: New nodes by their ids, which are negative.
        kept: Nodes of the map that the roads or the modified ways use.
        modified: Ways of the map with new nodes in them.
        joins: Where new roads meet the map.
        free_ends: Number of ends that meet nothing.
        next_id: The id for the next new object.
    """

    lines: tuple[JoinedLine, ...]
    nodes: Mapping[int, OsmNode]
    kept: Mapping[int, OsmNode]
    modified: tuple[OsmWay, ...]
    joins: tuple[Join, ...]
    free_ends: int
    next_id: int

    def place(self, ref: int) -> XY:
        """Longitude and latitude of a node."""
        node = self.nodes[ref] if ref in self.nodes else self.kept[ref]
        return node.lon, node.lat


def join_lines(lines: Sequence[NewLine], existing: OsmMap, options: JoinOptions, rule: MatchRule) -> Joined:
    """Join new roads to a map. Nodes of the map do not move, and its ways are changed only by new nodes.

    Args:
        lines: The new roads.
        existing: The map.
        options: Distances.
        rule: When two lines are the same road.

    Raises:
        InputError: If the coordinates cannot be used.
    """
    canvas = _to_canvas(lines, existing, options)
    loose = {
        canvas.lines[number].nodes[-index]
        for number, line in enumerate(lines)
        for index, is_loose in enumerate(line.loose_ends)
        if is_loose and canvas.lines[number].nodes
    }
    canvas.drop_collapsed()
    join_to_map(canvas, options, loose, rule.buffer_m)
    canvas.drop_collapsed()
    join_to_each_other(canvas, options)
    canvas.drop_collapsed()
    join_dead_ends(canvas, options)
    join_near_misses(canvas, options)
    canvas.drop_collapsed()
    add_nodes(canvas, options.node_m)
    tidy(canvas, options)
    drop_doubles(canvas, rule)
    if steepen(canvas, rule, options.node_m):
        canvas.drop_collapsed()
        add_nodes(canvas, 0.0)
        tidy(canvas, options)
        drop_doubles(canvas, rule)
    return _to_joined(canvas, existing)


def _to_canvas(lines: Sequence[NewLine], existing: OsmMap, options: JoinOptions) -> Canvas:
    given = [(line.lonlat, number, line.level) for number, line in enumerate(lines)]
    if lines:
        lonlat = np.concatenate([line.lonlat for line in lines])
        lon, lat = lonlat.min(axis=0) + lonlat.max(axis=0)
        centre = (float(lon) / 2, float(lat) / 2)
    else:
        centre = (0.0, 0.0)
    return build_canvas(existing, given, Plane(centre), _NEAR * max(options.reach_m, options.touch_m, 5.0))


def _to_joined(canvas: Canvas, existing: OsmMap) -> Joined:
    ids = _Ids(canvas, existing)
    lines = []
    for line in canvas.lines:
        refs = [ids.of(node) for node in line.nodes]
        beside = any(ids.kind(node) == "beside" for node in (line.nodes[0], line.nodes[-1]))
        lines += [JoinedLine(tuple(part), line.source, beside) for part in split_refs(refs)]
    modified = tuple(_modified(canvas, existing, ids))
    used = {node for line in canvas.lines for node in line.nodes}
    ends = [end for line in canvas.lines for end in (line.nodes[0], line.nodes[-1])]
    joins = tuple(
        Join(canvas.plane.lonlat(canvas.grid[node]), ids.kind(node), node in ends)
        for node in sorted(used)
        if canvas.is_joined(node)
    )
    free = sum(canvas.dangles(end) for end in ends)
    named = {ref for way in modified for ref in way.refs} | {ref for line in lines for ref in line.refs}
    kept = {ref: existing.nodes[ref] for ref in sorted(named) if ref in existing.nodes and ref not in ids.created}
    return Joined(tuple(lines), ids.created, kept, modified, joins, free, ids.next_id)


class _Ids:
    """Ids of nodes: those of the map, and negative ones for new nodes."""

    def __init__(self, canvas: Canvas, existing: OsmMap) -> None:
        self._canvas, self._existing = canvas, existing
        self.next_id = min(existing.lowest_id, 0) - 1
        self.created: dict[int, OsmNode] = {}
        self._new: dict[int, int] = {}
        self._writable = {node for pair in canvas.pairs.values() if pair.open for node in pair.chain[1:-1]}

    def kind(self, node: int) -> str:
        """The kind of `Join` at a node."""
        if self._canvas.is_old(node):
            known = self._existing.has_ids and self._existing.nodes[self._canvas.ids[node]].can_be_named
            return "node" if known else "beside"
        return "inserted" if node in self._writable else "beside" if node in self._canvas.inserted else ""

    def of(self, node: int) -> int:
        """The id of a node; if it is new, or cannot be named, an id is created on the first call."""
        if self._canvas.is_old(node) and self.kind(node) == "node":
            return self._canvas.ids[node]
        if node not in self._new:
            self._new[node] = self.next_id
            lon, lat = self._canvas.plane.lonlat(self._canvas.grid[node])
            self.created[self.next_id] = OsmNode(self.next_id, lon, lat)
            self.next_id -= 1
        return self._new[node]


def _modified(canvas: Canvas, existing: OsmMap, ids: _Ids) -> Iterator[OsmWay]:
    used = {node for line in canvas.lines for node in line.nodes}
    chains: dict[tuple[int, int], list[int]] = {}
    for (a, b), pair in canvas.pairs.items():
        inner = [node for node in pair.chain[1:-1] if node in used]
        if inner and pair.open:
            numbers = [ids.of(node) for node in inner]
            chains[canvas.ids[a], canvas.ids[b]] = numbers
            chains[canvas.ids[b], canvas.ids[a]] = numbers[::-1]
    if not chains:
        return
    for way in existing.ways.values():
        if any(ends in chains for ends in pairwise(way.refs)):
            refs = [way.refs[0]]
            for ends in pairwise(way.refs):
                refs += [*chains.get(ends, []), ends[1]]
            yield replace(way, refs=tuple(refs))


def to_change(joined: Joined, tags: Sequence[Mapping[str, str]]) -> OsmChange:
    """The changes to the map.

    Args:
        joined: The new roads.
        tags: Tags of each of its lines.
    """
    numbers = range(joined.next_id, joined.next_id - len(joined.lines), -1)
    ways = tuple(
        OsmWay(number, line.refs, tags=given) for number, line, given in zip(numbers, joined.lines, tags, strict=True)
    )
    return OsmChange(tuple(joined.nodes.values()), ways, joined.modified, tuple(joined.kept.values()))
