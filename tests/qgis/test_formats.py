"""QGIS itself opens the files that docs/qgis.md says it can open, without a warning."""

import json

import numpy as np
import pytest
from rasterio.crs import CRS

from road_extract import VectorizeOptions, vectorize_roads
from road_extract.base.grid import RasterGrid
from road_extract.io.raster import open_probability_sink
from tests.helpers.scenes import UTM
from tests.qgis.conftest import SYSTEM_PYTHON

SCRIPT = """
import json, sys
from osgeo import gdal
from qgis.core import QgsApplication, QgsRasterLayer, QgsVectorLayer
said = []
gdal.PushErrorHandler(lambda kind, number, text: said.append(text))
app = QgsApplication([], False)
app.initQgis()
app.messageLog().messageReceived.connect(lambda text, tag, level: said.append(text))
found = {}
for path in sys.argv[1:]:
    layer = QgsRasterLayer(path, "r") if path.endswith(".tif") else QgsVectorLayer(path, "r", "ogr")
    count = None if path.endswith(".tif") or not layer.isValid() else layer.featureCount()
    found[path] = [layer.isValid(), count, said[:]]
    said.clear()
del layer
print(json.dumps({"files": found, "parquet": gdal.GetDriverByName("Parquet") is not None}))
app.exitQgis()
"""


@pytest.mark.slow
def test_qgis_opens_every_format_without_a_warning_and_parquet_where_its_gdal_can(qgis, tmp_path):
    rows = np.zeros((200, 260), np.uint8)
    rows[95:103] = 240
    grid = RasterGrid(*rows.shape, UTM, CRS.from_epsg(32611).to_wkt())
    with open_probability_sink(tmp_path / "p.tif", grid, {}) as sink:
        sink.write(rows)
    both = VectorizeOptions(geometry="both")
    for suffix in (".gpkg", ".geojson", ".fgb", ".parquet"):
        vectorize_roads(tmp_path / "p.tif", tmp_path / f"r{suffix}", options=both)
    names = ["p.tif", "r.gpkg|layername=roads", "r.gpkg|layername=road_lines", "r.geojson", "r.fgb", "r.parquet"]
    done = qgis.start([SYSTEM_PYTHON, "-c", SCRIPT, *(str(tmp_path / name) for name in names)])
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    *others, parquet = said["files"].values()
    assert [found[0] for found in others] == [True] * 5
    assert [found[1] for found in others[1:]] == [1] * 4
    assert [found[2] for found in others] == [[]] * 5
    assert parquet[0] == said["parquet"]
