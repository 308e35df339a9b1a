"""Pack the plugin: ``python qgis/build_plugin.py`` (``make qgis-plugin``) writes build/road_extract_qgis.zip.

The zip holds one folder with the plugin, its metadata and the licence. Version, e-mail address and the project's pages
come from pyproject.toml (``version``, ``authors``, ``urls``): plugins.qgis.org insists on them, QGIS itself does not.
"""

from __future__ import annotations

import configparser
import io
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
TEXTS = ("requirements.txt",)
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
    }
    metadata["general"].update({key: value for key, value in known.items() if value})
    return metadata


def find_missing(metadata: configparser.ConfigParser) -> list[str]:
    """What plugins.qgis.org would refuse the plugin for."""
    return [key for key in REQUIRED if not metadata["general"].get(key)]


def write_zip(out: Path, metadata: configparser.ConfigParser) -> None:
    """The same files give the same zip, whenever it is made."""
    text = io.StringIO()
    metadata.write(text, space_around_delimiters=False)
    files = {path.name: path.read_bytes() for path in PLUGIN.iterdir() if path.suffix in SUFFIXES or path.name in TEXTS}
    files |= translate.compile_all()
    files |= {"metadata.txt": text.getvalue().encode(), "LICENSE": (ROOT / "LICENSE").read_bytes()}
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in sorted(files):
            entry = zipfile.ZipInfo(f"{PLUGIN.name}/{name}", (1980, 1, 1, 0, 0, 0))
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            packed.writestr(entry, files[name])


def main() -> None:
    """Pack it, and say what it is good for."""
    metadata = to_metadata(read_project())
    OUT.parent.mkdir(exist_ok=True)
    write_zip(OUT, metadata)
    print(f"{OUT.relative_to(ROOT)}: {OUT.stat().st_size:,} bytes, version {metadata['general']['version']}")
    if missing := find_missing(metadata):
        print(f"plugins.qgis.org also wants {', '.join(missing)}: see pyproject.toml (authors, urls)", file=sys.stderr)


if __name__ == "__main__":
    main()
