"""Where a scene lies: the part to read, the inference grid, and the area in which pixels count."""

from __future__ import annotations

from typing import Any

import numpy as np

from road_extract.base.coordinates import full_turn, turns_to
from road_extract.base.errors import InputError
from road_extract.base.grid import RasterGrid
from road_extract.base.windows import Window
from road_extract.io.raster.scene_view import SceneView

#: The scene's own grid is kept if its GSD differs from the model's by no more than this share.
GSD_TOLERANCE = 0.1


def part_of(grid: RasterGrid, bounds: tuple[float, float, float, float] | None, path: str) -> Window:
    """Window of the pixels that a rectangle touches.

    Raises:
        InputError: If it touches none, or is no rectangle.
    """
    if bounds is None:
        return Window(0, 0, grid.width, grid.height)
    if not (bounds[0] < bounds[2] and bounds[1] < bounds[3]):
        raise InputError(f"bounds {bounds}: expected XMIN YMIN XMAX YMAX with XMIN < XMAX and YMIN < YMAX")
    xmin, ymin, xmax, ymax = nearest_turn(bounds, grid)
    corners = [~grid.transform * corner for corner in ((xmin, ymin), (xmin, ymax), (xmax, ymin), (xmax, ymax))]
    # slightly inside, so that bounds on pixel edges do not include the next pixel
    hair = 1e-6
    cols, rows = zip(*corners, strict=True)
    col0, row0 = max(0, int(np.floor(min(cols) + hair))), max(0, int(np.floor(min(rows) + hair)))
    col1, row1 = min(grid.width, int(np.ceil(max(cols) - hair))), min(grid.height, int(np.ceil(max(rows) - hair)))
    if col0 >= col1 or row0 >= row1:
        raise InputError(f"{path}: bounds {bounds} do not touch the scene; specify them in the scene's own coordinates")
    return Window(col0, row0, col1 - col0, row1 - row0)


def nearest_turn(bounds: tuple[float, float, float, float], grid: RasterGrid) -> tuple[float, float, float, float]:
    """Shift bounds in degrees by whole turns to the location of a grid, because longitudes may run from 0 to 360."""
    turn, (west, south, east, north) = full_turn(grid.crs), bounds
    if turn is None or east - west >= turn:
        return bounds
    middle, _ = grid.transform * (grid.width / 2, grid.height / 2)
    shift = float(turns_to((west + east) / 2, middle, turn))
    return west + shift, south, east + shift, north


def inference_grid(native: RasterGrid, gsd_m: tuple[float, float], model_gsd_m: float) -> RasterGrid:
    """The grid to run the model on: that of the scene if its pixels are about as large as the model's.

    Args:
        native: Grid of the scene.
        gsd_m: Its pixel size along rows and columns.
        model_gsd_m: The model's GSD.
    """
    if all(abs(size / model_gsd_m - 1) <= GSD_TOLERANCE for size in gsd_m):
        return native
    rows = max(1, round(native.height * gsd_m[1] / model_gsd_m))
    cols = max(1, round(native.width * gsd_m[0] / model_gsd_m))
    return native.resize(rows, cols)


def footprint(grid: RasterGrid) -> Any:
    """Polygon covered by a grid, in its CRS."""
    import shapely

    corners = ((0, 0), (grid.width, 0), (grid.width, grid.height), (0, grid.height))
    return shapely.Polygon([grid.transform * corner for corner in corners])


def area_of(view: SceneView, grid: RasterGrid, covered: Any, path: str) -> Any:
    """Geometry outside of which pixels are invalid, or None.

    Args:
        view: What is asked of the scene.
        grid: The inference grid.
        covered: Footprint of the part to read, in the grid's CRS.
        path: For messages.

    Raises:
        InputError: If the area of interest lies elsewhere.
    """
    area = None
    if view.bounds is not None and (grid.transform.b or grid.transform.d):
        import shapely

        # on a rotated grid the part that was cut out is larger
        area = shapely.box(*nearest_turn(view.bounds, grid))
    if view.aoi is not None:
        found = view.aoi(grid.crs, covered)
        if not found.intersects(covered):
            raise InputError(f"{path}: the area of interest does not touch the scene; check both CRSs")
        area = found if area is None else area.intersection(found)
    return area
