"""Options of `predict`."""

from __future__ import annotations

import math
from dataclasses import dataclass

from road_extract.base.errors import InputError
from road_extract.base.options.declaring import check_ranges, option

BACKENDS = ("auto", "openvino", "onnxruntime", "tensorflow")
PRECISIONS = ("auto", "float32", "bfloat16", "int8")


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictOptions:
    """How a scene becomes a probability raster."""

    model: str | None = option(None, "Model folder (weights.npz, spec.json); the shipped model if left out")
    backend: str = option("auto", "What runs the model; auto: the fastest that is installed", choices=BACKENDS)
    precision: str = option("auto", "Numerical precision; auto: the fastest that is safe", choices=PRECISIONS)
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
    assume_crs: str | None = option(None, "CRS of a scene or area of interest that has none, such as EPSG:32611")
    nodata: str | None = option(
        None, "Value of pixels without data in a scene that does not mark them, or auto to find black or white collars"
    )
    subdataset: str | None = option(
        None, "Which raster to take of a file that holds several: its number, from 1, or its name"
    )

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.nodata not in (None, "auto") and not _is_number(str(self.nodata)):
            raise InputError(f"nodata is {self.nodata!r}; expected a number or auto")


def _is_number(text: str) -> bool:
    try:
        return not math.isinf(float(text))
    except ValueError:
        return False
