"""Pack the plugin: ``python qgis/build_plugin.py`` (``make qgis-plugin``) writes build/road_extract_qgis.zip.

The zip holds one folder with the plugin, its metadata and the licence. Version, e-mail address and the project's pages
come from pyproject.toml (``version``, ``authors``, ``urls``): plugins.qgis.org insists on them, QGIS itself does not.
"""

from __future__ import annotations

import argparse
import configparser
import io
import os
import re
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import translate

FOLDER = Path(__file__).parent
PLUGIN = FOLDER / "road_extract_qgis"
ROOT = FOLDER.parent
OUT = ROOT / "build" / "road_extract_qgis.zip"

SUFFIXES = (".png", ".py", ".svg")
#: Read by pip.
TEXTS = ("inference-requirements.txt",)
#: Of the changelog, enough for the plugin manager to show.
CHANGELOG_VERSIONS, CHANGELOG_CHARS = 3, 4000
#: What plugins.qgis.org asks for.
REQUIRED = (
    *("name", "description", "about", "version", "qgisMinimumVersion", "author", "email", "tracker", "repository"),
    *("hasProcessingProvider", "category", "icon", "license"),
)


def read_project() -> dict[str, Any]:
    """The project's table of pyproject.toml."""
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project


def to_metadata(project: dict[str, Any]) -> configparser.ConfigParser:
    """The plugin's metadata, with what the project knows."""
    metadata = configparser.ConfigParser(interpolation=None)
    metadata.optionxform = str  # type: ignore[assignment,method-assign]
    metadata.read(PLUGIN / "metadata.txt", encoding="utf-8")
    urls = {name.lower(): url for name, url in project.get("urls", {}).items()}
    known = {
        "version": project["version"],
        "author": ", ".join(author["name"] for author in project["authors"]),
        "email": next((author["email"] for author in project["authors"] if "email" in author), ""),
        "homepage": urls.get("homepage", urls.get("repository", "")),
        "repository": urls.get("repository", ""),
        "tracker": urls.get("issues", ""),
        "changelog": read_changelog(),
    }
    metadata["general"].update({key: value for key, value in known.items() if value})
    return metadata


def find_missing(metadata: configparser.ConfigParser) -> list[str]:
    """What plugins.qgis.org would refuse the plugin for."""
    return [key for key in REQUIRED if not metadata["general"].get(key)]


def explain_missing(missing: list[str]) -> str:
    """What the owner has to fill in, in a sentence."""
    return (
        f"plugins.qgis.org refuses a plugin without {', '.join(missing)}: in pyproject.toml, give the first of authors "
        "an email, and [project.urls] a Repository and an Issues address; for a zip of your own, use --local"
    )


def read_changelog() -> str:
    """What the latest versions brought, for metadata.txt: it may not hold lines that begin a section."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.split(r"^## ", text, flags=re.MULTILINE)[1 : CHANGELOG_VERSIONS + 1]
    text = "\n".join(versions).translate(str.maketrans({"[": "(", "]": ")", "%": " percent"}))
    return "\n".join(line.rstrip() for line in text.splitlines() if line.strip())[:CHANGELOG_CHARS]


def write_zip(out: Path, metadata: configparser.ConfigParser) -> None:
    """The same files give the same zip, whenever it is made."""
    text = io.StringIO()
    metadata.write(text, space_around_delimiters=False)
    files = {path.name: path.read_bytes() for path in PLUGIN.iterdir() if path.suffix in SUFFIXES or path.name in TEXTS}
    files |= translate.compile_all()
    files |= {"metadata.txt": text.getvalue().encode(), "LICENSE": (ROOT / "LICENSE").read_bytes()}
    temp = out.with_name(f".{out.name}.{os.getpid()}")  # others may read it meanwhile
    with zipfile.ZipFile(temp, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in sorted(files):
            entry = zipfile.ZipInfo(f"{PLUGIN.name}/{name}", (1980, 1, 1, 0, 0, 0))
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            packed.writestr(entry, files[name])
    temp.replace(out)


def main() -> None:
    """Pack it; for plugins.qgis.org only if nothing is missing."""
    parser = argparse.ArgumentParser(description="Pack the QGIS plugin.")
    parser.add_argument("--local", action="store_true", help="do not ask for what only plugins.qgis.org needs")
    local = parser.parse_args().local
    project = read_project()
    metadata = to_metadata(project)
    missing = [] if local else find_missing(metadata)
    if missing:
        sys.exit(explain_missing(missing))
    OUT.parent.mkdir(exist_ok=True)
    write_zip(OUT, metadata)
    print(f"{OUT.relative_to(ROOT)}: {OUT.stat().st_size:,} bytes, version {metadata['general']['version']}")
    if local and find_missing(metadata):
        print("for this computer only: plugins.qgis.org also wants " + ", ".join(find_missing(metadata)))


if __name__ == "__main__":
    main()
