"""Writes the record of how the outputs of a scene were made, and their STAC Item.

A record has two parts. ``made`` is the same whenever the same outputs are made from the same inputs. ``run`` describes
one run, and is the only place that holds times. A STAC Item holds nothing of the second kind.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from road_extract.base.files import write_json
from road_extract.base.grid import RasterGrid
from road_extract.batch.fingerprint import SPEED_ONLY, versions_of
from road_extract.batch.shards import ShardedScene, count_windows
from road_extract.batch.tasks import Finished, Products
from road_extract.io.raster import footprint
from road_extract.io.vector import to_lonlat

#: Version of records and summaries; it increases when their meaning changes.
FORMAT = 1

_TYPES = {
    ".gpkg": "application/geopackage+sqlite3",
    ".geojson": "application/geo+json",
    ".fgb": "application/vnd.flatgeobuf",
    ".parquet": "application/vnd.apache.parquet",
    ".osm": "application/xml",
    ".graphml": "application/xml",
    ".tif": "image/tiff; application=geotiff",
    ".json": "application/json",
    ".html": "text/html",
    ".pmtiles": "application/vnd.pmtiles",
    ".qml": "application/xml",
    ".sld": "application/vnd.ogc.sld+xml",
}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a scene comes from.

    Attributes:
        name: Name of the outputs.
        shown: Location, without secrets.
        identity: What identifies the content.
        taken: Time of the picture as written in the file (TIFF: ``YYYY:MM:DD HH:MM:SS``); may be empty.
    """

    name: str
    shown: str
    identity: dict[str, Any]
    taken: str = ""


def made_values(
    origin: Origin, scene: ShardedScene, products: Products, finished: Finished, fingerprint: str
) -> dict[str, Any]:
    """The part of a record that is the same in every run."""
    predict = {name: value for name, value in asdict(scene.options).items() if name not in SPEED_ONLY}
    return {
        "fingerprint": fingerprint,
        "scene": origin.name,
        "input": {"path": origin.shown, "identity": origin.identity, "taken": origin.taken or None},
        "model": {"folder": predict.pop("model"), "sha256": scene.model},
        "backend": finished.backend,
        "versions": versions_of(scene.options),
        "options": {"predict": predict, "vectorize": asdict(products.vectorize), "lines": asdict(products.lines)},
        "grid": {"height": scene.grid.height, "width": scene.grid.width, "transform": list(scene.grid.transform[:6]),
                 "crs": scene.grid.crs},
        "windows": {"plan": len(scene.plan), "computed": count_windows(scene.plan, scene.cores)},
        "shards": len(scene.cores),
        "counts": {"polygons": finished.polygons, "lines": finished.lines},
        "remarks": [text for _, text in scene.remarks] + ([finished.remark] if finished.remark else []),
        "outputs": finished.outputs,
    }  # fmt: skip


def write_record(path: Path, made: dict[str, Any], run: dict[str, Any]) -> None:
    """Write a record."""
    write_json(path, {"format": FORMAT, "made": made, "run": run})


def read_made(path: Path) -> dict[str, Any]:
    """The part of a record that is the same in every run; empty if there is no readable record."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return dict(values["made"]) if values["format"] == FORMAT else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def is_whole(folder: Path, made: dict[str, Any], fingerprint: str) -> bool:
    """Whether a folder holds everything that its record lists, with this fingerprint."""
    try:
        if made.get("fingerprint") != fingerprint:
            return False
        return all((folder / name).stat().st_size == known["bytes"] for name, known in made["outputs"].items())
    except (OSError, KeyError, TypeError):
        return False


def stac_item(origin: Origin, made: dict[str, Any], grid: RasterGrid) -> dict[str, Any]:
    """A STAC Item 1.0.0 with the extensions projection 1.1, file 2.1 and processing 1.2.

    The footprint is that of the grid. The date is that of the picture if the file has it, else that of the file.
    """
    geometry, bbox = to_lonlat(footprint(grid), grid.crs)
    moment, source = _date(origin)
    properties = {"datetime": moment, "road_extract:datetime_source": source, **projection(grid)}
    assets = {_asset_key(name, origin.name): asset_of(name, known) for name, known in made["outputs"].items()}
    assets["record"] = {"href": f"./{origin.name}.json", "type": _TYPES[".json"], "roles": ["metadata"]}
    links = [{"rel": "derived_from", "href": origin.shown}]
    return item_values(origin.name, geometry, bbox, made, properties, assets, links)


def item_values(
    name: str,
    geometry: dict[str, Any],
    bbox: list[float],
    made: dict[str, Any],
    properties: dict[str, Any],
    assets: dict[str, Any],
    links: list[dict[str, str]],
) -> dict[str, Any]:
    """Build an Item from its parts and from a record."""
    said = {
        "road_extract:fingerprint": made["fingerprint"],
        "road_extract:model": made["model"]["sha256"],
        "road_extract:counts": made["counts"],
        "processing:software": {"road_extract": made["versions"]["road-extract"], "backend": made["backend"]},
    }
    extensions = ("projection/v1.1.0", "file/v2.1.0", "processing/v1.2.0")
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "stac_extensions": [f"https://stac-extensions.github.io/{part}/schema.json" for part in extensions],
        "id": name,
        "geometry": geometry,
        "bbox": bbox,
        "properties": properties | said,
        "links": links,
        "assets": assets,
    }


def projection(grid: RasterGrid) -> dict[str, Any]:
    """The grid as properties of STAC's projection extension."""
    from pyproj import CRS

    return {
        "proj:epsg": CRS.from_wkt(grid.crs).to_epsg(),
        "proj:wkt2": grid.crs,
        "proj:shape": [grid.height, grid.width],
        "proj:transform": list(grid.transform[:6]),
    }


def _asset_key(file: str, name: str) -> str:
    """The part of a file name after the scene's name, such as ``roads.gpkg`` or ``probability.tif``."""
    rest = file[len(name) :]
    return f"roads{rest}" if rest.startswith(".") else rest.lstrip("_")


def asset_of(file: str, known: dict[str, Any]) -> dict[str, Any]:
    """The asset of a file beside the Item."""
    # 12 20: SHA-256 of 32 bytes, as a multihash (multiformats.io)
    checksum = "1220" + known["sha256"]
    return {
        "href": f"./{file}", "type": _TYPES.get(Path(file).suffix, "application/octet-stream"), "roles": ["data"],
        "file:size": known["bytes"], "file:checksum": checksum,
    }  # fmt: skip


def _date(origin: Origin) -> tuple[str, str]:
    """A time in RFC 3339, as STAC requires, and its source: the picture, or else the file."""
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
