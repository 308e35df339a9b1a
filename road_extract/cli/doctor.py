"""`road-extract doctor`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from road_extract.base.files import check_outputs
from road_extract.cli.console import Console, json_outputs, show_values
from road_extract.cli.parameters import json_option, overwrite_option, progress_option


@click.command("doctor")
@json_option
@click.option(
    "--timing/--no-timing", default=True, show_default=True, help="Run the model for two seconds to measure its speed."
)
@overwrite_option
@progress_option
def command(json_file: Path | None, timing: bool, overwrite: bool, progress: str) -> None:
    """Describe this installation for a bug report.

    Prints versions, backends, the model's speed, free memory and disk space, and relevant environment variables.
    Passwords, keys and the user's name are omitted. The exit code is 1 if the model does not run.
    """
    console = Console(progress)
    check_outputs(json_outputs(json_file), [], overwrite)
    from road_extract.pipeline.diagnosis import diagnose

    found = diagnose(timing=timing)
    show_values(console, json_file, found.to_text(), asdict(found))
    if found.problems:
        click.get_current_context().exit(1)
