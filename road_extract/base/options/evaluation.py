"""Options for `evaluate` and `diff`."""

from __future__ import annotations

from dataclasses import dataclass

from road_extract.base.errors import InputError
from road_extract.base.options.declaring import check_ranges, option


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateOptions:
    """How to score roads against ground truth."""

    threshold: float | None = option(
        None,
        "Minimum probability for a pixel to count as road (default: as recorded in the raster, else 0.5)",
        low=0.001,
        high=1.0,
    )
    metrics: str = option(
        "all", "Metrics to compute: all, raster (pixels) or lines", choices=("all", "raster", "lines")
    )
    rho_px: int = option(3, "Tolerance of the relaxed metrics", unit="px", low=0, high=100, short="rho")
    buffer_m: float = option(
        3.0, "Buffer width for completeness, correctness and quality", unit="m", low=0.0, short="buffer"
    )
    width_m: float = option(
        7.0, "Width at which lines are rasterized for the raster metrics", unit="m", low=0.01, short="width"
    )
    gsd_m: float = option(
        1.0, "Pixel size of the comparison grid if neither side is a raster", unit="m", low=0.01, high=1000, short="gsd"
    )
    within: str | None = option(None, "Score only inside the polygons of this vector file (any format and CRS)")
    layer: str | None = option(None, "Truth: name of the only layer to read (default: all layers of lines)")
    where: str | None = option(
        None, "Truth: SQL condition for features to read (default: all; of OpenStreetMap files, the roads)"
    )
    assume_crs: str | None = option(None, "CRS of a file that has none, such as EPSG:32611")
    min_length_m: float = option(
        20.0, "When lines are traced in a mask, drop isolated pieces shorter than this", unit="m", low=0.0,
        short="min-length",
    )  # fmt: skip
    apls_spacing_m: float = option(50.0, "APLS: maximum spacing of control points along a road", unit="m", low=1.0,
                                   short="apls-spacing")  # fmt: skip
    apls_snap_m: float = option(4.0, "APLS: maximum distance from a control point to the other network", unit="m",
                                low=0.0, short="apls-snap")  # fmt: skip
    apls_sources: int = option(1000, "APLS: maximum number of control points per scene to start routes from", low=1)
    topo_radius_m: float = option(300.0, "TOPO: distance to follow the roads from each seed", unit="m", low=1.0,
                                  short="topo-radius")  # fmt: skip
    topo_interval_m: float = option(5.0, "TOPO marble spacing", unit="m", low=0.1, short="topo-interval")
    topo_match_m: float = option(5.0, "TOPO: maximum distance between a marble and its hole", unit="m", low=0.0,
                                 short="topo-match")  # fmt: skip
    topo_seeds: int = option(100, "TOPO: number of seeds per scene", low=1)
    seed: int = option(0, "Random seed for APLS and TOPO", low=0)

    def __post_init__(self) -> None:
        check_ranges(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffOptions:
    """How to compare road lines with a map."""

    buffer_m: float = option(
        6.0, "Maximum distance between lines that can match as the same road", unit="m", low=0.0, short="buffer"
    )
    angle_deg: float = option(
        30.0, "Maximum difference in direction between lines that can match as the same road", unit="deg", low=0.0,
        high=90.0, short="angle",
    )  # fmt: skip
    min_length_m: float = option(
        15.0, "Merge pieces shorter than this into the adjacent piece of their line", unit="m", low=0.0,
        short="min-length",
    )  # fmt: skip
    bounds: tuple[float, float, float, float] | None = option(
        None, "Compare only this rectangle: XMIN YMIN XMAX YMAX in the CRS of ROADS"
    )
    within: str | None = option(None, "Compare only inside the polygons of this vector file (any format and CRS)")
    layer: str | None = option(None, "Existing map: name of the only layer to read (default: all layers of lines)")
    where: str | None = option(
        None,
        "Existing map: SQL condition for features to read (default: all; of OpenStreetMap files, the roads)",
    )
    assume_crs: str | None = option(None, "CRS of a file that has none, such as EPSG:32611")
    sort: str = option(
        "none",
        "Order of the output: most certain first (probability) or most doubtful first (doubtful)",
        choices=("none", "probability", "doubtful"),
    )

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.bounds is not None and self.within is not None:
            raise InputError("both bounds and within are given; expected only one of them")
