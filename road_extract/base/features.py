"""A vector feature and the layer it belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import shapely


@dataclass(frozen=True, slots=True)
class Feature:
    """A geometry and what is known of it.

    Attributes:
        geometry: In the layer's CRS, x before y.
        properties: One value for every field of the layer; None where nothing is known.
    """

    geometry: shapely.Geometry
    properties: Mapping[str, int | float | bool | str | None]


@dataclass(frozen=True, slots=True)
class LayerSchema:
    """What all features of a layer share.

    Attributes:
        name: Layer name.
        geometry_type: The one type that every geometry has.
        crs: Coordinate reference system of the geometries as WKT.
        fields: Field name to type: int (64 bits, signed), float, bool or str; the order is the order of the columns.
    """

    name: str
    geometry_type: Literal["Polygon", "LineString", "Point"]
    crs: str
    fields: Mapping[str, type]
