"""Pairs predictions with truths."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from road_extract.base.errors import InputError
from road_extract.io.archives import ARCHIVE_SUFFIXES, holds_map

#: Suffixes of vector files; GDAL opens everything else as a raster.
VECTOR_SUFFIXES = (
    ".geojson", ".json", ".geojsonl", ".gpkg", ".fgb", ".parquet", ".geoparquet", ".shp", ".osm", ".pbf", ".kml",
    ".kmz", ".gpx", ".gml", ".gdb", ".tab", ".mif", ".dxf", ".dgn", ".sqlite", ".topojson", ".csv", ".shz",
)  # fmt: skip
RASTER_SUFFIXES = (".tif", ".tiff", ".vrt", ".img", ".jp2", ".png")
#: Suffixes that the name of a prediction may add to the name of its scene.
ENDINGS = ("_roads", "_probability", "_mask")


@dataclass(frozen=True, slots=True)
class ScenePair:
    """A scene to score.

    Attributes:
        name: Name of the scene.
        prediction: Raster or vector file.
        truth: Raster or vector file.
    """

    name: str
    prediction: Path
    truth: Path


def is_vector(path: Path) -> bool:
    """Whether the file contains vectors according to its name; for archives, according to the names inside."""
    if path.suffix.lower() == ".gz" and not path.name.lower().endswith(".tar.gz"):
        return Path(path.stem).suffix.lower() in VECTOR_SUFFIXES
    if path.suffix.lower() in ARCHIVE_SUFFIXES:
        return holds_map(path)
    return path.suffix.lower() in VECTOR_SUFFIXES


def _is_folder(path: Path) -> bool:
    """Whether the path is a folder of scenes. A geodatabase is a folder too, but counts as one map."""
    return path.is_dir() and path.suffix.lower() != ".gdb"


def pair_scenes(prediction: Path, truth: Path) -> tuple[list[ScenePair], list[str]]:
    """Pair two files, or pair the files of two folders by their names without suffix.

    Returns:
        The pairs sorted by name, and the names of the truths that have no prediction.

    Raises:
        InputError: If only one of the paths is a folder, several files belong to one scene, a prediction has no truth,
            or there are no pairs.
    """
    if _is_folder(prediction) != _is_folder(truth):
        raise InputError(f"{prediction} and {truth}: only one is a folder; specify two files or two folders")
    if not _is_folder(prediction):
        return [ScenePair(truth.stem, prediction, truth)], []
    predictions, truths = _files_by_name(prediction), _files_by_name(truth)
    pairs = [ScenePair(_scene_of(name, truths), path, truth) for name, path in predictions.items()]
    if unmatched := [pair.prediction.name for pair in pairs if pair.name not in truths]:
        raise InputError(
            f"{truth}: contains no truth for {_list_names(unmatched)}; a truth must be named like its prediction"
        )
    pairs = [ScenePair(pair.name, pair.prediction, truths[pair.name]) for pair in pairs]
    if not pairs:
        raise InputError(f"{prediction}: contains no raster or vector files")
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
    if duplicates := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"{folder}: contains several files for {_list_names(duplicates)}; keep one per scene")


def _list_names(names: list[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
