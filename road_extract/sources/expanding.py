"""Inputs as users name them, expanded to scenes."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from road_extract.errors import InputError
from road_extract.locations import is_remote, is_url, redact, to_gdal_path, unsigned
from road_extract.sources.naming import name_all
from road_extract.sources.scene_ref import SceneRef

#: What counts as a scene in a folder. Pictures do not: previews lie there too.
RASTER_SUFFIXES = (".tif", ".tiff", ".vrt", ".jp2", ".img")


@dataclass(frozen=True, slots=True)
class Found:
    """A scene that was found, without a name of its own yet.

    Attributes:
        location: Path, URL or GDAL's name.
        name: It would have if it were alone.
    """

    location: str
    name: str

    @property
    def place(self) -> str:
        """The same for the same scene in every run."""
        location = self.location
        return unsigned(location) if is_remote(location) or is_url(location) else os.path.abspath(location)


def expand_inputs(inputs: Sequence[str], asset: str | None = None) -> list[SceneRef]:
    """Expand inputs to scenes, in their order; a scene that is named twice comes once.

    Args:
        inputs: Files, folders (their rasters, without subfolders), globs (``**`` goes into subfolders), text or CSV
            lists, STAC files or URLs, remote rasters.
        asset: Key of the asset to take of STAC items.

    Raises:
        InputError: If an input cannot be read or gives no scene. A raster that does not exist is no such error: it is
            found out when it is opened.
    """
    found: dict[str, Found] = {}
    for text in inputs:
        for scene in _iter_input(str(text)):
            found.setdefault(scene.place, scene)
    names = name_all({place: scene.name for place, scene in found.items()})
    return [
        SceneRef(names[place], to_gdal_path(scene.location), redact(scene.location)) for place, scene in found.items()
    ]


def _iter_input(text: str) -> Iterator[Found]:
    if os.path.isdir(text):
        yield from _in_folder(Path(text))
    elif not os.path.exists(text) and not is_remote(text) and glob.has_magic(text):
        yield from _in_glob(text)
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


def _in_glob(pattern: str) -> list[Found]:
    paths = [path for path in sorted(glob.glob(pattern, recursive=True)) if os.path.isfile(path)]
    if not paths:
        raise InputError(f"{pattern}: matches no file")
    return [Found(path, name_of(path)) for path in paths]


def name_of(location: str) -> str:
    """The name of a scene from where it lies."""
    path = unquote(urlsplit(location).path) if is_url(location) else location
    return PurePosixPath(re.split(r"[?]", path)[0].replace(os.sep, "/").rstrip("/")).stem
