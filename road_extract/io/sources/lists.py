"""Lists of scenes: text files with one scene per line, or CSV files with a column of scenes."""

from __future__ import annotations

import csv
import os

from road_extract.base.errors import InputError
from road_extract.io.fetching import read_document

TEXT_SUFFIXES = (".txt", ".lst")
TABLE_SUFFIXES = (".csv", ".tsv")
#: Possible names of the column with scenes; the first one found is used.
COLUMNS = ("path", "url", "uri", "href", "location", "scene", "file", "filename", "image")


def read_list(location: str) -> list[str]:
    """Read the entries of a list, without changing them.

    Raises:
        InputError: If the list cannot be read, has no column of scenes, or is empty.
    """
    text = read_document(location)
    if "\0" in text:
        raise InputError(f"{location}: is not text; expected a list of scenes")
    suffix = os.path.splitext(location.partition("?")[0])[1].lower()
    entries = _from_table(text, location) if suffix in TABLE_SUFFIXES else _from_text(text)
    if not entries:
        raise InputError(f"{location}: lists no scenes")
    return entries


def _from_text(text: str) -> list[str]:
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _from_table(text: str, location: str) -> list[str]:
    lines = text.splitlines()
    heading = lines[0] if lines else ""
    delimiter = max(",;\t", key=heading.count)
    try:
        rows = [row for row in csv.reader(lines, delimiter=delimiter, strict=True) if any(map(str.strip, row))]
    except csv.Error as error:
        raise InputError(f"{location}: is not valid CSV ({error})") from error
    names = [name.strip().lower() for name in rows[0]] if rows else []
    column = next((names.index(name) for name in COLUMNS if name in names), None)
    if column is None:
        found = f"found {', '.join(names)}" if names else "it is empty"
        raise InputError(
            f"{location}: has no column of scenes ({found}); expected a column named {' or '.join(COLUMNS[:2])}"
        )
    entries = [row[column].strip() if len(row) > column else "" for row in rows[1:]]
    if "" in entries:
        raise InputError(f"{location}: row {entries.index('') + 2} has no scene in the column {names[column]!r}")
    return entries
