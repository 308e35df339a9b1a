"""Writes changes to OpenStreetMap, for JOSM (``.osm``, wiki.openstreetmap.org/wiki/JOSM_file_format) or as OsmChange.

An ``.osm`` file contains every node that its ways refer to. An ``.osc`` file (wiki.openstreetmap.org/wiki/OsmChange)
only contains what is new or changed, with the versions that the server has now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TextIO
from xml.sax.saxutils import quoteattr

from road_extract.base import files
from road_extract.base.osm import OsmChange, OsmNode, OsmWay
from road_extract.base.version import __version__

#: Suffixes of files of changes.
CHANGE_SUFFIXES = (".osm", ".osc")


def write_change(path: Path, change: OsmChange) -> None:
    """Write changes. An existing file is replaced only at the very end.

    Args:
        path: ``.osm`` or ``.osc``.
        change: What is new, what is modified, and what they refer to.

    Raises:
        OutputError: The file cannot be written.
    """
    write: Callable[[TextIO, OsmChange], None] = _write_osc if path.suffix.lower() == ".osc" else _write_osm
    with files.replacing_text(path) as file:
        file.write('<?xml version="1.0" encoding="UTF-8"?>\n')
        write(file, change)


def _write_osm(file: TextIO, change: OsmChange) -> None:
    file.write(f'<osm version="0.6" generator="road_extract {__version__}">\n')
    _write(file, sorted([*change.kept, *change.nodes], key=_order), in_josm=True)
    _write(file, sorted([*change.modified, *change.ways], key=_order), in_josm=True, modified=change.modified)
    file.write("</osm>\n")


def _write_osc(file: TextIO, change: OsmChange) -> None:
    file.write(f'<osmChange version="0.6" generator="road_extract {__version__}">\n')
    # the server does not know what an editor has not uploaded yet, so it is written as well
    created = [node for node in change.kept if node.id < 0] + [*change.nodes]
    blocks: dict[str, list[OsmNode | OsmWay]] = {
        "create": [
            *sorted(created, key=_order),
            *sorted([*change.ways, *(way for way in change.modified if way.id < 0)], key=_order),
        ],
        "modify": [
            *(node for node in change.kept if node.id > 0 and node.changed),
            *sorted((way for way in change.modified if way.id > 0), key=_order),
        ],
    }
    for name, objects in blocks.items():
        if objects:
            file.write(f"<{name}>\n")
            _write(file, objects, in_josm=False)
            file.write(f"</{name}>\n")
    file.write("</osmChange>\n")


def _order(entity: OsmNode | OsmWay) -> tuple[bool, int]:
    """The order that osmium expects: ids below zero first, each by its distance from zero."""
    return entity.id > 0, abs(entity.id)


def _write(
    file: TextIO, objects: Iterable[OsmNode | OsmWay], *, in_josm: bool, modified: Iterable[OsmWay] = ()
) -> None:
    changed = {id(way) for way in modified}
    for entity in objects:
        head = f' id="{entity.id}"'
        head += f' version="{entity.version}"' if entity.version else ""
        head += ' action="modify"' if in_josm and (entity.changed or id(entity) in changed) else ""
        if isinstance(entity, OsmNode):
            place = f' lat="{_degrees(entity.lat)}" lon="{_degrees(entity.lon)}"'
            _write_element(file, "node", head + place, (), entity.tags.items())
        else:
            _write_element(file, "way", head, entity.refs, entity.tags.items())


def _write_element(file: TextIO, name: str, head: str, refs: tuple[int, ...], tags: Iterable[tuple[str, str]]) -> None:
    inner = "".join(f'<nd ref="{ref}"/>\n' for ref in refs)
    inner += "".join(f"<tag k={_quoted(key)} v={_quoted(value)}/>\n" for key, value in tags)
    file.write(f"<{name}{head}>\n{inner}</{name}>\n" if inner else f"<{name}{head}/>\n")


def _quoted(text: str) -> str:
    return quoteattr(text, {"\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})


def _degrees(value: float) -> str:
    """Seven decimals, or more if a local file has more, so that no node moves."""
    text = f"{value:.7f}"
    return text if abs(float(text) - value) < 1e-11 else repr(value)
