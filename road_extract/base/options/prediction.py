"""Options for `predict`."""

from __future__ import annotations

import math
from dataclasses import dataclass

from road_extract.base.errors import InputError
from road_extract.base.options.declaring import check_ranges, option

#: Inference backends and numerical precisions.
BACKENDS = ("auto", "openvino", "pytorch", "onnxruntime", "tensorflow")
PRECISIONS = ("auto", "float32", "bfloat16", "float16", "int8")


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictOptions:
    """How to turn a scene into a probability raster."""

    model: str | None = option(
        None,
        "Model: standard, fast, the name of an installed model, or a folder with weights.npz and spec.json (default: "
        "standard)",
    )
    backend: str = option(
        "auto", "Inference backend; auto uses the fastest one installed, on a GPU if it sees one", choices=BACKENDS
    )
    precision: str = option("auto", "Numerical precision; auto uses the fastest one that is safe", choices=PRECISIONS)
    threads: int | None = option(None, "CPU threads (default: all)", low=1, high=1024)
    bands: tuple[int, ...] | None = option(
        None, "Bands to use, counted from 1: one (grey) or as many as the model takes, such as 3,2,1"
    )
    overlap_px: int = option(32, "Overlap between neighbouring windows", unit="px", low=0, high=112, short="overlap")
    tta: str = option(
        "none",
        "Test-time augmentation: d4 averages predictions over the eight symmetries of each window, which takes eight "
        "times as long",
        choices=("none", "d4"),
    )
    batch_size: int | None = option(
        None, "Number of windows per inference batch (default: chosen by the backend)", low=1, high=256
    )
    native_gsd: bool = option(False, "Keep the scene's own pixel size instead of resampling to the model's GSD")
    bounds: tuple[float, float, float, float] | None = option(
        None, "Process only this rectangle: XMIN YMIN XMAX YMAX in the scene's own coordinates"
    )
    aoi: str | None = option(None, "Process only the area inside the polygons of this vector file (any format and CRS)")
    assume_crs: str | None = option(
        None, "CRS to use if the scene or the area of interest has none, such as EPSG:32611"
    )
    nodata: str | None = option(
        None, "Nodata value of a scene that does not mark its empty pixels; auto detects black or white collars"
    )
    subdataset: str | None = option(
        None, "Raster to read from a file that contains several: its number (from 1) or its name"
    )
    colour_table: bool = option(
        False,
        "Add a colour table to the probability raster, so that any viewer shows it in colour; overviews then contain "
        "the nearest colour instead of the exact mean",
    )

    def __post_init__(self) -> None:
        check_ranges(self)
        check_nodata(self.nodata)


def check_nodata(nodata: str | None) -> None:
    """Check a nodata value for scenes.

    Raises:
        InputError: If it is neither a number nor auto.
    """
    if nodata not in (None, "auto") and not _is_number(str(nodata)):
        raise InputError(f"nodata is {nodata!r}; expected a number or auto")


def _is_number(text: str) -> bool:
    try:
        return not math.isinf(float(text))
    except ValueError:
        return False
