"""Labels from vector roads: lines are rasterized at their width on the grid of a scene."""

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
from road_extract.io.raster.extent import footprint
from road_extract.io.raster.on_grid import burn_shapes
from road_extract.io.vector import Table

#: OpenStreetMap widths may include the unit: "7.5 m".
_METRES = re.compile(r"\s*(\d+(?:[.,]\d+)?)\s*(?:m|metres?|meters?)?\s*$")


@dataclass(frozen=True, slots=True)
class RoadWidths:
    """Widths at which lines are rasterized.

    Attributes:
        default_m: Width of lines without a width of their own, in metres.
        field: Attribute that holds the width in metres.
    """

    default_m: float
    field: str | None = None

    def of(self, table: Table) -> Float64Array:
        """Return the width of each geometry in a table, (n,).

        Raises:
            InputError: If the table does not have the attribute.
        """
        if self.field is None:
            return np.full(len(table.geometries), self.default_m)
        if self.field not in table.fields:
            known = ", ".join(table.fields) or "none"
            raise InputError(f"the roads have no attribute {self.field!r}; their attributes are: {known}")
        return np.array([_to_metres(row[self.field]) or self.default_m for row in table.rows])


def burn_roads(table: Table, grid: RasterGrid, widths: RoadWidths) -> BoolArray:
    """Rasterize the roads near a grid, (rows, cols): lines at their width, polygons unchanged.

    Geometries are clipped before they are reprojected, because distant ones may be undefined in the CRS of the grid.
    """
    metres = local_crs(*(grid.transform * (grid.width / 2, grid.height / 2)), grid.crs)
    width_m = widths.of(table)
    box = _box_around(grid, table.crs)
    near = shapely.intersects(table.geometries, box)
    parts = move(shapely.intersection(table.geometries[near], box), table.crs, metres)
    areas = np.where(shapely.get_dimensions(parts) == 2, parts, shapely.buffer(parts, width_m[near] / 2))
    return burn_shapes(move(areas[~shapely.is_empty(areas)], metres, grid.crs), grid)


def _box_around(grid: RasterGrid, crs: str) -> shapely.Polygon:
    """Compute a box in another CRS that contains a grid and some of its surroundings."""
    edge = shapely.segmentize(
        footprint(grid), max(grid.height, grid.width) * abs(grid.transform.determinant) ** 0.5 / 20
    )
    west, south, east, north = move(np.array([edge]), grid.crs, crs)[0].bounds
    slack = max(east - west, north - south) / 10
    return shapely.box(west - slack, south - slack, east + slack, north + slack)


def _to_metres(value: Any) -> float | None:
    """Convert to a width above 0, or None."""
    if isinstance(value, str):
        found = _METRES.match(value)
        value = float(found[1].replace(",", ".")) if found else None
    return float(value) if value is not None and np.isfinite(value) and value > 0 else None
