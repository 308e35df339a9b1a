"""`road-extract info`."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import click

from road_extract.base.options import PredictOptions
from road_extract.cli.parameters import collect, options_of


@click.command("info")
@click.argument("scene")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--timing/--no-timing", default=True, show_default=True, help="Run the model briefly to estimate the time needed."
)
@options_of(PredictOptions)
def command(scene: str, as_json: bool, timing: bool, **values: Any) -> None:
    """Describe SCENE, estimate the time and memory that extraction needs, and list every problem that would stop it.

    SCENE is a path or a URL (https://, s3://). The exit code is 1 if there is such a problem.
    """
    options = collect(PredictOptions, values)
    from road_extract.pipeline.preflight import describe_scene

    found = describe_scene(scene, options=options, timing=timing)
    click.echo(json.dumps(asdict(found), indent=2) if as_json else found.to_text())
    if found.problems:
        click.get_current_context().exit(1)
