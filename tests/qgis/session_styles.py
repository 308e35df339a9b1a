"""Runs in QGIS's own Python: opens results that have styles, draws maps of them, and prints what it saw as JSON.

Arguments: folder with the results, folder with the styles.
"""

from __future__ import annotations

import json
import os
import sys

from qgis.core import (
    QgsApplication,
    QgsMapRendererParallelJob,
    QgsMapSettings,
    QgsRasterLayer,
    QgsSingleSymbolRenderer,
    QgsSymbol,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QSize
from qgis.PyQt.QtGui import QColor

WORK, STYLES = sys.argv[1:3]
#: Tests of red, green and blue, each 0 to 255.
COLOURS = {
    "blue": lambda r, g, b: b > 180 and r < 90 and g < 110,
    "yellow": lambda r, g, b: r > 200 and g > 130 and b < 170,
    "green": lambda r, g, b: g > 110 and r < 80 and b < 110,
    "red": lambda r, g, b: r > 180 and g < 80 and b < 90,
}


def vector(name):
    layer = QgsVectorLayer(os.path.join(WORK, name), name, "ogr")
    assert layer.isValid(), name
    return layer


def shares(layer, name):
    """Draw a map on white and return the share of its pixels of each colour."""
    settings = QgsMapSettings()
    settings.setLayers([layer])
    settings.setDestinationCrs(layer.crs())
    settings.setExtent(_wider(layer.extent()))
    settings.setOutputSize(QSize(400, 400))
    settings.setBackgroundColor(QColor("white"))
    job = QgsMapRendererParallelJob(settings)
    job.start()
    job.waitForFinished()
    image = job.renderedImage()
    image.save(os.path.join(WORK, f"{name}.png"))
    colours = [image.pixelColor(x, y).getRgb()[:3] for x in range(400) for y in range(400)]
    return {word: sum(is_one(*rgb) for rgb in colours) / len(colours) for word, is_one in COLOURS.items()}


def _wider(extent):
    extent.scale(1.1)
    return extent


def by_sld(layer, style):
    """Forget the style of a layer and load it from SLD."""
    layer.setRenderer(QgsSingleSymbolRenderer(QgsSymbol.defaultSymbol(layer.geometryType())))
    return layer.loadSldStyle(os.path.join(STYLES, style + ".sld"))[1]


def main():
    polygons, lines = vector("r.gpkg|layername=roads"), vector("r.gpkg|layername=road_lines")
    geojson, differences = vector("g.geojson"), vector("d.gpkg")
    raster = QgsRasterLayer(os.path.join(WORK, "p.tif"), "p.tif")
    layers = [polygons, lines, geojson, raster]
    renderers = {layer.name(): layer.renderer().type() for layer in layers}
    legend = [category.label() for category in lines.renderer().categories()]
    maps = {"lines": lines, "geojson": geojson, "probability": raster}
    seen = {name: shares(layer, name) for name, layer in maps.items()}
    named = {"roads": polygons, "road_lines": lines, "road_differences": differences}
    sld = {style: by_sld(layer, style) for style, layer in named.items()}
    maps = {"lines by sld": lines, "polygons by sld": polygons, "differences by sld": differences}
    seen |= {name: shares(layer, name) for name, layer in maps.items()}
    print(json.dumps({"renderers": renderers, "legend": legend, "sld": sld, "shares": seen}))


application = QgsApplication([], False)
application.initQgis()
main()
application.exitQgis()
