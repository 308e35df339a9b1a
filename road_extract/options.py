"""Options, with the help, unit and range that every front end shows: the one place where they are written down."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Any

from road_extract.errors import InputError


def option(
    default: Any,
    help: str,
    *,
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
    short: str = "",
    choices: tuple[str, ...] = (),
) -> Any:
    """A dataclass field that knows how it is shown.

    Args:
        default: Its value when nothing is said.
        help: One sentence without the final stop.
        unit: Of the value, if it has one.
        low: Smallest value allowed.
        high: Largest value allowed.
        short: Name on the command line where it differs from the field's.
        choices: All values allowed, if they are a few words.
    """
    shown = {"help": help, "unit": unit, "low": low, "high": high, "short": short, "choices": choices}
    return field(default=default, metadata=shown)


def check_ranges(options: Any) -> None:
    """Check every number of an options object against its range.

    Raises:
        InputError: If a value is out of range, not finite, or none of its choices.
    """
    for f in fields(options):
        value, low, high = getattr(options, f.name), f.metadata.get("low"), f.metadata.get("high")
        if not all(math.isfinite(part) for part in _numbers(value)):
            raise InputError(f"{f.name} is {value}; expected finite numbers")
        if f.metadata["choices"] and value not in f.metadata["choices"]:
            raise InputError(f"{f.name} is {value!r}; expected one of {', '.join(f.metadata['choices'])}")
        if value is None or isinstance(value, bool) or not isinstance(value, int | float):
            continue
        if not (low is None or value >= low) or not (high is None or value <= high):
            limits = f"at least {low:g}" if high is None else f"{low:g} to {high:g}"
            raise InputError(f"{f.name} is {value}; expected {limits} {f.metadata['unit']}".rstrip())


def _numbers(value: Any) -> list[float]:
    parts = value if isinstance(value, tuple) else (value,)
    return [part for part in parts if isinstance(part, int | float)]


GEOMETRIES = ("polygons", "lines", "both")


@dataclass(frozen=True, slots=True)
class PredictOptions:
    """How a scene becomes a probability raster."""

    model: str | None = option(None, "Model folder (weights.npz, spec.json); the shipped model if left out")
    backend: str = option(
        "auto", "What runs the model: auto (the fastest that is installed), openvino, onnxruntime or tensorflow"
    )
    precision: str = option(
        "auto", "Of the model's arithmetic: auto (the fastest that is safe), float32, bfloat16 or int8"
    )
    threads: int | None = option(None, "Processor threads for the model; all if left out", low=1, high=1024)
    bands: tuple[int, ...] | None = option(
        None, "Bands to use, counted from 1: one (grey) or as many as the model has, such as 3,2,1"
    )
    overlap_px: int = option(32, "Overlap of neighbouring windows", unit="px", low=0, high=112, short="overlap")
    tta: str = option(
        "none",
        "Test-time augmentation: d4 averages the model's answers over the eight symmetries of a window, in eight times "
        "the time",
        choices=("none", "d4"),
    )
    batch_size: int | None = option(
        None, "Windows that go through the model at once; the backend's own choice if left out", low=1, high=256
    )
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


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """What comes out of each scene of a batch, and who does the work."""

    formats: str = option(
        "gpkg", "Of the roads, with commas between: gpkg, geojson, fgb, parquet; lines alone also osm, graphml"
    )
    keep_probability: bool = option(False, "Keep the probability raster of every scene (GeoTIFF)")
    keep_mask: bool = option(False, "Keep the road mask of every scene (GeoTIFF)")
    keep_nodes: bool = option(False, "Write the nodes of the road lines too")
    asset: str | None = option(None, "Key of the asset to take of STAC items")
    shard_px: int = option(
        4096, "Shortest side of a shard, the piece of a scene that is worked on and resumed as one", unit="px", low=4096
    )
    jobs: int | None = option(
        None, "Processes that work at once; 1 if left out, with --dask local one for each processor", low=1, high=1024
    )
    dask: str | None = option(
        None, "Let Dask do the work: local, or the address of a scheduler such as tcp://scheduler:8786"
    )

    def __post_init__(self) -> None:
        check_ranges(self)
        if not self.suffixes or len(set(self.suffixes)) < len(self.suffixes):
            raise InputError(f"formats is {self.formats!r}; expected different names with commas between")

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Of the formats, with their dots."""
        return tuple(f".{part.strip().lower().lstrip('.')}" for part in self.formats.split(",") if part.strip())
