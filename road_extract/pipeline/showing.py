"""Shows roads in a notebook: a small map as SVG, and a table."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

if TYPE_CHECKING:
    from road_extract.base.arrays import Geometries
    from road_extract.pipeline.outputs import Extraction

_SIDE_PX = 360
#: More features than this are not drawn, so that a notebook stays small; the largest ones are.
_DRAWN = 3_000
_STYLES = {
    "polygons": 'fill="#f5c518" stroke="#8a6d00" stroke-width="0.5" fill-rule="evenodd"',
    "lines": 'fill="none" stroke="#1f6feb" stroke-width="1.5" stroke-linejoin="round"',
}
_MAX_FILE_BYTES = 200 * 2**20


def to_html(done: Extraction) -> str:
    """An HTML fragment for what was written."""
    rows = [("roads", str(done.path)), ("polygons", f"{done.polygons:,}"), ("lines", f"{done.lines:,}")]
    if done.lines_path != done.path:
        rows.insert(1, ("road lines", str(done.lines_path)))
    picture = ""
    layers = _read_layers(done)
    if layers:
        rows.append(("CRS", next(iter(layers.values())).crs.name))
        picture = to_svg({name: frame.geometry.to_numpy() for name, frame in layers.items()})
    cells = "".join(
        f'<tr><th style="text-align:left">{escape(name)}</th><td style="text-align:left">{escape(text)}</td></tr>'
        for name, text in rows
    )
    return f'<div style="display:flex;gap:1em;align-items:flex-start">{picture}<table>{cells}</table></div>'


def _read_layers(done: Extraction) -> dict[str, Any]:
    """The layers that can be read, unless a file was removed or is too large for a picture."""
    try:
        return {
            name: done.to_geodataframe(name)
            for name, path in done.layers.items()
            if Path(path).stat().st_size <= _MAX_FILE_BYTES
        }
    except (OSError, ValueError):
        return {}


def to_svg(layers: dict[str, Geometries]) -> str:
    """Draw layers of geometries in one CRS, north up.

    Args:
        layers: Geometries, (n,), by ``polygons`` or ``lines``; later layers are drawn over earlier ones.
    """
    every = np.concatenate(list(layers.values()))
    if not len(every):
        return ""
    west, south, east, north = shapely.total_bounds(every)
    step = max(east - west, north - south, 1e-9) / _SIDE_PX
    width, height = max(1.0, (east - west) / step), max(1.0, (north - south) / step)
    paths = []
    for name, geometries in layers.items():
        largest = geometries[np.argsort(-shapely.length(geometries), kind="stable")[:_DRAWN]]
        drawn = shapely.simplify(largest, step / 2)
        pixels = shapely.transform(drawn, lambda xy: (xy - (west, north)) / (step, -step))
        data = "".join(_to_path(part) for geometry in pixels for part in shapely.get_parts(geometry))
        paths.append(f'<path d="{data}" {_STYLES[name]}/>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width + 8:.0f}" height="{height + 8:.0f}" '
        f'viewBox="-4 -4 {width + 8:.0f} {height + 8:.0f}" role="img" aria-label="Map of the roads">'
        f'<rect x="-4" y="-4" width="100%" height="100%" fill="#f3f3ef"/>{"".join(paths)}</svg>'
    )


def _to_path(geometry: Any) -> str:
    """A polygon with its holes, or a line, as data of an SVG path."""
    is_polygon = geometry.geom_type == "Polygon"
    lines = [geometry.exterior, *geometry.interiors] if is_polygon else [geometry]
    texts = []
    for line in lines:
        points = "L".join(f"{x:.1f} {y:.1f}" for x, y in shapely.get_coordinates(line).tolist())
        texts.append(f"M{points}{'Z' if is_polygon else ''}")
    return "".join(texts)
