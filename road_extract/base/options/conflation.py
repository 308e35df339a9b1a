"""Options for writing new roads so that they join the map."""

from __future__ import annotations

from dataclasses import dataclass

from road_extract.base.options.declaring import OSM_TAGS_HELP, check_ranges, option


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinOptions:
    """How new roads join the map, and which of them are doubtful."""

    reach_m: float = option(
        10.0, "Join new roads that end at most this far from a road of the map to that road", unit="m", low=0.0,
        high=100.0, short="reach",
    )  # fmt: skip
    node_m: float = option(
        3.0, "Join at a node of the map rather than at a new one if it is at most this far away", unit="m", low=0.0,
        high=50.0, short="join-node",
    )  # fmt: skip
    touch_m: float = option(
        2.0, "Make roads meet if they come this close to each other without meeting", unit="m", low=0.0, high=20.0,
        short="touch",
    )  # fmt: skip
    doubtful_m: float = option(
        8.0,
        "Mark new roads as doubtful along railways, runways, shores and paths at most this far away (0: mark none)",
        unit="m",
        low=0.0,
        high=200.0,
        short="doubtful",
    )
    leave_out_doubtful: bool = option(False, "Omit doubtful roads from .osm and .osc files")
    osm_tags: str | None = option(None, OSM_TAGS_HELP)

    def __post_init__(self) -> None:
        check_ranges(self)
