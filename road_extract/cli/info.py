"""`road-extract info`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from road_extract.base.files import check_outputs
from road_extract.base.options import PredictOptions
from road_extract.cli.console import Console, json_outputs, show_values
from road_extract.cli.parameters import collect, json_option, options_of, overwrite_option, progress_option


@click.command("info")
@click.argument("scene")
@json_option
@click.option(
    "--timing/--no-timing", default=True, show_default=True, help="Run the model briefly to estimate the time needed."
)
@options_of(PredictOptions)
@overwrite_option
@progress_option
def command(scene: str, json_file: Path | None, timing: bool, overwrite: bool, progress: str, **values: Any) -> None:
    """Describe SCENE, estimate the time and memory that extraction needs, and list every problem that would stop it.

    SCENE is a path or a URL (https://, s3://). The exit code is 1 if there is such a problem.
    """
    console = Console(progress)
    options = collect(PredictOptions, values)
    check_outputs(json_outputs(json_file), [scene], overwrite)
    from road_extract.pipeline.preflight import describe_scene

    found = describe_scene(scene, options=options, timing=timing)
    show_values(console, json_file, found.to_text(), found.to_values())
    if found.problems:
        click.get_current_context().exit(1)
