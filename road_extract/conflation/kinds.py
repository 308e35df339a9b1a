"""What the tags of a way of OpenStreetMap mean to a new road: a road, a path, an obstacle, and on which level it is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from road_extract.base.osm import LEVEL_KEYS, OSM_ROADS

#: A layer, whether it is a bridge, and whether it is a tunnel: ways meet only where all three are the same.
Level = tuple[int, bool, bool]
GROUND: Level = (0, False, False)
#: How tables write whether a road is a bridge or a tunnel, apart from the words that OpenStreetMap uses.
_WORDS = {"True": "yes", "true": "yes", "1": "yes", "False": "no", "false": "no", "0": "no", "": "no"}

#: Values of ``highway`` that are lines on the ground but not roads: they cross roads, and are not matched with them.
PATHS = ("footway", "path", "cycleway", "bridleway", "steps", "escape", "bus_guideway")
#: Ways that do not exist yet, or no longer exist.
_UNBUILT = ("construction", "proposed", "planned", "razed", "abandoned", "disused")
_RAILWAYS = (
    "rail", "light_rail", "narrow_gauge", "tram", "subway", "monorail", "funicular", "preserved", "miniature",
    "construction", "disused", "abandoned",
)  # fmt: skip
_AEROWAYS = ("runway", "taxiway", "taxilane", "stopway", "parking_position", "apron", "airstrip")
_WATERWAYS = ("river", "canal", "stream", "ditch", "drain", "tidal_channel", "riverbank", "dock", "fairway")
_WATERS = ("water", "coastline")
_BESIDE_STREETS = ("sidewalk", "crossing", "traffic_island", "link")
#: Streets have paths on both sides, so only a road on a path itself is doubtful.
_PATH_M = 3.0
_ABOVE_GROUND = ("no", "building_passage", "avalanche_protector")

#: Width in metres from which a runway or taxiway counts if it has no tag ``width`` (ICAO Annex 14, code 4).
_AEROWAY_WIDTH_M = {"runway": 60.0, "taxiway": 30.0, "airstrip": 30.0}


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A line or area that a model may mistake for a road.

    Attributes:
        name: What it is, with its article.
        half_width_m: Half of its width.
        crossing: What a road that crosses it needs; empty if nothing.
        max_distance_m: How far away a road still lies along it, whatever the options say; 0 if it never does.
    """

    name: str
    half_width_m: float = 0.0
    crossing: str = ""
    max_distance_m: float = math.inf


def is_road(tags: Mapping[str, str]) -> bool:
    """Whether a way is the axis of a road for vehicles."""
    return tags.get("highway") in OSM_ROADS and tags.get("area", "no") == "no"


def is_visible_road(tags: Mapping[str, str]) -> bool:
    """Whether it is a road that can be seen from above."""
    return is_road(tags) and not level_of(tags)[2]


def meets_roads(tags: Mapping[str, str]) -> bool:
    """Whether a road that crosses this way on the same level shares a node with it."""
    value = tags.get("highway")
    return value in PATHS or value in OSM_ROADS


def level_of(tags: Mapping[str, str]) -> Level:
    """The level of a way (wiki.openstreetmap.org/wiki/Key:layer)."""
    bridge = tags.get("bridge", "no") != "no"
    tunnel = tags.get("tunnel", "no") not in _ABOVE_GROUND
    try:
        layer = int(tags.get("layer", ""))
    except ValueError:
        layer = int(bridge) - int(tunnel)
    return layer, bridge, tunnel


def level_in_table(row: Mapping[str, Any]) -> dict[str, str]:
    """The tags that decide the level, from a row of a table, which may have them as numbers or truth values."""
    texts = {key: _to_text(row.get(key)) for key in LEVEL_KEYS}
    return {key: text if key == "layer" else _WORDS.get(text, text) for key, text in texts.items() if text}


def _to_text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.0f}" if math.isfinite(value) else ""
    return "" if value is None else str(value)


def obstacle_of(tags: Mapping[str, str]) -> Obstacle | None:
    """What a way or area is if a model may mistake it for a road; None for all others."""
    if level_of(tags)[2] or tags.get("location") == "underground":
        return None
    if tags.get("railway") in _RAILWAYS:
        gone = tags["railway"] in ("abandoned", "disused")
        # trams run in streets, so a street along a tram track is to be expected
        limit = 0.0 if tags["railway"] == "tram" else math.inf
        return Obstacle("a railway", 0.0, "" if gone else "a level crossing, a bridge or a tunnel", limit)
    if (kind := tags.get("aeroway", "")) in _AEROWAYS:
        width = _number(tags.get("width"), _AEROWAY_WIDTH_M.get(kind, 20.0))
        return Obstacle("a runway" if kind in ("runway", "airstrip", "stopway") else "a taxiway or apron", width / 2)
    if tags.get("waterway") in _WATERWAYS:
        width = _number(tags.get("width"), 0.0)
        return Obstacle("a shore", width / 2, "a bridge, a ford or a culvert")
    if tags.get("natural") in _WATERS or tags.get("landuse") in ("reservoir", "basin"):
        return Obstacle("a shore", crossing="a bridge, a ford or a culvert")
    if tags.get("highway") in _UNBUILT or any(f"{state}:highway" in tags for state in _UNBUILT):
        return Obstacle("a road that is not built or not in use")
    if tags.get("highway") in PATHS:
        beside_a_street = tags.get("footway") in _BESIDE_STREETS or "sidewalk" in tags.values()
        return Obstacle("a path", max_distance_m=0.0 if beside_a_street else _PATH_M)
    if tags.get("highway") == "raceway" or tags.get("leisure") == "track":
        return Obstacle("a race track")
    return None


def is_area(tags: Mapping[str, str], *, closed: bool) -> bool:
    """Whether a closed way is the outline of an obstacle, which then also covers what is inside."""
    if not closed or tags.get("area") == "no" or tags.get("natural") == "coastline":
        return False
    return "natural" in tags or "landuse" in tags or tags.get("area") == "yes" or (
        tags.get("waterway") in ("riverbank", "dock") or tags.get("aeroway") == "apron"
    )  # fmt: skip


def _number(text: str | None, default: float) -> float:
    try:
        return min(max(float((text or "").removesuffix("m").strip()), 0.0), 500.0)
    except ValueError:
        return default
