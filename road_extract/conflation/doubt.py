"""Finds new roads that may be something else, because they lie along a railway, a runway, a shore or a path."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import shapely

from road_extract.base.arrays import Float64Array, Geometries, to_geometries
from road_extract.base.coordinates import LONLAT, transformer, turns_to
from road_extract.base.osm import OsmMap
from road_extract.conflation.kinds import Level, Obstacle, is_area, level_of, obstacle_of
from road_extract.metrics.cutting import MatchRule, cut_by_match

#: Stretches shorter than this are not separated into doubtful and other ones.
MIN_STRETCH_M = 50.0
#: Half widths are rounded to this many metres, so that there are only a few.
_WIDTH_STEP_M = 5.0


@dataclass(frozen=True, slots=True)
class Obstacles:
    """Lines and areas that a model may mistake for roads, in metres.

    Attributes:
        lines: LineStrings, (n,).
        kinds: What they are.
        levels: Their levels.
        areas: Polygons, (m,).
        area_kinds: What these are.
    """

    lines: Geometries
    kinds: list[Obstacle]
    levels: list[Level]
    areas: Geometries
    area_kinds: list[Obstacle]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Part of a new road.

    Attributes:
        line: Index of the line that it is part of.
        geometry: In the CRS of the lines.
        reason: Why it is doubtful; empty if it is not.
    """

    line: int
    geometry: shapely.LineString
    reason: str


def find_obstacles(existing: OsmMap, metres: str, near_lon: float) -> Obstacles:
    """The obstacles of a map.

    Args:
        existing: The map.
        metres: CRS in metres, WKT.
        near_lon: A longitude near the roads, for maps on both sides of the antimeridian.
    """
    found: list[tuple[Float64Array, Obstacle, Level]] = []
    rings: dict[Obstacle, list[Float64Array]] = defaultdict(list)
    members = {number: area.tags for area in existing.areas for number in area.ways if obstacle_of(area.tags)}
    for way in existing.ways.values():
        tags = way.tags if obstacle_of(way.tags) else members.get(way.id, {})
        if (kind := obstacle_of(tags)) is None:
            continue
        runs = [np.array(run, np.float64) for run in existing.iter_runs(way.refs)]
        found += [(run, kind, level_of(way.tags)) for run in runs]
        closed = len(way.refs) > 3 and way.refs[0] == way.refs[-1] and len(runs) == 1
        if closed and len(runs[0]) > 3 and is_area(tags, closed=closed):
            rings[kind].append(runs[0])
    to_metres = transformer(LONLAT, metres)

    def move(lonlat: Float64Array) -> Float64Array:
        lon = lonlat[:, 0] + turns_to(lonlat[:, 0], near_lon, 360.0)
        return np.stack(to_metres.transform(lon, lonlat[:, 1]), axis=1)

    areas, area_kinds = _areas(existing, rings, move)
    lines = to_geometries(shapely.LineString(move(run)) for run, _, _ in found)
    return Obstacles(lines, [kind for _, kind, _ in found], [level for _, _, level in found], areas, area_kinds)


def _areas(
    existing: OsmMap, rings: dict[Obstacle, list[Float64Array]], move: Callable[[Float64Array], Float64Array]
) -> tuple[Geometries, list[Obstacle]]:
    areas: list[shapely.Geometry] = []
    kinds: list[Obstacle] = []
    for kind, places in rings.items():
        for ring in places:
            areas.append(shapely.make_valid(shapely.Polygon(move(ring))))
            kinds.append(kind)
    for area in existing.areas:
        kind_of_area = obstacle_of(area.tags)
        ways = [existing.ways[number] for number in area.ways if number in existing.ways]
        if kind_of_area is None or len(ways) < len(area.ways):
            continue  # the outline of an area that is only partly in the file is unknown
        lines = [shapely.LineString(move(np.array(run))) for way in ways for run in existing.iter_runs(way.refs)]
        if lines and not (built := shapely.build_area(shapely.GeometryCollection(lines))).is_empty:
            areas.append(built)
            kinds.append(kind_of_area)
    return to_geometries(areas), kinds


def cut_doubtful(
    lines: Geometries, metric: Geometries, obstacles: Obstacles, distance_m: float, angle_deg: float
) -> list[Stretch]:
    """Cut lines where they start or stop to lie along obstacles, or are mostly inside an area of them.

    Args:
        lines: LineStrings in any CRS, (n,).
        metric: The same in metres, in the CRS of the obstacles, (n,).
        obstacles: The obstacles.
        distance_m: How far from the edge of an obstacle a road still lies along it.
        angle_deg: Maximum difference in direction.
    """
    if distance_m <= 0:
        return [Stretch(number, line, "") for number, line in enumerate(lines)]
    certain = [(number, line, in_metres) for number, (line, in_metres) in enumerate(zip(lines, metric, strict=True))]
    doubtful: list[Stretch] = []
    reaches = np.array([_reach_m(kind, distance_m) for kind in obstacles.kinds])
    for reach in np.unique(reaches[reaches > 0]):
        chosen = np.flatnonzero(reaches == reach)
        rule = MatchRule(float(reach), angle_deg, MIN_STRETCH_M)
        tree = shapely.STRtree(obstacles.lines[chosen])
        rest = []
        for number, matched, geometry, in_metres in _cut(certain, obstacles.lines[chosen], rule):
            if matched:
                nearest = int(chosen[tree.nearest(in_metres.interpolate(0.5, normalized=True))])
                doubtful.append(Stretch(number, geometry, f"lies along {obstacles.kinds[nearest].name}"))
            else:
                rest.append((number, geometry, in_metres))
        certain = rest
    found = [*doubtful, *_inside(certain, obstacles)]
    return sorted(found, key=lambda stretch: stretch.line)


def _reach_m(kind: Obstacle, distance_m: float) -> float:
    """How far from the axis of an obstacle a road still lies along it."""
    half = _WIDTH_STEP_M * round(kind.half_width_m / _WIDTH_STEP_M)
    return min(distance_m, kind.max_distance_m) + half if kind.max_distance_m > 0 else 0.0


_Piece = tuple[int, shapely.LineString, shapely.LineString]
_CutPiece = tuple[int, bool, shapely.LineString, shapely.LineString]


def _cut(pieces: list[_Piece], others: Geometries, rule: MatchRule) -> Iterable[_CutPiece]:
    lines, metric = to_geometries(line for _, line, _ in pieces), to_geometries(line for _, _, line in pieces)
    # both are cut at the same vertices and shares, so that the pieces correspond
    cut, cut_metric = (cut_by_match(given, metric, others, rule) for given in (lines, metric))
    for index, matched, geometry, in_metres in zip(
        cut.line, cut.matched, cut.geometry, cut_metric.geometry, strict=True
    ):
        yield pieces[index][0], bool(matched), geometry, in_metres


def _inside(pieces: list[_Piece], obstacles: Obstacles) -> Iterable[Stretch]:
    tree = shapely.STRtree(obstacles.areas)
    for number, geometry, in_metres in pieces:
        reason = ""
        for which in tree.query(in_metres, predicate="intersects"):
            if in_metres.intersection(obstacles.areas[which]).length > in_metres.length / 2:
                name = obstacles.area_kinds[which].name
                reason = "lies in water" if name == "a shore" else f"lies on {name}"
        yield Stretch(number, geometry, reason)


def crossings(metric: Geometries, levels: list[Level], obstacles: Obstacles) -> list[list[str]]:
    """What each line crosses that needs more than a shared node: ``crosses a railway: a level crossing, ...?``.

    Args:
        metric: LineStrings in metres, (n,).
        levels: Their levels.
        obstacles: The obstacles, in the same CRS.
    """
    found: list[list[str]] = [[] for _ in metric]
    tree = shapely.STRtree(obstacles.lines)
    for number, which in tree.query(metric, predicate="crosses").T if len(metric) else []:
        kind = obstacles.kinds[which]
        if kind.crossing and obstacles.levels[which] == levels[number]:
            name = "water" if kind.name == "a shore" else kind.name
            text = f"crosses {name}: {kind.crossing}?"
            if text not in found[number]:
                found[number].append(text)
    return found
