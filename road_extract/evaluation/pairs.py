"""Which prediction belongs to which truth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from road_extract.base.errors import InputError
from road_extract.io.archives import ARCHIVE_SUFFIXES, holds_map

#: What GDAL reads as a map; other suffixes are those of rasters.
VECTOR_SUFFIXES = (
    ".geojson", ".json", ".geojsonl", ".gpkg", ".fgb", ".parquet", ".geoparquet", ".shp", ".osm", ".pbf", ".kml",
    ".kmz", ".gpx", ".gml", ".gdb", ".tab", ".mif", ".dxf", ".dgn", ".sqlite", ".topojson", ".csv", ".shz",
)  # fmt: skip
RASTER_SUFFIXES = (".tif", ".tiff", ".vrt", ".img", ".jp2", ".png")
#: A prediction may be named after its scene with one of these behind.
ENDINGS = ("_roads", "_probability", "_mask")


@dataclass(frozen=True, slots=True)
class ScenePair:
    """A scene to score.

    Attributes:
        name: Of the scene.
        prediction: Raster or vector file.
        truth: Raster or vector file.
    """

    name: str
    prediction: Path
    truth: Path


def is_vector(path: Path) -> bool:
    """Whether a file name says that the file holds vectors; of archives, whether a name inside does."""
    if path.suffix.lower() == ".gz" and not path.name.lower().endswith(".tar.gz"):
        return Path(path.stem).suffix.lower() in VECTOR_SUFFIXES
    if path.suffix.lower() in ARCHIVE_SUFFIXES:
        return holds_map(path)
    return path.suffix.lower() in VECTOR_SUFFIXES


def _is_folder(path: Path) -> bool:
    """Whether it holds scenes: a geodatabase is a folder, too, but one map."""
    return path.is_dir() and path.suffix.lower() != ".gdb"


def pair_scenes(prediction: Path, truth: Path) -> tuple[list[ScenePair], list[str]]:
    """Pair two files, or the files of two folders by their names without suffix.

    Returns:
        The pairs by name, and the names of the truths that have no prediction.

    Raises:
        InputError: One is a folder and the other is not, two files have one name, a prediction has no truth, or there
            is no pair.
    """
    if _is_folder(prediction) != _is_folder(truth):
        raise InputError(f"{prediction} and {truth}: one is a folder and one is not; give two files or two folders")
    if not _is_folder(prediction):
        return [ScenePair(truth.stem, prediction, truth)], []
    predictions, truths = _files_by_name(prediction), _files_by_name(truth)
    pairs = [ScenePair(_scene_of(name, truths), path, truth) for name, path in predictions.items()]
    if lonely := [pair.prediction.name for pair in pairs if pair.name not in truths]:
        raise InputError(f"{truth}: holds no truth for {_some(lonely)}; a truth has its prediction's name")
    pairs = [ScenePair(pair.name, pair.prediction, truths[pair.name]) for pair in pairs]
    if not pairs:
        raise InputError(f"{prediction}: holds no raster and no vector file")
    _check_distinct([pair.name for pair in pairs], prediction)
    return sorted(pairs, key=lambda pair: pair.name), sorted(truths.keys() - {pair.name for pair in pairs})


def _scene_of(name: str, truths: dict[str, Path]) -> str:
    if name in truths:
        return name
    return next((name.removesuffix(end) for end in ENDINGS if name.removesuffix(end) in truths), name)


def _files_by_name(folder: Path) -> dict[str, Path]:
    paths = [path for path in sorted(folder.iterdir()) if not _is_folder(path) and not path.name.startswith(".")]
    paths = [path for path in paths if path.suffix.lower() in VECTOR_SUFFIXES + RASTER_SUFFIXES + ARCHIVE_SUFFIXES]
    _check_distinct([path.stem for path in paths], folder)
    return {path.stem: path for path in paths}


def _check_distinct(names: list[str], folder: Path) -> None:
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"{folder}: holds several files for {_some(twice)}; keep one for each scene")


def _some(names: list[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
