"""Scenes with road masks, as training and scoring read them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.windows import Window as RioWindow

from road_extract.errors import InputError

FloatArray = NDArray[np.float32]

ROAD = 1
#: Anything but road and ground: no data, or ground that nobody labelled.
UNLABELLED = 255
_MAX_ROAD_PX = 20_000


@dataclass(frozen=True, slots=True)
class LabelledScene:
    """An 8-bit scene and its mask (0 ground, 1 road, 255 unlabelled) on the same grid.

    Attributes:
        name: File name.
        height: Rows.
        width: Columns.
        labelled_px: Pixels that are road or ground.
        road_px: Row and column of some road pixels, (n, 2) int32: where windows with roads can be found.
    """

    image: rasterio.DatasetReader = field(repr=False)
    mask: rasterio.DatasetReader = field(repr=False)
    name: str
    height: int
    width: int
    labelled_px: int
    road_px: NDArray[np.int32] = field(repr=False)

    def read(self, row: float, col: float, size_px: float, out_px: int) -> tuple[FloatArray, FloatArray]:
        """Read a square window, resampled to ``out_px`` pixels a side.

        Returns:
            The image (rows, cols, bands) in 0..1 and the target (rows, cols, 2) of label and weight, where the weight
            is 0 on unlabelled ground and on invalid pixels.
        """
        window = RioWindow(col, row, size_px, size_px)
        out = {"window": window, "out_shape": (out_px, out_px)}
        image = self.image.read((1, 2, 3), resampling=Resampling.bilinear, **out).transpose(1, 2, 0)
        label = self.mask.read(1, **out)
        valid = self.image.dataset_mask(**out) > 0
        weight = valid & (label != UNLABELLED)
        target = np.stack([label == ROAD, weight], axis=-1).astype(np.float32)
        return image.astype(np.float32) / np.float32(255), target


def open_labelled_scene(image: Path, mask: Path) -> LabelledScene:
    """Open a scene with its mask.

    Raises:
        InputError: If the two do not fit together, or the scene is not 8-bit with three bands at least.
    """
    if not mask.exists():
        raise InputError(f"{image}: its mask {mask} does not exist")
    scene, labels = rasterio.open(image), rasterio.open(mask)
    if scene.count < 3 or scene.dtypes[0] != "uint8":
        raise InputError(f"{image}: found {scene.count} bands of {scene.dtypes[0]}; training needs 3 bands of uint8")
    if scene.shape != labels.shape:
        raise InputError(f"{mask}: is {labels.shape} pixels, but its scene is {scene.shape}")
    labelled, road = 0, []
    for row_off, block in _iter_rows(labels):
        labelled += int((block != UNLABELLED).sum())
        found = np.argwhere(block == ROAD).astype(np.int32)
        road.append(found + np.array([row_off, 0], dtype=np.int32))
    road_px = np.concatenate(road)
    step = max(1, len(road_px) // _MAX_ROAD_PX)
    return LabelledScene(scene, labels, image.name, scene.height, scene.width, labelled, road_px[::step])


def _iter_rows(mask: rasterio.DatasetReader, rows: int = 512) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    for row_off in range(0, mask.height, rows):
        yield row_off, mask.read(1, window=RioWindow(0, row_off, mask.width, min(rows, mask.height - row_off)))
