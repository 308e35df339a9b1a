"""Write the styles that travel with results: ``python3 qgis/generate_styles.py``, with a Python that has QGIS.

The styles are those of the plugin (``road_extract_qgis/styles.py``), saved by QGIS as QML and as SLD into
``road_extract/io/styles``. The tests compare these files with what this makes.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ["QT_HASH_SEED"] = "0"  # otherwise, the attributes of XML elements are in another order in every run

from osgeo import gdal
from qgis.core import QgsApplication, QgsMapLayer, QgsRasterLayer, QgsVectorLayer

FOLDER = Path(__file__).parent
OUT = FOLDER.parent / "road_extract" / "io" / "styles"
sys.path.append(str(FOLDER))

#: Layers as the package writes them: geometry and the attribute that the style looks at.
VECTORS = {
    "roads": "Polygon?crs=EPSG:4326&field=id:integer",
    "road_lines": "LineString?crs=EPSG:4326&field=bridged:bool",
    "road_differences": "LineString?crs=EPSG:4326&field=status:string",
}


_IS_NULL = "<ogc:PropertyIsNull><ogc:PropertyName>confidence</ogc:PropertyName></ogc:PropertyIsNull>"
_TRUTH = (
    r"<ogc:PropertyIsEqualTo>\s*<ogc:PropertyName>bridged</ogc:PropertyName>\s*"
    r"<ogc:Literal>{}</ogc:Literal>\s*</ogc:PropertyIsEqualTo>"
)


def make_all(out: Path) -> None:
    """Write all styles into a folder."""
    from road_extract_qgis.styles import paint_differences, paint_probability, paint_roads

    painters: dict[str, Callable[[Any], None]] = {"road_differences": paint_differences}
    for name, uri in VECTORS.items():
        layer = QgsVectorLayer(uri, name, "memory")
        painters.get(name, paint_roads)(layer)
        _save(layer, out, name)
    with tempfile.TemporaryDirectory() as folder:
        raster = QgsRasterLayer(_probability(Path(folder)), "probability")
        paint_probability(raster)
        _save(raster, out, "probability")
        del raster


def _probability(folder: Path) -> str:
    path = str(folder / "probability.tif")
    dataset = gdal.GetDriverByName("GTiff").Create(path, 8, 8, 1, gdal.GDT_Byte)
    dataset.SetGeoTransform((0, 1, 0, 0, 0, -1))
    dataset.GetRasterBand(1).SetScale(1 / 254)
    dataset.GetRasterBand(1).SetNoDataValue(255)
    dataset.FlushCache()
    return path


def _save(layer: Any, out: Path, name: str) -> None:
    symbology = QgsMapLayer.StyleCategory.Symbology
    text, done = layer.saveNamedStyle(str(out / f"{name}.qml"), symbology)
    if not done:
        raise OSError(text)
    text, done = layer.saveSldStyle(str(out / f"{name}.sld"))
    if not done:
        raise OSError(text)
    for path in (out / f"{name}.qml", out / f"{name}.sld"):
        path.write_text(_settled(path.read_text(encoding="utf-8")), encoding="utf-8")


def _settled(text: str) -> str:
    """Make a style the same in every run, and readable everywhere.

    QGIS gives random ids to symbol layers, which none of its versions needs. In SLD, it does not find truth values, so
    bridged gaps are told by their confidence, which no other line has. For rasters, it writes a layer that belongs to
    the user instead of one with a name, as servers expect it.
    """
    text = re.sub(r' id="\{[0-9a-f-]{36}\}"', "", text)
    for value, test in (("false", _IS_NULL), ("true", f"<ogc:Not>{_IS_NULL}</ogc:Not>")):
        text = re.sub(_TRUTH.format(value), test, text)
    name = "<NamedLayer>\n    <sld:Name>probability</sld:Name>"
    return re.sub(r"<UserLayer>.*?</sld:LayerFeatureConstraints>", name, text, flags=re.DOTALL).replace(
        "</UserLayer>", "</NamedLayer>"
    )


if __name__ == "__main__":
    application = QgsApplication([], False)
    application.initQgis()
    make_all(Path(sys.argv[1]) if len(sys.argv) > 1 else OUT)
    application.exitQgis()
