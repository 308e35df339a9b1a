"""Finds the one scene or map in an archive: ``.zip``, ``.tar``, ``.tar.gz``, ``.tgz``."""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from road_extract.base.errors import InputError

#: GDAL's virtual file system for each suffix.
_SYSTEMS = {".zip": "/vsizip/", ".tar": "/vsitar/", ".tgz": "/vsitar/", ".tar.gz": "/vsitar/"}
ARCHIVE_SUFFIXES = (".zip", ".tar", ".tgz", ".gz")
#: Suffixes of scenes and maps in an archive; other files are sidecars of these.
RASTERS = (
    ".tif",
    ".tiff",
    ".vrt",
    ".jp2",
    ".img",
    ".png",
    ".jpg",
    ".jpeg",
    ".nc",
    ".hdf",
    ".h5",
    ".ntf",
    ".bil",
    ".asc",
)
VECTORS = (
    ".shp",
    ".geojson",
    ".json",
    ".gpkg",
    ".kml",
    ".gml",
    ".gpx",
    ".fgb",
    ".tab",
    ".osm",
    ".sqlite",
    ".gdb",
    ".dxf",
)
#: Limits the time that a malicious archive can take.
_MOST_FILES = 100_000
_SHOWN = 10


def unpacked(name: str) -> str:
    """Return GDAL's name of the content of a single compressed file, such as ``map.osm.gz``; other names are kept."""
    is_single = name.lower().endswith(".gz") and not name.lower().endswith(".tar.gz")
    return f"/vsigzip/{name}" if is_single and not name.startswith("/vsi") and Path(name).is_file() else name


def is_archive(name: str) -> bool:
    """Check whether a path is that of a local archive, and not of a file in it."""
    return _suffix(name) in _SYSTEMS and not name.startswith("/vsi") and Path(name).is_file()


def name_inside(name: str, suffixes: Iterable[str] = RASTERS) -> str:
    """Return GDAL's name of the only file in an archive that has one of the given suffixes.

    Raises:
        InputError: If the archive is damaged, or contains none or several such files.
    """
    members = _members(name)
    found = [member for member in members if PurePosixPath(member).suffix.lower() in suffixes]
    folders = {member.partition(".gdb/")[0] + ".gdb" for member in members if ".gdb/" in member}
    found = sorted({*found, *(folders if ".gdb" in suffixes else ())})
    if len(found) == 1:
        return inner(name, found[0])
    if not found:
        raise InputError(
            f"{name}: holds no file of a known kind ({', '.join(suffixes)}); unpack it and specify the file"
        )
    listed = ", ".join(inner(name, member) for member in found[:_SHOWN])
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    raise InputError(f"{name}: contains {len(found)} files; name one: {listed}{more}")


def holds_map(path: Path) -> bool:
    """Check whether an archive contains vector data and no raster.

    Raises:
        InputError: If it is damaged.
    """
    name = str(path)
    suffixes = {PurePosixPath(part).suffix.lower() for member in _members(name) for part in (member, *_above(member))}
    return bool(suffixes & set(VECTORS)) and not suffixes & set(RASTERS)


def _above(member: str) -> list[str]:
    """Return the folders that contain a member, because a geodatabase is a folder."""
    return [str(folder) for folder in PurePosixPath(member).parents]


def inner(name: str, member: str) -> str:
    """Return GDAL's name of a file in an archive."""
    shown = f"{{{name}}}" if _odd(name) else name
    return f"{_SYSTEMS[_suffix(name)]}{shown}/{member}"


def _odd(name: str) -> bool:
    """Check whether GDAL could not tell where the archive ends, or pathlib would drop a slash."""
    return name.startswith("/") or sum(name.lower().count(suffix) for suffix in (".zip", ".tar", ".tgz")) > 1


def _suffix(name: str) -> str:
    path = PurePosixPath(name.lower())
    return ".tar.gz" if path.name.endswith(".tar.gz") else path.suffix


def _members(name: str) -> list[str]:
    try:
        if _suffix(name) == ".zip":
            with zipfile.ZipFile(name) as archive:
                members = archive.namelist()
        else:
            with tarfile.open(name) as archive:
                members = [
                    member.name for member, _ in zip(archive, range(_MOST_FILES), strict=False) if member.isfile()
                ]
    except (OSError, zipfile.BadZipFile, tarfile.TarError, EOFError, ValueError, NotImplementedError) as error:
        raise InputError(f"{name}: cannot be read as an archive ({error}); it is damaged or not an archive") from error
    members = [member.rstrip("/") for member in members[:_MOST_FILES]]
    return [member for member in members if "__MACOSX/" not in member and not _hidden(member)]


def _hidden(member: str) -> bool:
    return PurePosixPath(member).name.startswith(".")
