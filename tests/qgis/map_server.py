"""A web map of one picture, on this machine only: XYZ tiles, and a WMS by QGIS Server. Runs in QGIS's own Python.

Arguments: the scene, a folder to work in. It writes the port to ``port``, the picture (EPSG:3857, in the pixels of zoom
level 17) to ``picture.tif``, and the number of requests to ``requests``. The first part of a path says how it behaves:
``good``, ``slow`` (seconds for each tile), ``failing`` (503), ``flaky`` (every second tile fails at first).
"""

from __future__ import annotations

import math
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from osgeo import gdal

SCENE, WORK = sys.argv[1:3]
PICTURE, ZOOM = os.path.join(WORK, "picture.tif"), 17
HALF = 20037508.342789244
PIXEL = 2 * HALF / 256 / 2**ZOOM

gdal.UseExceptions()
lock = threading.Lock()
failed: set[str] = set()
counted: dict[str, int] = {}
wms = None


def make_picture():
    """The scene in the pixels of the tiles."""
    plain = gdal.Warp("", SCENE, options=gdal.WarpOptions(format="MEM", dstSRS="EPSG:3857"))
    x, _, _, y, _, _ = plain.GetGeoTransform()
    west, north = math.floor((x + HALF) / PIXEL), math.floor((HALF - y) / PIXEL)
    cols, rows = (
        math.ceil(size * plain.GetGeoTransform()[1] / PIXEL) for size in (plain.RasterXSize, plain.RasterYSize)
    )
    west, north = west * PIXEL - HALF, HALF - north * PIXEL
    box = (west, north - rows * PIXEL, west + cols * PIXEL, north)
    options = gdal.WarpOptions(
        dstSRS="EPSG:3857", outputBounds=box, width=cols, height=rows, dstAlpha=True, resampleAlg="bilinear"
    )
    gdal.Warp(PICTURE, SCENE, options=options).FlushCache()


def to_tile(zoom, x, y):
    """PNG of a tile, or None outside of the picture and its level."""
    picture = gdal.Open(PICTURE)
    west, _, _, north, _, _ = picture.GetGeoTransform()
    col = round((x * 256 * PIXEL - HALF - west) / PIXEL)
    row = round((north - (HALF - y * 256 * PIXEL)) / PIXEL)
    if zoom != ZOOM or col <= -256 or row <= -256 or col >= picture.RasterXSize or row >= picture.RasterYSize:
        return None
    tile = gdal.GetDriverByName("MEM").Create("", 256, 256, 4)
    left, top = max(col, 0), max(row, 0)
    width, height = min(col + 256, picture.RasterXSize) - left, min(row + 256, picture.RasterYSize) - top
    tile.WriteRaster(left - col, top - row, width, height, picture.ReadRaster(left, top, width, height))
    name = f"/vsimem/{threading.get_ident()}.png"
    gdal.GetDriverByName("PNG").CreateCopy(name, tile)
    size = gdal.VSIStatL(name).size
    file = gdal.VSIFOpenL(name, "rb")
    content = bytes(gdal.VSIFReadL(1, size, file))
    gdal.VSIFCloseL(file)
    gdal.Unlink(name)
    return content


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        parts = urlsplit(self.path).path.strip("/").split("/")
        with lock:
            counted[parts[0]] = counted.get(parts[0], 0) + 1
        if parts[0] == "wms":
            self.wms()
            return
        if parts[0] == "slow":
            time.sleep(3)
        fails = parts[0] == "failing" or (parts[0] == "flaky" and self.fails_first(parts))
        if fails:
            self.answer(503, b"busy", "text/plain")
            return
        with lock:
            zoom, x, y = map(int, parts[1:4])
            content = to_tile(zoom, x, y)
        self.answer(200 if content else 404, content or b"", "image/png")

    def fails_first(self, parts):
        first = self.path not in failed and (int(parts[2]) + int(parts[3])) % 2 == 0
        failed.add(self.path)
        return first

    def wms(self):
        done = threading.Event()
        jobs.append((f"http://{self.headers['Host']}{self.path}", done, found := {}))
        wake.set()
        done.wait(60)
        self.answer(found["status"], found["body"], found["type"])

    def answer(self, status, body, kind):
        try:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):  # it was cancelled
            return

    def log_message(self, *args):
        return


jobs: list = []
wake = threading.Event()


def make_project():
    """A project of QGIS Server with the picture."""
    from qgis.core import QgsProject, QgsRasterLayer

    project = QgsProject.instance()
    layer = QgsRasterLayer(PICTURE, "picture")
    project.addMapLayer(layer)
    project.setCrs(layer.crs())
    path = os.path.join(WORK, "picture.qgs")
    project.write(path)
    project.clear()
    return path


def main():
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from qgis.core import QgsApplication

    application = QgsApplication([], False)
    application.initQgis()
    make_picture()
    os.environ["QGIS_PROJECT_FILE"] = make_project()
    from qgis.server import QgsBufferServerRequest, QgsBufferServerResponse, QgsServer

    server = QgsServer()
    web = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    port = os.path.join(WORK, "port")
    with open(port + ".new", "w", encoding="utf-8") as file:
        file.write(str(web.server_address[1]))
    os.rename(port + ".new", port)
    parent = os.getppid()
    while os.getppid() == parent:  # ends with the tests
        wake.wait(0.2)
        wake.clear()
        while jobs:
            url, done, found = jobs.pop(0)
            response = QgsBufferServerResponse()
            server.handleRequest(QgsBufferServerRequest(url), response)
            found.update(status=response.statusCode(), body=bytes(response.body()),
                         type=response.header("Content-Type") or "text/xml")  # fmt: skip
            done.set()
    os._exit(0)


if __name__ == "__main__":
    main()
