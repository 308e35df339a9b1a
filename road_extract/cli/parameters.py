"""Command-line options generated from the fields of the options classes, so that the two cannot diverge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import Field, fields
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import click

from road_extract.base.options.declaring import OSM_TAGS_HELP
from road_extract.base.urls import is_url

T = TypeVar("T")
Command = TypeVar("Command", bound=Callable[..., Any])


# click's parameter types are generic from version 8.5; a subscript here would need that version
class Location(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """A path, or a URL, which is kept as text because a path would lose one of its slashes."""

    name = "path"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str | Path:
        """Convert from text."""
        return value if is_url(str(value)) else Path(value)


LOCATION = Location()

overwrite_option = click.option("--overwrite", is_flag=True, help="Overwrite existing outputs.")
nodes_option = click.option("--nodes", type=LOCATION, help="Save the nodes of the road lines here, as points.")
creation_option = click.option(
    "--co", "creation_options", multiple=True, metavar="NAME=VALUE",
    help="Creation option of GDAL's COG driver for the rasters, such as COMPRESS=ZSTD; may be repeated.",
)  # fmt: skip
report_option = click.option(
    "--report", "report_page", type=click.Path(path_type=Path),
    help="Write a page (.html) for reviewing the roads over their scene, in any browser and offline.",
)  # fmt: skip
style_option = click.option(
    "--style", is_flag=True,
    help="Add styles for QGIS: inside a GeoPackage, and as .qml and .sld files beside other outputs.",
)  # fmt: skip
osm_tags_option = click.option("--osm-tags", help=f"{OSM_TAGS_HELP}.")
json_option = click.option(
    "--json", "json_file", type=click.Path(path_type=Path), is_flag=False, flag_value="-", metavar="[FILE]",
    help="Write the result to FILE as JSON; without FILE, or with -, print JSON instead of text.",
)  # fmt: skip
progress_option = click.option(
    "--progress", type=click.Choice(["auto", "json", "none"]), default="auto", show_default=True,
    help="Progress: a bar on a terminal (auto), JSON lines on stdout (json), or nothing (none).",
)  # fmt: skip


class IntList(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """Comma-separated integers: ``3,2,1``."""

    name = "N,N,..."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """Convert from text."""
        try:
            return value if isinstance(value, tuple) else tuple(int(part) for part in value.split(","))
        except ValueError:
            self.fail(f"{value!r} is not a list of band numbers such as 3,2,1", param, ctx)


def options_of(
    cls: type[Any], leave_out: tuple[str, ...] = (), only: tuple[str, ...] | None = None
) -> Callable[[Command], Command]:
    """Return a decorator that adds one option for every field of an options class, or for some, except those left out.

    Args:
        cls: The options class.
        leave_out: Fields without an option.
        only: Fields with one; None for all.
    """
    wanted = [f for f in fields(cls) if f.name not in leave_out and (only is None or f.name in only)]
    hints = get_type_hints(cls)

    def decorate(command: Command) -> Command:
        for f in reversed(wanted):
            command = _to_click(f, str(hints[f.name]))(command)
        return command

    return decorate


def collect(cls: type[T], values: dict[str, Any]) -> T:
    """Build an options object from click's values, and remove them from ``values``."""
    return cls(**{f.name: values.pop(f.name) for f in fields(cls) if f.name in values})  # type: ignore[arg-type]


def _to_click(f: Field[Any], hint: str) -> Callable[[Command], Command]:
    name, _, off = (f.metadata["short"] or f.name).replace("_", "-").partition("/")
    unit = f" [{f.metadata['unit']}]" if f.metadata["unit"] else ""
    settings: dict[str, Any] = {"help": f.metadata["help"] + unit + ".", "default": f.default}
    if hint == "tuple[str, ...]":
        settings |= {"multiple": True, "metavar": "NAME=VALUE", "show_default": False}
    elif "bool" in hint:
        settings |= {"is_flag": True, "show_default": f.default}
        name += f"/--{off or f'no-{name}'}" if f.default else ""
    else:
        settings |= {"type": _to_type(hint, f.metadata["choices"]), "show_default": f.default is not None}
        settings |= {"nargs": 4, "metavar": "XMIN YMIN XMAX YMAX"} if "tuple[float" in hint else {}
    return click.option(f"--{name}", f.name, **settings)


def _to_type(hint: str, choices: tuple[str, ...]) -> Any:
    if choices:
        return click.Choice(choices)
    if "tuple[int" in hint:
        return IntList()
    return float if "float" in hint else int if "int" in hint else str
