"""A vector feature and the layer it belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import shapely


@dataclass(frozen=True, slots=True)
class Feature:
    """A geometry and its attributes.

    Attributes:
        geometry: In the layer's CRS, x before y.
        properties: One value for each field of the layer; None if it is unknown.
    """

    geometry: shapely.Geometry
    properties: Mapping[str, int | float | bool | str | None]


@dataclass(frozen=True, slots=True)
class LayerSchema:
    """What the features of a layer have in common.

    Attributes:
        name: Layer name.
        geometry_type: The type of all geometries.
        crs: Coordinate reference system of the geometries, as WKT.
        fields: Field name to type: int (64 bits, signed), float, bool or str; the order is the order of the columns.
        made: How the features were made (``version``, ``model``, ``threshold``); every format keeps it as metadata.
        pixel_m: Size of the pixels that the features come from, in metres; formats with zoom levels need it.
    """

    name: str
    geometry_type: Literal["Polygon", "LineString", "Point"]
    crs: str
    fields: Mapping[str, type]
    made: Mapping[str, str] = field(default_factory=dict)
    pixel_m: float | None = None
