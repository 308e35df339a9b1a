"""Renders layers that only QGIS can read (XYZ, WMS, WMTS, virtual rasters) to a GeoTIFF that any program can read.

Tiled layers are fetched in their own pixels at the coarsest level that is fine enough; nothing is resampled on the way.
Then GDAL warps the copy to the UTM zone of the place, at the model's GSD. Both steps work block by block.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable, NamedTuple

from osgeo import gdal  # QGIS's own, as Processing uses it
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsNetworkAccessManager,
    QgsNetworkReplyContent,
    QgsPointXY,
    QgsRasterBlockFeedback,
    QgsRasterLayer,
    QgsRectangle,
)
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QImage
from qgis.PyQt.QtNetwork import QNetworkReply, QNetworkRequest

from .interpreter import ChildError

#: Pixel size of the shipped model, in metres.
STANDARD_GSD_M = 1.0
#: Size of the blocks to render: four tiles of the usual size along each side.
BLOCK_PX = 1024
TILE_PX = 256
#: Seconds to wait before each new attempt to render a failed block.
RETRIES_S = (1.0, 3.0)
LIMIT_KM2 = 100.0
#: Failures of the provider; a missing tile (404) means that there is no imagery.
NO_TILE = (204, 404)

TERMS = (
    "The imagery comes from a web service. Its terms of use may forbid automatic downloads or derived data: "
    "respecting them is up to you"
)


class WebScene(NamedTuple):
    """A part of a layer to render.

    Attributes:
        layer: A copy of the provider, or of the whole layer if its style matters.
        name: Name of the layer.
        crs: CRS of the layer.
        target: CRS of the result.
        box: Extent in `target`, in metres.
        gsd_m: Pixel size of the result, metres.
        resolution: Pixel size at which the layer is read, in its own units.
        origin: Corner of the grid of the layer's pixels.
        context: Context for coordinate transformations.
    """

    layer: Any
    name: str
    crs: QgsCoordinateReferenceSystem
    target: QgsCoordinateReferenceSystem
    box: QgsRectangle
    gsd_m: float
    resolution: float
    origin: QgsPointXY
    context: Any

    def source_box(self) -> QgsRectangle:
        """Return the box to read from the layer: whole pixels, with a margin for resampling."""
        transform = QgsCoordinateTransform(self.target, self.crs, self.context)
        box = transform.transformBoundingBox(self.box)
        box.grow(4 * self.resolution)
        steps = [
            math.floor((box.xMinimum() - self.origin.x()) / self.resolution),
            math.floor((box.yMinimum() - self.origin.y()) / self.resolution),
            math.ceil((box.xMaximum() - self.origin.x()) / self.resolution),
            math.ceil((box.yMaximum() - self.origin.y()) / self.resolution),
        ]
        x0, y0, x1, y1 = (step * self.resolution for step in steps)
        return QgsRectangle(self.origin.x() + x0, self.origin.y() + y0, self.origin.x() + x1, self.origin.y() + y1)

    def size(self) -> tuple[int, int]:
        """Return the number of columns and rows to read."""
        box = self.source_box()
        return round(box.width() / self.resolution), round(box.height() / self.resolution)

    def area_km2(self) -> float:
        """Return the area of the result."""
        return float(self.box.width() * self.box.height()) / 1e6

    def estimate(self) -> str:
        """Describe the cost of rendering, in one sentence."""
        cols, rows = self.size()
        tiles = math.ceil(cols / TILE_PX) * math.ceil(rows / TILE_PX)
        return (
            f"Rendering {self.area_km2():.2f} km\u00b2 of {self.name}: {cols:,} x {rows:,} pixels, about {tiles:,} "
            f"tiles, up to {cols * rows * 4 / 1e6 + 1:,.0f} MB on disk until the run ends"
        )


def is_web(layer: QgsRasterLayer | None) -> bool:
    """Check whether only QGIS can read a layer."""
    return layer is not None and layer.isValid() and layer.providerType() != "gdal"


def metric_crs(box: QgsRectangle, crs: QgsCoordinateReferenceSystem, context: Any) -> QgsCoordinateReferenceSystem:
    """Return the UTM zone of a location; polar stereographic beyond 84 degrees north and 80 degrees south."""
    wgs84 = QgsCoordinateReferenceSystem("EPSG:4326")
    centre = QgsCoordinateTransform(crs, wgs84, context).transform(box.center())
    if not -80 <= centre.y() <= 84:
        return QgsCoordinateReferenceSystem("EPSG:3413" if centre.y() > 0 else "EPSG:3031")
    zone = int((centre.x() + 180) // 6) % 60 + 1
    return QgsCoordinateReferenceSystem(f"EPSG:{(32600 if centre.y() >= 0 else 32700) + zone}")


def model_gsd_m(folder: str) -> float:
    """Return the GSD of a model; that of the shipped model if it cannot be read, which the child will report."""
    try:
        spec = json.loads(Path(folder, "spec.json").read_text(encoding="utf-8"))
        return float(spec["gsd_m"])
    except (OSError, ValueError, KeyError, TypeError):
        return STANDARD_GSD_M


def plan_web_scene(
    layer: QgsRasterLayer, box: QgsRectangle, box_crs: QgsCoordinateReferenceSystem, gsd_m: float, context: Any
) -> WebScene:
    """Decide how to render a part of a layer. Call it in the main thread.

    Args:
        layer: That only QGIS can read.
        box: The part.
        box_crs: Of `box`.
        gsd_m: Pixel size wanted.
        context: Context for coordinate transformations.
    """
    target = metric_crs(box, box_crs, context)
    metres = QgsCoordinateTransform(box_crs, target, context).transformBoundingBox(box)
    # whole pixels, so that the result does not depend on the last digits of the extent
    west, north = math.floor(metres.xMinimum() / gsd_m) * gsd_m, math.ceil(metres.yMaximum() / gsd_m) * gsd_m
    east, south = math.ceil(metres.xMaximum() / gsd_m) * gsd_m, math.floor(metres.yMinimum() / gsd_m) * gsd_m
    metres = QgsRectangle(west, south, east, north)
    provider = layer.dataProvider()
    wanted = gsd_m * _units_per_metre(metres, target, layer.crs(), context)
    native = sorted(provider.nativeResolutions())
    # a zoom level within 5 % of the target is fine enough
    resolution = max((step for step in native if step <= wanted * 1.05), default=native[0] if native else wanted)
    extent = provider.extent()
    origin = QgsPointXY(extent.xMinimum(), extent.yMaximum()) if native else QgsPointXY(0.0, 0.0)
    source = provider.clone() if layer.providerType() == "wms" else layer.clone()
    return WebScene(source, layer.name(), layer.crs(), target, metres, gsd_m, resolution, origin, context)


def _units_per_metre(
    box: QgsRectangle, crs: QgsCoordinateReferenceSystem, layer_crs: QgsCoordinateReferenceSystem, context: Any
) -> float:
    """Return the local number of layer units per metre, north to south: Web Mercator's metres are not true metres."""
    transform = QgsCoordinateTransform(crs, layer_crs, context)
    half = 50.0
    x, y = box.center().x(), box.center().y()
    low, high = (transform.transform(QgsPointXY(x, y + offset)) for offset in (-half, half))
    return math.hypot(high.x() - low.x(), high.y() - low.y()) / (2 * half)


def why_too_large(scene: WebScene, limit_km2: float) -> str:
    """Explain why a part is too large to render; empty if it is not."""
    if scene.area_km2() <= limit_km2:
        return ""
    return (
        f"{scene.area_km2():,.0f} km\u00b2 of {scene.name} would be downloaded, and the limit is {limit_km2:,.0f}: "
        "choose a smaller extent, or raise the limit under the advanced parameters"
    )


def render(scene: WebScene, path: str, feedback: Any, is_cancelled: Callable[[], bool]) -> bool:
    """Write the part as a GeoTIFF.

    Args:
        scene: The part.
        path: To write.
        feedback: Has the methods of QgsProcessingFeedback; its bar moves from 0 to 100.
        is_cancelled: Asked between blocks and while one is waited for.

    Returns:
        False if it was cancelled; then there is no file.

    Raises:
        ChildError: If the service fails for good, or the file cannot be written.
    """
    fetched = path + ".fetched.tif"
    done = False
    try:
        done = fetch(scene, fetched, feedback, is_cancelled) and _warp(scene, fetched, path, is_cancelled)
    finally:
        for file in (fetched, *(() if done else (path,))):
            if os.path.exists(file):
                os.remove(file)
    return done


def fetch(scene: WebScene, path: str, feedback: Any, is_cancelled: Callable[[], bool]) -> bool:
    """Copy the layer's pixels in its own CRS; see `render`."""
    cols, rows = scene.size()
    box = scene.source_box()
    options = ["TILED=YES", "COMPRESS=DEFLATE", "ZLEVEL=1", "BIGTIFF=IF_SAFER", "PHOTOMETRIC=RGB", "ALPHA=YES"]
    target = gdal.GetDriverByName("GTiff").Create(path, cols, rows, 4, gdal.GDT_Byte, options)
    if target is None:
        raise ChildError(f"{path} cannot be written: is the disk full?")
    target.SetProjection(scene.crs.toWkt())
    target.SetGeoTransform((box.xMinimum(), scene.resolution, 0.0, box.yMaximum(), 0.0, -scene.resolution))
    blocks = list(_blocks(cols, rows))
    reader = _Reader(scene, feedback, is_cancelled)
    for number, (col, row, width, height) in enumerate(blocks):
        pixels = reader.read(_part(scene, box, (col, row, width, height)), width, height)
        if pixels is None:
            return False
        target.WriteRaster(col, row, width, height, pixels, width, height, gdal.GDT_Byte, [1, 2, 3, 4], 4, 4 * width, 1)
        feedback.setProgress(100.0 * (number + 1) / len(blocks))
    if reader.is_empty:
        raise ChildError(f"{scene.name} has no imagery there at this scale: choose another extent or another layer")
    target.FlushCache()
    return True


def _blocks(cols: int, rows: int) -> Iterator[tuple[int, int, int, int]]:
    for row in range(0, rows, BLOCK_PX):
        for col in range(0, cols, BLOCK_PX):
            yield col, row, min(BLOCK_PX, cols - col), min(BLOCK_PX, rows - row)


def _part(scene: WebScene, box: QgsRectangle, block: tuple[int, int, int, int]) -> QgsRectangle:
    col, row, width, height = block
    west, north = box.xMinimum() + col * scene.resolution, box.yMaximum() - row * scene.resolution
    return QgsRectangle(west, north - height * scene.resolution, west + width * scene.resolution, north)


class _Reader:
    """Reads blocks, with retries if the service fails, in the thread that creates it.

    Attributes:
        is_empty: Whether nothing that was read so far shows anything.
    """

    def __init__(self, scene: WebScene, feedback: Any, is_cancelled: Callable[[], bool]) -> None:
        self.is_empty = True
        self._scene, self._feedback, self._is_cancelled = scene, feedback, is_cancelled
        self._source = scene.layer.pipe().last() if isinstance(scene.layer, QgsRasterLayer) else scene.layer
        self._failures: list[str] = []

    def read(self, part: QgsRectangle, width: int, height: int) -> bytes | None:
        """Red, green, blue, alpha of every pixel; None if it was cancelled.

        Raises:
            ChildError: If the service fails for good.
        """
        for pause_s in (0.0, *RETRIES_S):
            if not self._wait(pause_s):
                return None
            pixels = self._try(part, width, height)
            if self._is_cancelled():
                return None
            if not self._failures and pixels is not None:
                self.is_empty = self.is_empty and not any(pixels[3::4])
                return pixels
        why = self._failures[-1] if self._failures else "no answer"
        raise ChildError(
            f"{self._scene.name} does not deliver its imagery ({why}): "
            "check that it shows on the map there, then try again later or with a smaller extent"
        )

    def _wait(self, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self._is_cancelled():
            time.sleep(0.05)
        return not self._is_cancelled()

    def _try(self, part: QgsRectangle, width: int, height: int) -> bytes | None:
        self._failures = []
        feedback = QgsRasterBlockFeedback()
        # immediately, in the thread of the button, because the provider is waiting for the network
        self._feedback.canceled.connect(feedback.cancel, Qt.ConnectionType.DirectConnection)
        manager = QgsNetworkAccessManager.instance()  # that of this thread
        manager.finished[QgsNetworkReplyContent].connect(self._look_at)
        try:
            block = self._source.block(1, part, width, height, feedback)
        finally:
            manager.finished[QgsNetworkReplyContent].disconnect(self._look_at)
            self._feedback.canceled.disconnect(feedback.cancel)
        image = block.image() if block is not None and block.isValid() else QImage()
        if image.isNull():
            return None
        plain = image.convertToFormat(QImage.Format.Format_RGBA8888)
        bits = plain.constBits()
        bits.setsize(plain.sizeInBytes())
        return bytes(bits)

    def _look_at(self, reply: Any) -> None:
        status = reply.attribute(QNetworkRequest.Attribute.HttpStatusCodeAttribute)
        good = reply.error() == QNetworkReply.NetworkError.NoError or status in NO_TILE
        cancelled = reply.error() == QNetworkReply.NetworkError.OperationCanceledError and self._is_cancelled()
        if not good and not cancelled:
            self._failures.append(f"HTTP {status}" if status else str(reply.errorString()))


def _warp(scene: WebScene, fetched: str, path: str, is_cancelled: Callable[[], bool]) -> bool:
    """Warp to the CRS and GSD of the result, averaging if pixels become larger."""
    box, gsd = scene.box, scene.gsd_m
    options = gdal.WarpOptions(
        format="GTiff", dstSRS=scene.target.toWkt(), xRes=gsd, yRes=gsd, dstAlpha=True, srcAlpha=True,
        outputBounds=(box.xMinimum(), box.yMinimum(), box.xMaximum(), box.yMaximum()),
        resampleAlg=gdal.GRA_Bilinear, warpMemoryLimit=128, multithread=False,
        creationOptions=["TILED=YES", "COMPRESS=DEFLATE", "ZLEVEL=1", "BIGTIFF=IF_SAFER"],
        callback=lambda share, message, data: 0 if is_cancelled() else 1,
    )  # fmt: skip
    try:
        result = gdal.Warp(path, fetched, options=options)
    except RuntimeError as error:  # another plugin has enabled GDAL's exceptions
        if is_cancelled():
            return False
        raise ChildError(f"{path} cannot be written ({error})") from error
    if is_cancelled():
        return False
    if result is None:
        raise ChildError(f"{path} cannot be written ({gdal.GetLastErrorMsg()})")
    result.FlushCache()
    return True
