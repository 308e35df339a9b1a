"""How an option is declared and checked: a dataclass field with the help, unit and range that every front end shows."""

from __future__ import annotations

import math
from dataclasses import field, fields
from typing import Any

from road_extract.base.errors import InputError


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
    """A dataclass field that knows how it is shown.

    Args:
        default: Its value when nothing is said.
        help: One sentence without the final stop.
        unit: Of the value, if it has one.
        low: Smallest value allowed.
        high: Largest value allowed.
        short: Name on the command line where it differs from the field's; ``on/off`` for a flag that is on by default.
        choices: All values allowed, if they are a few words.
    """
    shown = {"help": help, "unit": unit, "low": low, "high": high, "short": short, "choices": choices}
    return field(default=default, metadata=shown)


def check_ranges(options: Any) -> None:
    """Check every number of an options object against its range.

    Raises:
        InputError: If a value is out of range, not finite, or none of its choices.
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
