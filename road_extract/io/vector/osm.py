"""Writes OSM XML (wiki.openstreetmap.org/wiki/OSM_XML), to review road lines in JOSM and upload them from there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TextIO
from xml.sax.saxutils import quoteattr

import numpy as np
import shapely

from road_extract.base.coordinates import LONLAT, transformer
from road_extract.base.errors import InputError
from road_extract.base.osm import split_refs
from road_extract.base.version import __version__
from road_extract.io.vector.osm_tags import BRIDGED, TagRule, make_tags
from road_extract.roads.features import line_properties
from road_extract.roads.network import RoadNetwork


def write_osm(
    path: Path, network: RoadNetwork, crs: str, made: Mapping[str, str], rules: Sequence[TagRule] = ()
) -> None:
    """Write nodes, then ways. All are new, so their ids are negative. Ways that meet share a node.

    Args:
        path: File to write.
        network: Network in map coordinates.
        crs: CRS of the coordinates, as WKT.
        made: How the roads were made, for the tag ``source``.
        rules: Further tags; attributes are those of `line_properties`.

    Raises:
        InputError: A coordinate cannot be expressed in WGS 84, or the value of a tag is too long.
    """
    to_lonlat = transformer(crs, LONLAT)
    inner = [shapely.get_coordinates(line)[1:-1] for line in network.lines]
    places = np.concatenate([network.node_xy.reshape(-1, 2), *inner])
    lon, lat = to_lonlat.transform(places[:, 0], places[:, 1])
    if not np.isfinite([lon, lat]).all():
        raise InputError("a road lies outside the area of its CRS and has no longitude and latitude; check the CRS")
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(
            f'<?xml version="1.0" encoding="UTF-8"?>\n<osm version="0.6" generator="road_extract {__version__}">\n'
        )
        for number, (x, y) in enumerate(zip((lon + 180) % 360 - 180, lat, strict=True), 1):
            file.write(f'<node id="-{number}" lat="{y:.7f}" lon="{x:.7f}"/>\n')
        source = _to_source(made)
        # the attributes cost time, because lengths are geodesic
        rows = (line_properties(network, index, crs, widths=True) if rules else {} for index in range(len(network)))
        tags = (
            make_tags(rules, row, [BRIDGED] if bridged else [], source=source)
            for row, bridged in zip(rows, network.bridged, strict=True)
        )
        _write_ways(file, network, [len(part) for part in inner], tags)
        file.write("</osm>\n")


def _to_source(made: Mapping[str, str]) -> str:
    """Such as ``road_extract 1.0 NAME sha256:..., threshold 0.3``."""
    threshold = f", threshold {made['threshold']}" if "threshold" in made else ""
    return f"road_extract {__version__} {made.get('model', '')}".strip() + threshold


def _write_ways(
    file: TextIO, network: RoadNetwork, inner_sizes: list[int], all_tags: Iterable[Mapping[str, str]]
) -> None:
    first, way = len(network.node_xy) + 1, 0
    for index, (size, tags) in enumerate(zip(inner_sizes, all_tags, strict=True)):
        refs = [int(network.from_node[index]) + 1, *range(first, first + size), int(network.to_node[index]) + 1]
        first += size
        for part in split_refs(refs):
            way += 1
            file.write(f'<way id="-{way}">\n')
            file.writelines(f'<nd ref="-{ref}"/>\n' for ref in part)
            file.writelines(f"<tag k={quoteattr(key)} v={quoteattr(value)}/>\n" for key, value in tags.items())
            file.write("</way>\n")
