"""Chooses a raster in a file that contains several: NetCDF, HDF, GeoPackage and others."""

from __future__ import annotations

from collections.abc import Sequence

from road_extract.base.errors import InputError

_SHOWN = 20


def choose_subdataset(path: str, names: Sequence[str], wanted: str | None) -> str:
    """Return GDAL's name of one raster in a container.

    Args:
        path: For messages.
        names: GDAL's names of all rasters in it.
        wanted: Number (from 1), name, or last part of the name; None if there is only one.

    Raises:
        InputError: If there is none, or the choice is missing or ambiguous.
    """
    if not names:
        raise InputError(f"{path}: contains no raster; expected a GeoTIFF or another raster that GDAL can read")
    if wanted is None and len(names) == 1:
        return names[0]
    if wanted is not None:
        fitting = [name for number, name in enumerate(names, 1) if wanted in (str(number), name, short_name(name))]
        if len(fitting) == 1:
            return fitting[0]
    listed = ", ".join(f"{number} {short_name(name)}" for number, name in enumerate(names[:_SHOWN], 1))
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    asked = "" if wanted is None else f", none of them {wanted!r}"
    raise InputError(
        f"{path}: contains {len(names)} rasters{asked}; give the full name of one, as in {names[0]}, or its number or "
        f"name where the command has the option --subdataset: {listed}{more}"
    )


def short_name(name: str) -> str:
    """Return the part of GDAL's name that distinguishes a subdataset from the others."""
    return name.rpartition(":")[2].strip('"/')
