"""Inputs as users name them, expanded to scenes."""

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

#: What counts as a scene in a folder. Pictures do not: previews lie there too.
RASTER_SUFFIXES = (".tif", ".tiff", ".vrt", ".jp2", ".img")
LIST_SUFFIXES = TEXT_SUFFIXES + TABLE_SUFFIXES
STAC_SUFFIXES = (".json", ".geojson")


def expand_inputs(inputs: Sequence[str], asset: str | None = None) -> list[SceneRef]:
    """Expand inputs to scenes, in their order; a scene that is named twice comes once.

    Args:
        inputs: Files, folders (their rasters, without subfolders), globs (``**`` goes into subfolders), text or CSV
            lists, STAC files or URLs, remote rasters.
        asset: Key of the asset to take of STAC items; if None, the only GeoTIFF that is data or to be looked at.

    Raises:
        InputError: If an input cannot be read or gives no scene. A raster that does not exist is no such error: it is
            found out when it is opened.
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
        raise InputError(f"{text!r} is no name of a scene")
    if is_remote(text) and (text.endswith("/") or "*" in text):
        raise InputError(f"{text}: a remote folder or pattern cannot be listed; give a list of its scenes, or STAC")
    if os.path.isdir(text):
        yield from _in_folder(Path(text))
    elif not os.path.exists(text) and not is_remote(text) and glob.has_magic(text):
        for path in _in_glob(text):
            yield from _iter_input(path, asset, within_list)
    elif suffix in LIST_SUFFIXES:
        if within_list:
            raise InputError(f"{text}: is a list within a list; name its scenes, or give both lists")
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
            f"{folder}: holds no raster ({', '.join(RASTER_SUFFIXES)}); to look into its subfolders too, write "
            f"'{folder}/**/*.tif'"
        )
    return [Found(str(path), path.stem) for path in paths]


def _in_glob(pattern: str) -> list[str]:
    paths = [path for path in sorted(glob.glob(pattern, recursive=True)) if os.path.isfile(path)]
    if not paths:
        raise InputError(f"{pattern}: matches no file")
    return paths


def _from_list(base: str, entry: str) -> str:
    # GDAL's names with a driver in front, NETCDF:"file.nc":band, are not paths
    target = entry if re.match(r"[A-Za-z0-9_]{2,}:", entry) and not is_url(entry) else resolve(base, entry)
    check_link(base, target)
    return target


def _is_api(text: str) -> bool:
    """Whether a URL that does not look like a file leads to JSON, as those of STAC APIs do."""
    if not is_http(text) or _suffix(text):
        return False
    try:
        return "json" in str(read_http_facts(text).get("type"))
    except InputError:  # opening it will say why
        return False


def _suffix(location: str) -> str:
    return PurePosixPath(_path(location)).suffix.lower()


def name_of(location: str) -> str:
    """The name of a scene from where it lies."""
    return PurePosixPath(_path(location)).stem


def _path(location: str) -> str:
    """The part of a location that names a file."""
    location = location.removeprefix("/vsicurl/")
    if is_url(location):
        return unquote(urlsplit(location).path).rstrip("/")
    return re.sub(r"\?.*", "", location) if is_remote(location) else location.replace(os.sep, "/")
