"""`road-extract export`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("export")
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--format", "to", type=click.Choice(["onnx", "openvino", "savedmodel"]), default="onnx", show_default=True,
    help="Of the network.",
)  # fmt: skip
@click.option("--model", type=click.Path(path_type=Path), help="Model folder; the shipped model if left out.")
def command(out: Path, to: str, model: Path | None) -> None:
    """Write a model for other tools into the new folder OUT: the network, and spec.json that says how to feed it.

    Input: (batch, rows, cols, bands) float32, scaled as spec.json says: (pixel / 255 - mean) / std. Output: (batch,
    rows, cols), probabilities.
    """
    from road_extract.pipeline.export import export_model

    click.echo(export_model(model, out, to=to))
