"""How options are declared and checked: dataclass fields with the help text, unit and range that front ends show."""

from __future__ import annotations

import math
from dataclasses import field, fields
from typing import Any

from road_extract.base.errors import InputError

#: Help of an option that several commands have.
OSM_TAGS_HELP = (
    "Tags of the new ways in .osm files, separated by commas: KEY=ATTRIBUTE takes the value of an attribute, KEY==TEXT "
    "sets a fixed text; or a .json file with such rules (default: highway=road and a source)"
)


def option(
    default: Any,
    help: str,
    *,
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
    short: str = "",
    choices: tuple[str, ...] = (),
) -> Any:
    """Declare an option: a dataclass field that carries what front ends need to show it.

    Args:
        default: Default value.
        help: One sentence, without the full stop.
        unit: Unit of the value, if any.
        low: Smallest value allowed.
        high: Largest value allowed.
        short: Name on the command line, if it differs from the field name; ``on/off`` for a flag that is on by default.
        choices: The allowed values, if there are only a few.
    """
    shown = {"help": help, "unit": unit, "low": low, "high": high, "short": short, "choices": choices}
    return field(default=default, metadata=shown)


def check_ranges(options: Any) -> None:
    """Check every value of an options object against its range or choices.

    Raises:
        InputError: If a value is out of range, not finite, or not one of its choices.
    """
    for f in fields(options):
        value, low, high = getattr(options, f.name), f.metadata.get("low"), f.metadata.get("high")
        if not all(math.isfinite(part) for part in _numbers(value)):
            raise InputError(f"{f.name} is {value}; expected finite numbers")
        if f.metadata["choices"] and value not in f.metadata["choices"]:
            raise InputError(f"{f.name} is {value!r}; expected one of {', '.join(f.metadata['choices'])}")
        if value is None or isinstance(value, bool) or not isinstance(value, int | float):
            continue
        if not (low is None or value >= low) or not (high is None or value <= high):
            limits = f"at least {low:g}" if high is None else f"{low:g} to {high:g}"
            raise InputError(f"{f.name} is {value}; expected {limits} {f.metadata['unit']}".rstrip())


def _numbers(value: Any) -> list[float]:
    parts = value if isinstance(value, tuple) else (value,)
    return [part for part in parts if isinstance(part, int | float)]
