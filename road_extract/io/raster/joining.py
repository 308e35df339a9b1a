"""Joins adjacent rasters into one, strip by strip."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from rasterio.windows import Window as RioWindow

from road_extract.base.levels import NODATA
from road_extract.io.raster.cog import BLOCK_PX
from road_extract.io.raster.opening import open_raster, readable
from road_extract.io.raster.sink import RasterSink


def read_tags(path: str) -> dict[str, str]:
    """Read the metadata tags of a raster.

    Raises:
        InputError: If it is not a raster.
    """
    with open_raster(path) as dataset:
        return dict(dataset.tags())


def join_rasters(rows: Iterable[Sequence[Path]], sink: RasterSink) -> bool:
    """Join single-band uint8 rasters, with no more than one row of blocks in memory.

    Args:
        rows: Rows of rasters from the top; within a row from left to right, with equal heights.
        sink: Sink of the joined raster.

    Returns:
        Whether any pixel has data.

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
