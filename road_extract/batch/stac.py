"""Describes the outputs of a batch in STAC 1.1 (stacspec.org): an Item for each scene, a Collection over all of them.

These documents contain nothing about a run, so the same inputs and outputs always give the same documents.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from road_extract.base.grid import RasterGrid
from road_extract.base.levels import NODATA, PROBABILITY_MAX
from road_extract.base.media_types import COG, MEDIA_TYPES, media_type
from road_extract.batch.records import Origin
from road_extract.io.raster import footprint
from road_extract.io.vector import to_lonlat
from road_extract.roads.features import LINE_FIELDS, POLYGON_FIELDS, WIDTH_FIELDS

STAC_VERSION = "1.1.0"
#: Name of the Collection in the folder of a batch.
COLLECTION = "collection.json"
#: The same in every folder, so that equal batches give equal bytes.
_COLLECTION_ID = "roads"

_EXTENSIONS = ("file/v2.1.0", "processing/v1.2.0", "projection/v2.0.0", "raster/v1.1.0", "table/v1.2.0")
_JSON = MEDIA_TYPES[".json"]
_COLUMN_TYPES = {int: "int64", float: "double", bool: "boolean", str: "string"}
_PROBABILITY_BAND = {"data_type": "uint8", "nodata": NODATA, "scale": 1 / PROBABILITY_MAX, "offset": 0}
_MASK_BAND = {"data_type": "uint8", "nodata": NODATA}


@dataclass(frozen=True, slots=True)
class Place:
    """The location of an Item.

    Attributes:
        geometry: GeoJSON object in longitude and latitude.
        bbox: West, south, east, north.
        properties: Properties of the projection extension.
    """

    geometry: dict[str, Any]
    bbox: list[float]
    properties: dict[str, Any] = field(default_factory=dict)


def scene_item(origin: Origin, made: dict[str, Any], grid: RasterGrid) -> dict[str, Any]:
    """The Item of a scene.

    The footprint is that of the grid. The date is that of the image if the file states it, otherwise that of the file.

    Args:
        origin: Where the scene comes from.
        made: Its record.
        grid: Grid of its probability.
    """
    moment, source = _date(origin)
    place = Place(*to_lonlat(footprint(grid), grid.crs), projection(grid.crs, grid))
    assets = {_asset_key(name, origin.name): asset_of(name, known, made) for name, known in made["outputs"].items()}
    assets["record"] = {"href": f"./{origin.name}.json", "type": _JSON, "roles": ["metadata"]}
    item = item_values(origin.name, place, made, {"datetime": moment, "road_extract:datetime_source": source}, assets)
    item["collection"] = _COLLECTION_ID
    item["links"] = [
        *({"rel": rel, "href": f"../{COLLECTION}", "type": _JSON} for rel in ("collection", "parent", "root")),
        derived_from(origin.shown),
    ]
    return item


def item_values(
    name: str, place: Place, made: dict[str, Any], times: dict[str, Any], assets: dict[str, Any]
) -> dict[str, Any]:
    """Build an Item without links from its parts and from a record."""
    model, versions = made["model"]["sha256"], made["versions"]
    properties = {
        **times,
        **place.properties,
        **_table(made),
        "road_extract:fingerprint": made["fingerprint"],
        "road_extract:model": model,
        "road_extract:counts": made["counts"],
        "processing:software": {"road_extract": versions["road-extract"], "backend": made["backend"]},
        "processing:lineage": f"Roads found by a ResUNet (model sha256:{model}).",
    }
    return {
        "type": "Feature",
        "stac_version": STAC_VERSION,
        "stac_extensions": [f"https://stac-extensions.github.io/{part}/schema.json" for part in _EXTENSIONS],
        "id": name,
        "geometry": place.geometry,
        "bbox": place.bbox,
        "properties": properties,
        "links": [],
        "assets": assets,
    }


def derived_from(shown: str) -> dict[str, str]:
    """The link to an input, which works from any folder: URLs are unchanged, files get their full path."""
    return {"rel": "derived_from", "href": os.path.abspath(shown) if os.path.exists(shown) else shown}


def projection(crs: str, grid: RasterGrid | None = None) -> dict[str, Any]:
    """A CRS and a grid as properties of STAC's projection extension 2.0; the WKT becomes WKT2 (ISO 19162:2019)."""
    from pyproj import CRS

    known = CRS.from_wkt(crs)
    authority = known.to_authority()
    found = {"proj:code": authority and ":".join(authority), "proj:wkt2": known.to_wkt("WKT2_2019")}
    if grid is not None:
        found |= {"proj:shape": [grid.height, grid.width], "proj:transform": list(grid.transform[:6])}
    return found


def asset_of(file: str, known: dict[str, Any], made: dict[str, Any]) -> dict[str, Any]:
    """The asset of a file beside the Item."""
    # 12 20: SHA-256 of 32 bytes, as a multihash (multiformats.io)
    checksum = "1220" + known["sha256"]
    kind = media_type(file)
    asset = {"href": f"./{file}", "type": kind, "roles": ["data"], "file:size": known["bytes"],
             "file:checksum": checksum}  # fmt: skip
    if kind == COG:
        asset["raster:bands"] = [_MASK_BAND if file.endswith("_mask.tif") else _PROBABILITY_BAND]
    return asset


def collection_values(items: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """The Collection over the Items of a batch.

    Args:
        items: Items by their location, relative to the Collection.
    """
    boxes = [item["bbox"] for item in items.values()]
    dates = sorted(item["properties"]["datetime"] for item in items.values())
    codes = sorted({item["properties"].get("proj:code") or "" for item in items.values()} - {""})
    links = [{"rel": "item", "href": href, "type": "application/geo+json"} for href in items]
    summaries = {"proj:code": codes} if codes else {}
    return {
        "type": "Collection",
        "stac_version": STAC_VERSION,
        "stac_extensions": ["https://stac-extensions.github.io/projection/v2.0.0/schema.json"] if codes else [],
        "id": _COLLECTION_ID,
        "title": f"Roads of {len(items)} scenes",
        "description": "Roads found by road_extract in the scenes that the Items are derived from.",
        "license": "other",
        "extent": {
            "spatial": {"bbox": [_around(boxes), *boxes] if len(boxes) > 1 else boxes},
            "temporal": {"interval": [[dates[0], dates[-1]]]},
        },
        "summaries": summaries,
        "links": [{"rel": "root", "href": f"./{COLLECTION}", "type": _JSON}, *links],
    }


def _around(boxes: list[list[float]]) -> list[float]:
    """The box around all boxes. If one crosses the antimeridian (west > east), it goes around the whole Earth."""
    west, south, east, north = (list(side) for side in zip(*boxes, strict=True))
    crossing = any(w > e for w, e in zip(west, east, strict=True))
    return [-180.0 if crossing else min(west), min(south), 180.0 if crossing else max(east), max(north)]


def _table(made: dict[str, Any]) -> dict[str, Any]:
    """The attributes of the roads as properties of STAC's table extension; polygons go before lines."""
    geometry = made["options"]["vectorize"]["geometry"]
    line_fields = LINE_FIELDS | (WIDTH_FIELDS if made["model"]["true_width"] else {})
    fields = line_fields if geometry == "lines" else POLYGON_FIELDS
    count = made["counts"]["lines" if geometry == "lines" else "polygons"]
    columns = [{"name": name, "type": _COLUMN_TYPES[kind]} for name, kind in fields.items()]
    geometries = {"name": "geometry", "type": "LineString" if geometry == "lines" else "Polygon"}
    return {"table:columns": [*columns, geometries], "table:primary_geometry": "geometry", "table:row_count": count}


def _asset_key(file: str, name: str) -> str:
    """The part of a file name after the scene's name, such as ``roads.gpkg`` or ``probability.tif``."""
    rest = file[len(name) :]
    return f"roads{rest}" if rest.startswith(".") else rest.lstrip("_")


def _date(origin: Origin) -> tuple[str, str]:
    """A time in RFC 3339, as STAC requires, and where it comes from: the image, or otherwise the file."""
    try:
        return _rfc3339(datetime.strptime(origin.taken, "%Y:%m:%d %H:%M:%S").replace(tzinfo=UTC)), "picture"
    except ValueError:
        pass
    if "mtime_ns" in origin.identity:
        return _rfc3339(datetime.fromtimestamp(origin.identity["mtime_ns"] // 10**9, UTC)), "file"
    try:
        return _rfc3339(parsedate_to_datetime(str(origin.identity.get("last_modified")))), "file"
    except ValueError:
        return "1970-01-01T00:00:00Z", "unknown"


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
