"""Runs in QGIS's own Python, as `session.py` does: web layers of `map_server.py`, whose folder MAP_WORK names."""

from __future__ import annotations

import os
import threading
import time

from osgeo import gdal
from qgis.core import QgsCoordinateTransformContext, QgsProcessingException, QgsRasterLayer, QgsRectangle
from session import WORK, Feedback, main, processes

MAP = os.environ["MAP_WORK"]
with open(os.path.join(MAP, "port"), encoding="utf-8") as file:
    SERVER = f"http://127.0.0.1:{file.read()}"


def layer_of(kind):
    if kind == "wms":
        uri = f"crs=EPSG:3857&dpiMode=7&format=image/png&layers=picture&styles=&url={SERVER}/wms"
    else:
        uri = f"type=xyz&url={SERVER}/{kind}/%7Bz%7D/%7Bx%7D/%7By%7D&zmin=0&zmax=18"
    layer = QgsRasterLayer(uri, kind, "wms")
    assert layer.isValid(), layer.error().message()
    return layer


def inside():
    """Most of the picture."""
    box = QgsRasterLayer(os.path.join(MAP, "picture.tif"), "picture").extent()
    return box.buffered(-25.0)


def run(algorithm, kind, **more):
    import processing

    out = os.path.join(WORK, f"{kind}.gpkg" if algorithm == "extractroads" else f"{kind}.tif")
    arguments = {"INPUT": layer_of(kind), "EXTENT": inside(), "OUTPUT": out, **more}
    feedback, started = Feedback(), time.monotonic()
    if more.pop("cancel_s", None):
        threading.Timer(1.0, feedback.cancel).start()
    try:
        results, error = processing.run("road_extract:" + algorithm, arguments, feedback=feedback), ""
    except QgsProcessingException as found:
        results, error = {}, str(found)
    return {
        "results": results, "error": error, "seconds": time.monotonic() - started, "said": feedback.said,
        "percents": feedback.percents, "left": processes(), "written": os.path.exists(out),
        "rendered": [name for name in temporary_files() if "rendered" in name],
    }  # fmt: skip


def temporary_files():
    from qgis.core import QgsProcessingUtils

    return [name for _, _, names in os.walk(QgsProcessingUtils.tempFolder()) for name in names]


def xyz():
    """To roads and probability; and the picture itself warped as the layer is, for the command line."""
    from road_extract_qgis.web_layers import plan_web_scene

    found = run("extractroads", "good", PROBABILITY=os.path.join(WORK, "good.tif"))
    picture = QgsRasterLayer(os.path.join(MAP, "picture.tif"), "picture")
    scene = plan_web_scene(layer_of("good"), inside(), picture.crs(), 1.0, QgsCoordinateTransformContext())
    box = scene.box
    found["crs"], found["picture"] = scene.target.authid(), os.path.join(WORK, "picture_utm.tif")
    gdal.Warp(found["picture"], picture.source(), options=gdal.WarpOptions(
        dstSRS=found["crs"], xRes=1.0, yRes=1.0, dstAlpha=True, resampleAlg="bilinear",
        outputBounds=(box.xMinimum(), box.yMinimum(), box.xMaximum(), box.yMaximum()),
    )).FlushCache()  # fmt: skip
    return found


def fetched():
    """The copy of the tiles, before anything is resampled, and where it lies in the picture."""
    from road_extract_qgis.web_layers import fetch, plan_web_scene

    picture = QgsRasterLayer(os.path.join(MAP, "picture.tif"), "picture")
    scene = plan_web_scene(layer_of("good"), inside(), picture.crs(), 1.0, QgsCoordinateTransformContext())
    path = os.path.join(WORK, "fetched.tif")
    feedback = Feedback()
    return {"done": fetch(scene, path, feedback, feedback.isCanceled), "path": path, "size": scene.size()}


def wms():
    return run("extractroads", "wms")


def flaky():
    return run("roadprobability", "flaky")


def failing():
    return run("roadprobability", "failing")


def slow():
    return run("roadprobability", "slow", cancel_s=1.0)


def too_large():
    return run("roadprobability", "good", EXTENT=QgsRectangle(-12900000, 4300000, -12800000, 4400000))


def whole_world():
    return run("roadprobability", "good", EXTENT=None)


def without_imagery():
    return run("roadprobability", "good", EXTENT=QgsRectangle(-12900000, 4300000, -12899500, 4300500))


def formula():
    """A virtual raster, which is no web layer, but only QGIS can read it."""
    import processing

    picture = os.path.join(MAP, "picture.tif")
    box = QgsRasterLayer(picture, "picture").extent()
    uri = (
        f"?crs=EPSG:3857&extent={box.xMinimum()},{box.yMinimum()},{box.xMaximum()},{box.yMaximum()}&width=343&height=418"
        f"&formula=%22x@1%22&x:uri={picture}&x:provider=gdal"
    )
    layer = QgsRasterLayer(uri, "a formula", "virtualraster")
    assert layer.isValid(), layer.error().message()
    out = os.path.join(WORK, "formula.tif")
    processing.run("road_extract:roadprobability", {"INPUT": layer, "OUTPUT": out}, feedback=Feedback())
    return {"written": os.path.exists(out)}


if __name__ == "__main__":
    main((xyz, fetched, wms, flaky, failing, slow, too_large, whole_world, without_imagery, formula))
