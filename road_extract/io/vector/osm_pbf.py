"""Reads OpenStreetMap files in PBF and other binary formats. Only this module imports pyosmium."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from road_extract.base.errors import InputError


def iter_pbf(path: Path) -> Iterator[Any]:
    """Iterate over the objects of a file, as the records of `osm_reading`.

    Raises:
        InputError: pyosmium is not installed, or cannot read the file.
    """
    try:
        import osmium
    except ImportError as error:
        raise InputError(
            f"{path}: reading this file with the ids of its objects requires pyosmium; install it (pip install "
            "'road-extract[osm]'), or convert the file with `osmium cat` to .osm"
        ) from error
    try:
        for entity in osmium.FileProcessor(str(path)):
            yield _to_record(entity)
    except (RuntimeError, OSError) as error:
        raise InputError(f"{path}: cannot be read as OpenStreetMap data ({error}); get the extract again") from error


def _to_record(entity: Any) -> Any:
    values: dict[str, Any] = {"version": entity.version, "changed": False, "gone": entity.deleted}
    tags = {tag.k: tag.v for tag in entity.tags}
    refs: list[int] = []
    kind = {"n": "node", "w": "way", "r": "relation"}[entity.type_str()]
    if kind == "node":
        if entity.location.valid():
            values |= {"lon": entity.location.lon, "lat": entity.location.lat}
        else:
            values["gone"] = True
    elif kind == "way":
        refs = [node.ref for node in entity.nodes]
    else:
        refs = [member.ref for member in entity.members if member.type == "w"]
    return kind, entity.id, values, tags, refs
