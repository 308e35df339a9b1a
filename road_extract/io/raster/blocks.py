"""The memory that the blocks of a raster take: GDAL decodes whole blocks, however few pixels are read."""

from __future__ import annotations

from typing import Any

import numpy as np
from rasterio.enums import Interleaving

from road_extract.base.errors import InputError
from road_extract.base.machine import in_gb, total_memory
from road_extract.io.raster.gdal_errors import ask

#: The most bands of a raster that are read at once.
_MOST_BANDS = 4


def block_bytes(dataset: Any) -> int:
    """Memory to decode one block: measured, a copy for each band, and one for all bands that are stored together.

    Args:
        dataset: An open raster.
    """
    if not dataset.count:  # it only lists others
        return 0
    rows, cols = ask(lambda: dataset.block_shapes[0], (1, 1))
    together = ask(lambda: dataset.interleaving == Interleaving.pixel, False)
    copies = 2 * dataset.count if together else min(dataset.count, _MOST_BANDS) + 1
    itemsize: int = np.dtype(str(dataset.dtypes[0])).itemsize
    return int(int(rows) * int(cols) * itemsize * copies)


def check_blocks(dataset: Any, path: str) -> None:
    """Check that this machine can decode a block.

    Raises:
        InputError: If not.
    """
    needed, total = block_bytes(dataset), total_memory()
    if total is None or needed <= total:
        return
    rows, cols = dataset.block_shapes[0]
    raise InputError(
        f"{path}: is stored in blocks of {rows:,} x {cols:,} pixels, and each takes {in_gb(needed)} of memory, but "
        f"this machine has {in_gb(total)}; on a larger one, store it in smaller blocks (gdal_translate -co TILED=YES)"
    )
