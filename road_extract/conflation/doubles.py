"""Finds new lines that run along roads of the map, drops redundant ones, and makes the others branch off at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from heapq import heappop, heappush
from itertools import pairwise

import numpy as np
import shapely

from road_extract.conflation.canvas import Canvas, Line, segment_shapes
from road_extract.metrics.cutting import MatchRule
from road_extract.metrics.matching import match_lines, vertex_measures

#: How many times as far from the map a short piece may be, and how many minimum lengths long, to be part of a swing.
_SWING, _SHORT = 2.0, 4.0
#: A new line is redundant if the map has a way at most this many times as long.
_DETOUR = 1.5
#: Tolerance of lengths along a line.
_TOLERANCE_M = 1e-3


def drop_doubles(canvas: Canvas, rule: MatchRule) -> None:
    """Drop lines that run along a road of the map and connect nothing new.

    A line that is joined at both ends is dropped only if the map has a way between these ends that is hardly longer;
    otherwise it closes a gap.

    Args:
        canvas: The lines are changed.
        rule: When two lines are the same road; a stretch of its minimum length is too much.
    """
    links = _links(canvas)
    along = {id(line) for line, _, _ in _doubles(canvas, rule)}
    for line in canvas.lines:
        ends = line.nodes[0], line.nodes[-1]
        if all(canvas.is_joined(end) for end in ends):
            drops = (id(line) in along or _swings(canvas, line, rule)) and _is_detour(canvas, line, links)
        else:
            drops = id(line) in along and all(canvas.is_joined(end) or canvas.dangles(end) for end in ends)
        if drops:
            canvas.set_nodes(line, [])
    canvas.drop_collapsed()


def _swings(canvas: Canvas, line: Line, rule: MatchRule) -> bool:
    """Whether a line is short and close to the map: a remnant of a detected line that swings from side to side."""
    if canvas.length(line.nodes) > _SHORT * rule.min_length_m:
        return False
    keys = [key for key, pair in canvas.pairs.items() if pair.road and pair.level == line.level]
    tree = shapely.STRtree(segment_shapes(canvas, keys))
    points = shapely.points([canvas.xy[node] for node in line.nodes])
    near = tree.query(points, predicate="dwithin", distance=_SWING * rule.buffer_m)[0]
    return len(np.unique(near)) == len(points)


def _links(canvas: Canvas) -> dict[int, list[tuple[int, float]]]:
    """The neighbours of each node on roads of the map, with their distances."""
    links: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for pair in canvas.pairs.values():
        if pair.road:
            for a, b in pairwise(pair.chain):
                gap = canvas.distance(a, b)
                links[a].append((b, gap))
                links[b].append((a, gap))
    return links


def _is_detour(canvas: Canvas, line: Line, links: dict[int, list[tuple[int, float]]]) -> bool:
    """Whether the map leads from one end of a line to the other almost as directly."""
    limit = _DETOUR * canvas.length(line.nodes)
    reached, waiting = set[int](), [(0.0, line.nodes[0])]
    while waiting:
        gone, node = heappop(waiting)
        if node == line.nodes[-1]:
            return True
        if node not in reached:
            reached.add(node)
            for other, gap in links[node]:
                if gone + gap <= limit:
                    heappush(waiting, (gone + gap, other))
    return False


def steepen(canvas: Canvas, rule: MatchRule, node_m: float) -> bool:
    """Make lines that begin along a road of the map branch off directly, at the place where they stop following it.

    Args:
        canvas: The lines are changed, and may cross others afterwards.
        rule: As for `drop_doubles`.
        node_m: A node of the map this near is used.

    Returns:
        Whether there was such a line.
    """
    keys = [key for key, pair in canvas.pairs.items() if pair.road]
    tree = shapely.STRtree(segment_shapes(canvas, keys))
    found = False
    for line, start, stop in [*_doubles(canvas, rule)]:
        length = canvas.length(line.nodes)
        at_start, at_end = start <= _TOLERANCE_M, stop >= length - _TOLERANCE_M
        if at_start == at_end or not canvas.is_joined(line.nodes[0 if at_start else -1]):
            continue
        nodes = line.nodes if at_start else line.nodes[::-1]
        rest = _after(canvas, nodes, stop if at_start else length - start, line)
        point = shapely.Point(canvas.xy[rest[0]])
        key = keys[int(tree.nearest(point))]
        share = float(canvas.shape([*key]).project(point, normalized=True))
        there = canvas.node_on_pair(canvas.pairs[key], share, node_m, rule.buffer_m)
        if there != nodes[0]:
            canvas.set_nodes(line, [there, *rest] if at_start else [*rest[::-1], there])
            found = True
    return found


def _after(canvas: Canvas, nodes: list[int], along_m: float, line: Line) -> list[int]:
    """The nodes of a line beyond a place on it; a new node there comes first."""
    measures = vertex_measures(np.array([canvas.xy[node] for node in nodes]))
    after = int(np.searchsorted(measures, along_m + _TOLERANCE_M))
    shared = next((at for at in range(1, after) if len(canvas.users[nodes[at]]) > 1), None)
    if shared is not None:  # others begin there
        return nodes[shared:]
    if after >= len(nodes):
        return nodes[-1:]
    a, b = nodes[after - 1], nodes[after]
    share = (along_m - measures[after - 1]) / (measures[after] - measures[after - 1])
    node = canvas.between(a, b, float(np.clip(share, 0, 1)), line.level)
    return [node, *nodes[after:]] if node != b else nodes[after:]


def _doubles(canvas: Canvas, rule: MatchRule) -> Iterator[tuple[Line, float, float]]:
    """Lines of which a long stretch or the greater part lies along roads of the map, and where its longest one is."""
    keys = [ends for pair in canvas.pairs.values() if pair.road for ends in pairwise(pair.chain)]
    if not keys or not canvas.lines:
        return
    shapes = np.array([canvas.shape(line.nodes) for line in canvas.lines], object)
    found = match_lines(shapes, segment_shapes(canvas, keys), rule.buffer_m, rule.angle_deg)
    lengths = found.stop_m - found.start_m
    along = np.bincount(found.line, lengths, minlength=len(shapes))
    for number in np.unique(found.line):
        longest = np.flatnonzero(found.line == number)
        longest = longest[np.argmax(lengths[longest])]
        if along[number] >= shapes[number].length / 2 or lengths[longest] >= rule.min_length_m:
            yield canvas.lines[number], float(found.start_m[longest]), float(found.stop_m[longest])
