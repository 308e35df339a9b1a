"""Writes GraphML (graphml.graphdrawing.org) for networkx and other graph tools."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import networkx
import shapely

from road_extract.roads.features import line_properties
from road_extract.roads.network import RoadNetwork, to_networkx


def write_graphml(path: Path, network: RoadNetwork, crs: str, made: Mapping[str, str]) -> None:
    """Write a network: nodes with ``x`` and ``y``, edges with their attributes and their line as ``wkt``.

    Args:
        path: File to write.
        network: Network in map coordinates, which are kept.
        crs: CRS of the coordinates as WKT; becomes an attribute of the graph.
        made: How the roads were made; becomes attributes of the graph.
    """
    graph = to_networkx(network)
    graph.graph.update(crs=crs, **made)
    for _, _, index, values in graph.edges(keys=True, data=True):
        values.clear()
        known = line_properties(network, index, crs, widths=False)
        values |= {name: value for name, value in known.items() if value is not None}
        values["wkt"] = shapely.to_wkt(network.lines[index], rounding_precision=9)
    networkx.write_graphml_xml(graph, path)
