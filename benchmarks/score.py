"""Score a model on scenes with road masks, pooled: relaxed break-even (rho 3 px), exact IoU.

    python benchmarks/score.py FOLDER [--model MODEL] [--choose-threshold] [--grey] [--only PREFIX ...]

FOLDER holds images/ and masks/ of the same file names; masks: 1 road, 0 not, 255 unlabelled.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import click
import numpy as np
import rasterio
from numpy.typing import NDArray

from road_extract import PredictOptions
from road_extract.backends import open_backend
from road_extract.inference import Inference, iter_probability
from road_extract.metrics import RoadCounts, count_roads, score_roads
from road_extract.model import read_spec, shipped_model
from road_extract.pipeline import open_scene, plan_tiles, scale_scene, to_uint8


class Model:
    """A loaded model, used for one scene after the other."""

    def __init__(self, folder: Path, grey: bool) -> None:
        self.options = PredictOptions(model=str(folder), bands=(1,) if grey else None)
        self.spec = read_spec(folder)
        self.backend = open_backend(self.options.backend, folder)

    def count(self, image: Path, mask: Path) -> RoadCounts:
        """Predict one scene and count; a scene without CRS or place is given one, its pixels staying as they are."""
        with tempfile.TemporaryDirectory() as folder:
            scene = image
            with rasterio.open(image) as dataset:
                if dataset.transform.is_identity:
                    scene = Path(folder) / "placed.vrt"
                    place_anywhere(image, scene)
            probability = self.predict(scene)
        with rasterio.open(mask) as labels:
            truth = labels.read(1)
        return count_roads(probability, truth == 1, (probability != 255) & (truth != 255))

    def predict(self, scene: Path) -> NDArray[np.uint8]:
        """What `predict_probability` writes, (rows, cols)."""
        with open_scene(scene, self.options, self.spec) as source:
            inference = Inference(self.backend, self.spec, scale_scene(source))
            plan = plan_tiles(source, self.options, self.spec)
            return np.concatenate([to_uint8(*strip) for strip in iter_probability(source, plan, inference)])


def place_anywhere(image: Path, out: Path) -> None:
    """A VRT of a raster that has no place: 1 m pixels in UTM."""
    with rasterio.open(image) as dataset:
        height, width = dataset.shape
    bands = "".join(
        f'<VRTRasterBand dataType="Byte" band="{band}"><SimpleSource><SourceFilename>{image.resolve()}</SourceFilename>'
        f"<SourceBand>{band}</SourceBand></SimpleSource></VRTRasterBand>"
        for band in (1, 2, 3)
    )
    out.write_text(
        f'<VRTDataset rasterXSize="{width}" rasterYSize="{height}"><SRS>EPSG:32640</SRS>'
        f"<GeoTransform>500000,1,0,2780000,0,-1</GeoTransform>{bands}</VRTDataset>"
    )


@click.command()
@click.argument("folders", type=click.Path(path_type=Path, exists=True), nargs=-1, required=True)
@click.option("--model", type=click.Path(path_type=Path), help="Model folder; the shipped one if left out.")
@click.option("--only", multiple=True, help="Beginning of the file names to score; repeatable.")
@click.option("--grey", is_flag=True, help="Give the model the first band only, as grey.")
@click.option("--choose-threshold", is_flag=True, help="Also print the threshold of the best F1: for held-out scenes.")
def main(
    folders: tuple[Path, ...], model: Path | None, only: tuple[str, ...], choose_threshold: bool, grey: bool
) -> None:
    """Print the scores."""
    loaded = Model(model or shipped_model(), grey)
    total: RoadCounts | None = None
    for folder in folders:
        for image in sorted((folder / "images").glob("*.tif")):
            if only and not image.name.startswith(only):
                continue
            counts = loaded.count(image, folder / "masks" / image.name)
            total = counts if total is None else total + counts
            scores = score_roads(counts)
            print(
                f"  {image.stem}: break-even {scores.break_even:.4f}, best IoU {scores.iou[1:].max():.4f}", flush=True
            )
    if total is None:
        raise click.ClickException("no scene found")
    report(total, loaded.spec.threshold, choose_threshold)


def report(counts: RoadCounts, threshold: float, choose: bool) -> None:
    """The pooled figures."""
    scores, level = score_roads(counts), round(threshold * 254)
    print(f"relaxed break-even (rho 3 px) {scores.break_even:.4f}")
    print(
        f"at the model's threshold {threshold:.3f}: exact IoU {scores.iou[level]:.4f}, F1 {scores.f1[level]:.4f}, "
        f"precision {scores.precision[level]:.4f}, recall {scores.recall[level]:.4f}, "
        f"relaxed precision {scores.relaxed_precision[level]:.4f}, relaxed recall {scores.relaxed_recall[level]:.4f}"
    )
    best = 1 + int(np.argmax(scores.iou[1:]))
    print(f"best exact IoU {scores.iou[best]:.4f} at threshold {best / 254:.3f}")
    if choose:
        print(f"threshold {best / 254:.3f}")


if __name__ == "__main__":
    main()
