"""`road-extract predict`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from road_extract.base.options import PredictOptions
from road_extract.cli.console import Console
from road_extract.cli.parameters import (
    LOCATION,
    collect,
    creation_option,
    options_of,
    overwrite_option,
    progress_option,
    style_option,
)


@click.command("predict")
@click.argument("scene")
@click.argument("out", type=LOCATION)
@options_of(PredictOptions)
@creation_option
@style_option
@overwrite_option
@progress_option
def command(scene: str, out: str | Path, progress: str, **values: Any) -> None:
    """Write the road probability of SCENE to the GeoTIFF OUT.

    SCENE is a path or a URL (https://, s3://); OUT is a path or a URL (s3://, gs://, az://). OUT is 8-bit: 0 to 254
    stand for probabilities 0 to 1 (the scale is recorded in the file), and 255 is nodata.
    """
    console = Console(progress)
    options = collect(PredictOptions, values)
    from road_extract.pipeline.flow import predict_probability
    from road_extract.pipeline.outputs import RasterFile

    file = RasterFile(out, values.pop("creation_options"))
    path = predict_probability(scene, file, options=options, report=console.report, **values)
    console.result(f"road probability in {path}", path=str(path))
