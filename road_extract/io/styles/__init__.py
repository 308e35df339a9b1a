"""Styles that travel with results: QML for QGIS, SLD for QGIS and others. `qgis/generate_styles.py` writes the files.

In a GeoPackage, the styles of its layers are in the table ``layer_styles``, where QGIS looks for them. For any other
file, they are files beside it with the same name, which end in ``.qml`` and ``.sld``.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from importlib import resources
from pathlib import Path

from road_extract.base.errors import OutputError
from road_extract.base.files import space_advice, write_text

#: Layers that have a style. The probability raster counts as one.
LAYERS = ("roads", "road_lines", "road_differences", "probability")
#: Suffixes of files beside an output.
SUFFIXES = (".qml", ".sld")
#: Outputs that can have styles beside them.
_STYLED = frozenset({".geojson", ".fgb", ".parquet", ".tif", ".tiff"})
# A fixed date, so that equal results give equal bytes.
_DATE = "1970-01-01T00:00:00.000Z"

# As QGIS 3 itself creates it (QgsOgrProviderUtils).
_TABLE = """
CREATE TABLE layer_styles (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, f_table_catalog TEXT(256), f_table_schema TEXT(256),
    f_table_name TEXT(256), f_geometry_column TEXT(256), styleName TEXT(30), styleQML TEXT, styleSLD TEXT,
    useAsDefault BOOLEAN, description TEXT, owner TEXT(30), ui TEXT(30), update_time DATETIME DEFAULT CURRENT_TIMESTAMP
)"""
_CONTENTS = """
INSERT INTO gpkg_contents (table_name, data_type, identifier, description, last_change)
VALUES ('layer_styles', 'attributes', 'layer_styles', '', ?)"""
_ROW = """
INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, f_geometry_column, styleName, styleQML,
    styleSLD, useAsDefault, description, owner, update_time)
VALUES ('', '', ?, 'geom', ?, ?, ?, 1, 'Style of road_extract', '', ?)"""


def read_style(layer: str, suffix: str) -> str:
    """Read the style of a layer.

    Args:
        layer: One of `LAYERS`.
        suffix: One of `SUFFIXES`.
    """
    return resources.files("road_extract.io.styles").joinpath(f"{layer}{suffix}").read_text(encoding="utf-8")


def style_paths(path: Path) -> list[Path]:
    """The style files beside an output; none for a GeoPackage, and for formats that QGIS does not style that way."""
    return [path.with_suffix(suffix) for suffix in SUFFIXES] if path.suffix.lower() in _STYLED else []


def write_style_files(path: Path, layer: str) -> None:
    """Write the style of an output beside it, if it can have one there.

    Args:
        path: The output.
        layer: One of `LAYERS`.

    Raises:
        OutputError: If a file cannot be written.
    """
    for beside in style_paths(path):
        write_text(beside, read_style(layer, beside.suffix))


def add_styles(path: Path) -> None:
    """Add the styles of its layers to an output, in place, if it is a GeoPackage. Pass a temporary file.

    Raises:
        OutputError: If it cannot be written.
    """
    if path.suffix.lower() != ".gpkg":
        return
    try:
        with closing(sqlite3.connect(path)) as database, database:
            rows = database.execute("SELECT table_name FROM gpkg_contents WHERE data_type = 'features'").fetchall()
            styled = [layer for (layer,) in rows if layer in LAYERS]
            if not styled:
                return
            database.execute(_TABLE)
            database.execute(_CONTENTS, (_DATE,))
            for layer in styled:
                texts = [read_style(layer, suffix) for suffix in SUFFIXES]
                database.execute(_ROW, (layer, layer, *texts, _DATE))
    except sqlite3.Error as error:
        raise OutputError(f"{path}: cannot be written ({error}){space_advice(path, error)}") from error
