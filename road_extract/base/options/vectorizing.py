"""Options of `vectorize`: polygons and lines."""

from __future__ import annotations

from dataclasses import dataclass

from road_extract.base.options.declaring import check_ranges, option

GEOMETRIES = ("polygons", "lines", "both")


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorizeOptions:
    """How a probability raster becomes road polygons and lines."""

    geometry: str = option(
        "polygons", "What comes out: road polygons, a network of road lines, or both", choices=GEOMETRIES
    )
    threshold: float | None = option(
        None, "Probability from which a pixel is road; the model's own if left out", low=0.001, high=1.0
    )
    min_area_m2: float = option(100.0, "Smaller road areas are dropped", unit="m2", low=0.0, short="min-area")
    min_hole_m2: float = option(50.0, "Smaller holes are filled", unit="m2", low=0.0, short="min-hole")
    simplify_m: float = option(
        1.0,
        "Outlines and lines may move by so much to lose needless points; 0 keeps the outlines of the pixels",
        unit="m",
        low=0.0,
        short="simplify",
    )

    def __post_init__(self) -> None:
        check_ranges(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class LineOptions:
    """How a road mask becomes a network of road lines."""

    max_gap_m: float = option(
        30.0,
        "Dead ends are joined across gaps up to so long where the probability carries it; 0 leaves gaps",
        unit="m",
        low=0.0,
        high=500.0,
        short="max-gap",
    )
    min_length_m: float = option(
        20.0, "Shorter pieces of road that join no other are dropped", unit="m", low=0.0, short="min-length"
    )
    spur_widths: float = option(
        2.0, "Dead-end branches shorter than so many times their own width are dropped", low=0.0, short="min-spur"
    )

    def __post_init__(self) -> None:
        check_ranges(self)
