"""Vector roads as labels: lines drawn in their width on a scene's grid."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

from road_extract.base.arrays import BoolArray, Float64Array
from road_extract.base.errors import InputError
from road_extract.base.geodesy import local_crs, move
from road_extract.base.grid import RasterGrid
from road_extract.io.raster.on_grid import burn_shapes
from road_extract.io.raster.scene import footprint
from road_extract.io.vector import Table

#: OpenStreetMap's widths may carry their unit: "7.5 m".
_METRES = re.compile(r"\s*(\d+(?:[.,]\d+)?)\s*(?:m|metres?|meters?)?\s*$")


@dataclass(frozen=True, slots=True)
class RoadWidths:
    """How wide lines are drawn.

    Attributes:
        default_m: Without a width of their own, metres.
        field: Attribute with a width in metres.
    """

    default_m: float
    field: str | None = None

    def of(self, table: Table) -> Float64Array:
        """Width of each geometry of a table, (n,).

        Raises:
            InputError: If the table has no such attribute.
        """
        if self.field is None:
            return np.full(len(table.geometries), self.default_m)
        if self.field not in table.fields:
            known = ", ".join(table.fields) or "none"
            raise InputError(f"the roads have no attribute {self.field!r}; they have: {known}")
        return np.array([_to_metres(row[self.field]) or self.default_m for row in table.rows])


def burn_roads(table: Table, grid: RasterGrid, widths: RoadWidths) -> BoolArray:
    """The pixels of roads near a grid, (rows, cols): lines in their width, polygons as they are.

    Geometries are cut before they are moved: what lies far away may have no place in the grid's CRS.
    """
    metres = local_crs(*(grid.transform * (grid.width / 2, grid.height / 2)), grid.crs)
    width_m = widths.of(table)
    box = _box_around(grid, table.crs)
    near = shapely.intersects(table.geometries, box)
    parts = move(shapely.intersection(table.geometries[near], box), table.crs, metres)
    areas = np.where(shapely.get_dimensions(parts) == 2, parts, shapely.buffer(parts, width_m[near] / 2))
    return burn_shapes(move(areas[~shapely.is_empty(areas)], metres, grid.crs), grid)


def _box_around(grid: RasterGrid, crs: str) -> shapely.Polygon:
    """A box in another CRS that holds a grid and some ground around it."""
    edge = shapely.segmentize(
        footprint(grid), max(grid.height, grid.width) * abs(grid.transform.determinant) ** 0.5 / 20
    )
    west, south, east, north = move(np.array([edge]), grid.crs, crs)[0].bounds
    slack = max(east - west, north - south) / 10
    return shapely.box(west - slack, south - slack, east + slack, north + slack)


def _to_metres(value: Any) -> float | None:
    """A width above 0, or None."""
    if isinstance(value, str):
        found = _METRES.match(value)
        value = float(found[1].replace(",", ".")) if found else None
    return float(value) if value is not None and np.isfinite(value) and value > 0 else None
