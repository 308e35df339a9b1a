"""What a raster file declares about itself, and every reason why it cannot be used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rasterio.enums import MaskFlags

from road_extract.base.coordinates import parse_crs
from road_extract.base.errors import InputError
from road_extract.base.geodesy import pixel_size_m
from road_extract.base.grid import RasterGrid
from road_extract.io.raster.bands import colours_of
from road_extract.io.raster.gdal_errors import ask
from road_extract.io.raster.opening import check_georeference, crs_of, open_raster
from road_extract.io.raster.scene_view import SceneView
from road_extract.io.raster.views import placed_name, plan_view


@dataclass(frozen=True, slots=True)
class SceneFacts:
    """Summary of a raster file.

    Attributes:
        height: Rows.
        width: Columns.
        bands: Description or colour of each band.
        dtype: Data type of the first band.
        crs: Name of the CRS; may be empty.
        gsd_m: Pixel size on the ground along rows and columns, in metres; None if unknown.
        nodata: How invalid pixels are marked: by a value, an alpha band, a mask or not at all.
    """

    height: int
    width: int
    bands: tuple[str, ...]
    dtype: str
    crs: str
    gsd_m: tuple[float, float] | None
    nodata: str

    def to_lines(self) -> list[str]:
        """Return lines of plain text."""
        gsd = "unknown" if self.gsd_m is None else f"{self.gsd_m[0]:.3g} x {self.gsd_m[1]:.3g} m"
        return [
            f"  size       {self.height:,} x {self.width:,} pixels (rows x columns)",
            f"  bands      {len(self.bands)} ({', '.join(self.bands)}), {self.dtype}",
            f"  CRS        {self.crs or 'none'}",
            f"  pixels     {gsd} on the ground",
            f"  no data    {self.nodata}",
        ]


def read_facts(path: str, subdataset: str | None = None) -> SceneFacts:
    """Read what a raster file declares about itself.

    Raises:
        InputError: If it is not a raster.
    """
    with open_raster(path, subdataset) as dataset:
        name, gsd = _place_of(dataset, path)
        dtype = dataset.dtypes[0]
        bits = ask(lambda: dataset.tags(1, ns="IMAGE_STRUCTURE").get("NBITS"), None)
        dtype += f" ({bits} bits)" if bits else ""
        return SceneFacts(dataset.height, dataset.width, _band_names(dataset), dtype, name, gsd, _nodata_of(dataset))


def _place_of(dataset: Any, path: str) -> tuple[str, tuple[float, float] | None]:
    """Return the name of the CRS, and the pixel size on the ground if it can be determined."""
    try:
        crs = crs_of(dataset, path, None)
    except InputError:
        return ask(lambda: str(dataset.crs.to_wkt()).split('"')[1] if dataset.crs else "", ""), None
    name = parse_crs(crs).name
    if dataset.transform.is_identity or dataset.transform.is_degenerate:
        return name, None
    try:
        return name, pixel_size_m(RasterGrid(dataset.height, dataset.width, dataset.transform, crs))
    except InputError:
        return name, None


def _band_names(dataset: Any) -> tuple[str, ...]:
    """Return the description of each band, or its colour interpretation if there is none."""
    descriptions = ask(lambda: dataset.descriptions, (None,) * dataset.count)
    return tuple(text or colour for text, colour in zip(descriptions, colours_of(dataset), strict=True))


def _nodata_of(dataset: Any) -> str:
    flags = ask(lambda: dataset.mask_flag_enums[0], [MaskFlags.all_valid])
    nodata = ask(lambda: dataset.nodata, None)
    if MaskFlags.all_valid in flags:
        return "all pixels valid"
    if MaskFlags.alpha in flags:
        return "alpha band"
    return f"value {nodata:g}" if MaskFlags.nodata in flags and nodata is not None else "mask band"


def find_problems(path: str, view: SceneView) -> list[str]:
    """List every reason why a raster cannot be used as a scene although it can be opened."""
    with open_raster(path, view.subdataset) as dataset:
        checks: list[Callable[[], object]] = [
            lambda: plan_view(dataset, path, view.bands, view.names, view.known_bands, view.assume_crs)
        ]
        if not _is_warped(dataset, path, view):
            checks += [lambda: crs_of(dataset, path, view.assume_crs), lambda: check_georeference(dataset, path)]
        return [text for text in map(_fault, checks) if text]


def _is_warped(dataset: Any, path: str, view: SceneView) -> bool:
    try:
        return placed_name(dataset, path, view.assume_crs) is not None
    except InputError:  # planning the view reports the reason
        return True


def _fault(check: Callable[[], object]) -> str:
    try:
        check()
    except InputError as error:
        return str(error)
    return ""
