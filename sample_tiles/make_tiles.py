"""Create the sample tiles from the wheel of solaris 0.2.1: ``python make_tiles.py solaris-0.2.1-py3-none-any.whl``."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import numpy as np
import rasterio
from rasterio.io import MemoryFile
from rasterio.warp import Resampling, calculate_default_transform, reproject

HERE = Path(__file__).parent
SCENE = "solaris/data/road_mask_input.tif"
ROADS = "solaris/data/sample_roads_for_masking.geojson"

STEP = 4  # width of a bin of pan values: keeps 9 of 11 bits, so that the two tiles stay under 2 MiB
STRETCH = (160, 1300)  # pan values mapped to the ends of the grey range
GREY = (11, 249)  # leaves room for the tint, so that no valid pixel is 0
TINT = (6, 0, -10)  # red, green, blue: one constant each, so that the bands still compress as one
UTM, GSD_M = "EPSG:32611", 0.5
PACKED = {
    "driver": "GTiff",
    "compress": "DEFLATE",
    "predictor": 2,
    "zlevel": 9,
    "tiled": True,
    "blockxsize": 256,
    "blockysize": 256,
}


def write_pan(path: Path, scene: rasterio.DatasetReader) -> None:
    """Write the scene as it is, with each value rounded to the centre of its bin: off by at most 2, never 0."""
    pan = scene.read(1) // STEP * STEP + STEP // 2
    grid = {"height": scene.height, "width": scene.width, "crs": scene.crs, "transform": scene.transform}
    with rasterio.open(path, "w", count=1, dtype="uint16", **grid, **PACKED) as out:
        out.write(pan, 1)


def write_utm(path: Path, scene: rasterio.DatasetReader) -> None:
    """Write the scene in UTM at 0.5 m, 8 bits, slightly tinted; the wedges left by the rotation are nodata."""
    transform, width, height = calculate_default_transform(
        scene.crs, UTM, scene.width, scene.height, *scene.bounds, resolution=GSD_M
    )
    pan = np.zeros((height, width), "float32")
    reproject(
        scene.read(1).astype("float32"),
        pan,
        src_transform=scene.transform,
        src_crs=scene.crs,
        dst_transform=transform,
        dst_crs=UTM,
        dst_nodata=0,
        resampling=Resampling.average,
    )
    grey = np.interp(pan, STRETCH, GREY).round()
    rgb = np.where(pan > 0, np.stack([grey + tint for tint in TINT]), 0).astype("uint8")
    grid = {"height": height, "width": width, "crs": UTM, "transform": transform, "nodata": 0}
    with rasterio.open(path, "w", count=3, dtype="uint8", **grid, **PACKED, interleave="pixel") as out:
        out.write(rgb)


def main(wheel: Path) -> None:
    """Read the scene and road lines from the wheel, and write the tiles next to this script."""
    with zipfile.ZipFile(wheel) as archive:
        (HERE / "vegas_roads.geojson").write_bytes(archive.read(ROADS))
        with MemoryFile(archive.read(SCENE)) as file, file.open() as scene:
            write_pan(HERE / "vegas_pan.tif", scene)
            write_utm(HERE / "vegas_utm.tif", scene)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
