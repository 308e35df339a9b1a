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
@click.option("--curve", type=PATH, help="Draw the precision-recall curve here (PNG; needs matplotlib).")
@click.option(
    "--error-map",
    type=PATH,
    help="Write right, false and missed road pixels here (GeoTIFF); a folder where several scenes are scored.",
)
@options_of(EvaluateOptions)
@overwrite_option
@progress_option
def command(prediction: Path, truth: Path, json_file: Path | None, progress: str, **values: Any) -> None:
    """Score PREDICTION against TRUTH.

    PREDICTION is a probability raster, a mask, road polygons or road lines; TRUTH a mask, polygons or lines, in any
    format, CRS and grid. Both may be folders: files belong together that have the same name without suffix, and a
    prediction's may end in _roads, _probability or _mask. Counts are pooled over scenes; nodata is left out.
    """
    console = Console(progress)
    options = collect(EvaluateOptions, values)
    check_outputs(json_outputs(json_file), [prediction, truth], values["overwrite"])
    from road_extract.evaluation import evaluate

    found = evaluate(prediction, truth, options=options, report=console.report, **values)
    show_values(console, json_file, found.to_text(), found.to_values())
