"""`rio roads`: `road-extract extract` as a command of rasterio's program."""

from __future__ import annotations

from typing import Any

import click

from road_extract.base.errors import RoadExtractError
from road_extract.cli.extract import command


class _RioCommand(click.Command):
    """`extract` under another name, with errors shown as rasterio's program shows them."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run it."""
        try:
            return super().invoke(ctx)
        except RoadExtractError as error:
            raise click.ClickException(str(error)) from error


roads = _RioCommand("roads", params=command.params, callback=command.callback, help=command.help)
