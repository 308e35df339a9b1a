"""Removes from new lines what the map or another new line already contains, and loops that joining has created."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from road_extract.base.options import JoinOptions
from road_extract.conflation.canvas import Canvas, Line


def tidy(canvas: Canvas, options: JoinOptions) -> None:
    """Drop repeated stretches, small loops, and stubs that are left of them."""
    # by place, because maps have several nodes in one place
    taken = {
        frozenset(canvas.grid[end] for end in ends) for pair in canvas.pairs.values() for ends in pairwise(pair.chain)
    }
    for line in list(canvas.lines):
        nodes = _without_loops(canvas, line.nodes, 4 * options.reach_m)
        runs = [*_fresh_runs(canvas, nodes, taken)]
        canvas.set_nodes(line, runs[0] if runs else [])
        for run in runs[1:]:
            canvas.add_line(run, line.source, line.level)
    _drop_stubs(canvas, options.node_m)
    canvas.drop_collapsed()


def _without_loops(canvas: Canvas, nodes: list[int], longest_m: float) -> list[int]:
    """If a line returns to one of its own nodes and the loop is short, cut the loop out."""
    found: list[int] = []
    for node in nodes:
        if node in found:
            at = found.index(node)
            is_ring = at == 0 and node == nodes[-1]
            if not is_ring and canvas.length([*found[at:], node]) <= longest_m:
                del found[at + 1 :]
                continue
        found.append(node)
    return found


def _fresh_runs(canvas: Canvas, nodes: list[int], taken: set[frozenset[tuple[int, int]]]) -> Iterator[list[int]]:
    """The parts of a line between stretches that are already taken; these parts then count as taken."""
    run = nodes[:1]
    for a, b in pairwise(nodes):
        stretch = frozenset((canvas.grid[a], canvas.grid[b]))
        if stretch in taken or len(stretch) == 1:
            if len(run) > 1:
                yield run
            run = [b]
        else:
            taken.add(stretch)
            run.append(b)
    if len(run) > 1:
        yield run


def _drop_stubs(canvas: Canvas, longest_m: float) -> None:
    """Drop very short lines with a free end: they carry no information, and editors warn about them."""
    for line in canvas.lines:
        while len(line.nodes) > 1 and (end := _stub(canvas, line, longest_m)) is not None:
            canvas.set_nodes(line, end)


def _stub(canvas: Canvas, line: Line, longest_m: float) -> list[int] | None:
    """The line without its dangling stub; None if it has none.

    A stub runs from a free end to the first node that something else shares.
    """
    for nodes, turned in ((line.nodes, False), (line.nodes[::-1], True)):
        if not canvas.dangles(nodes[0]):
            continue
        stop = next((at for at, node in enumerate(nodes) if at and not canvas.dangles(node)), None)
        if stop is not None and canvas.length(nodes[: stop + 1]) <= longest_m:
            rest = nodes[stop:] if stop < len(nodes) - 1 else []
            return rest[::-1] if turned else rest
    return None
