"""Road extraction in QGIS Processing. Nothing of QGIS is imported until QGIS asks for the plugin."""

from __future__ import annotations

from typing import Any


def classFactory(iface: Any) -> Any:
    """What QGIS calls to load the plugin; `iface` is None in `qgis_process`."""
    from .plugin import RoadExtractPlugin

    return RoadExtractPlugin(iface)
