"""Score a model on scenes with road masks: load it once, predict all scenes, then evaluate.

    python benchmarks/score.py FOLDER ... [--model MODEL] [--only PREFIX ...] [--grey] [--tta d4] [--overlap PX]
        [--keep DIR] [--json FILE]

FOLDER contains images/ and masks/ with the same file names; in masks, 1 is road, 0 background and 255 unlabelled. The
output is that of `road-extract evaluate`; --keep saves the predictions. To choose a threshold, score held-out scenes
and use the threshold with the best exact F1.
"""

from __future__ import annotations

import json
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from road_extract import EvaluateOptions, PredictOptions, evaluate, predict_probability
from road_extract.evaluation import Evaluation
from road_extract.io.raster import gdal_session
from road_extract.io.raster.unplaced import place_if_unplaced
from road_extract.models import read_spec
from road_extract.models.backends import Backend
from road_extract.pipeline.setup import load_backend, model_folder


def find_images(folder: Path, only: tuple[str, ...] = ()) -> list[Path]:
    """List the scenes of a folder whose names start with one of the prefixes, or all scenes if there are none."""
    images = sorted((folder / "images").glob("*.tif"))
    return [image for image in images if not only or image.name.startswith(only)]


def predict(image: Path, out: Path, options: PredictOptions, backend: Backend) -> None:
    """Write the probability of a scene. If it has no georeferencing, it is given one without changing its pixels."""
    with gdal_session():
        scene = place_if_unplaced(image, read_spec(model_folder(options)).gsd_m)
        predict_probability(scene, out, options=options, backend=backend)


def score(images: list[Path], options: PredictOptions, metrics: str, predictions: Path) -> Evaluation:
    """Predict scenes into a folder with one loaded model, and score them against the masks in the sibling folder."""
    predictions.mkdir(exist_ok=True, parents=True)
    with tempfile.TemporaryDirectory() as temp, closing(load_backend(options)) as backend:
        for number, image in enumerate(images, 1):
            (Path(temp) / image.name).symlink_to((image.parents[1] / "masks" / image.name).resolve())
            predict(image, predictions / image.name, options, backend)
            click.echo(f"predicted {number}/{len(images)} {image.stem}", err=True)
        return evaluate(predictions, Path(temp), options=EvaluateOptions(metrics=metrics))


@click.command()
@click.argument("folders", type=click.Path(path_type=Path, exists=True), nargs=-1, required=True)
@click.option("--model", help="Model folder (default: the shipped model).")
@click.option("--only", multiple=True, help="Score only files whose names start with this; repeatable.")
@click.option("--grey", is_flag=True, help="Use only the first band, as grey.")
@click.option("--precision", default="auto", show_default=True, help="auto, float32, bfloat16 or int8.")
@click.option("--tta", default="none", show_default=True, help="none or d4.")
@click.option("--overlap", "overlap_px", default=32, show_default=True, help="Overlap of windows [px].")
@click.option("--metrics", default="all", help="all, raster or lines.")
@click.option("--keep", type=click.Path(path_type=Path), help="Folder for the probability rasters.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write the scores to this file as JSON.")
def main(folders: tuple[Path, ...], keep: Path | None, json_file: Path | None, grey: bool, **values: Any) -> None:
    """Print the scores."""
    only, metrics = values.pop("only"), values.pop("metrics")
    images = [image for folder in folders for image in find_images(folder, only)]
    if not images:
        raise click.ClickException("no scenes found")
    options = PredictOptions(bands=(1,) if grey else None, **values)
    with tempfile.TemporaryDirectory() as temp:
        found = score(images, options, metrics, keep or Path(temp) / "predictions")
    click.echo(found.to_text())
    if json_file is not None:
        json_file.write_text(json.dumps(found.to_values(), indent=2) + "\n")


if __name__ == "__main__":
    main()
