"""How much runtimes and precisions differ from TensorFlow in float32, and whether 8-bit integers may be the default.

    python benchmarks/precisions.py quantize FOLDER[=PREFIX]... [--model MODEL]
    python benchmarks/precisions.py rule FOLDER[=PREFIX]... [--model MODEL]
    python benchmarks/precisions.py agreement SCENE... [--model MODEL]

FOLDER contains images/ and masks/ with the same file names; with a prefix, only scenes whose names start with it are
used.

`quantize` is `road-extract quantize` for such scenes, including scenes without georeferencing: it writes the model's
int8.json.

`rule` scores whole scenes in bfloat16 and with 8-bit integers. The rule: 8-bit integers may be the default (the model
folder keeps its int8.json) if the relaxed break-even point drops by less than 0.003 on every folder. Otherwise the exit
code is 1.

`agreement` runs every runtime in every precision on eight windows of each scene (RGB, 8 bits, at the model's GSD).
"""

from __future__ import annotations

import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import click
import numpy as np
import rasterio
from numpy.typing import NDArray
from score import find_images, score

from road_extract import PredictOptions
from road_extract.models import read_spec, shipped_model
from road_extract.models.backends import open_backend
from road_extract.pipeline.calibration import quantize_model
from road_extract.prediction.preprocess import byte_scaling, to_model_input

ALLOWED_FALL = 0.003
WAYS = (
    ("tensorflow", "float32"),
    ("tensorflow", "bfloat16"),
    ("openvino", "float32"),
    ("openvino", "bfloat16"),
    ("openvino", "int8"),
    ("onnxruntime", "float32"),
    ("pytorch", "float32"),
    ("pytorch", "bfloat16"),
)

model_option = click.option(
    "--model",
    type=click.Path(path_type=Path),
    default=shipped_model(),
    help="Model folder (default: the shipped model).",
)


@click.group()
def main() -> None:
    """Compare runtimes and precisions."""


@main.command()
@click.argument("scenes", type=click.Path(path_type=Path, exists=True), nargs=-1, required=True)
@model_option
def agreement(scenes: tuple[Path, ...], model: Path) -> None:
    """Compare every runtime and precision with TensorFlow in float32 on windows of SCENES."""
    tiles = np.concatenate([read_tiles(scene, model) for scene in scenes])
    threshold = read_spec(model).threshold
    print(f"{len(tiles)} windows of {len(scenes)} scenes, threshold {threshold:.3f}\n")
    print("| runtime | mean difference | 99.9 % | maximum | IoU of the masks | windows/s |\n|---|---|---|---|---|---|")
    reference: NDArray[np.float32] | None = None
    for name, precision in WAYS:
        with closing(open_backend(name, model, 2, precision)) as backend:
            backend.predict(tiles[:2])
            started = time.perf_counter()
            found = np.concatenate([backend.predict(tiles[i : i + 2]) for i in range(0, len(tiles), 2)])
            rate = len(tiles) / (time.perf_counter() - started)
            description = backend.description
        reference = found if reference is None else reference
        gap = np.abs(found - reference)
        ours, theirs = found >= threshold, reference >= threshold
        print(
            f"| {description} | {gap.mean():.6f} | {np.quantile(gap, 0.999):.4f} | {gap.max():.4f} "
            f"| {(ours & theirs).sum() / (ours | theirs).sum():.4f} | {rate:.1f} |",
            flush=True,
        )


def read_tiles(scene: Path, model: Path) -> NDArray[np.float32]:
    """Read eight windows spread over a scene, prepared for the model."""
    spec = read_spec(model)
    with rasterio.open(scene) as dataset:
        pixels = dataset.read((1, 2, 3)).transpose(1, 2, 0)
    size = spec.tile_size_px
    free = np.array(pixels.shape[:2]) - size
    corners = (np.array([(i, j) for i in (0, 0.3, 0.6, 1) for j in (0, 1)]) * free).astype(int).tolist()
    valid, scaling = np.ones((size, size), np.bool_), byte_scaling(3)
    return np.stack([to_model_input(pixels[r : r + size, c : c + size], valid, scaling, spec) for r, c in corners])


def images_of(argument: str) -> list[Path]:
    """List the scenes selected by FOLDER or FOLDER=PREFIX."""
    folder, _, prefix = argument.partition("=")
    images = find_images(Path(folder), (prefix,) if prefix else ())
    if not images:
        raise click.ClickException(f"{argument}: no scenes found")
    return images


@main.command()
@click.argument("folders", nargs=-1, required=True)
@model_option
def quantize(folders: tuple[str, ...], model: Path) -> None:
    """Measure the model's 8-bit ranges on the scenes in FOLDERS. Needs NNCF."""
    scenes = [image for folder in folders for image in images_of(folder)]
    print(f"measured {quantize_model(model, scenes)} feature maps of {model} for 8-bit inference")


@main.command()
@click.argument("folders", nargs=-1, required=True)
@model_option
def rule(folders: tuple[str, ...], model: Path) -> None:
    """Decide by scores on FOLDERS whether 8-bit integers may be the default of the model."""
    holds = True
    print(f"model {read_spec(model).name}\n\n| scenes | bfloat16 | int8 | drop | |\n|---|---|---|---|---|", flush=True)
    for argument in folders:
        images, points = images_of(argument), []
        for precision in ("bfloat16", "int8"):
            options = PredictOptions(model=str(model), precision=precision)
            with tempfile.TemporaryDirectory() as temp:
                found = score(images, options, "raster", Path(temp) / "predictions").raster
            points.append(float("nan") if found is None else float(found.relaxed_break_even or "nan"))
        fall = points[0] - points[1]
        holds = holds and fall < ALLOWED_FALL
        verdict = "" if fall < ALLOWED_FALL else f"not less than {ALLOWED_FALL}"
        print(
            f"| {argument}, {len(images)} | {points[0]:.4f} | {points[1]:.4f} | {fall:+.4f} | {verdict} |", flush=True
        )
    print(f"\n8-bit integers {'may' if holds else 'may not'} be the default for this model")
    sys.exit(0 if holds else 1)


if __name__ == "__main__":
    main()
