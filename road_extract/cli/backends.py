"""`road-extract backends`."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from road_extract.base.options import PRECISIONS


@click.command("backends")
@click.option("--model", help="Model folder; the shipped model if left out.")
@click.option("--precision", type=click.Choice(PRECISIONS), default="auto", show_default=True, help="To run each in.")
@click.option("--timing/--no-timing", default=True, show_default=True, help="Run each for two seconds.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(model: str | None, precision: str, timing: bool, as_json: bool) -> None:
    """List what can run the model on this machine.

    For each backend: its version, the device that it sees, and windows a second, measured now; and which one `auto`
    takes, and why.
    """
    from road_extract.models.backends.listing import list_backends

    found = list_backends(model, precision=precision, timing=timing)
    click.echo(json.dumps([asdict(report) for report in found], indent=2) if as_json else "\n".join(map(str, found)))
