"""Reads both files as lines in one CRS, clipped to the area to compare."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely

from road_extract.base.arrays import Geometries
from road_extract.base.coordinates import LONLAT, parse_crs
from road_extract.base.errors import InputError
from road_extract.base.geodesy import bring_near, lengths_m, local_crs, move, unwrap
from road_extract.base.options import DiffOptions
from road_extract.base.osm import OsmMap
from road_extract.evaluation.diff.objects import lines_to_osm, osm_lines, read_objects
from road_extract.evaluation.diff.results import LineLayer, Side
from road_extract.io.vector import Selection, is_overpass_file, read_geometries, read_table
from road_extract.metrics.splitting import clip_lines, split_lines

log = logging.getLogger("road_extract")

#: Up to this size, a local CRS keeps the shape of a box.
_LOCAL_M = 500_000


@dataclass(frozen=True, slots=True)
class Layers:
    """Both sides of a comparison.

    Attributes:
        ours: The roads.
        theirs: The roads of the map, in the same CRS.
        crs: That CRS, as WKT.
        area: The area to compare.
        existing: The map as objects of OpenStreetMap; None if it is not needed or not of that kind.
    """

    ours: LineLayer
    theirs: LineLayer
    crs: str
    area: shapely.Geometry
    existing: OsmMap | None


def read_layers(roads: Path, existing: Path, options: DiffOptions, *, to_join: bool, mark: bool) -> Layers:
    """Read both files.

    Args:
        roads: Road lines.
        existing: The map.
        options: Which area and which features.
        to_join: Whether roads will be joined to the map, which takes its nodes and ways.
        mark: Whether doubtful roads will be marked, which takes more than the map's roads.

    Raises:
        InputError: If a file cannot be read, or the area to compare is unknown.
    """
    theirs_only = Selection(options.layer, options.where, options.assume_crs, can_choose=True)
    ours, crs = _read_lines(roads, Selection(assume_crs=options.assume_crs))
    area = _choose_area(ours.lines, crs, options, roads)
    osm = read_objects(existing, area, crs, options, to_join=to_join, mark=mark)
    if osm is not None and (to_join or is_overpass_file(existing)):
        theirs, their_crs = osm_lines(osm), parse_crs(LONLAT).to_wkt()
    else:
        theirs, their_crs = _read_lines(existing, theirs_only)
    lines, near = bring_near(theirs.lines, their_crs, area, crs)
    far_km = float(lengths_m(theirs.lines[~near], their_crs).sum()) / 1000
    theirs = LineLayer(lines, theirs.source[near], theirs.fields, theirs.rows, theirs.side)
    if to_join and osm is None:
        osm = lines_to_osm(theirs.lines, theirs.source, theirs.rows, crs)
    return Layers(_clip(ours, area, crs, 0.0), _clip(theirs, area, crs, far_km), crs, area, osm)


def _read_lines(path: Path, selection: Selection) -> tuple[LineLayer, str]:
    table = read_table(path, selection=selection)
    lines, source = split_lines(table.geometries)
    ignored = len(table.geometries) - len(np.unique(source))
    if ignored:
        log.warning("%s: %s of %s geometries are not lines and are ignored", path, ignored, len(table.geometries))
    return LineLayer(lines, source, table.fields, table.rows, Side(0.0, 0.0, ignored)), table.crs


def _choose_area(lines: Geometries, crs: str, options: DiffOptions, path: Path) -> shapely.Geometry:
    """The area to compare, in the CRS of the roads. Roads outside it were not searched for, so they are not missing."""
    if options.within is not None:
        return _read_polygons(Path(options.within), crs, options.assume_crs)
    if options.bounds is not None:
        xmin, ymin, xmax, ymax = options.bounds
        if not (xmin < xmax and ymin < ymax):
            raise InputError(f"bounds {options.bounds}: expected XMIN YMIN XMAX YMAX with XMIN < XMAX and YMIN < YMAX")
        return shapely.box(*options.bounds)
    if not len(lines):
        raise InputError(
            f"{path}: contains no lines, so the area to compare is unknown; specify it with --within or --bounds"
        )
    return _extent(lines, crs, options.buffer_m)


def _extent(lines: Geometries, crs: str, buffer_m: float) -> shapely.Geometry:
    """The bounding box of the lines, extended by the buffer on all sides."""
    west, south, east, north = shapely.total_bounds(lines)
    x, y = (west + east) / 2, (south + north) / 2
    box = shapely.box(west, south, east, north)
    across = shapely.linestrings([[(west, y), (east, y)], [(x, south), (x, north)]])
    if lengths_m(across, crs).max() <= _LOCAL_M:
        metres = local_crs(x, y, crs)
        wider = move(shapely.buffer(move(np.array([box]), crs, metres), buffer_m), metres, crs)
        return unwrap(wider, crs, x, local=True)[0]
    # a local CRS distorts a continent, so the buffer is measured at the centre
    step = max(east - west, north - south) * 1e-6
    unit_x, unit_y = lengths_m(shapely.linestrings([[(x, y), (x + step, y)], [(x, y), (x, y + step)]]), crs) / step
    pad_x, pad_y = buffer_m / unit_x, buffer_m / unit_y
    return shapely.box(west - pad_x, south - pad_y, east + pad_x, north + pad_y)


def _read_polygons(path: Path, crs: str, assume_crs: str | None) -> shapely.Geometry:
    found = np.array([*read_geometries(path, crs, selection=Selection(assume_crs=assume_crs))], object)
    areas = found[shapely.get_dimensions(found) == 2]
    if not len(areas):
        raise InputError(f"{path}: contains no polygons; the area to compare requires at least one")
    return shapely.union_all(shapely.make_valid(areas))


def _clip(layer: LineLayer, area: shapely.Geometry, crs: str, far_km: float) -> LineLayer:
    lines, index = clip_lines(layer.lines, area)
    whole, inside = (float(lengths_m(part, crs).sum()) / 1000 for part in (layer.lines, lines))
    side = Side(inside, max(whole - inside, 0.0) + far_km, layer.side.ignored)
    return LineLayer(lines, layer.source[index], layer.fields, layer.rows, side)
