"""Draws roads over their scene for a quick look at a result."""

from __future__ import annotations

from pathlib import Path

from road_extract.base.files import check_outputs
from road_extract.io.raster.picture import draw_shapes, read_picture, write_png
from road_extract.io.vector import read_roads

ROAD_COLOUR = (255, 60, 30)
BRIDGE_COLOUR = (0, 220, 255)


def draw_preview(
    scene: str | Path,
    roads: str | Path,
    out: str | Path,
    *,
    size_px: int = 1600,
    assume_crs: str | None = None,
    bands: tuple[int, ...] | None = None,
    overwrite: bool = False,
) -> Path:
    """Draw road polygons and lines over a scene. Lines that bridge a gap have a different colour.

    Args:
        scene: Any georeferenced raster.
        roads: Vector file in any format and CRS; all layers of a GeoPackage are drawn.
        out: PNG to write.
        size_px: Longer side of the picture.
        assume_crs: CRS of a file that has none.
        bands: Bands of the scene to show as red, green and blue, or one as grey, counted from 1.
        overwrite: Replace an existing picture.

    Returns:
        ``out``.

    Raises:
        RoadExtractError: If a file cannot be read or written.
    """
    out = Path(out)
    check_outputs([out], [scene, roads], overwrite)
    picture, grid = read_picture(str(scene), size_px, assume_crs, bands)
    seen, bridges = read_roads(Path(roads), grid.crs, assume_crs)
    picture = draw_shapes(picture, seen, grid, ROAD_COLOUR)
    write_png(out, draw_shapes(picture, bridges, grid, BRIDGE_COLOUR))
    return out
