"""Options of `evaluate` and `diff`; as in `options`, front ends show what is written here."""

from __future__ import annotations

from dataclasses import dataclass

from road_extract.base.errors import InputError
from road_extract.base.options.declaring import check_ranges, option


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateOptions:
    """How roads are compared with the truth."""

    threshold: float | None = option(
        None,
        "Probability from which a pixel is road; the one recorded in the raster if left out, else 0.5",
        low=0.001,
        high=1.0,
    )
    metrics: str = option("all", "What to measure: all, raster (pixels) or lines", choices=("all", "raster", "lines"))
    rho_px: int = option(3, "Slack of the relaxed metrics", unit="px", low=0, high=100, short="rho")
    buffer_m: float = option(
        3.0,
        "Lines as near as this are the same road, in completeness, correctness and quality",
        unit="m",
        low=0.0,
        short="buffer",
    )
    width_m: float = option(7.0, "Lines are drawn so wide for the raster metrics", unit="m", low=0.01, short="width")
    gsd_m: float = option(
        1.0, "Pixels of the grid where neither side is a raster", unit="m", low=0.01, high=1000, short="gsd"
    )
    within: str | None = option(None, "Only inside the polygons of this vector file, in any format and CRS")
    layer: str | None = option(None, "Truth: name of the only layer to read (default: all layers of lines)")
    where: str | None = option(
        None, "Truth: SQL condition for features to read (default: all; of OpenStreetMap files, the roads)"
    )
    assume_crs: str | None = option(None, "CRS of a file that has none, such as EPSG:32611")
    min_length_m: float = option(
        20.0, "Lines traced in a mask: shorter pieces that join no other are dropped", unit="m", low=0.0,
        short="min-length",
    )  # fmt: skip
    apls_spacing_m: float = option(50.0, "APLS: most that control points along a road lie apart", unit="m", low=1.0,
                                   short="apls-spacing")  # fmt: skip
    apls_snap_m: float = option(4.0, "APLS: how far a control point may lie from the other network", unit="m", low=0.0,
                                short="apls-snap")  # fmt: skip
    apls_sources: int = option(1000, "APLS: ways start at so many control points of a scene at most", low=1)
    topo_radius_m: float = option(300.0, "TOPO: how far roads are followed from a seed", unit="m", low=1.0,
                                  short="topo-radius")  # fmt: skip
    topo_interval_m: float = option(5.0, "TOPO: from marble to marble", unit="m", low=0.1, short="topo-interval")
    topo_match_m: float = option(5.0, "TOPO: how far a marble may lie from its hole", unit="m", low=0.0,
                                 short="topo-match")  # fmt: skip
    topo_seeds: int = option(100, "TOPO: places to start from in each scene", low=1)
    seed: int = option(0, "Fixes what APLS and TOPO draw by chance", low=0)

    def __post_init__(self) -> None:
        check_ranges(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffOptions:
    """How road lines are compared with a map."""

    buffer_m: float = option(6.0, "Lines as near as this may be the same road", unit="m", low=0.0, short="buffer")
    angle_deg: float = option(
        30.0, "Lines are the same road only where they run the same way, within this angle", unit="deg", low=0.0,
        high=90.0, short="angle",
    )  # fmt: skip
    min_length_m: float = option(
        15.0, "Shorter pieces of a line become part of the piece beside them", unit="m", low=0.0, short="min-length"
    )
    bounds: tuple[float, float, float, float] | None = option(
        None, "Only this part: XMIN YMIN XMAX YMAX in the CRS of ROADS"
    )
    within: str | None = option(None, "Only inside the polygons of this vector file, in any format and CRS")
    layer: str | None = option(None, "Existing map: name of the only layer to read (default: all layers of lines)")
    where: str | None = option(
        None,
        "Existing map: SQL condition for features to read (default: all; of OpenStreetMap files, the roads)",
    )
    assume_crs: str | None = option(None, "CRS of a file that has none, such as EPSG:32611")
    sort: str = option(
        "none",
        "Order of the pieces: surest first (probability) or most doubtful first (doubtful)",
        choices=("none", "probability", "doubtful"),
    )

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.bounds is not None and self.within is not None:
            raise InputError("bounds and an area are given; expected one of them")
