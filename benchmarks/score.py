"""Score a model on scenes with road masks: predicts all of them with one loaded model, then evaluates.

    python benchmarks/score.py FOLDER ... [--model MODEL] [--only PREFIX ...] [--grey] [--tta d4] [--overlap PX]
        [--keep DIR] [--json FILE]

FOLDER holds images/ and masks/ of the same file names; masks: 1 road, 0 not, 255 unlabelled. It prints what
`road-extract evaluate` prints for the predictions, which --keep keeps. To choose a threshold, score held-out scenes and
take that of the best exact F1.
"""

from __future__ import annotations

import json
import tempfile
from contextlib import ExitStack
from pathlib import Path

import click

from road_extract import EvaluateOptions, PredictOptions, evaluate
from road_extract.evaluation import Evaluation
from road_extract.evaluation.report import to_text, to_values
from road_extract.io.raster import THRESHOLD_TAG, gdal_session, open_probability_sink, to_uint8
from road_extract.io.raster.unplaced import place_if_unplaced
from road_extract.models import read_spec, shipped_model
from road_extract.models.backends import open_backend
from road_extract.pipeline.setup import open_scene, plan_tiles
from road_extract.prediction.inference import Inference, iter_probability
from road_extract.prediction.preprocess import scale_scene


class Model:
    """A loaded model, used for one scene after the other."""

    def __init__(self, options: PredictOptions) -> None:
        folder = Path(str(options.model))
        self.options, self.spec = options, read_spec(folder)
        self.backend = open_backend(options.backend, folder, precision=options.precision, tta=options.tta)

    def predict(self, image: Path, out: Path) -> None:
        """Write what `predict_probability` writes; a scene without CRS or place is given one, its pixels staying."""
        with ExitStack() as stack:
            stack.enter_context(gdal_session())
            scene = place_if_unplaced(image, self.spec.gsd_m)
            source = stack.enter_context(open_scene(scene, self.options, self.spec))
            inference = Inference(self.backend, self.spec, scale_scene(source, self.spec.normalization))
            plan = plan_tiles(source, self.options, self.spec)
            tags = {THRESHOLD_TAG: repr(self.spec.threshold)}
            sink = stack.enter_context(open_probability_sink(out, source.grid, tags))
            for strip in iter_probability(source, plan, inference):
                sink.write(to_uint8(*strip))


def find_images(folder: Path, only: tuple[str, ...] = ()) -> list[Path]:
    """The scenes of a folder whose names begin with one of the prefixes; all without prefixes."""
    images = sorted((folder / "images").glob("*.tif"))
    return [image for image in images if not only or image.name.startswith(only)]


def score(images: list[Path], model: Model, metrics: str, predictions: Path) -> Evaluation:
    """Predict scenes into a folder and evaluate them against the masks beside them."""
    predictions.mkdir(exist_ok=True, parents=True)
    with tempfile.TemporaryDirectory() as temp:
        for number, image in enumerate(images, 1):
            (Path(temp) / image.name).symlink_to((image.parents[1] / "masks" / image.name).resolve())
            model.predict(image, predictions / image.name)
            click.echo(f"predicted {number}/{len(images)} {image.stem}", err=True)
        return evaluate(predictions, Path(temp), options=EvaluateOptions(metrics=metrics))


@click.command()
@click.argument("folders", type=click.Path(path_type=Path, exists=True), nargs=-1, required=True)
@click.option("--model", type=click.Path(path_type=Path), help="Model folder; the shipped one if left out.")
@click.option("--only", multiple=True, help="Beginning of the file names to score; repeatable.")
@click.option("--grey", is_flag=True, help="Give the model the first band only, as grey.")
@click.option("--precision", default="auto", show_default=True, help="auto, float32, bfloat16 or int8.")
@click.option("--tta", default="none", show_default=True, help="none or d4.")
@click.option("--overlap", default=PredictOptions().overlap_px, show_default=True, help="Of windows [px].")
@click.option("--metrics", default="all", help="all, raster or lines.")
@click.option("--keep", type=click.Path(path_type=Path), help="Folder for the probability rasters.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write the scores here as JSON.")
def main(
    folders: tuple[Path, ...],
    model: Path | None,
    only: tuple[str, ...],
    grey: bool,
    precision: str,
    tta: str,
    overlap: int,
    metrics: str,
    keep: Path | None,
    json_file: Path | None,
) -> None:
    """Print the scores."""
    images = [image for folder in folders for image in find_images(folder, only)]
    if not images:
        raise click.ClickException("no scene found")
    folder, bands = str(model or shipped_model()), (1,) if grey else None
    loaded = Model(PredictOptions(folder, precision=precision, bands=bands, overlap_px=overlap, tta=tta))
    with tempfile.TemporaryDirectory() as temp:
        found = score(images, loaded, metrics, keep or Path(temp) / "predictions")
    click.echo(to_text(found))
    if json_file is not None:
        json_file.write_text(json.dumps(to_values(found), indent=2) + "\n")


if __name__ == "__main__":
    main()
