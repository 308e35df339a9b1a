"""Which bands of a scene go to the model."""

from __future__ import annotations

import rasterio
from rasterio.enums import ColorInterp

from road_extract.base.errors import InputError

DTYPES = ("uint8", "uint16")
_RGB = (ColorInterp.red, ColorInterp.green, ColorInterp.blue)


def choose_bands(
    dataset: rasterio.DatasetReader, path: str, wanted: tuple[int, ...] | None, model_bands: int
) -> tuple[int, ...]:
    """Which bands go to the model: the asked ones, else red, green and blue, else the only one.

    Raises:
        InputError: If there is no clear answer, or a band has an unusable type.
    """
    colours = dataset.colorinterp
    if wanted is None:
        data = [i for i, colour in enumerate(colours, 1) if colour is not ColorInterp.alpha]
        if len(data) in (3, 4) and all(colour in colours for colour in _RGB):
            bands: tuple[int, ...] = tuple(colours.index(colour) + 1 for colour in _RGB)
        elif len(data) in (3, 4):
            bands = tuple(data[:3])
        elif len(data) == 1:
            bands = (data[0],)
        else:
            raise InputError(f"{path}: has {len(data)} bands; expected 1, 3 or 4, or name the ones to use (--bands)")
        if len(bands) not in (1, model_bands):
            raise InputError(f"{path}: the model takes {model_bands} bands; name them (--bands)")
    else:
        bands = wanted
        if len(bands) not in (1, model_bands) or not all(1 <= band <= dataset.count for band in bands):
            asked = ",".join(map(str, bands))
            raise InputError(f"{path}: bands {asked} asked for; expected 1 or {model_bands} of 1 to {dataset.count}")
    for band in bands:
        _check_band(dataset, path, band)
    return bands


def _check_band(dataset: rasterio.DatasetReader, path: str, band: int) -> None:
    if dataset.dtypes[band - 1] not in DTYPES:
        raise InputError(
            f"{path}: band {band} is {dataset.dtypes[band - 1]}; expected uint8 or uint16, so convert it first "
            "(gdal_translate -ot UInt16 -scale)"
        )
    if dataset.colorinterp[band - 1] is ColorInterp.palette:
        raise InputError(f"{path}: band {band} has a colour table; convert it first (gdal_translate -expand rgb)")
