"""`road-extract evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from road_extract.base.files import check_outputs
from road_extract.base.options import EvaluateOptions
from road_extract.cli.console import Console, json_outputs, show_values
from road_extract.cli.parameters import collect, json_option, options_of, overwrite_option, progress_option

PATH = click.Path(path_type=Path)


@click.command("evaluate")
@click.argument("prediction", type=PATH)
@click.argument("truth", type=PATH)
@json_option
@click.option("--curve", type=PATH, help="Draw the precision-recall curve to this file (PNG; needs matplotlib).")
@click.option(
    "--error-map",
    type=PATH,
    help="Write a raster of correct, false and missed road pixels to this file (GeoTIFF), or for several scenes to "
    "this folder.",
)
@options_of(EvaluateOptions)
@overwrite_option
@progress_option
def command(prediction: Path, truth: Path, json_file: Path | None, progress: str, **values: Any) -> None:
    """Score PREDICTION against TRUTH.

    PREDICTION is a probability raster, a mask, road polygons or road lines. TRUTH is a mask, polygons or lines. Any
    format, CRS and grid will do. Both can be folders: files are paired by name without suffix, and the name of a
    prediction may end in _roads, _probability or _mask. Counts are pooled over scenes, and nodata is ignored.
    """
    console = Console(progress)
    options = collect(EvaluateOptions, values)
    check_outputs(json_outputs(json_file), [prediction, truth], values["overwrite"])
    from road_extract.evaluation import evaluate

    found = evaluate(prediction, truth, options=options, report=console.report, **values)
    show_values(console, json_file, found.to_text(), found.to_values())
