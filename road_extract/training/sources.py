"""Finds the scenes for training, and their labels."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from road_extract.base.errors import InputError

#: Suffixes of the rasters to find in folders.
SUFFIXES = (".tif", ".tiff", ".vrt")
#: GDAL's names of rasters in archives and containers.
_GDAL_NAME = re.compile(r"/vsi|[A-Z][A-Z0-9_]+:")


@dataclass(frozen=True, slots=True)
class TrainingSource:
    """A scene, a folder of scenes, or a folder with ``images/`` and ``masks/``.

    Attributes:
        path: Path of the scene or folder.
        share: Relative share of the training windows.
    """

    path: Path
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class LabelledScene:
    """A scene for training.

    Attributes:
        image: The scene.
        mask: Its road mask, or None if it is labelled by vector roads.
        group: Its source.
        share: The share of its source.
    """

    image: Path
    mask: Path | None
    group: str
    share: float


def find_scenes(sources: Sequence[TrainingSource], have_roads: bool) -> list[LabelledScene]:
    """Find all scenes of the sources.

    Args:
        sources: Where to look.
        have_roads: Whether there are vector roads for scenes without a mask.

    Raises:
        InputError: If a source contains no scenes, or a scene has no labels.
    """
    return [scene for source in sources for scene in _scenes_of(source, have_roads)]


def _scenes_of(source: TrainingSource, have_roads: bool) -> list[LabelledScene]:
    path = source.path
    is_name = not path.exists() and _GDAL_NAME.match(str(path)) is not None
    if not path.exists() and not is_name:
        raise InputError(f"{path}: does not exist; expected a scene or a folder of scenes")
    if path.is_file() or is_name:
        images = [path]
    else:
        folder = path / "images" if (path / "images").is_dir() else path
        images = sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES)
    if not images:
        raise InputError(f"{path}: no scenes found; expected images/*.tif and masks/*.tif of the same names, or scenes")
    masks = path / "masks" if path.is_dir() else None
    return [LabelledScene(p, _mask_of(p, masks, have_roads), str(path), source.share) for p in images]


def _mask_of(image: Path, masks: Path | None, have_roads: bool) -> Path | None:
    mask = None if masks is None else masks / image.name
    if mask is not None and mask.exists():
        return mask
    if have_roads:
        return None
    where = f"its mask {mask} does not exist" if mask is not None and mask.parent.exists() else "it has no mask"
    raise InputError(f"{image}: {where}; expected a mask with the same name in masks/, or vector roads (--roads)")
