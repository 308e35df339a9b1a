"""Road networks out of skeleton pixels.

pixels --tracing--> graph --cleaning--> --ends--> --bridging--> --shaping--> RoadNetwork
"""

from road_extract.network.building import trace_mask, trace_network
from road_extract.network.road_network import RoadNetwork

__all__ = ["RoadNetwork", "trace_mask", "trace_network"]
