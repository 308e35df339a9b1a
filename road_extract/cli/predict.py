"""`road-extract predict`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from road_extract.base.options import PredictOptions
from road_extract.cli.console import Console
from road_extract.cli.parameters import collect, options_of, overwrite_option, progress_option, style_option


@click.command("predict")
@click.argument("scene")
@click.argument("out", type=click.Path(path_type=Path))
@options_of(PredictOptions)
@style_option
@overwrite_option
@progress_option
def command(scene: str, out: Path, style: bool, overwrite: bool, progress: str, **values: Any) -> None:
    """Write the road probability of SCENE to the GeoTIFF OUT.

    SCENE is a path or a URL (https://, s3://). OUT is 8-bit: 0 to 254 stand for probabilities 0 to 1 (the scale is
    recorded in the file), and 255 is nodata.
    """
    console = Console(progress)
    options = collect(PredictOptions, values)
    from road_extract.pipeline.flow import predict_probability

    path = predict_probability(scene, out, options=options, style=style, overwrite=overwrite, report=console.report)
    console.result(f"road probability in {path}", path=str(path))
