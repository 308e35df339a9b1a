"""Pictures of where a model fails: the windows with the most missed and false road, image and errors side by side.

    python benchmarks/score.py FOLDER --keep PREDICTIONS
    python benchmarks/failures.py FOLDER PREDICTIONS OUT [--count N]

FOLDER contains images/ and masks/ with the same file names. Each picture in OUT shows a window twice: the image, and
the image with correct road in green, false road in red and missed road in blue, with a tolerance of 3 px as in the
relaxed metrics. The imagery belongs to others, so look at OUT but do not publish it.
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
import rasterio
from scipy import ndimage

from road_extract.base.arrays import BoolArray, ByteArray
from road_extract.io.raster.picture import write_png
from road_extract.models import read_spec, shipped_model

_SIZE_PX = 300
_RHO_PX = 3
RIGHT, FALSE, MISSED = (40, 200, 60), (230, 40, 40), (50, 90, 255)


def errors_of(predicted: BoolArray, truth: BoolArray, valid: BoolArray) -> tuple[BoolArray, BoolArray]:
    """Return false and missed road, each (rows, cols), with a tolerance."""
    near_truth = ndimage.distance_transform_edt(~truth) <= _RHO_PX
    near_found = ndimage.distance_transform_edt(~predicted) <= _RHO_PX
    return predicted & ~near_truth & valid, truth & ~near_found & valid


def worst_windows(wrong: BoolArray, count: int) -> list[tuple[int, int, int]]:
    """Find the windows of a regular grid with the most wrong pixels: their number, row and column."""
    found = [
        (int(wrong[row : row + _SIZE_PX, col : col + _SIZE_PX].sum()), row, col)
        for row in range(0, max(1, wrong.shape[0] - _SIZE_PX + 1), _SIZE_PX // 2)
        for col in range(0, max(1, wrong.shape[1] - _SIZE_PX + 1), _SIZE_PX // 2)
    ]
    chosen: list[tuple[int, int, int]] = []
    for one in sorted(found, reverse=True):
        if all(max(abs(one[1] - other[1]), abs(one[2] - other[2])) >= _SIZE_PX for other in chosen):
            chosen.append(one)
    return chosen[:count]


def draw(image: ByteArray, layers: list[tuple[BoolArray, tuple[int, int, int]]]) -> ByteArray:
    """Draw the image, and the image with coloured masks, side by side at twice the size."""
    drawn = image.astype(np.float32)
    for mask, colour in layers:
        drawn[mask] = 0.35 * drawn[mask] + 0.65 * np.array(colour, np.float32)
    both = np.concatenate([image, np.full((len(image), 6, 3), 255, np.uint8), drawn.astype(np.uint8)], axis=1)
    return both.repeat(2, 0).repeat(2, 1)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True))
@click.argument("predictions", type=click.Path(path_type=Path, exists=True))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--count", default=2, show_default=True, help="Number of pictures per scene and type of error.")
def main(folder: Path, predictions: Path, out: Path, count: int) -> None:
    """Draw the worst windows."""
    out.mkdir(parents=True, exist_ok=True)
    threshold = read_spec(shipped_model()).threshold
    for path in sorted(predictions.glob("*.tif")):
        with rasterio.open(path) as raster:
            probability = raster.read(1)
        with rasterio.open(folder / "masks" / path.name) as raster:
            labels = raster.read(1)
        with rasterio.open(folder / "images" / path.name) as raster:
            image = raster.read((1, 2, 3)).transpose(1, 2, 0)
        valid = (labels != 255) & (probability != 255)
        predicted, truth = (probability >= threshold * 254) & valid, (labels == 1) & valid
        false, missed = errors_of(predicted, truth, valid)
        for kind, wrong in (("false", false), ("missed", missed)):
            for number, (pixels, row, col) in enumerate(worst_windows(wrong, count)):
                part = np.s_[row : row + _SIZE_PX, col : col + _SIZE_PX]
                layers = [(predicted[part] & ~false[part], RIGHT), (false[part], FALSE), (missed[part], MISSED)]
                target = out / f"{path.stem}_{kind}_{number}.png"
                write_png(target, draw(image[part], layers))
                click.echo(f"{target}: {pixels} px {kind}, from row {row} and column {col}")


if __name__ == "__main__":
    main()
