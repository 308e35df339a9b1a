"""Options for `report` and `review`."""

from __future__ import annotations

from dataclasses import dataclass

from road_extract.base.options.declaring import check_ranges, option
from road_extract.base.options.prediction import PredictOptions, check_nodata

#: Which pieces `review` keeps.
KEPT = ("accepted", "not-rejected", "all")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportOptions:
    """How a review page shows a scene."""

    size_px: int = option(
        4096, "Length of the longer side of the scene's image on the page", unit="px", low=256, high=8192, short="size"
    )
    bands: tuple[int, ...] | None = option(
        None, "Bands to show, counted from 1: one (grey) or three, such as 3,2,1 (default: the colour bands)"
    )
    bounds: tuple[float, float, float, float] | None = option(
        None, "Show only this rectangle of the scene: XMIN YMIN XMAX YMAX in the scene's own coordinates"
    )
    assume_crs: str | None = option(None, "CRS of a file that has none, such as EPSG:32611")
    nodata: str | None = option(
        None, "Nodata value of a scene that does not mark its empty pixels; auto detects black or white collars"
    )
    subdataset: str | None = option(
        None, "Raster to read from a file that contains several: its number (from 1) or its name"
    )

    def __post_init__(self) -> None:
        check_ranges(self)
        check_nodata(self.nodata)

    @classmethod
    def of(cls, predict: PredictOptions) -> ReportOptions:
        """Show a scene as it was read for prediction: the same part, CRS, nodata value and, if possible, bands."""
        bands = predict.bands if predict.bands is not None and len(predict.bands) in (1, 3) else None
        return cls(
            bands=bands, bounds=predict.bounds, assume_crs=predict.assume_crs, nodata=predict.nodata,
            subdataset=predict.subdataset,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewOptions:
    """Which reviewed roads are kept."""

    keep: str = option(
        "accepted", "Roads to keep: accepted, not-rejected (accepted or undecided), or all", choices=KEPT
    )
    assume_crs: str | None = option(None, "CRS of a file that has none, such as EPSG:32611")

    def __post_init__(self) -> None:
        check_ranges(self)
