"""Options for writing new roads so that they join the map."""

from __future__ import annotations

from dataclasses import dataclass

from road_extract.base.options.declaring import OSM_TAGS_HELP, check_ranges, option


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinOptions:
    """How new roads join the map, and which of them are doubtful."""

    reach_m: float = option(
        10.0, "New roads that end at most this far from a road of the map are joined to it", unit="m", low=0.0,
        high=100.0, short="reach",
    )  # fmt: skip
    node_m: float = option(
        3.0, "Join at a node of the map rather than at a new one if it is at most this far away", unit="m", low=0.0,
        high=50.0, short="join-node",
    )  # fmt: skip
    touch_m: float = option(
        2.0, "Roads that come this close to each other without meeting are made to meet", unit="m", low=0.0, high=20.0,
        short="touch",
    )  # fmt: skip
    doubtful_m: float = option(
        8.0,
        "New roads are doubtful along railways, runways, shores and paths that are at most this far away (0: none are)",
        unit="m",
        low=0.0,
        high=200.0,
        short="doubtful",
    )
    leave_out_doubtful: bool = option(False, "Write .osm and .osc files without the doubtful roads")
    osm_tags: str | None = option(None, OSM_TAGS_HELP)

    def __post_init__(self) -> None:
        check_ranges(self)
