"""Both files as lines in one CRS, clipped to the area that is compared."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from pyproj import Transformer

from road_extract.base.arrays import BoolArray, Geometries, IntArray
from road_extract.base.errors import InputError
from road_extract.base.geodesy import lengths_m, local_crs, move
from road_extract.base.options import DiffOptions
from road_extract.evaluation.diff.results import Side
from road_extract.io.vector import read_geometries, read_table
from road_extract.metrics.splitting import clip_lines, split_lines

log = logging.getLogger("road_extract")


@dataclass(frozen=True, slots=True)
class LineLayer:
    """Lines with the attributes of the features they come from.

    Attributes:
        lines: LineStrings, (n,).
        source: Index of the feature of each, (n,).
        fields: Name to type of the attributes.
        rows: Attributes of the features.
        side: What was read and left out.
    """

    lines: Geometries
    source: IntArray
    fields: dict[str, type]
    rows: list[dict[str, Any]]
    side: Side


def read_layers(roads: Path, existing: Path, options: DiffOptions) -> tuple[LineLayer, LineLayer, str]:
    """Read both files.

    Returns:
        The lines of either in the CRS of ``roads``, and that CRS as WKT.

    Raises:
        InputError: If a file cannot be read, or nothing says where to compare.
    """
    ours, crs = _read_lines(roads)
    theirs, their_crs = _read_lines(existing)
    area = _choose_area(ours.lines, crs, options, roads)
    near = _near(theirs.lines, their_crs, area, crs)
    far_km = float(lengths_m(theirs.lines[~near], their_crs).sum()) / 1000
    lines = move(theirs.lines[near], their_crs, crs)
    theirs = LineLayer(lines, theirs.source[near], theirs.fields, theirs.rows, theirs.side)
    return _clip(ours, area, crs, 0.0), _clip(theirs, area, crs, far_km), crs


def _read_lines(path: Path) -> tuple[LineLayer, str]:
    table = read_table(path)
    lines, source = split_lines(table.geometries)
    ignored = len(table.geometries) - len(np.unique(source))
    if ignored:
        log.warning("%s: %s of its %s geometries are no lines and are left out", path, ignored, len(table.geometries))
    return LineLayer(lines, source, table.fields, table.rows, Side(0.0, 0.0, ignored)), table.crs


def _choose_area(lines: Geometries, crs: str, options: DiffOptions, path: Path) -> shapely.Geometry:
    """Where to compare, in the CRS of the roads: what lies outside of what was looked at is not missing."""
    if options.within is not None:
        return _read_polygons(Path(options.within), crs)
    if options.bounds is not None:
        xmin, ymin, xmax, ymax = options.bounds
        if not (xmin < xmax and ymin < ymax):
            raise InputError(f"bounds {options.bounds}: expected XMIN YMIN XMAX YMAX with XMIN < XMAX and YMIN < YMAX")
        return shapely.box(*options.bounds)
    if not len(lines):
        raise InputError(f"{path}: holds no line, so the area to compare is unknown; name it (--within or --bounds)")
    box = shapely.box(*shapely.total_bounds(lines))
    metres = local_crs(box.centroid.x, box.centroid.y, crs)
    return move(shapely.buffer(move(np.array([box]), crs, metres), options.buffer_m), metres, crs)[0]


def _read_polygons(path: Path, crs: str) -> shapely.Geometry:
    found = np.array([*read_geometries(path, crs)], object)
    areas = found[shapely.get_dimensions(found) == 2]
    if not len(areas):
        raise InputError(f"{path}: holds no polygon; an area to compare needs at least one")
    return shapely.union_all(shapely.make_valid(areas))


def _near(lines: Geometries, crs: str, area: shapely.Geometry, area_crs: str) -> BoolArray:
    """Which lines lie near an area: what is far away may have no place in the area's CRS."""
    if not len(lines):
        return np.zeros(0, np.bool_)
    to_lines = Transformer.from_crs(area_crs, crs, always_xy=True)
    west, south, east, north = to_lines.transform_bounds(*area.bounds)
    slack = max(east - west, north - south) / 10
    box = shapely.box(west - slack, south - slack, east + slack, north + slack)
    return shapely.intersects(lines, box)  # type: ignore[no-any-return]


def _clip(layer: LineLayer, area: shapely.Geometry, crs: str, far_km: float) -> LineLayer:
    lines, index = clip_lines(layer.lines, area)
    whole, inside = (float(lengths_m(part, crs).sum()) / 1000 for part in (layer.lines, lines))
    side = Side(inside, max(whole - inside, 0.0) + far_km, layer.side.ignored)
    return LineLayer(lines, layer.source[index], layer.fields, layer.rows, side)
