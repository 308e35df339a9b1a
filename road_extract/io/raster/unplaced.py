"""Scenes that have no place in the world, for uses in which only their pixels count: training and scoring."""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import escape

from road_extract.io.raster.opening import open_raster

#: Metres anywhere on land, in the middle of a UTM zone.
_CRS, _LEFT_M, _TOP_M = "EPSG:32640", 500_000, 2_780_000


def place_if_unplaced(path: Path, gsd_m: float) -> str:
    """What to open for a scene that may have no geotransform or no CRS.

    Args:
        path: Any raster that GDAL opens.
        gsd_m: Ground sample distance that a scene without place is taken to have.

    Returns:
        The path itself, or the text of a VRT that puts the scene somewhere, with its masks and pixels as they are.

    Raises:
        InputError: If it cannot be opened.
    """
    with open_raster(str(path)) as dataset:
        if dataset.crs and not dataset.transform.is_identity:
            return str(path)
        height, width, count, types = dataset.height, dataset.width, dataset.count, dataset.dtypes
        colours = [colour.name.capitalize() for colour in dataset.colorinterp]
    source = f'<SourceFilename relativeToVRT="0">{escape(str(path.resolve()))}</SourceFilename>'
    bands = "".join(
        f'<VRTRasterBand dataType="{_GDAL_NAMES[types[band]]}" band="{band + 1}">'
        f"<ColorInterp>{colours[band]}</ColorInterp>"
        f"<SimpleSource>{source}<SourceBand>{band + 1}</SourceBand></SimpleSource></VRTRasterBand>"
        for band in range(count)
    )
    mask = f'<MaskBand><VRTRasterBand dataType="Byte"><SimpleSource>{source}<SourceBand>mask,1</SourceBand>'
    mask += "</SimpleSource></VRTRasterBand></MaskBand>"
    return (
        f'<VRTDataset rasterXSize="{width}" rasterYSize="{height}"><SRS>{_CRS}</SRS>'
        f"<GeoTransform>{_LEFT_M},{gsd_m},0,{_TOP_M},0,{-gsd_m}</GeoTransform>{bands}{mask}</VRTDataset>"
    )


_GDAL_NAMES = {"uint8": "Byte", "uint16": "UInt16", "int16": "Int16", "uint32": "UInt32", "float32": "Float32"}
