"""`road-extract models`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from road_extract.cli.console import Console, show_values
from road_extract.cli.parameters import json_option, overwrite_option

if TYPE_CHECKING:
    from road_extract.pipeline.installing import ModelInfo


@click.group("models")
def command() -> None:
    """List, verify and install models.

    Use an installed model by its name: --model NAME. Models consist of numbers and JSON; nothing in them is executed.
    """


@command.command("list")
@json_option
def list_command(json_file: Path | None) -> None:
    """List the models that --model takes by name."""
    from road_extract.pipeline.installing import list_models

    found = list_models()
    width = max(len(info.name) for info in found)
    lines = [f"{info.name:<{width}}  {info.title}  {info.sha256[:12]}  {info.folder}" for info in found]
    show_values(Console("auto"), json_file, "\n".join(lines), {"models": [_values(info) for info in found]})


@command.command("verify")
@click.argument("model")
def verify_command(model: str) -> None:
    """Check MODEL (a name or a folder): its spec, all weights, and the hashes in its STAC Item."""
    from road_extract.pipeline.installing import verify_model

    info = verify_model(model)
    click.echo(f"{info.title} in {info.folder} is complete, sha256:{info.sha256}")


@command.command("install")
@click.argument("source")
@click.option("--name", help="Name for the model (default: the one in its spec).")
@click.option("--sha256", help="Hash that the archive must have; required for the URL of an archive.")
@overwrite_option
def install_command(source: str, name: str | None, sha256: str | None, overwrite: bool) -> None:
    """Install a model from SOURCE into your own folder of models.

    SOURCE is a model folder, an archive of one (.zip, .tar, .tar.gz), its STAC MLM Item (.json), or the URL of an
    archive or Item. Hashes are checked before anything is installed.
    """
    from road_extract.pipeline.installing import install_model

    info = install_model(source, name=name, sha256=sha256, overwrite=overwrite)
    click.echo(f"installed {info.title} in {info.folder}; use it with --model {info.name}")


@command.command("item")
@click.argument("model", required=False)
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path), default="-", help="File to write (default: stdout)."
)
def item_command(model: str | None, json_file: Path) -> None:
    """Print the STAC Item (MLM extension) of MODEL, which is a name or a folder (default: standard)."""
    from road_extract.pipeline.installing import describe_model

    show_values(Console("auto"), json_file, f"STAC Item in {json_file}", describe_model(model))


def _values(info: ModelInfo) -> dict[str, Any]:
    return {**asdict(info), "folder": str(info.folder)}
