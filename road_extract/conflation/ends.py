"""Joins the ends of new lines to roads of the map, and to each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import shapely

from road_extract.base.arrays import Geometries
from road_extract.base.options import JoinOptions
from road_extract.conflation.canvas import XY, Canvas, Line, segment_shapes

#: A join straight on may be this many times as long as the shortest one: at a flatter angle than 30 degrees, the new
#: road would run beside the old one.
_STRAIGHT_ON = 2.0
#: A moved end takes along the vertices within this many times the distance that it moves.
_DRAG = 1.5


@dataclass(frozen=True, slots=True)
class _Target:
    """Straight lines that ends may join, with a tree to find them.

    Attributes:
        segments: The two nodes of each.
        owners: The new line that each belongs to; None for the map.
        shapes: In metres.
        tree: Of the shapes.
    """

    segments: list[tuple[int, int]]
    owners: list[Line | None]
    shapes: Geometries
    tree: shapely.STRtree


@dataclass(frozen=True, slots=True)
class _Place:
    """A place on a segment of a target: its number, and where between the two nodes, 0 to 1."""

    segment: int
    share: float


def join_to_map(canvas: Canvas, options: JoinOptions, loose: set[int], buffer_m: float) -> None:
    """Join ends that lie near roads of the map: at a node, or at a new node between two.

    Args:
        canvas: The lines are changed.
        options: Distances.
        loose: Nodes at which lines ended on a matched road, so that they have to be joined again.
        buffer_m: Distance within which roads match, which is where such ends lie.
    """
    keys = [key for key, pair in canvas.pairs.items() if pair.road]
    shapes = segment_shapes(canvas, keys)
    target = _Target(keys, [None] * len(keys), shapes, shapely.STRtree(shapes))
    for node in _ends(canvas):
        if canvas.is_joined(node) or not (_is_free(canvas, node) or node in loose):
            continue
        line = canvas.users[node][0]
        reach = max(options.reach_m, 1.1 * buffer_m) if node in loose else options.reach_m
        found = _find_place(canvas, target, line, node, reach)
        if found is not None:
            key = target.segments[found[0].segment]
            there = canvas.node_on_pair(canvas.pairs[key], found[0].share, options.node_m, options.reach_m)
            move_node(canvas, _trim(canvas, line, node, found[1]), there)


def _ends(canvas: Canvas) -> list[int]:
    return sorted({end for line in canvas.lines for end in line.nodes[:1] + line.nodes[-1:]})


def _is_free(canvas: Canvas, node: int) -> bool:
    """Whether only one new line has the node, and only once."""
    return len(canvas.users[node]) == 1


def _find_place(
    canvas: Canvas, target: _Target, line: Line, end: int, reach_m: float
) -> tuple[_Place, list[int] | None] | None:
    """Where to join an end, and the nodes that the line keeps if it has to be cut there."""
    if reach_m <= 0 or len(line.nodes) < 2 or end not in (line.nodes[0], line.nodes[-1]):
        return None
    crossing = _overshoot(canvas, target, line, end, reach_m) if _is_free(canvas, end) else None
    if crossing is not None:
        return crossing
    place = _nearest(canvas, target, line, end, reach_m)
    return None if place is None else (place, None)


def _trim(canvas: Canvas, line: Line, end: int, kept: list[int] | None) -> int:
    """Cut a line; returns its new end."""
    if kept is None:
        return end
    canvas.set_nodes(line, kept if line.nodes[0] == end else kept[::-1])
    return kept[0]


def _from_end(line: Line, end: int) -> list[int]:
    return line.nodes if line.nodes[0] == end else line.nodes[::-1]


def _overshoot(
    canvas: Canvas, target: _Target, line: Line, end: int, reach_m: float
) -> tuple[_Place, list[int]] | None:
    """Where a line crosses the target near its end, and its nodes without what lies beyond."""
    nodes, gone = _from_end(line, end), 0.0
    for number, (a, b) in enumerate(pairwise(nodes)):
        if not canvas.dangles(a):
            return None
        piece = canvas.shape([a, b])
        best: tuple[float, _Place] | None = None
        for other in target.tree.query(piece, predicate="intersects"):
            if not _may_join(canvas, target, int(other), line, end):
                continue
            for point in shapely.get_coordinates(shapely.intersection(piece, target.shapes[other])):
                along = float(np.hypot(*(point - canvas.xy[a])))
                place = _Place(int(other), _share(target.shapes[other], (float(point[0]), float(point[1]))))
                if gone + along <= reach_m and (best is None or along < best[0]):
                    best = along, place
        if best is not None:
            # the node before the crossing stands in for it until it is moved there
            return best[1], nodes[number:]
        gone += canvas.distance(a, b)
        if gone > reach_m:
            return None
    return None


def _nearest(canvas: Canvas, target: _Target, line: Line, end: int, reach_m: float) -> _Place | None:
    """The place to join: straight ahead if that is not much longer than the shortest way, else the nearest."""
    point = shapely.Point(canvas.xy[end])
    near = [
        int(other) for other in target.tree.query(point, predicate="dwithin", distance=reach_m)
        if _may_join(canvas, target, int(other), line, end)
    ]  # fmt: skip
    if not near:
        return None
    gaps = [float(target.shapes[other].distance(point)) for other in near]
    closest = near[int(np.argmin(gaps))]
    ahead = _straight_on(canvas, target, line, end, _STRAIGHT_ON * min(gaps))
    return ahead or _Place(closest, _share(target.shapes[closest], canvas.xy[end]))


def _straight_on(canvas: Canvas, target: _Target, line: Line, end: int, reach_m: float) -> _Place | None:
    nodes = _from_end(line, end)
    behind = next((node for node in nodes[1:] if canvas.distance(node, end) > min(reach_m, 10.0)), nodes[-1])
    step = np.subtract(canvas.xy[end], canvas.xy[behind])
    if not (length := float(np.hypot(*step))) or reach_m <= 0:
        return None
    ray = shapely.LineString([canvas.xy[end], canvas.xy[end] + step / length * reach_m])
    best: tuple[float, _Place] | None = None
    for other in target.tree.query(ray, predicate="intersects"):
        if not _may_join(canvas, target, int(other), line, end):
            continue
        for x, y in shapely.get_coordinates(shapely.intersection(ray, target.shapes[other])):
            along = float(np.hypot(*np.subtract((x, y), canvas.xy[end])))
            if best is None or along < best[0]:
                best = along, _Place(int(other), _share(target.shapes[other], (float(x), float(y))))
    return best and best[1]


def _may_join(canvas: Canvas, target: _Target, number: int, line: Line, end: int) -> bool:
    owner, segment = target.owners[number], target.segments[number]
    if owner is None:
        return canvas.pairs[segment].level == line.level
    return owner is not line and owner.level == line.level and end not in owner.nodes and len(owner.nodes) > 1


def _share(shape: shapely.LineString, xy: XY) -> float:
    return float(np.clip(shape.project(shapely.Point(xy), normalized=True), 0.0, 1.0))


def move_node(canvas: Canvas, node: int, to: int) -> None:
    """Redirect all new lines to another node, without a kink: vertices on the way are left out."""
    if node == to:
        return
    drag = _DRAG * canvas.distance(node, to)
    for line in list(canvas.users[node]):
        if node in line.nodes:
            canvas.set_nodes(line, _dragged(canvas, line.nodes, node, to, drag))


def _dragged(canvas: Canvas, nodes: list[int], node: int, to: int, drag_m: float) -> Iterator[int]:
    for number, other in enumerate(nodes):
        is_end = number in (0, len(nodes) - 1)
        is_fixed = is_end or not canvas.dangles(other)
        if other == node:
            yield to
        elif is_fixed or canvas.distance(other, node) > drag_m:
            yield other


def join_to_each_other(canvas: Canvas, options: JoinOptions) -> None:
    """Join ends that are still free to other new lines within reach."""
    if options.reach_m <= 0:
        return
    target = _new_lines(canvas)
    for end in _ends(canvas):
        if not canvas.dangles(end):
            continue
        (line,) = canvas.users[end]
        found = _find_place(canvas, target, line, end, options.reach_m)
        if found is None:
            continue
        place, kept = found
        owner = target.owners[place.segment]
        assert owner is not None
        point = target.shapes[place.segment].interpolate(place.share, normalized=True)
        there = _node_on_line(canvas, owner, point, options)
        if there is not None and there not in line.nodes:
            move_node(canvas, _trim(canvas, line, end, kept), there)


def _new_lines(canvas: Canvas) -> _Target:
    segments = [pair for line in canvas.lines for pair in pairwise(line.nodes)]
    owners = [line for line in canvas.lines for _ in pairwise(line.nodes)]
    shapes = segment_shapes(canvas, segments)
    return _Target(segments, [*owners], shapes, shapely.STRtree(shapes))


def _node_on_line(canvas: Canvas, line: Line, point: shapely.Point, options: JoinOptions) -> int | None:
    """The node of a new line at a place: one that is near, or a new one; None if the line has moved away since."""
    segments = [*pairwise(line.nodes)]
    shapes = segment_shapes(canvas, segments)
    if not len(shapes):
        return None
    number = int(np.argmin(shapely.distance(shapes, point)))
    if float(shapes[number].distance(point)) > options.reach_m:
        return None
    a, b = segments[number]
    for node in (a, b):
        if float(np.hypot(*np.subtract(canvas.xy[node], (point.x, point.y)))) <= options.node_m:
            return node
    node = canvas.between(a, b, _share(shapes[number], (point.x, point.y)), line.level)
    canvas.insert_on_line(line, number, node)
    return node
