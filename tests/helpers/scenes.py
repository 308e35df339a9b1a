"""Scenes made from arrays, and the outputs of batches."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray

#: UTM 11N, 1 m pixels, a sub-pixel origin.
UTM = Affine(1.0, 0.0, 665000.25, 0.0, -1.0, 4010000.75)


def roads_in(rows: int, cols: int) -> NDArray[np.uint8]:
    """A bright cross and a bright block on a dark background, uint8 (3, rows, cols)."""
    pixels = np.full((3, rows, cols), 20, np.uint8)
    pixels[:, rows // 3 : rows // 3 + 8] = 230
    pixels[:, :, cols // 2 : cols // 2 + 6] = 230
    pixels[:, -20:-5, 3:15] = 230
    return pixels


def write_geotiff(path: Path, pixels: NDArray[np.uint8]) -> Path:
    """Write (bands, rows, cols)."""
    bands, rows, cols = pixels.shape
    with rasterio.open(
        path, "w", driver="GTiff", count=bands, height=rows, width=cols, dtype="uint8", crs="EPSG:32611", transform=UTM,
        compress="deflate",
    ) as dataset:  # fmt: skip
        dataset.write(pixels)
    return path


def tree(folder: Path) -> dict[str, bytes]:
    """Every file in a folder, with the part of its content that is reproducible."""
    found: dict[str, bytes] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_file() and path.name not in ("summary.json", "lock"):
            found[name] = path.read_bytes()
            values = json.loads(found[name]) if path.suffix == ".json" else {}
            if "made" in values:
                found[name] = json.dumps(values["made"]).encode()
    return found
