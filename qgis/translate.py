"""Translations of the plugin: ``python qgis/translate.py`` (``make qgis``) brings the texts into ``translations/*.ts``.

Qt Linguist edits these files. `build_plugin.py` compiles them into the ``.qm`` files that Qt reads; nothing but the
standard library is needed. Options of the package are translated by their names, so that a change of their English
texts leaves no gap.
"""

from __future__ import annotations

import ast
import struct
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from pathlib import Path

FOLDER = Path(__file__).parent
PLUGIN = FOLDER / "road_extract_qgis"
TRANSLATIONS = FOLDER / "translations"
CONTEXT = "RoadExtract"

#: Attributes and constants that are translated where they are shown.
SHOWN = frozenset(["TITLE", "ABOUT", "INPUT_LABEL", "TERMS", "PYTHON_HELP"])

_MAGIC = bytes.fromhex("3cb86418caef9c95cd211cbf60a1bddd")
_HASHES, _MESSAGES = 0x42, 0x69
_END, _TRANSLATION, _SOURCE, _CONTEXT, _COMMENT = 1, 3, 6, 7, 8


def collect() -> dict[str, str]:
    """Everything that is translated: what `tr` is called with, to a remark for the translator."""
    found: dict[str, str] = {}
    for path in sorted(PLUGIN.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            found.update(dict.fromkeys(_texts_of(node), path.name))
    return found | _collect_options()


def _texts_of(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "tr":
        yield from _strings(node.args[:1])
    if isinstance(node, ast.Assign):
        names, values = [node.targets[0]], [node.value]
        if isinstance(names[0], ast.Tuple) and isinstance(values[0], ast.Tuple):
            names, values = names[0].elts, values[0].elts
        yield from _strings(
            [value for name, value in zip(names, values, strict=False) if getattr(name, "id", "") in SHOWN]
        )
    if isinstance(node, ast.Dict):  # of stages, which the monitor is told to translate
        yield from _strings(node.values if any(getattr(key, "value", "") == "vectorize" for key in node.keys) else [])


def _strings(nodes: object) -> Iterator[str]:
    for node in nodes:  # type: ignore[attr-defined]
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value:
            yield node.value


def _collect_options() -> dict[str, str]:
    """Keys of labels and helps, to the English texts."""
    sys.path.insert(0, str(FOLDER))
    table = ast.parse((PLUGIN / "option_table.py").read_text(encoding="utf-8"))
    options = next(ast.literal_eval(node.value) for node in table.body if isinstance(node, ast.AnnAssign))
    parameters = ast.parse((PLUGIN / "parameters.py").read_text(encoding="utf-8"))
    constants = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in parameters.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and isinstance(node.value, ast.Dict)
        and node.targets[0].id in ("NAMES", "LABELS", "HELPS")
    }  # fmt: skip
    found = {}
    for row in (row for rows in options.values() for row in rows):
        name = constants["NAMES"].get(row["name"]) or row["flag"].strip("-").replace("-", "_").upper()
        label = constants["LABELS"].get(name, name.replace("_", " ").capitalize())
        found[f"label:{name}"] = label
        found[f"help:{row['id']}"] = constants["HELPS"].get(name, row["help"])
    return found


def read_translations(path: Path) -> dict[str, str]:
    """Source to translation, of a ``.ts`` file; what is not finished is left out."""
    found = {}
    for message in ET.parse(path).iter("message"):
        translation = message.find("translation")
        if translation is not None and translation.text and translation.get("type") not in ("unfinished", "vanished"):
            found[message.findtext("source", "")] = translation.text
    return found


def to_ts(language: str, translations: Mapping[str, str]) -> str:
    """The text of a ``.ts`` file for the texts of today."""
    root = ET.Element("TS", version="2.1", language=language, sourcelanguage="en")
    context = ET.SubElement(root, "context")
    ET.SubElement(context, "name").text = CONTEXT
    for source, remark in sorted(collect().items()):
        message = ET.SubElement(context, "message")
        ET.SubElement(message, "source").text = source
        if source.startswith(("label:", "help:")):
            ET.SubElement(message, "extracomment").text = remark
        if source in translations:
            ET.SubElement(message, "translation").text = translations[source]
        else:
            ET.SubElement(message, "translation", type="unfinished")
    ET.indent(root, " ")
    return '<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE TS>\n' + ET.tostring(root, encoding="unicode") + "\n"


def to_qm(translations: Mapping[str, str]) -> bytes:
    """The bytes of a ``.qm`` file, as Qt 5 and Qt 6 read it (qtranslator.cpp)."""
    messages, hashes = bytearray(), []
    for source, translation in sorted(translations.items()):
        hashes.append((_elf_hash(source.encode()), len(messages)))
        parts = (
            (_TRANSLATION, translation.encode("utf-16-be")),
            (_COMMENT, b""),
            (_SOURCE, source.encode()),
            (_CONTEXT, CONTEXT.encode()),
        )
        for tag, content in parts:
            messages += struct.pack(">BI", tag, len(content)) + content
        messages.append(_END)
    index = b"".join(struct.pack(">II", *pair) for pair in sorted(hashes))
    sections = ((_HASHES, index), (_MESSAGES, bytes(messages)))
    return _MAGIC + b"".join(struct.pack(">BI", tag, len(content)) + content for tag, content in sections)


def _elf_hash(text: bytes) -> int:
    value = 0
    for byte in text:
        value = (value << 4) + byte
        high = value & 0xF0000000
        value = (value ^ (high >> 24)) & ~high & 0xFFFFFFFF
    return value or 1


def compile_all() -> dict[str, bytes]:
    """File name to content, of every translation."""
    return {f"{path.stem}.qm": to_qm(read_translations(path)) for path in sorted(TRANSLATIONS.glob("*.ts"))}


def main() -> None:
    """Bring the files up to date; translations of texts that are no more are dropped."""
    for path in sorted(TRANSLATIONS.glob("*.ts")):
        known = read_translations(path)
        path.write_text(to_ts(path.stem.rpartition("_")[2], known), encoding="utf-8")
        missing = sorted(collect().keys() - known.keys())
        print(f"{path.name}: {len(collect()) - len(missing)} of {len(collect())} texts", *missing, sep="\n  missing: ")


if __name__ == "__main__":
    main()
