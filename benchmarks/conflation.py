"""Measure how new roads join a map from which a tenth of the roads has been taken away. Prints a table.

    python benchmarks/conflation.py measure MASK_OR_LINES ... [--found FOLDER] [--shift M] [--keep DIR] [OPTIONS]
    python benchmarks/conflation.py grid MASK_OR_LINES ... [--found FOLDER] [--shift M]

For each file, the true roads are its lines, or are traced in the mask (1 is road). The map is an OpenStreetMap file
made of them: roads are joined across their junctions and simplified, and then a tenth of the original lines is taken
away. The roads to compare with the map are the true ones moved by --shift metres, or, with --found, the file
FOLDER/NAME.gpkg (what the model found in the scene NAME). "before" is the table of `diff`, whose new lines are taken
as they are; "after" is the .osm file. Both are measured in the same way, on the map with the changes in it:

- found: share of the length taken away that lies within 6 m of new lines
- joined: ends of new lines that share a node with the map or with another new line
- near: ends that do not, though a road of the map is within 10 m
- crossings: places where a new line meets the map or another new line without a shared node
- doubles: new lines of which at least 15 m, or half, lie along a road of the map (6 m and 30 degrees), without the
  first and last 6 m

`grid` tries values of the options and prints a line for each. The options of `measure` are those of `road-extract
diff`: NAME=VALUE, such as reach_m=5 or buffer_m=8.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
import geopandas as gpd
import numpy as np
import rasterio
import shapely
from shapely.ops import substring

from road_extract import DiffOptions, JoinOptions, diff_roads
from road_extract.base.arrays import Float64Array, Geometries
from road_extract.base.grid import RasterGrid
from road_extract.base.osm import OsmChange, OsmMap, OsmNode, OsmWay
from road_extract.cli.parameters import collect
from road_extract.evaluation.tracing import trace_lines
from road_extract.io.vector import read_osm, write_change
from road_extract.metrics.matching import match_lines

SHARE = 0.1
NEAR_M, MATCH_M, ANGLE_DEG, DOUBLE_M = 10.0, 6.0, 30.0, 15.0
#: Points closer than this are one: twice the rounding of coordinates.
SAME_M = 0.03
#: Values that `grid` tries, one option at a time around the defaults.
GRID: dict[str, tuple[float, ...]] = {
    "buffer_m": (4, 6, 8, 10), "angle_deg": (20, 30, 45), "min_length_m": (10, 15, 25),
    "reach_m": (3, 5, 8, 10, 15, 20),
    "node_m": (0, 1, 3, 5, 8), "touch_m": (0, 1, 2, 4),
}  # fmt: skip


@dataclass(frozen=True)
class Counts:
    """What was counted; lengths in km."""

    taken_km: float = 0.0
    found_km: float = 0.0
    new_km: float = 0.0
    ways: int = 0
    ends: int = 0
    joined: int = 0
    near: int = 0
    crossings: int = 0
    doubles: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(Counts)))

    def row(self, name: str) -> str:
        """Format as a line of the table."""
        found = 100 * self.found_km / max(self.taken_km, 1e-9)
        joined = 100 * self.joined / max(self.ends, 1)
        return (
            f"{name:<24} taken {self.taken_km:7.3f} km  found {found:5.1f} %  new {self.new_km:7.3f} km in "
            f"{self.ways:5} ways  ends joined {self.joined:5} of {self.ends:5} ({joined:5.1f} %)  near {self.near:4}  "
            f"crossings {self.crossings:4}  doubles {self.doubles:3}"
        )


@dataclass(frozen=True)
class Case:
    """A map without a tenth of its roads, and roads to compare with it."""

    name: str
    crs: Any
    roads: Path
    existing: Path
    taken: Geometries


def true_lines(path: Path) -> tuple[Geometries, Any]:
    """The lines of a vector file in metres, or those traced in a mask."""
    if path.suffix != ".tif":
        layer = gpd.read_file(path)
        layer = layer.to_crs(layer.estimate_utm_crs())
        noded = shapely.node(shapely.GeometryCollection([*layer.geometry.explode()]))
        return shapely.get_parts(shapely.line_merge(noded)), layer.crs
    with rasterio.open(path) as dataset:
        grid = RasterGrid(dataset.height, dataset.width, dataset.transform, dataset.crs.to_wkt(), None)
        return trace_lines(dataset.read(1) == 1, grid, 20.0), dataset.crs


def make_case(path: Path, folder: Path, found: Path | None, shift_m: float) -> Case:
    """Write the map and the roads."""
    lines, crs = true_lines(path)
    rng = np.random.default_rng(0)
    order = rng.permutation(len(lines))
    taken = order[: np.searchsorted(shapely.length(lines[order]).cumsum(), SHARE * shapely.length(lines).sum()) + 1]
    left = np.delete(lines, taken)
    # as mappers draw: roads go on across junctions, and have a vertex only where they bend
    merged = shapely.get_parts(shapely.line_merge(shapely.union_all(left)))
    existing = folder / f"{path.stem}_map.osm"
    write_change(existing, to_change(gpd.GeoSeries(simplified(merged), crs=crs).to_crs(4326)))
    roads = folder / f"{path.stem}_roads.gpkg"
    if found is not None:
        roads = found / f"{path.stem}.gpkg"
    else:
        moved = shapely.transform(lines, lambda xy: xy + shift_m * np.array([0.8, -0.6]))
        gpd.GeoDataFrame(geometry=moved, crs=crs).to_file(roads)
    return Case(path.stem, crs, roads, existing, lines[taken])


def simplified(lines: Geometries) -> Geometries:
    """Simplify lines by a metre, but keep the nodes that they share."""
    points, counts = np.unique(
        np.concatenate([np.unique(shapely.get_coordinates(line), axis=0) for line in lines]), axis=0, return_counts=True
    )
    shared = {tuple(point) for point in points[counts > 1]}
    found = []
    for line in lines:
        xy = [tuple(point) for point in shapely.get_coordinates(line)]
        stops = [0, *(at for at in range(1, len(xy) - 1) if xy[at] in shared), len(xy) - 1]
        parts = [shapely.LineString(xy[a : b + 1]).simplify(1.0).coords for a, b in pairwise(stops)]
        found.append(shapely.LineString([parts[0][0], *(point for part in parts for point in part[1:])]))
    return np.array(found, object)


def to_change(lines: Iterable[shapely.LineString]) -> OsmChange:
    """The lines as objects of the server."""
    nodes: dict[tuple[int, int], OsmNode] = {}
    ways = []
    for number, line in enumerate(lines, 1):
        refs: list[int] = []
        for lon, lat in shapely.get_coordinates(line):
            place = round(lon * 1e7), round(lat * 1e7)
            node = nodes.setdefault(place, OsmNode(len(nodes) + 1, place[0] / 1e7, place[1] / 1e7, 1))
            if not refs or refs[-1] != node.id:
                refs.append(node.id)
        ways.append(OsmWay(number, tuple(refs), 1, {"highway": "residential"}))
    return OsmChange(tuple(nodes.values()), tuple(ways), (), ())


def split_options(options: dict[str, float]) -> tuple[DiffOptions, JoinOptions]:
    """The options of both classes."""
    left: dict[str, Any] = dict(options)
    return collect(DiffOptions, left), collect(JoinOptions, left)


def before(case: Case, folder: Path, options: dict[str, float]) -> Counts:
    """Measure the new lines of the table."""
    diff, join = split_options(options)
    table = folder / f"{case.name}_new.gpkg"
    diff_roads(case.roads, case.existing, table, options=diff, joining=join, overwrite=True)
    existing = read_osm(case.existing)
    layer = gpd.read_file(table)
    new = layer[layer.status.isin(["new", "doubtful"])].to_crs(case.crs).geometry.to_numpy()
    return measure(new, lines_of(existing, existing.ways.values(), case.crs), case.taken)


def after(case: Case, folder: Path, options: dict[str, float]) -> Counts:
    """Measure the changes."""
    diff, join = split_options(options)
    change = folder / f"{case.name}_new.osm"
    diff_roads(case.roads, case.existing, change, options=diff, joining=join, overwrite=True)
    existing, made = read_osm(case.existing), read_osm(change)
    together = OsmMap({**existing.nodes, **made.nodes}, {**existing.ways, **made.ways})
    old = [way for number, way in together.ways.items() if number > 0]
    ways = [way for number, way in together.ways.items() if number < 0]
    return measure(lines_of(together, ways, case.crs), lines_of(together, old, case.crs), case.taken)


def lines_of(osm: OsmMap, ways: Iterable[OsmWay], crs: Any) -> Geometries:
    """Ways as lines in metres."""
    shapes = [shapely.LineString([(osm.nodes[ref].lon, osm.nodes[ref].lat) for ref in way.refs]) for way in ways]
    found: Geometries = gpd.GeoSeries(shapes, crs=4326).to_crs(crs).to_numpy()
    return found


def measure(new: Geometries, existing: Geometries, taken: Geometries) -> Counts:
    """Count what the module says."""
    ends = [line.coords[end] for line in new for end in (0, -1)]
    joined = [_is_joined(shapely.Point(end), number // 2, new, existing) for number, end in enumerate(ends)]
    near = sum(
        not is_joined and bool((shapely.distance(existing, shapely.Point(end)) <= NEAR_M).any())
        for end, is_joined in zip(ends, joined, strict=True)
    )
    # the ends of a line that closes a gap lie along the roads that it continues
    inner = [substring(line, MATCH_M, line.length - MATCH_M) for line in new if line.length > 2 * MATCH_M + 1]
    middle = np.array([*inner, shapely.LineString([(0, 0), (0, 1)])], object)[:-1]
    stretches = match_lines(middle, existing, MATCH_M, ANGLE_DEG)
    length = np.bincount(stretches.line, stretches.stop_m - stretches.start_m, minlength=len(middle))
    longest = np.zeros(len(middle))
    np.maximum.at(longest, stretches.line, stretches.stop_m - stretches.start_m)
    doubles = int(((longest >= DOUBLE_M) | (length >= shapely.length(middle) / 2)).sum())
    return Counts(
        float(shapely.length(taken).sum()) / 1000,
        match_lines(taken, new, MATCH_M, ANGLE_DEG).length_m / 1000,
        float(shapely.length(new).sum()) / 1000,
        len(new), len(ends), sum(joined), near, _bare_crossings(new, existing), doubles,
    )  # fmt: skip


def _is_joined(end: shapely.Point, own: int, new: Geometries, existing: Geometries) -> bool:
    others = [*existing, *(line for number, line in enumerate(new) if number != own)]
    for line in others:
        if line.distance(end) <= SAME_M and _vertex_gap(shapely.get_coordinates(line), end) <= SAME_M:
            return True
    return False


def _vertex_gap(vertices: Float64Array, point: shapely.Point) -> float:
    return float(np.hypot(*(vertices - (point.x, point.y)).T).min())


def _bare_crossings(new: Geometries, existing: Geometries) -> int:
    count = 0
    tree = shapely.STRtree(existing)
    pairs = [(new[a], existing[b]) for a, b in tree.query(new, predicate="intersects").T]
    tree = shapely.STRtree(new)
    pairs += [(new[a], new[b]) for a, b in tree.query(new, predicate="intersects").T if a < b]
    for a, b in pairs:
        for place in shapely.get_coordinates(shapely.intersection(a, b)):
            point = shapely.Point(place)
            gaps = [_vertex_gap(shapely.get_coordinates(line), point) for line in (a, b)]
            count += max(gaps) > SAME_M
    return count


def cases(paths: tuple[Path, ...], folder: Path, found: Path | None, shift: float) -> list[Case]:
    """One case per file."""
    folder.mkdir(exist_ok=True, parents=True)
    return [make_case(path, folder, found, shift) for path in paths]


@click.group()
def cli() -> None:
    """Measure how new roads join a map."""


@cli.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--found", type=click.Path(path_type=Path, exists=True), help="Folder with the roads found.")
@click.option("--shift", default=2.0, show_default=True, help="Metres by which the true roads are moved.")
@click.option("--keep", type=click.Path(path_type=Path), help="Keep the files here.")
@click.option("--option", "options", multiple=True, help="NAME=VALUE of an option of diff.")
def measure_all(
    paths: tuple[Path, ...], found: Path | None, shift: float, keep: Path | None, options: tuple[str, ...]
) -> None:
    """Print a line per file and the sums, before and after."""
    given = {name: float(value) for name, value in (option.split("=") for option in options)}
    with tempfile.TemporaryDirectory() as temp:
        folder = keep or Path(temp)
        sums = Counts(), Counts()
        for case in cases(paths, folder, found, shift):
            counts = before(case, folder, given), after(case, folder, given)
            for name, count in zip(("before", "after"), counts, strict=True):
                click.echo(count.row(f"{case.name} {name}"))
            sums = sums[0] + counts[0], sums[1] + counts[1]
        for name, count in zip(("before", "after"), sums, strict=True):
            click.echo(count.row(f"all {name}"))


@cli.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--found", type=click.Path(path_type=Path, exists=True), help="Folder with the roads found.")
@click.option("--shift", default=2.0, show_default=True, help="Metres by which the true roads are moved.")
def grid(paths: tuple[Path, ...], found: Path | None, shift: float) -> None:
    """Print a line per value of each option, the others at their defaults."""
    defaults = {**asdict(DiffOptions()), **asdict(JoinOptions())}
    with tempfile.TemporaryDirectory() as temp:
        given = cases(paths, Path(temp), found, shift)
        for name, values in GRID.items():
            for value in values:
                total = sum((after(case, Path(temp), {name: float(value)}) for case in given), Counts())
                click.echo(total.row(f"{name}={value:g}{' *' if value == defaults[name] else ''}"))


cli.add_command(measure_all, "measure")

if __name__ == "__main__":
    cli()
