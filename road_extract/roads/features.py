"""Roads as features: the layers of polygons, lines and nodes, and the attributes of each feature."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import shapely

from road_extract.base.features import Feature, LayerSchema
from road_extract.base.geodesy import area_m2, length_m
from road_extract.base.grid import RasterGrid
from road_extract.base.levels import PROBABILITY_MAX
from road_extract.base.placing import place

if TYPE_CHECKING:  # not imported at run time: polygons do not need SciPy, which is slow to import
    from road_extract.roads.network import RoadNetwork
    from road_extract.roads.polygons import RoadPolygon

POLYGON_FIELDS = {"id": int, "area_m2": float, "probability": float}

LINE_FIELDS = {
    "id": int, "length_m": float, "probability": float, "probability_min": float, "bridged": bool, "confidence": float,
    "component": int, "from_node": int, "to_node": int, "dead_end": bool,
}  # fmt: skip
WIDTH_FIELDS = {"width_m": float, "width_p10_m": float, "width_p90_m": float}
NODE_FIELDS = {"id": int, "degree": int, "component": int}

Value = int | float | bool | str | None


def polygon_schema(crs: str, made: Mapping[str, str]) -> LayerSchema:
    """The schema of the layer of road polygons."""
    return LayerSchema("roads", "Polygon", crs, POLYGON_FIELDS, made)


def line_schema(crs: str, made: Mapping[str, str], *, widths: bool) -> LayerSchema:
    """The schema of the layer of road lines, with or without their widths."""
    return LayerSchema("road_lines", "LineString", crs, LINE_FIELDS | (WIDTH_FIELDS if widths else {}), made)


def node_schema(crs: str, made: Mapping[str, str]) -> LayerSchema:
    """The schema of the layer of road line nodes."""
    return LayerSchema("road_nodes", "Point", crs, NODE_FIELDS, made)


def iter_polygon_features(polygons: Iterable[RoadPolygon], grid: RasterGrid, *, is_mask: bool) -> Iterator[Feature]:
    """Convert polygons to features in map coordinates.

    Args:
        polygons: Polygons in pixel coordinates.
        grid: Grid of their raster.
        is_mask: Whether the raster is a mask, without probabilities.
    """
    for number, polygon in enumerate(polygons, 1):
        geometry = place(polygon.geometry, grid.transform)
        area = round(area_m2(geometry, grid.crs), 2)
        probability = None if is_mask else round(polygon.probability / PROBABILITY_MAX, 4)
        yield Feature(geometry, {"id": number, "area_m2": area, "probability": probability})


def iter_line_features(network: RoadNetwork, crs: str, *, widths: bool) -> Iterator[Feature]:
    """Convert the lines of a network to features; lines, nodes and components are numbered from 1.

    Args:
        network: Network in map coordinates.
        crs: CRS of the network as WKT, for geodesic lengths.
        widths: Whether to add widths.
    """
    for index, line in enumerate(network.lines):
        yield Feature(line, line_properties(network, index, crs, widths=widths))


def line_properties(network: RoadNetwork, index: int, crs: str, *, widths: bool) -> dict[str, Value]:
    """The attributes of one line; unknown values are None."""
    properties: dict[str, Value] = {
        "id": index + 1,
        "length_m": round(length_m(network.lines[index], crs), 2),
        "probability": _rounded(network.probability[index], 4),
        "probability_min": _rounded(network.probability_min[index], 4),
        "bridged": bool(network.bridged[index]),
        "confidence": _rounded(network.confidence[index], 4),
        "component": int(network.component[index]) + 1,
        "from_node": int(network.from_node[index]) + 1,
        "to_node": int(network.to_node[index]) + 1,
        "dead_end": bool(network.dead_end[index]),
    }
    if widths:
        for name in WIDTH_FIELDS:
            properties[name] = _rounded(getattr(network, name)[index], 2)
    return properties


def iter_node_features(network: RoadNetwork) -> Iterator[Feature]:
    """Convert the nodes of a network in map coordinates to features."""
    points = shapely.points(network.node_xy)
    for index, (degree, component) in enumerate(zip(network.node_degree, network.node_component, strict=True)):
        yield Feature(points[index], {"id": index + 1, "degree": int(degree), "component": int(component) + 1})


def _rounded(value: float, digits: int) -> float | None:
    return None if math.isnan(value) else round(float(value), digits)
