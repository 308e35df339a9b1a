"""Converts a network to a NetworkX graph, for analysis outside this package."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from road_extract.roads.network.road_network import RoadNetwork

if TYPE_CHECKING:
    import networkx

_EDGE_VALUES = (
    "length_m", "probability", "probability_min", "bridged", "confidence", "component", "dead_end", "width_m",
    "width_p10_m", "width_p90_m",
)  # fmt: skip


def to_networkx(network: RoadNetwork) -> networkx.MultiGraph[int]:
    """Convert a network to an undirected multigraph.

    Nodes are numbered from 0 and have ``x`` and ``y``. The key of an edge is its number in the network. Edges have
    their known attributes, and a ``geometry``, a shapely LineString.
    """
    import networkx

    graph: networkx.MultiGraph[int] = networkx.MultiGraph()
    for number, (x, y) in enumerate(network.node_xy.tolist()):
        graph.add_node(number, x=x, y=y)
    values = {name: getattr(network, name).tolist() for name in _EDGE_VALUES}
    for index, (a, b) in enumerate(zip(network.from_node.tolist(), network.to_node.tolist(), strict=True)):
        attributes = {name: values[name][index] for name in _EDGE_VALUES}
        graph.add_edge(a, b, index, geometry=network.lines[index], **_known(attributes))
    return graph


def _known(attributes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if not (isinstance(value, float) and math.isnan(value))}
