"""Inputs and outputs: layers that the child can open by name, and files that it can write."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Callable

from qgis.core import QgsProcessingContext, QgsRasterLayer

from .styles import Styler, paint_roads
from .translating import tr

VECTOR_EXTENSIONS = ("gpkg", "geojson", "fgb", "parquet")


def why_unreadable(layer: QgsRasterLayer | None) -> str:
    """Explain why another process cannot open a layer's source; empty if it can."""
    if layer is None:
        return "the input is not a raster layer that QGIS can open"
    way_out = "export it first (right-click the layer, Export, Save As, format GeoTIFF)"
    source = layer.source()
    if layer.providerType() != "gdal":
        return f"{layer.name()} comes from '{layer.providerType()}', which only QGIS itself can read: {way_out}"
    if source.startswith("/vsimem/"):
        return f"{layer.name()} is in QGIS's memory, where no other program can read it: {way_out}"
    if "|" in source and not os.path.exists(source):
        return f"{layer.name()} is opened with options or a log-in that only QGIS knows: {way_out}"
    return ""


def source_of(layer: QgsRasterLayer) -> str:
    """Return what the child opens, as an absolute path, because it may run in another folder."""
    source: str = layer.source()
    return os.path.abspath(source) if os.path.exists(source) else source


def why_unwritable(path: str) -> str:
    """Explain why a vector file cannot be written; empty if it can."""
    extension = Path(path).suffix.lower().lstrip(".")
    if "=" in path and not Path(path).parent.is_dir():
        return "road_extract writes files, not database tables: choose a file name that ends in .gpkg or .geojson"
    if extension not in VECTOR_EXTENSIONS:
        return "{}: road_extract writes .{} files; choose one of them".format(path, ", .".join(VECTOR_EXTENSIONS))
    return ""


def group_of(scene: str) -> str:
    """Return the name of the layer group for the results of a scene."""
    return tr("Road extraction: {}").format(scene)


def announce(
    context: Any, path: str, default_name: str, name: str, paint: Callable[[Any], None], group: str = ""
) -> None:
    """Style and name a result when it is loaded, unless the user has named it.

    Args:
        context: Context of the run.
        path: File of the result.
        default_name: Name that QGIS would use.
        name: Name to use instead.
        paint: Function that styles the layer.
        group: Layer group to put it into.
    """
    if context.willLoadLayerOnCompletion(path):
        details = context.layerToLoadOnCompletionDetails(path)
        if details.name in ("", default_name):
            details.name = name
        _prepare(details, paint, group)


def _prepare(details: Any, paint: Callable[[Any], None], group: str) -> None:
    if hasattr(details, "groupName"):  # QGIS 3.32
        details.groupName, group = details.groupName or group, ""
    details.setPostProcessor(Styler(paint, group))


def announce_beside(context: Any, path: str, beside: str, name: str, group: str) -> None:
    """Load a second result together with the first, because QGIS only loads destinations.

    Args:
        context: Context of the run.
        path: First result.
        beside: Second result.
        name: Name of the second layer.
        group: Layer group to put it into.
    """
    if context.willLoadLayerOnCompletion(path):
        project = context.layerToLoadOnCompletionDetails(path).project
        details = QgsProcessingContext.LayerDetails(name, project, "LINES")
        _prepare(details, paint_roads, group)
        context.addLayerToLoadOnCompletion(beside, details)
