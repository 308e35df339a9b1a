"""`road-extract preview`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from road_extract.base.options import PredictOptions
from road_extract.cli.parameters import options_of, overwrite_option


@click.command("preview")
@click.argument("scene")
@click.argument("roads")
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--size",
    "size_px",
    type=click.IntRange(16, 20_000),
    default=1600,
    show_default=True,
    help="Length of the longer side of the picture [px].",
)
@click.option("--assume-crs", help="CRS of a file that has none, such as EPSG:32611.")
@options_of(PredictOptions, only=("bands",))
@overwrite_option
def command(scene: str, roads: str, out: Path, **values: Any) -> None:
    """Draw ROADS, a vector file in any CRS, over SCENE and save the picture to OUT (PNG)."""
    from road_extract.pipeline.preview import draw_preview

    path = draw_preview(scene, roads, out, **values)
    click.echo(f"picture in {path}")
