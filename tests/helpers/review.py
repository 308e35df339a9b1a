"""Roads to review, what a page holds, and decisions as a page saves them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import shapely
from pyproj import CRS

from road_extract.base.features import Feature, LayerSchema
from road_extract.io.vector import write_features
from road_extract.roads.features import LINE_FIELDS

CRS_WKT = CRS.from_epsg(32611).to_wkt()
#: The upper left corner of `helpers.scenes.UTM`.
LEFT, TOP = 665000.25, 4010000.75


def line_feature(number: int, points: list[tuple[float, float]], **values: Any) -> Feature:
    """A road line; points are columns and rows of a scene at `UTM`."""
    line = shapely.LineString([(LEFT + x, TOP - y) for x, y in points])
    known: dict[str, Any] = {
        "id": number, "length_m": round(line.length, 2), "probability": 0.9, "probability_min": 0.5, "bridged": False,
        "confidence": None, "component": 1, "from_node": 1, "to_node": 2, "dead_end": False,
    }  # fmt: skip
    return Feature(line, known | values)


def write_lines(path: Path, features: list[Feature], **more: type) -> Path:
    """Write road lines with the attributes of this package and more."""
    write_features(path, LayerSchema("road_lines", "LineString", CRS_WKT, LINE_FIELDS | more), features)
    return path


def four_lines(path: Path) -> Path:
    """Lines of known doubt: 3 (a gap, .55), then 2 (.4), 1 (.1) and 4 (.05)."""
    return write_lines(
        path,
        [
            line_feature(1, [(20, 30), (120, 30), (200, 90)]),
            line_feature(2, [(20, 150), (200, 150)], probability=0.6, dead_end=True),
            line_feature(3, [(120, 30), (120, 150)], probability=0.5, bridged=True, confidence=0.45),
            line_feature(4, [(220, 20), (220, 250)], probability=0.95, component=2),
        ],
    )


def page_data(page: Path) -> dict[str, Any]:
    """What the script of a page reads."""
    text = page.read_text(encoding="utf-8")
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    values: dict[str, Any] = json.loads(data)
    return values


def write_decisions(path: Path, data: dict[str, Any], *decisions: tuple[str, int, str | None, str]) -> Path:
    """Write decisions (layer, id, decision, note) as the page with this data does."""
    values = {
        "format": "road-extract decisions",
        "version": 1,
        "title": data["title"],
        "result": data["fingerprint"],
        "layers": {layer["name"]: layer["fingerprint"] for layer in data["layers"]},
        "decisions": [dict(zip(("layer", "id", "decision", "note"), row, strict=True)) for row in decisions],
    }
    path.write_text(json.dumps(values), encoding="utf-8")
    return path
