"""Options, with the help, unit and range that every front end shows: the one place where they are written down."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Any

from road_extract.errors import InputError


def option(
    default: Any, help: str, *, unit: str = "", low: float | None = None, high: float | None = None, short: str = ""
) -> Any:
    """A dataclass field that knows how it is shown.

    Args:
        default: Its value when nothing is said.
        help: One sentence without the final stop.
        unit: Of the value, if it has one.
        low: Smallest value allowed.
        high: Largest value allowed.
        short: Name on the command line where it differs from the field's.
    """
    return field(default=default, metadata={"help": help, "unit": unit, "low": low, "high": high, "short": short})


def check_ranges(options: Any) -> None:
    """Check every number of an options object against its range.

    Raises:
        InputError: If a value is out of range or not finite.
    """
    for f in fields(options):
        value, low, high = getattr(options, f.name), f.metadata.get("low"), f.metadata.get("high")
        if not all(math.isfinite(part) for part in _numbers(value)):
            raise InputError(f"{f.name} is {value}; expected finite numbers")
        if value is None or isinstance(value, bool) or not isinstance(value, int | float):
            continue
        if not (low is None or value >= low) or not (high is None or value <= high):
            limits = f"at least {low:g}" if high is None else f"{low:g} to {high:g}"
            raise InputError(f"{f.name} is {value}; expected {limits} {f.metadata['unit']}".rstrip())


def _numbers(value: Any) -> list[float]:
    parts = value if isinstance(value, tuple) else (value,)
    return [part for part in parts if isinstance(part, int | float)]


@dataclass(frozen=True, slots=True)
class PredictOptions:
    """How a scene becomes a probability raster."""

    model: str | None = option(None, "Model folder (weights.npz, spec.json); the shipped model if left out")
    backend: str = option("auto", "What runs the model: auto or tensorflow")
    bands: tuple[int, ...] | None = option(
        None, "Bands to use, counted from 1: one (grey) or as many as the model has, such as 3,2,1"
    )
    overlap_px: int = option(32, "Overlap of neighbouring windows", unit="px", low=0, high=112, short="overlap")
    batch_size: int = option(4, "Windows that go through the model at once", low=1, high=256)
    native_gsd: bool = option(False, "Keep the scene's own pixels, whatever the model's ground sample distance")
    bounds: tuple[float, float, float, float] | None = option(
        None, "Only this part: XMIN YMIN XMAX YMAX in the scene's own coordinates"
    )
    aoi: str | None = option(None, "Only inside the polygons of this vector file, in any format and CRS")
    assume_crs: str | None = option(None, "CRS of a scene that has none, such as EPSG:32611")

    def __post_init__(self) -> None:
        check_ranges(self)


@dataclass(frozen=True, slots=True)
class VectorizeOptions:
    """How a probability raster becomes road polygons."""

    threshold: float | None = option(
        None, "Probability from which a pixel is road; the model's own if left out", low=0.001, high=1.0
    )
    min_area_m2: float = option(100.0, "Smaller road areas are dropped", unit="m2", low=0.0, short="min-area")
    min_hole_m2: float = option(50.0, "Smaller holes are filled", unit="m2", low=0.0, short="min-hole")
    simplify_m: float = option(
        1.0,
        "Outlines may move by so much to lose their pixel stairs; 0 keeps the pixels",
        unit="m",
        low=0.0,
        short="simplify",
    )

    def __post_init__(self) -> None:
        check_ranges(self)


@dataclass(frozen=True, slots=True)
class EvaluateOptions:
    """How roads are compared with the truth."""

    threshold: float | None = option(
        None,
        "Probability from which a pixel is road; the one recorded in the raster if left out, else 0.5",
        low=0.001,
        high=1.0,
    )
    metrics: str = option("all", "What to measure: all, raster (pixels) or lines")
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
    min_length_m: float = option(
        20.0, "Loose ends shorter than this are dropped from lines traced in a mask", unit="m", low=0.0,
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
        if self.metrics not in ("all", "raster", "lines"):
            raise InputError(f"metrics is {self.metrics!r}; expected all, raster or lines")


@dataclass(frozen=True, slots=True)
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
    sort: str = option("none", "Order: none, probability (surest first) or doubtful (most doubtful first)")

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.sort not in ("none", "probability", "doubtful"):
            raise InputError(f"sort is {self.sort!r}; expected none, probability or doubtful")
        if self.bounds is not None and self.within is not None:
            raise InputError("bounds and an area are given; expected one of them")
