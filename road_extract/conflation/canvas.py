"""The ground on which new roads and the map are joined: nodes with two kinds of coordinates, and pairs of nodes.

Distances are measured in metres. Whether lines cross is decided on the grid of whole units of 1e-7 degrees, on which
OpenStreetMap stores coordinates, so that whatever is true on the grid is also true in the files.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby, pairwise

import numpy as np
import shapely

from road_extract.base.arrays import Float64Array, Geometries, IntArray
from road_extract.base.coordinates import LONLAT, transformer, turns_to
from road_extract.base.geodesy import local_crs
from road_extract.base.osm import UNITS_PER_DEGREE, OsmMap, OsmNode, OsmWay
from road_extract.conflation.kinds import Level, is_road, level_of, meets_roads

XY = tuple[float, float]

#: A way with more nodes than this may become too long for the API.
_ROOM = 1900


@dataclass(frozen=True, slots=True)
class Plane:
    """Coordinates around a place.

    Attributes:
        centre: Longitude and latitude of the place, in degrees.
    """

    centre: XY

    def grid(self, lonlat: Float64Array) -> IntArray:
        """Longitudes and latitudes in degrees, (n, 2), in whole units; on the centre's side of the antimeridian."""
        lon = lonlat[:, 0] + turns_to(lonlat[:, 0], self.centre[0], 360.0)
        units: IntArray = np.rint(np.stack([lon, lonlat[:, 1]], axis=1) * UNITS_PER_DEGREE).astype(np.int64)
        return units

    def metres(self, lonlat: Float64Array) -> Float64Array:
        """The same in metres from the centre, (n, 2)."""
        there = transformer(LONLAT, local_crs(*self.centre, LONLAT))
        return np.stack(there.transform(lonlat[:, 0], lonlat[:, 1]), axis=1)

    def lonlat(self, grid: tuple[int, int]) -> XY:
        """Longitude from -180 to 180 and latitude, in degrees."""
        return (grid[0] / UNITS_PER_DEGREE + 180) % 360 - 180, grid[1] / UNITS_PER_DEGREE


@dataclass(slots=True, eq=False)
class Pair:
    """Two nodes that follow one another in ways of the map, and the new nodes between them.

    Attributes:
        chain: Indices of the nodes, from the lower to the higher index of the two.
        level: Level of the ways.
        road: Whether one of the ways is a road; otherwise it is a path.
        open: Whether new nodes can be written into the ways.
    """

    chain: list[int]
    level: Level
    road: bool
    open: bool


@dataclass(slots=True, eq=False)
class Line:
    """A new road.

    Attributes:
        nodes: Indices of its nodes, in order.
        source: Index of the piece that it comes from; -1 for a short connection.
        level: Its level.
    """

    nodes: list[int]
    source: int
    level: Level


@dataclass(slots=True)
class Canvas:
    """All nodes, the pairs of the map, and the new lines.

    Attributes:
        plane: How coordinates are measured.
        grid: Coordinates of each node in whole units; those of the map come first and never change.
        xy: Coordinates of each node in metres.
        ids: Id of each node of the map.
        pairs: By the indices of their nodes, the lower one first.
        lines: The new lines.
        degree: Number of neighbours of each node of the map that has any.
        dead_ends: Nodes at which roads of the map end, although they could continue.
        at: Nodes by their grid coordinates.
        levels: Levels of the ways at each node of the map.
        inserted: New nodes in chains of pairs.
        users: The lines that contain a node, once for each time that they do.
    """

    plane: Plane
    grid: list[tuple[int, int]] = field(default_factory=list)
    xy: list[XY] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)
    pairs: dict[tuple[int, int], Pair] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    degree: dict[int, int] = field(default_factory=dict)
    dead_ends: list[int] = field(default_factory=list)
    at: dict[tuple[int, int], int] = field(default_factory=dict)
    levels: dict[int, set[Level]] = field(default_factory=dict)
    inserted: set[int] = field(default_factory=set)
    users: dict[int, list[Line]] = field(default_factory=lambda: defaultdict(list))

    def add_line(self, nodes: list[int], source: int, level: Level) -> None:
        """Add a new line."""
        line = Line([], source, level)
        self.lines.append(line)
        self.set_nodes(line, nodes)

    def set_nodes(self, line: Line, nodes: Iterable[int]) -> None:
        """Replace the nodes of a line; repeated nodes are left out."""
        for node in line.nodes:
            self.users[node].remove(line)
        line.nodes = [node for node, _ in groupby(nodes)]
        for node in line.nodes:
            self.users[node].append(line)

    def drop_collapsed(self) -> None:
        """Drop lines that have become a point."""
        for line in self.lines:
            if len(line.nodes) < 2:
                self.set_nodes(line, [])
        self.lines = [line for line in self.lines if line.nodes]

    def is_joined(self, node: int) -> bool:
        """Whether it belongs to the map, or will once the changes are applied."""
        return self.is_old(node) or node in self.inserted

    def dangles(self, node: int) -> bool:
        """Whether it belongs to one new line only, and not to the map."""
        return not self.is_joined(node) and len(self.users[node]) == 1

    def add(self, grid: tuple[int, int], xy: XY, level: Level) -> int:
        """The node at a place that a line on a level may use: an existing one, or a new one."""
        there = self.at.get(grid)
        if there is not None and (not self.is_old(there) or level in self.levels[there]):
            return there
        self.grid.append(grid)
        self.xy.append(xy)
        number = len(self.grid) - 1
        if there is None:
            self.at[grid] = number
        return number

    def between(self, a: int, b: int, share: float, level: Level) -> int:
        """The node at a share of the way from one node to another."""
        (ax, ay), (bx, by) = self.grid[a], self.grid[b]
        grid = round(ax + share * (bx - ax)), round(ay + share * (by - ay))
        (ax_m, ay_m), (bx_m, by_m) = self.xy[a], self.xy[b]
        return self.add(grid, (ax_m + share * (bx_m - ax_m), ay_m + share * (by_m - ay_m)), level)

    def is_old(self, node: int) -> bool:
        """Whether it is a node of the map."""
        return node < len(self.ids)

    def distance(self, a: int, b: int) -> float:
        """Distance between two nodes in metres."""
        (ax, ay), (bx, by) = self.xy[a], self.xy[b]
        return float(np.hypot(ax - bx, ay - by))

    def shape(self, nodes: list[int]) -> shapely.LineString:
        """The line through nodes, in metres."""
        return shapely.LineString([self.xy[node] for node in nodes])

    def length(self, nodes: list[int]) -> float:
        """Its length in metres."""
        return sum(self.distance(a, b) for a, b in pairwise(nodes))

    def insert_on_line(self, line: Line, number: int, node: int) -> None:
        """Put a node into a new line between two others, unless the line has it.

        Args:
            line: The line.
            number: Index of the node after which it comes.
            node: The node.
        """
        if node not in line.nodes:
            self.set_nodes(line, [*line.nodes[: number + 1], node, *line.nodes[number + 1 :]])

    def insert_on_pair(self, pair: Pair, node: int) -> None:
        """Put a node into a chain at the place where it lies along it."""
        if node in pair.chain:
            return
        origin, end = self.grid[pair.chain[0]], self.grid[pair.chain[-1]]
        step = end[0] - origin[0], end[1] - origin[1]

        def along(number: int) -> int:
            x, y = self.grid[number]
            return (x - origin[0]) * step[0] + (y - origin[1]) * step[1]

        inner = sorted([*pair.chain[1:-1], node], key=along)
        pair.chain[1:-1] = inner
        self.inserted.add(node)

    def node_on_pair(self, pair: Pair, share: float, node_m: float, reach_m: float) -> int:
        """The node at a place on a pair: an existing one if it is near, otherwise a new one in the chain.

        Args:
            pair: The pair.
            share: Where between its two nodes, 0 to 1.
            node_m: How near a node must be.
            reach_m: The same if no node can be inserted.
        """
        a, b = pair.chain[0], pair.chain[-1]
        (ax, ay), (bx, by) = self.xy[a], self.xy[b]
        x, y = ax + share * (bx - ax), ay + share * (by - ay)
        gaps = [float(np.hypot(self.xy[node][0] - x, self.xy[node][1] - y)) for node in pair.chain]
        nearest = int(np.argmin(gaps))
        if gaps[nearest] <= (node_m if pair.open else max(node_m, reach_m)):
            return pair.chain[nearest]
        node = self.between(a, b, share, pair.level)
        self.insert_on_pair(pair, node)
        return node


def build_canvas(
    existing: OsmMap, lines: Iterable[tuple[Float64Array, int, Level]], plane: Plane, near_m: float
) -> Canvas:
    """Bring the map and the new lines together.

    Args:
        existing: The map.
        lines: Longitudes and latitudes of each line, (n, 2); the piece that it comes from, and its level.
        plane: How to measure.
        near_m: Objects farther than this from all new lines are left out.
    """
    canvas = Canvas(plane)
    lines = list(lines)
    ways = [way for way in existing.ways.values() if meets_roads(way.tags)]
    known = sorted({ref for way in ways for ref in way.refs if ref in existing.nodes})
    if known:
        lonlat = np.array([[existing.nodes[ref].lon, existing.nodes[ref].lat] for ref in known], np.float64)
        canvas.grid = [(int(x), int(y)) for x, y in plane.grid(lonlat)]
        canvas.xy = [(float(x), float(y)) for x, y in plane.metres(lonlat)]
    canvas.ids = known
    _add_pairs(canvas, existing, ways)
    _keep_near(canvas, [plane.metres(lonlat) for lonlat, _, _ in lines], near_m)
    for (a, b), pair in canvas.pairs.items():
        for node in (a, b):
            canvas.levels.setdefault(node, set()).add(pair.level)
            # of two nodes at the same place, the node of a road is the better one to share
            if pair.road or canvas.grid[node] not in canvas.at:
                canvas.at[canvas.grid[node]] = node
    _add_lines(canvas, lines)
    return canvas


def _add_pairs(canvas: Canvas, existing: OsmMap, ways: list[OsmWay]) -> None:
    index = {ref: number for number, ref in enumerate(canvas.ids)}
    shared = _ways_by_pair(existing, ways)
    cut: set[int] = set()
    for way in ways:
        level, road = level_of(way.tags), is_road(way.tags)
        numbers = [index.get(ref) for ref in way.refs]
        for a, b in pairwise(numbers):
            if a is None or b is None:
                cut.update(number for number in (a, b) if number is not None)
            elif a != b and canvas.grid[a] != canvas.grid[b]:
                key = (min(a, b), max(a, b))
                ids = frozenset((canvas.ids[a], canvas.ids[b]))
                pair = canvas.pairs.setdefault(key, Pair([*key], level, road, shared[ids]))
                pair.road = pair.road or road
    for a, b in canvas.pairs:
        for node in (a, b):
            canvas.degree[node] = canvas.degree.get(node, 0) + 1
    roads = {node for key, pair in canvas.pairs.items() if pair.road for node in key}
    canvas.dead_ends = [
        node for node in sorted(roads - cut)
        if canvas.degree[node] == 1 and not _truly_ends(existing.nodes[canvas.ids[node]])
    ]  # fmt: skip


def _truly_ends(node: OsmNode) -> bool:
    return node.tags.get("noexit") == "yes" or node.tags.get("highway") in ("turning_circle", "turning_loop")


def _ways_by_pair(existing: OsmMap, ways: list[OsmWay]) -> dict[frozenset[int], bool]:
    """Whether new nodes can be written between two nodes: into every way that has them next to each other."""
    wanted = {frozenset(pair): existing.has_ids for way in ways for pair in pairwise(way.refs)}
    for way in existing.ways.values():
        complete = all(ref in existing.nodes and existing.nodes[ref].can_be_named for ref in way.refs)
        if not (way.can_be_named and complete and len(way.refs) < _ROOM):
            for pair in pairwise(way.refs):
                if frozenset(pair) in wanted:
                    wanted[frozenset(pair)] = False
    return wanted


def _keep_near(canvas: Canvas, lines: list[Float64Array], near_m: float) -> None:
    keys = list(canvas.pairs)
    if not keys or not lines:
        canvas.pairs, canvas.dead_ends = {}, []
        return
    tree = shapely.STRtree(segment_shapes(canvas, keys))
    found = tree.query(np.array([shapely.LineString(xy) for xy in lines], object), predicate="dwithin", distance=near_m)
    canvas.pairs = {keys[number]: canvas.pairs[keys[number]] for number in np.unique(found[1])}
    near = {node for key in canvas.pairs for node in key}
    canvas.dead_ends = [node for node in canvas.dead_ends if node in near]


def _add_lines(canvas: Canvas, lines: list[tuple[Float64Array, int, Level]]) -> None:
    for lonlat, source, level in lines:
        grid, metres = canvas.plane.grid(lonlat), canvas.plane.metres(lonlat)
        nodes = [
            canvas.add((int(x), int(y)), (float(x_m), float(y_m)), level)
            for (x, y), (x_m, y_m) in zip(grid, metres, strict=True)
        ]
        canvas.add_line(nodes, source, level)


def segment_shapes(canvas: Canvas, segments: Iterable[tuple[int, int]]) -> Geometries:
    """The straight lines between pairs of nodes, in metres, (n,)."""
    ends = np.array([[canvas.xy[a], canvas.xy[b]] for a, b in segments], np.float64).reshape(-1, 2, 2)
    return shapely.linestrings(ends)  # type: ignore[no-any-return]
