"""`road-extract doctor`."""

from __future__ import annotations

import json
from dataclasses import asdict

import click


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--timing/--no-timing", default=True, show_default=True, help="Run the model for two seconds.")
def command(as_json: bool, timing: bool) -> None:
    """Describe this installation for a bug report.

    Prints versions, backends, the model's speed, free memory and disk space, and the environment variables that matter.
    Passwords, keys and the user's name are left out. Exits with 1 if the model does not run.
    """
    from road_extract.pipeline.diagnosis import diagnose

    found = diagnose(timing=timing)
    click.echo(json.dumps(asdict(found), indent=2) if as_json else found.to_text())
    if found.problems:
        click.get_current_context().exit(1)
