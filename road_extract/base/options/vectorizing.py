"""Options for `vectorize`: polygons and lines."""

from __future__ import annotations

from dataclasses import dataclass

from road_extract.base.options.declaring import check_ranges, option

GEOMETRIES = ("polygons", "lines", "both")


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorizeOptions:
    """How to turn a probability raster into road polygons and lines."""

    geometry: str = option(
        "polygons", "Output geometry: road polygons, a network of road lines, or both", choices=GEOMETRIES
    )
    threshold: float | None = option(
        None, "Minimum probability for a pixel to count as road (default: the model's threshold)", low=0.001, high=1.0
    )
    min_area_m2: float = option(100.0, "Drop road areas smaller than this", unit="m2", low=0.0, short="min-area")
    min_hole_m2: float = option(50.0, "Fill holes smaller than this", unit="m2", low=0.0, short="min-hole")
    simplify_m: float | None = option(
        None,
        "Simplification tolerance (0: keep the pixel outlines; default: 1 m for lines, 1.5 pixels for polygons)",
        unit="m",
        low=0.0,
        short="simplify",
    )

    def __post_init__(self) -> None:
        check_ranges(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class LineOptions:
    """How to turn a road mask into a network of road lines."""

    faint: float = option(
        0.5,
        "Trace lines from this share of the threshold up; faint lines that are unlikely to be roads are dropped again",
        low=0.05,
        high=1.0,
    )
    max_gap_m: float = option(
        90.0,
        "Longest gap to bridge where a road is likely to continue (0: bridge none)",
        unit="m",
        low=0.0,
        high=500.0,
        short="max-gap",
    )
    min_confidence: float = option(
        0.4, "Bridge gaps only where the estimated chance of a road is at least this", low=0.0, high=1.0
    )
    min_worth: float = option(
        0.3,
        "Drop lines whose estimated chance of being a road is lower than this (0: keep all)",
        low=0.0,
        high=1.0,
    )
    min_face_m2: float = option(
        400.0,
        "Open faces of the network smaller than this by dropping one side (0: keep all)",
        unit="m2",
        low=0.0,
        short="min-face",
    )
    min_length_m: float = option(
        20.0, "Drop isolated pieces of road shorter than this", unit="m", low=0.0, short="min-length"
    )
    spur_widths: float = option(
        2.0, "Drop dead-end spurs shorter than this many road widths", low=0.0, short="min-spur"
    )

    def __post_init__(self) -> None:
        check_ranges(self)
