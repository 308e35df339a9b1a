"""`road-extract backends`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from road_extract.base.files import check_outputs
from road_extract.base.options import PRECISIONS
from road_extract.cli.console import Console, json_outputs, show_values
from road_extract.cli.parameters import json_option, overwrite_option, progress_option


@click.command("backends")
@click.option("--model", help="Model: standard, fast, the name of an installed model, or a folder (default: standard).")
@click.option(
    "--precision", type=click.Choice(PRECISIONS), default="auto", show_default=True, help="Numerical precision."
)
@click.option(
    "--timing/--no-timing",
    default=True,
    show_default=True,
    help="Run each backend for two seconds to measure its speed.",
)
@json_option
@overwrite_option
@progress_option
def command(
    model: str | None, precision: str, timing: bool, json_file: Path | None, overwrite: bool, progress: str
) -> None:
    """List the inference backends on this machine.

    For each backend, shows its version, the device that it sees and its measured speed in windows per second, and says
    which backend `auto` uses, and why.
    """
    console = Console(progress)
    check_outputs(json_outputs(json_file), [], overwrite)
    from road_extract.models.backends.listing import list_backends

    found = list_backends(model=model, precision=precision, timing=timing)
    text = "\n".join(map(str, found))
    show_values(console, json_file, text, {"backends": [asdict(report) for report in found]})
