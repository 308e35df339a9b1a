"""What a scene takes of this machine, and whether there is that much: asked before a model is loaded."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from road_extract.base.errors import InputError, RoadExtractError
from road_extract.base.machine import free_bytes, in_gb, total_memory
from road_extract.models.backends import choose_backend

log = logging.getLogger("road_extract")

#: Measured (docs/performance.md): GDAL's cache and the runtime with its model, what TensorFlow takes beyond that, and
#: what each column of the inference grid adds.
BASE_BYTES = 0.75e9
TENSORFLOW_BYTES = 1.1e9
BYTES_PER_COLUMN = 9_000
#: Pixels and overviews of 32 probability rasters of cities and countryside were 2 to 37 times as large as their files,
#: half of them more than 4 times. A scene is refused only if it would have to compress better than any of these.
BEST_COMPRESSION = 37


@dataclass(frozen=True, slots=True)
class Needs:
    """What a scene takes.

    Attributes:
        memory_bytes: Peak, estimated.
        disk_bytes: Of the probability raster, at most.
    """

    memory_bytes: int
    disk_bytes: int


def estimate_needs(shape: tuple[int, int], backend: str, block_bytes: int = 0) -> Needs:
    """What the probability of a scene, or of a part of it, takes.

    Args:
        shape: Rows and columns of the inference grid.
        backend: The one asked for.
        block_bytes: What decoding a block of the scene takes.
    """
    height, width = shape
    tensorflow = TENSORFLOW_BYTES if _chosen(backend) == "tensorflow" else 0
    return Needs(int(BASE_BYTES + BYTES_PER_COLUMN * width + tensorflow) + block_bytes, height * width * 4 // 3)


def _chosen(backend: str) -> str:
    try:
        return choose_backend().name if backend == "auto" else backend
    except RoadExtractError:  # reported where the backend is needed
        return backend


def find_shortages(needs: Needs, folder: Path | None) -> tuple[list[str], list[str]]:
    """What this machine lacks.

    Args:
        needs: Of the scene.
        folder: Where the probability raster is written; None if that is not known.

    Returns:
        Reasons why the work cannot succeed, and reasons why it may not.
    """
    memory = _memory_shortage(needs)
    disk, is_sure = ("", False) if folder is None else _disk_shortage(needs, folder)
    sure = [text for text in (memory, disk if is_sure else "") if text]
    return sure, [disk] if disk and not is_sure else []


def _memory_shortage(needs: Needs) -> str:
    total = total_memory()
    if total is None or needs.memory_bytes <= total:
        return ""
    return (
        f"needs about {in_gb(needs.memory_bytes)} of memory, but this machine has {in_gb(total)}; process parts of the "
        "scene (--bounds), or check that its pixel size is right"
    )


def _disk_shortage(needs: Needs, folder: Path) -> tuple[str, bool]:
    """What is missing, if anything, and whether that is sure."""
    free = free_bytes(folder)
    if free is None or needs.disk_bytes <= free:
        return "", False
    text = f"the probability raster may need {in_gb(needs.disk_bytes)}, but {folder} has {in_gb(free)} free"
    return f"{text}; choose another folder or --bounds", needs.disk_bytes / BEST_COMPRESSION > free


def check_needs(scene: str, needs: Needs, folder: Path | None) -> None:
    """See whether this machine can do the work, and log what may stop it.

    Args:
        scene: For messages.
        needs: Of the scene.
        folder: See `find_shortages`.

    Raises:
        InputError: If it cannot.
    """
    sure, maybe = find_shortages(needs, folder)
    if sure:
        raise InputError(f"{scene}: {sure[0]}")
    for text in maybe:
        log.warning("%s: %s", scene, text)
