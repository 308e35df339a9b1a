"""Attribute names that stay distinct in every format."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def unique_names(names: Sequence[str], taken: Iterable[str] = ()) -> list[str]:
    """Append a number to each name that differs from an earlier one only in case, or not at all.

    GeoPackage and most databases ignore the case of names.

    Args:
        names: Names to make unique.
        taken: Names that are already in use.
    """
    used = {name.casefold() for name in taken}
    found = []
    for name in names:
        number, fresh = 2, name
        while fresh.casefold() in used:
            fresh, number = f"{name}_{number}", number + 1
        used.add(fresh.casefold())
        found.append(fresh)
    return found
