"""Builds road networks from skeleton pixels, in pixel coordinates. Files and CRSs do not belong here.

pixels --tracing--> graph --cleaning--> --ends--> --bridging--> --shaping--> RoadNetwork
"""

from road_extract.roads.network.building import trace_mask, trace_network
from road_extract.roads.network.evidence import Evidence
from road_extract.roads.network.networkx_graph import to_networkx
from road_extract.roads.network.road_network import RoadNetwork

__all__ = ["Evidence", "RoadNetwork", "to_networkx", "trace_mask", "trace_network"]
