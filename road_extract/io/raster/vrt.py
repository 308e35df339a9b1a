"""Writes virtual rasters as text that GDAL opens, which present a scene differently without writing a file.

VRT: https://gdal.org/en/stable/drivers/raster/vrt.html
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

import rasterio.shutil
from affine import Affine
from rasterio.crs import CRS
from rasterio.enums import MaskFlags, Resampling
from rasterio.vrt import WarpedVRT

from road_extract.io.raster.bands import colours_of
from road_extract.io.raster.gdal_errors import ask

_TYPES = {
    "uint8": "Byte", "int8": "Int8", "uint16": "UInt16", "int16": "Int16", "uint32": "UInt32", "int32": "Int32",
    "uint64": "UInt64", "int64": "Int64", "float16": "Float16", "float32": "Float32", "float64": "Float64",
    "complex64": "CFloat32", "complex128": "CFloat64",
}  # fmt: skip
_COLOURS = {"red": "Red", "green": "Green", "blue": "Blue", "alpha": "Alpha", "gray": "Gray", "palette": "Palette"}


@dataclass(frozen=True, slots=True)
class Placement:
    """Georeferencing that replaces that of the file."""

    crs: str
    transform: Affine


@dataclass(frozen=True, slots=True)
class BandSource:
    """A band of a virtual raster.

    Attributes:
        band: Band of the file, from 1.
        dtype: NumPy data type.
        colour: Colour interpretation.
        change: XML inside the source that changes its values: a component of a colour table, or a scale.
        description: Description of the band.
    """

    band: int
    dtype: str
    colour: str
    change: str = ""
    description: str = ""


def write_vrt(
    dataset: Any, name: str, bands: Sequence[BandSource], nodata: float | None = None, place: Placement | None = None
) -> str:
    """Return the text of a virtual raster that presents bands of a file.

    Args:
        dataset: The open file.
        name: The name that GDAL opens it by: a path, or the text of another virtual raster.
        bands: Bands to present.
        nodata: Value of invalid pixels, instead of what the file declares; None keeps the file's mask.
        place: Georeferencing instead of the file's own; None keeps that.
    """
    head = _place(dataset, place)
    shown = "".join(_band(number, source, name, nodata) for number, source in enumerate(bands, 1))
    mask = _mask(name) if nodata is None and _has_mask(dataset) else ""
    return f'<VRTDataset rasterXSize="{dataset.width}" rasterYSize="{dataset.height}">{head}{shown}{mask}</VRTDataset>'


def bands_as_they_are(dataset: Any) -> list[BandSource]:
    """Return all bands of a file, unchanged."""
    colours = colours_of(dataset)
    names = ask(lambda: dataset.descriptions, (None,) * dataset.count)
    return [
        BandSource(band, dataset.dtypes[band - 1], colours[band - 1], "", names[band - 1] or "")
        for band in dataset.indexes
    ]


def palette_bands(dataset: Any, band: int) -> list[BandSource]:
    """Return red, green and blue of a band with a colour table, and alpha if any of its colours is transparent."""
    table: dict[int, tuple[int, ...]] = ask(lambda: dataset.colormap(band), {})
    clear = any(entry[3] < 255 for entry in table.values())
    colours = ("red", "green", "blue", "alpha") if clear else ("red", "green", "blue")
    return [
        BandSource(band, "uint8", colour, f"<ColorTableComponent>{part}</ColorTableComponent>")
        for part, colour in enumerate(colours, 1)
    ]


def inverted_bands(dataset: Any, high: float) -> list[BandSource]:
    """Return all bands with inverted values, because 0 is the brightest."""
    change = f"<ScaleOffset>{high:g}</ScaleOffset><ScaleRatio>-1</ScaleRatio>"
    return [BandSource(source.band, source.dtype, "gray", change) for source in bands_as_they_are(dataset)]


def _place(dataset: Any, place: Placement | None) -> str:
    crs = place.crs if place else ask(lambda: dataset.crs.to_wkt() if dataset.crs else "", "")
    transform = place.transform if place else dataset.transform
    numbers = ",".join(f"{value!r}" for value in map(float, transform.to_gdal()))
    srs = f"<SRS>{escape(crs)}</SRS>" if crs else ""
    return srs + (f"<GeoTransform>{numbers}</GeoTransform>" if not transform.is_identity else "")


def _band(number: int, source: BandSource, name: str, nodata: float | None) -> str:
    kind = "ComplexSource" if source.change else "SimpleSource"
    colour = _COLOURS.get(source.colour, "Undefined")
    described = f"<Description>{escape(source.description)}</Description>" if source.description else ""
    marked = "" if nodata is None or source.colour == "alpha" else f"<NoDataValue>{nodata!r}</NoDataValue>"
    return (
        f'<VRTRasterBand dataType="{_TYPES.get(source.dtype, "Float64")}" band="{number}">{described}{marked}'
        f"<ColorInterp>{colour}</ColorInterp><{kind}>{_file(name)}<SourceBand>{source.band}</SourceBand>"
        f"{source.change}</{kind}></VRTRasterBand>"
    )


def _mask(name: str) -> str:
    source = f"<SimpleSource>{_file(name)}<SourceBand>mask,1</SourceBand></SimpleSource>"
    return f'<MaskBand><VRTRasterBand dataType="Byte">{source}</VRTRasterBand></MaskBand>'


def _file(name: str) -> str:
    return f'<SourceFilename relativeToVRT="0">{escape(name)}</SourceFilename>'


def _has_mask(dataset: Any) -> bool:
    flags = ask(lambda: dataset.mask_flag_enums[0], [MaskFlags.all_valid])
    return MaskFlags.all_valid not in flags and MaskFlags.alpha not in flags


def write_warped(dataset: Any, crs: str, to_crs: str) -> str:
    """Return the text of a north-up virtual raster of a file with ground control points or RPCs.

    Args:
        dataset: The open file.
        crs: CRS of its control points; for RPCs, longitude and latitude.
        to_crs: CRS of the result.
    """
    has_alpha = "alpha" in colours_of(dataset)
    extra = {} if dataset.nodata is not None or has_alpha else {"add_alpha": True}
    name = f"/vsimem/{uuid.uuid4().hex}.vrt"
    with WarpedVRT(
        dataset, src_crs=CRS.from_wkt(crs), crs=CRS.from_wkt(to_crs), resampling=Resampling.bilinear, **extra
    ) as warped:
        rasterio.shutil.copy(warped, name, driver="VRT")
    try:
        with rasterio.open(name) as copy:
            return str(copy.tags(ns="xml:VRT")["xml:VRT"])
    finally:
        rasterio.shutil.delete(name, driver="VRT")
