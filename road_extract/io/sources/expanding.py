"""Expands the inputs that a user specifies to a list of scenes."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from road_extract.base.errors import InputError
from road_extract.base.urls import is_remote, is_url, redact, to_gdal_path
from road_extract.io.allowed import check_link
from road_extract.io.fetching import is_http, read_http_facts
from road_extract.io.sources.found import Found
from road_extract.io.sources.lists import TABLE_SUFFIXES, TEXT_SUFFIXES, read_list
from road_extract.io.sources.naming import name_all
from road_extract.io.sources.scene_ref import SceneRef
from road_extract.io.sources.stac import iter_stac, resolve

#: Suffixes of the scenes in a folder. Picture formats are excluded, because a folder may also contain previews.
RASTER_SUFFIXES = (".tif", ".tiff", ".vrt", ".jp2", ".img")
LIST_SUFFIXES = TEXT_SUFFIXES + TABLE_SUFFIXES
STAC_SUFFIXES = (".json", ".geojson")


def expand_inputs(inputs: Sequence[str], asset: str | None = None) -> list[SceneRef]:
    """Expand inputs to scenes, keeping their order. A scene that occurs more than once is returned only once.

    Args:
        inputs: Files, folders (their rasters, without subfolders), globs (``**`` includes subfolders), text or CSV
            lists, STAC files or URLs, remote rasters.
        asset: STAC asset key. If None, the only GeoTIFF asset with the role data or visual is used.

    Raises:
        InputError: If an input cannot be read or contains no scenes. A raster that does not exist is not an error here;
            it fails when it is opened.
    """
    found: dict[str, Found] = {}
    for text in inputs:
        for scene in _iter_input(str(text), asset):
            found.setdefault(scene.place, scene)
    names = name_all({place: scene.name for place, scene in found.items()})
    return [
        SceneRef(names[place], to_gdal_path(scene.location), redact(scene.location), scene.bands)
        for place, scene in found.items()
    ]


def _iter_input(text: str, asset: str | None, within_list: bool = False) -> Iterator[Found]:
    text = resolve("", text) if text.lower().startswith("file:") else text
    suffix = _suffix(text)
    if "\0" in text or not text:
        raise InputError(f"{text!r} is not the name of a scene")
    if is_remote(text) and (text.endswith("/") or "*" in text):
        raise InputError(f"{text}: remote folders and patterns cannot be listed; provide a list of scenes, or STAC")
    if os.path.isdir(text):
        yield from _in_folder(Path(text))
    elif not os.path.exists(text) and not is_remote(text) and glob.has_magic(text):
        for path in _in_glob(text):
            yield from _iter_input(path, asset, within_list)
    elif suffix in LIST_SUFFIXES:
        if within_list:
            raise InputError(
                f"{text}: a list cannot contain another list; add its scenes, or pass both lists as inputs"
            )
        for entry in read_list(text):
            yield from _iter_input(_from_list(text, entry), asset, within_list=True)
    elif suffix in STAC_SUFFIXES or _is_api(text):
        yield from iter_stac(text, asset)
    else:
        yield Found(text, name_of(text))


def _in_folder(folder: Path) -> list[Found]:
    paths = [path for path in sorted(folder.iterdir()) if path.is_file() and not path.name.startswith(".")]
    paths = [path for path in paths if path.suffix.lower() in RASTER_SUFFIXES]
    if not paths:
        raise InputError(
            f"{folder}: contains no rasters ({', '.join(RASTER_SUFFIXES)}); to include subfolders, use "
            f"'{folder}/**/*.tif'"
        )
    return [Found(str(path), path.stem) for path in paths]


def _in_glob(pattern: str) -> list[str]:
    paths = [path for path in sorted(glob.glob(pattern, recursive=True)) if os.path.isfile(path)]
    if not paths:
        raise InputError(f"{pattern}: matches no files")
    return paths


def _from_list(base: str, entry: str) -> str:
    # GDAL names with a driver prefix, such as NETCDF:"file.nc":band, are not paths
    target = entry if re.match(r"[A-Za-z0-9_]{2,}:", entry) and not is_url(entry) else resolve(base, entry)
    check_link(base, target)
    return target


def _is_api(text: str) -> bool:
    """Check whether a URL without file suffix returns JSON, like those of STAC APIs."""
    if not is_http(text) or _suffix(text):
        return False
    try:
        return "json" in str(read_http_facts(text).get("type"))
    except InputError:  # opening it later will report the reason
        return False


def _suffix(location: str) -> str:
    return PurePosixPath(_path(location)).suffix.lower()


def name_of(location: str) -> str:
    """Derive the name of a scene from its location."""
    return PurePosixPath(_path(location)).stem


def _path(location: str) -> str:
    """Return the file path within a location."""
    location = location.removeprefix("/vsicurl/")
    if is_url(location):
        return unquote(urlsplit(location).path).rstrip("/")
    return re.sub(r"\?.*", "", location) if is_remote(location) else location.replace(os.sep, "/")
