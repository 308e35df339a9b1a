"""Plans virtual rasters for files that cannot be used as they are: colour tables, inverted grey, no north-up grid.

All other rasters are opened under their own names, at no extra cost.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from road_extract.base.coordinates import horizontal_crs, parse_crs
from road_extract.base.errors import InputError
from road_extract.io.raster.bands import BandChoice, choose_bands, colours_of
from road_extract.io.raster.gdal_errors import ANY_ERRORS, ask
from road_extract.io.raster.opening import assumed_crs, open_raster
from road_extract.io.raster.vrt import inverted_bands, palette_bands, write_vrt, write_warped

#: Logging level and message.
Remark = tuple[int, str]


@dataclass(frozen=True, slots=True)
class View:
    """How to read a raster.

    Attributes:
        name: The name that GDAL opens: that of the raster itself, or the text of a virtual raster.
        bands: Bands to read, counted from 1 in the opened raster.
        remarks: Messages for the log.
    """

    name: str
    bands: tuple[int, ...]
    remarks: tuple[Remark, ...] = ()


def plan_view(
    dataset: Any,
    path: str,
    wanted: tuple[int, ...] | None,
    names: Sequence[str],
    known: Sequence[str] = (),
    assume_crs: str | None = None,
) -> View:
    """Decide how to read a scene.

    Args:
        dataset: The scene, open.
        path: For messages.
        wanted: Requested bands, or None.
        names: Names of the model's bands.
        known: Names of the scene's bands from a catalogue.
        assume_crs: CRS for control points that have none.

    Raises:
        InputError: If the scene has no suitable bands for the model.
    """
    placed = placed_name(dataset, path, assume_crs)
    if placed is None:
        return _in_colour(dataset, path, dataset.name, wanted, names, known)
    with open_raster(placed[0]) as warped:
        choice = choose_bands(dataset, path, wanted, names, known)
        seen = _in_colour(warped, path, placed[0], choice.bands, names, known)
    remarks = (placed[1], *([(choice.level, choice.remark)] if choice.remark else []))
    return View(seen.name, seen.bands, (*remarks, *seen.remarks))


def _in_colour(
    dataset: Any, path: str, name: str, wanted: tuple[int, ...] | None, names: Sequence[str], known: Sequence[str]
) -> View:
    colours = colours_of(dataset)
    bands = wanted or tuple(band for band, colour in enumerate(colours, 1) if colour != "alpha")
    if len(bands) == 1 and 1 <= bands[0] <= dataset.count:
        if colours[bands[0] - 1] == "palette":
            return _palette_view(dataset, path, name, bands[0], names)
        if ask(lambda: dataset.tags(ns="IMAGE_STRUCTURE").get("MINISWHITE"), None) == "YES":
            text = write_vrt(dataset, name, inverted_bands(dataset, largest_value(dataset, bands[0])))
            return View(text, bands, ((logging.INFO, "0 is white in this scene, so its values are inverted"),))
    choice = choose_bands(dataset, path, wanted, names, known)
    return View(name, choice.bands, _remarks(choice))


def _palette_view(dataset: Any, path: str, name: str, band: int, names: Sequence[str]) -> View:
    if not ask(lambda: dataset.colormap(band), {}):
        raise InputError(f"{path}: the colour table of band {band} cannot be read; the file is damaged")
    text = write_vrt(dataset, name, palette_bands(dataset, band))
    bands = (1, 2, 3) if tuple(names) == ("red", "green", "blue") else (1,)
    return View(text, bands, ((logging.INFO, f"band {band} is converted to colours with its colour table"),))


def _remarks(choice: BandChoice) -> tuple[Remark, ...]:
    return ((choice.level, choice.remark),) if choice.remark else ()


def largest_value(dataset: Any, band: int) -> float:
    """Return the largest value that an integer band can hold, considering its number of bits."""
    bits = int(dataset.dtypes[band - 1].lstrip("uint"))
    told = ask(lambda: int(dataset.tags(band, ns="IMAGE_STRUCTURE").get("NBITS", bits)), bits)
    return float(2 ** (told if 0 < told < bits else bits) - 1)


def placed_name(dataset: Any, path: str, assume_crs: str | None = None) -> tuple[str, Remark] | None:
    """Return what to open instead of a raster that has only control points or RPCs; None for any other raster.

    Raises:
        InputError: If they do not give it a location.
    """
    if not dataset.transform.is_identity:
        return None
    points, crs = _control_points(dataset)
    own = crs or (None if assume_crs is None else assumed_crs(assume_crs))
    if len(points) >= 3 and own:
        flat = horizontal_crs(own)
        remark = f"georeferenced by {len(points)} ground control points: warped to a north-up grid"
        return _warped(dataset, path, flat, flat), (logging.INFO, remark)
    rpcs = ask(lambda: dataset.rpcs, None)
    if rpcs is None:
        return None
    lonlat = str(parse_crs("EPSG:4326").to_wkt())
    remark = (
        "georeferenced by RPCs without a terrain model: warped to a north-up grid at their mean height; on hills, "
        "roads may be off by tens of metres"
    )
    return _warped(dataset, path, lonlat, _utm(rpcs.long_off, rpcs.lat_off)), (logging.WARNING, remark)


def _control_points(dataset: Any) -> tuple[list[Any], str | None]:
    """Return the ground control points and the WKT of their CRS."""
    empty: tuple[list[Any], Any] = ([], None)
    points, crs = ask(lambda: dataset.gcps, empty)
    return list(points), ask(lambda: str(crs.to_wkt()) if crs else None, None)


def _warped(dataset: Any, path: str, crs: str, to_crs: str) -> str:
    try:
        return write_warped(dataset, crs, to_crs)
    except ANY_ERRORS as error:
        raise InputError(f"{path}: its control points or RPCs give no valid location ({error}); check them") from error


def _utm(lon: float, lat: float) -> str:
    zone = int((lon + 180) % 360 // 6) + 1
    return str(parse_crs(f"EPSG:{32600 + zone if lat >= 0 else 32700 + zone}").to_wkt())
