"""Names of attributes that no format takes for one another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def unique_names(names: Sequence[str], taken: Iterable[str] = ()) -> list[str]:
    """Names in their order, those that a database could not tell from an earlier one with a number behind.

    GeoPackage and most databases ignore upper and lower case in names.

    Args:
        names: To make unique.
        taken: Names that are in use already.
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
