"""The plane of a page, on which things are drawn: in pixels of the scene's picture, with y pointing down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from affine import Affine

from road_extract.base.arrays import Geometries
from road_extract.base.coordinates import LONLAT, parse_crs, transformer
from road_extract.base.errors import InputError
from road_extract.base.geodesy import bring_near, local_crs, move, pixel_size_m
from road_extract.base.grid import RasterGrid
from road_extract.io.raster import footprint
from road_extract.review.pieces import PieceLayer

#: Vertices are stored in steps of this share of a pixel.
SCALE = 16
#: Longer side of a plane without a picture.
_PLAIN_PX = 4096
#: Margin around roads without a picture, as a share of the longer side.
_MARGIN = 0.03
#: Smallest plane without a picture.
_LEAST_M = 200.0


@dataclass(frozen=True, slots=True)
class Plane:
    """A plane on the ground.

    Attributes:
        grid: Pixels of the plane.
        unit_m: Size of a pixel in metres.
    """

    grid: RasterGrid
    unit_m: float

    @classmethod
    def of_picture(cls, grid: RasterGrid) -> Plane:
        """The plane of a picture."""
        return cls(grid, float(np.mean(pixel_size_m(grid))))

    @classmethod
    def round(cls, layers: list[PieceLayer]) -> Plane:
        """A plane for roads without a picture: in metres, with north up."""
        there = [layer for layer in layers if len(layer.geometries)]
        if not there:
            crs = layers[0].crs if layers else str(parse_crs(LONLAT).to_wkt())
            return cls(RasterGrid(1, 1, Affine.identity(), crs), 1.0)
        west, south, east, north = shapely.total_bounds(there[0].geometries)
        metres = local_crs((west + east) / 2, (south + north) / 2, there[0].crs)
        moved = [move(layer.geometries, layer.crs, metres) for layer in there]
        west, south, east, north = shapely.total_bounds(np.concatenate(moved))
        longer = max(east - west, north - south, _LEAST_M)
        unit = longer * (1 + 2 * _MARGIN) / _PLAIN_PX
        rows, cols = (max(1, round((side + 2 * _MARGIN * longer) / unit)) for side in (north - south, east - west))
        left, top = (west + east) / 2 - cols * unit / 2, (south + north) / 2 + rows * unit / 2
        return cls(RasterGrid(rows, cols, Affine(unit, 0, left, 0, -unit, top), metres), float(unit))

    @property
    def outline(self) -> shapely.Geometry:
        """Outline of the plane in its CRS."""
        outline: shapely.Geometry = footprint(self.grid)
        return outline

    def clipped(self, layer: PieceLayer) -> tuple[PieceLayer, Geometries]:
        """The pieces of a layer that the plane shows, and their geometries in pixels."""
        if not len(layer.geometries):
            return layer, layer.geometries
        moved, near = bring_near(layer.geometries, layer.crs, self.outline, self.grid.crs)
        seen = shapely.intersects(moved, self.outline)
        near[np.flatnonzero(near)[~seen]] = False
        return layer.part(near), _placed(moved[seen], ~self.grid.transform)

    def affine_of(self, grid: RasterGrid) -> Affine:
        """From the pixels of another grid to those of the plane: exact in the same CRS, and nearly so in another."""
        pixels = np.array([(0.0, 0.0), (grid.width, 0.0), (0.0, grid.height)])
        points = [grid.transform * tuple(pixel) for pixel in pixels]
        if grid.crs != self.grid.crs:
            x, y = transformer(grid.crs, self.grid.crs).transform(*np.array(points).T)
            points = list(zip(x, y, strict=True))
        (x0, y0), (x1, y1), (x2, y2) = (~self.grid.transform * point for point in points)
        return Affine(
            (x1 - x0) / grid.width, (x2 - x0) / grid.height, x0, (y1 - y0) / grid.width, (y2 - y0) / grid.height, y0
        )


def to_steps(geometries: Geometries) -> list[list[list[int]]]:
    """The parts of each geometry as its first vertex and the steps to the next ones, in pixels times `SCALE`.

    Args:
        geometries: Lines or polygons in pixels of the plane, (n,).
    """
    if not len(geometries):
        return []
    parts, source = shapely.get_parts(geometries, return_index=True)
    areas = shapely.get_dimensions(parts) == 2
    if areas.any():
        parts, of = shapely.get_rings(parts, return_index=True)
        source = source[of]
    points, index = shapely.get_coordinates(parts, return_index=True)
    whole = np.rint(points * SCALE).astype(np.int64)
    starts = np.flatnonzero(np.diff(index, prepend=-1))
    steps = np.diff(whole, axis=0, prepend=np.zeros((1, 2), np.int64))
    steps[starts] = whole[starts]
    moving = (steps != 0).any(axis=1)
    moving[starts] = True
    moving[np.append(starts[1:], len(index))[: len(starts)] - 1] = True
    found: list[list[list[int]]] = [[] for _ in geometries]
    for number, (start, end) in enumerate(zip(starts, np.append(starts[1:], len(index)), strict=True)):
        found[int(source[number])].append(steps[start:end][moving[start:end]].ravel().tolist())
    return found


def to_places(layer: PieceLayer) -> list[list[float] | None]:
    """Longitude and latitude of the middle of each piece, to copy into other programs; None if it has none."""
    points = _middles(layer)
    try:
        lon, lat = transformer(layer.crs, LONLAT).transform(shapely.get_x(points), shapely.get_y(points))
    except InputError:  # on another celestial body
        return [None] * len(points)
    return [
        [round(float(x), 6), round(float(y), 6)] if np.isfinite(x) and np.isfinite(y) else None
        for x, y in zip(np.atleast_1d(lon), np.atleast_1d(lat), strict=True)
    ]


def _middles(layer: PieceLayer) -> Geometries:
    if layer.kind == "area":
        return np.asarray(shapely.point_on_surface(layer.geometries))
    longest = np.array([max(shapely.get_parts(shape), key=shapely.length) for shape in layer.geometries], object)
    return np.asarray(shapely.line_interpolate_point(longest, 0.5, normalized=True))


def _placed(geometries: Geometries, to_pixels: Affine) -> Geometries:
    a, b, c, d, e, f = to_pixels[:6]

    def place(points: Any) -> Any:
        x, y = points.T
        return np.column_stack([a * x + b * y + c, d * x + e * y + f])

    return np.asarray(shapely.transform(geometries, place))
