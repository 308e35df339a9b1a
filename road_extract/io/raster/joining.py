"""Rasters that lie side by side become one, strip by strip."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from rasterio.windows import Window as RioWindow

from road_extract.base.levels import NODATA
from road_extract.io.raster.opening import open_raster, readable
from road_extract.io.raster.sink import BLOCK_PX, RasterSink


def read_tags(path: str) -> dict[str, str]:
    """What a raster's maker recorded in it.

    Raises:
        InputError: If it is no raster.
    """
    with open_raster(path) as dataset:
        return dict(dataset.tags())


def join_rasters(rows: Sequence[Sequence[Path]], sink: RasterSink) -> bool:
    """Write single-band uint8 rasters into one; no more than a row of blocks is in memory.

    Args:
        rows: From the top; each from left to right, equally high.
        sink: Of the raster that they make up.

    Returns:
        Whether any pixel is not nodata.

    Raises:
        InputError: If one is missing or damaged.
    """
    seen = False
    for paths in rows:
        with ExitStack() as stack:
            parts = [stack.enter_context(open_raster(str(path))) for path in paths]
            for row in range(0, parts[0].height, BLOCK_PX):
                count = min(BLOCK_PX, parts[0].height - row)
                strips = []
                for path, part in zip(paths, parts, strict=True):
                    with readable(str(path)):
                        strips.append(part.read(1, window=RioWindow(0, row, part.width, count)))
                strip = np.concatenate(strips, axis=1)
                seen = seen or bool((strip != NODATA).any())
                sink.write(strip)
    return seen
