"""What a raster file says of itself, and every reason why it could not be used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rasterio.enums import MaskFlags

from road_extract.base.errors import InputError
from road_extract.base.geodesy import pixel_size_m
from road_extract.base.grid import RasterGrid
from road_extract.io.raster.bands import choose_bands
from road_extract.io.raster.opening import check_georeference, crs_of, open_raster


@dataclass(frozen=True, slots=True)
class SceneFacts:
    """A raster file in short.

    Attributes:
        height: Rows.
        width: Columns.
        bands: Colour or number of each band.
        dtype: Of the first band.
        crs: Name, or empty.
        gsd_m: Pixel size on the ground along rows and columns, metres; None where it cannot be told.
        nodata: How invalid pixels are marked: a value, alpha, mask or none.
    """

    height: int
    width: int
    bands: tuple[str, ...]
    dtype: str
    crs: str
    gsd_m: tuple[float, float] | None
    nodata: str

    def to_lines(self) -> list[str]:
        """Plain words, a line each."""
        gsd = "unknown" if self.gsd_m is None else f"{self.gsd_m[0]:.3g} x {self.gsd_m[1]:.3g} m"
        return [
            f"  size       {self.height:,} x {self.width:,} pixels (rows x columns)",
            f"  bands      {len(self.bands)} ({', '.join(self.bands)}), {self.dtype}",
            f"  CRS        {self.crs or 'none'}",
            f"  pixels     {gsd} on the ground",
            f"  no data    {self.nodata}",
        ]


def read_facts(path: str) -> SceneFacts:
    """Read what a raster file says of itself.

    Raises:
        InputError: If it is no raster.
    """
    from pyproj import CRS

    with open_raster(path) as dataset:
        name = CRS.from_wkt(dataset.crs.to_wkt()).name if dataset.crs else ""
        gsd = None
        if dataset.crs and not dataset.transform.is_degenerate:
            grid = RasterGrid(dataset.height, dataset.width, dataset.transform, dataset.crs.to_wkt())
            try:
                gsd = pixel_size_m(grid)
            except InputError:
                gsd = None
        flags = dataset.mask_flag_enums[0]
        nodata = (
            "all pixels valid" if MaskFlags.all_valid in flags
            else "alpha band" if MaskFlags.alpha in flags
            else f"value {dataset.nodata:g}" if MaskFlags.nodata in flags and dataset.nodata is not None
            else "mask band"
        )  # fmt: skip
        colours = tuple(colour.name for colour in dataset.colorinterp)
        return SceneFacts(dataset.height, dataset.width, colours, dataset.dtypes[0], name, gsd, nodata)


def find_problems(path: str, bands: tuple[int, ...] | None, model_bands: int, assume_crs: str | None) -> list[str]:
    """Every reason why a raster that can be opened could not be used as a scene."""
    problems = []
    with open_raster(path) as dataset:
        checks: tuple[Callable[[], object], ...] = (
            lambda: crs_of(dataset, path, assume_crs),
            lambda: check_georeference(dataset, path),
            lambda: choose_bands(dataset, path, bands, model_bands),
        )
        for check in checks:
            try:
                check()
            except InputError as error:
                problems.append(str(error))
    return problems
