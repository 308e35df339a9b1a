"""`road-extract quantize`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("quantize")
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("scenes", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--assume-crs", help="CRS of scenes that have none, such as EPSG:32611.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the tiles that are drawn.")
def command(model: Path, scenes: tuple[Path, ...], assume_crs: str | None, seed: int) -> None:
    """Make the model folder MODEL ready for 8-bit inference, about twice as fast where the processor supports it.

    Tiles of SCENES, imagery of the kinds that the model is for, are run to measure the ranges of its feature maps.
    Score the model with `--precision int8` and without before you rely on it. Needs road-extract[int8].
    """
    from road_extract.pipeline.calibration import quantize_model

    count = quantize_model(model, scenes, assume_crs=assume_crs, seed=seed)
    click.echo(f"{count} feature maps of {model} can be held in 8 bits")
