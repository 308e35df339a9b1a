"""`road-extract export`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("export")
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--format", "to", type=click.Choice(["onnx", "openvino", "savedmodel"]), default="onnx", show_default=True,
    help="Output format.",
)  # fmt: skip
@click.option("--model", help="Model: standard, fast, the name of an installed model, or a folder (default: standard).")
def command(out: Path, to: str, model: str | None) -> None:
    """Export a model for other tools to the new folder OUT, with a spec.json that describes its input.

    The network takes (batch, rows, cols, bands) float32 and returns probabilities of shape (batch, rows, cols). In
    ONNX, these are (batch, bands, rows, cols) and (batch, 1, rows, cols), with the metadata that the QGIS plugin
    Deepness reads.
    Its input is (pixel - mean) / std with the values in spec.json, where pixels are first brought to 0..1 by the
    normalization that spec.json names.
    """
    from road_extract.pipeline.export import export_model

    click.echo(export_model(model, out, to=to))
