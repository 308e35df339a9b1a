"""Road networks out of skeleton pixels.

pixels --tracing--> graph --cleaning--> --ends--> --bridging--> --shaping--> RoadNetwork
"""

from road_extract.network.building import trace_mask, trace_network
from road_extract.network.gap_paths import Evidence
from road_extract.network.networkx_graph import to_networkx
from road_extract.network.road_network import RoadNetwork

__all__ = ["Evidence", "RoadNetwork", "to_networkx", "trace_mask", "trace_network"]
