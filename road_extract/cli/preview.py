"""`road-extract preview`."""

from __future__ import annotations

from pathlib import Path

import click

from road_extract.cli.parameters import overwrite_option


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
@overwrite_option
def command(scene: str, roads: str, out: Path, size_px: int, assume_crs: str | None, overwrite: bool) -> None:
    """Draw ROADS, a vector file in any CRS, over SCENE and save the picture to OUT (PNG)."""
    from road_extract.pipeline.preview import draw_preview

    path = draw_preview(scene, roads, out, size_px=size_px, assume_crs=assume_crs, overwrite=overwrite)
    click.echo(f"picture in {path}")
