"""Makes new lines meet roads of the map that they almost touch."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import shapely

from road_extract.base.options import JoinOptions
from road_extract.conflation.canvas import Canvas, Line, segment_shapes
from road_extract.conflation.ends import move_node

#: An end of the map's roads is joined only if no other join of the new line is within this many times the reach.
_APART = 2.0


def join_dead_ends(canvas: Canvas, options: JoinOptions) -> None:
    """Join roads of the map that end beside a new line: the line is drawn to the end, or a short new line to both."""
    if not canvas.lines or options.reach_m <= 0:
        return
    shapes = np.array([canvas.shape(line.nodes) for line in canvas.lines], object)
    tree = shapely.STRtree(shapes)
    for node in canvas.dead_ends:
        point = shapely.Point(canvas.xy[node])
        found = tree.query(point, predicate="dwithin", distance=options.reach_m)
        near = [int(number) for number in found if canvas.lines[number].level in canvas.levels[node]]
        if not near or canvas.users[node]:
            continue
        line = canvas.lines[near[int(np.argmin(shapely.distance(shapes[near], point)))]]
        if len(line.nodes) > 1 and not _is_joined_near(canvas, line, node, _APART * options.reach_m):
            _join_dead_end(canvas, line, node, options)


def _is_joined_near(canvas: Canvas, line: Line, node: int, distance_m: float) -> bool:
    """Whether a line already uses a node of the map, or one that was put into it, near a place."""
    return any(canvas.is_joined(other) and canvas.distance(other, node) <= distance_m for other in line.nodes)


def _join_dead_end(canvas: Canvas, line: Line, node: int, options: JoinOptions) -> None:
    segments = [*pairwise(line.nodes)]
    shapes = segment_shapes(canvas, segments)
    point = shapely.Point(canvas.xy[node])
    number = int(np.argmin(shapely.distance(shapes, point)))
    gap = float(shapes[number].distance(point))
    if gap > options.reach_m:
        return
    foot = canvas.between(*segments[number], float(shapes[number].project(point, normalized=True)), line.level)
    canvas.insert_on_line(line, number, foot)
    if foot == node:
        return
    if gap <= options.node_m and not canvas.is_joined(foot):
        move_node(canvas, foot, node)
    else:
        canvas.add_line([node, foot], -1, line.level)


def join_near_misses(canvas: Canvas, options: JoinOptions) -> None:
    """Lead lines that come very close to the map, without crossing it, through one of its nodes."""
    if not canvas.lines or not canvas.pairs or options.touch_m <= 0:
        return
    _draw_to_nodes(canvas, options.touch_m)
    _draw_to_pairs(canvas, options)


def _draw_to_nodes(canvas: Canvas, touch_m: float) -> None:
    """Lead a new line through each node of the map that it almost touches."""
    old = sorted({node for key in canvas.pairs for node in key})
    points = shapely.points(np.array([canvas.xy[node] for node in old]))
    tree = shapely.STRtree(points)
    for line in canvas.lines:
        segments = [*pairwise(line.nodes)]
        found: dict[int, list[tuple[float, int]]] = {}
        best: dict[int, tuple[float, int, float]] = {}
        shapes = segment_shapes(canvas, segments)
        for number, which in tree.query(shapes, predicate="dwithin", distance=touch_m).T:
            node = old[which]
            if node in line.nodes or line.level not in canvas.levels[node]:
                continue
            gap = float(shapes[number].distance(points[which]))
            share = float(shapes[number].project(points[which], normalized=True))
            if node not in best or gap < best[node][0]:
                best[node] = gap, int(number), share
        for node, (_, number, share) in best.items():
            if 0 < share < 1 or 0 < number + share < len(segments):
                found.setdefault(number, []).append((share, node))
        nodes = [line.nodes[0]]
        for number, (_, end) in enumerate(segments):
            nodes += [node for _, node in sorted(found.get(number, []))]
            nodes.append(end)
        canvas.set_nodes(line, nodes)


def _draw_to_pairs(canvas: Canvas, options: JoinOptions) -> None:
    """Move a vertex of a new line onto the road of the map on which it almost lies."""
    keys = [*canvas.pairs]
    shapes = segment_shapes(canvas, keys)
    tree = shapely.STRtree(shapes)
    free = sorted({node for line in canvas.lines for node in line.nodes if not canvas.is_old(node)})
    levels = {node: line.level for line in canvas.lines for node in line.nodes}
    points = shapely.points(np.array([canvas.xy[node] for node in free]).reshape(-1, 2))
    nearest: dict[int, tuple[float, int]] = {}
    for which, number in tree.query(points, predicate="dwithin", distance=options.touch_m).T:
        node, pair = free[which], canvas.pairs[keys[number]]
        gap = float(shapes[number].distance(points[which]))
        if not canvas.is_joined(node) and pair.level == levels[node] and gap < nearest.get(node, (np.inf, 0))[0]:
            nearest[node] = gap, int(number)
    for node, (_, number) in nearest.items():
        pair = canvas.pairs[keys[number]]
        share = float(np.clip(shapes[number].project(shapely.Point(canvas.xy[node]), normalized=True), 0, 1))
        there = canvas.node_on_pair(pair, share, options.touch_m, options.touch_m)
        for line in {id(line): line for line in canvas.users[node]}.values():
            canvas.set_nodes(line, [there if other == node else other for other in line.nodes])
