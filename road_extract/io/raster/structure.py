"""The files of a raster and the location of its blocks in them."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from road_extract.io.raster.opening import open_raster

_SPOTS = 8


def read_files(path: str) -> list[str]:
    """List the files that GDAL reads for a raster: the file itself, overviews, masks, and the sources of a VRT.

    Raises:
        InputError: If it cannot be opened.
    """
    with open_raster(path) as dataset:
        return [str(file) for file in dataset.files]


def read_structure(path: str) -> str:
    """Hash a raster's header together with the location of some of its blocks.

    When the pixels of a compressed GeoTIFF change, so do the lengths of its blocks and the offsets of later ones.

    Raises:
        InputError: If it cannot be opened.
    """
    with open_raster(path) as dataset:
        spots = [(row, col) for row in _spots(dataset, 0) for col in _spots(dataset, 1)]
        names = [f"BLOCK_{kind}_{col}_{row}" for kind in ("OFFSET", "SIZE") for row, col in spots]
        blocks = [dataset.get_tag_item(name, "TIFF", bidx=1) for name in names]
        header = sorted(map(repr, (*dataset.profile.items(), *dataset.tags().items())))
        found = (header, dataset.mask_flag_enums, dataset.overviews(1), blocks)
    return hashlib.sha256(repr(found).encode()).hexdigest()


def _spots(dataset: Any, axis: int) -> list[int]:
    """Indices of blocks along an axis, evenly spaced from the first to the last."""
    count = -(-dataset.shape[axis] // dataset.block_shapes[0][axis])
    return sorted({int(spot) for spot in np.linspace(0, count - 1, _SPOTS)})
