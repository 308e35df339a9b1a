"""Score a model on scenes with road masks: predicts all of them with one loaded model, then evaluates.

    python benchmarks/score.py FOLDER ... [--model MODEL] [--only PREFIX ...] [--grey] [--keep DIR] [--json FILE]

FOLDER holds images/ and masks/ of the same file names; masks: 1 road, 0 not, 255 unlabelled. It prints what
`road-extract evaluate` prints for the predictions, which --keep keeps. To choose a threshold, score held-out scenes and
take that of the best exact F1.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click
import rasterio

from road_extract import EvaluateOptions, PredictOptions, evaluate
from road_extract.backends import open_backend
from road_extract.evaluation import Evaluation
from road_extract.evaluation.report import to_text, to_values
from road_extract.inference import Inference, iter_probability
from road_extract.model import read_spec, shipped_model
from road_extract.pipeline import open_scene, plan_tiles, scale_scene, to_uint8
from road_extract.raster_io import THRESHOLD_TAG, gdal_session, open_probability_sink


class Model:
    """A loaded model, used for one scene after the other."""

    def __init__(self, folder: Path, grey: bool, precision: str) -> None:
        self.options = PredictOptions(model=str(folder), bands=(1,) if grey else None)
        self.spec = read_spec(folder)
        self.backend = open_backend(self.options.backend, folder, precision=precision)

    def predict(self, image: Path, out: Path) -> None:
        """Write what `predict_probability` writes; a scene without CRS or place is given one, its pixels staying."""
        with ExitStack() as stack:
            scene = stack.enter_context(in_some_place(image))
            stack.enter_context(gdal_session())
            source = stack.enter_context(open_scene(scene, self.options, self.spec))
            inference = Inference(self.backend, self.spec, scale_scene(source))
            plan = plan_tiles(source, self.options, self.spec)
            tags = {THRESHOLD_TAG: repr(self.spec.threshold)}
            sink = stack.enter_context(open_probability_sink(out, source.grid, tags))
            for strip in iter_probability(source, plan, inference):
                sink.write(to_uint8(*strip))


@contextmanager
def in_some_place(image: Path) -> Iterator[Path]:
    """The scene; where it has no CRS and no place, in one of its own making, its pixels staying as they are."""
    with rasterio.open(image) as dataset:
        placed = not dataset.transform.is_identity
    if placed:
        yield image
        return
    with tempfile.TemporaryDirectory() as folder:
        place_anywhere(image, Path(folder) / "placed.vrt")
        yield Path(folder) / "placed.vrt"


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
@click.option("--metrics", default="all", help="all, raster or lines.")
@click.option("--keep", type=click.Path(path_type=Path), help="Folder for the probability rasters.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write the scores here as JSON.")
def main(
    folders: tuple[Path, ...],
    model: Path | None,
    only: tuple[str, ...],
    grey: bool,
    precision: str,
    metrics: str,
    keep: Path | None,
    json_file: Path | None,
) -> None:
    """Print the scores."""
    images = [image for folder in folders for image in find_images(folder, only)]
    if not images:
        raise click.ClickException("no scene found")
    loaded = Model(model or shipped_model(), grey, precision)
    with tempfile.TemporaryDirectory() as temp:
        found = score(images, loaded, metrics, keep or Path(temp) / "predictions")
    click.echo(to_text(found))
    if json_file is not None:
        json_file.write_text(json.dumps(to_values(found), indent=2) + "\n")


if __name__ == "__main__":
    main()
