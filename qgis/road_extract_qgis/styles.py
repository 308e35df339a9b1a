"""Styles of the results: roads that stand out on imagery, and probability as translucent colours."""

from __future__ import annotations

from typing import Any, Callable, ClassVar

from qgis.core import (
    QgsCategorizedSymbolRenderer,
    QgsColorRampShader,
    QgsFillSymbol,
    QgsLineSymbol,
    QgsMapLayer,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingLayerPostProcessorInterface,
    QgsProject,
    QgsRasterShader,
    QgsRendererCategory,
    QgsSimpleLineSymbolLayer,
    QgsSingleBandPseudoColorRenderer,
    QgsSingleSymbolRenderer,
    QgsWkbTypes,
)
from qgis.PyQt.QtGui import QColor

from .palette import LINE_COLOUR, OUTLINE_COLOUR, POLYGON_COLOUR, RAMP, STATUS_COLOURS
from .translating import tr


class Styler(QgsProcessingLayerPostProcessorInterface):
    """Styles a layer when it is loaded.

    The run's context owns it and deletes it, so no two layers may share one; but nobody keeps the Python half alive.
    """

    _alive: ClassVar[list[Any]] = []

    def __init__(self, paint: Callable[[Any], None], group: str = "") -> None:
        super().__init__()
        self._paint, self._group = paint, group
        self._alive.append(self)

    def postProcessLayer(
        self, layer: QgsMapLayer, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> None:
        """Called in the main thread."""
        self._paint(layer)
        layer.triggerRepaint()
        if self._group:
            move_into_group(layer, self._group)
        self._alive.remove(self)


def paint_roads(layer: Any) -> None:
    """Style polygons or lines."""
    lines = layer.geometryType() == QgsWkbTypes.GeometryType.LineGeometry
    layer.setRenderer(_line_renderer() if lines else _polygon_renderer())


def _polygon_renderer() -> QgsSingleSymbolRenderer:
    """Translucent yellow with a dark outline, which stands out from soil, roofs, trees and water."""
    colours = {"color": to_text(POLYGON_COLOUR, 90), "outline_color": to_text(OUTLINE_COLOUR)}
    symbol = QgsFillSymbol.createSimple({**colours, "outline_width": "0.35", "joinstyle": "round"})
    return QgsSingleSymbolRenderer(symbol)


def _line_renderer() -> QgsCategorizedSymbolRenderer:
    """Blue with white casing; dashed for bridged gaps, where no road was detected."""
    kinds = ((False, "solid", tr("Road")), (True, "dash", tr("Bridged gap")))
    categories = [
        QgsRendererCategory(bridged, line_symbol(to_text(LINE_COLOUR), style), label) for bridged, style, label in kinds
    ]
    return QgsCategorizedSymbolRenderer("bridged", categories)


def paint_differences(layer: Any) -> None:
    """New roads in green, missing ones in red, matched ones in grey."""
    kinds = (
        ("new", tr("New: not on the map")),
        ("doubtful", tr("Doubtful: look twice")),
        ("missing", tr("Missing: on the map only")),
        ("matched", tr("Matched")),
    )
    categories = [
        QgsRendererCategory(status, line_symbol(to_text(STATUS_COLOURS[status])), label) for status, label in kinds
    ]
    layer.setRenderer(QgsCategorizedSymbolRenderer("status", categories))


def to_text(colour: tuple[int, int, int], opacity: int = 255) -> str:
    """Write a colour as QGIS does: red, green, blue and opacity."""
    return ",".join(map(str, (*colour, opacity)))


def line_symbol(colour: str, style: str = "solid") -> QgsLineSymbol:
    """A line with white casing, which stands out on any imagery."""
    shape = {"capstyle": "round", "joinstyle": "round"}
    symbol = QgsLineSymbol.createSimple({"color": "255,255,255,230", "width": "1.3", **shape})
    core = {"line_color": colour, "line_width": "0.7", "line_style": style, **shape}
    symbol.appendSymbolLayer(QgsSimpleLineSymbolLayer.create(core))
    return symbol


def paint_probability(layer: Any) -> None:
    """A colour ramp from transparent to bright, below the vectors and above the scene."""
    ramp = QgsColorRampShader(0.0, 1.0, None, QgsColorRampShader.Type.Interpolated)
    ramp.setColorRampItemList([QgsColorRampShader.ColorRampItem(p, QColor(*rgba), f"{p:.0%}") for p, *rgba in RAMP])
    shader = QgsRasterShader()
    shader.setRasterShaderFunction(ramp)
    renderer = QgsSingleBandPseudoColorRenderer(layer.dataProvider(), 1, shader)
    renderer.setClassificationMin(0.0)
    renderer.setClassificationMax(1.0)
    layer.setRenderer(renderer)
    move_below_vectors(layer)


def paint_threshold(layer: Any, threshold: float) -> None:
    """Show only the roads at a threshold, in one colour."""
    red, green, blue = POLYGON_COLOUR
    steps = QgsColorRampShader(0.0, 1.0, None, QgsColorRampShader.Type.Discrete)
    below = QgsColorRampShader.ColorRampItem(threshold - 1e-6, QColor(red, green, blue, 0), f"< {threshold:.3f}")
    above = QgsColorRampShader.ColorRampItem(float("inf"), QColor(red, green, blue, 190), f"\u2265 {threshold:.3f}")
    steps.setColorRampItemList([below, above])
    shader = QgsRasterShader()
    shader.setRasterShaderFunction(steps)
    layer.setRenderer(QgsSingleBandPseudoColorRenderer(layer.dataProvider(), 1, shader))


def move_into_group(layer: Any, name: str) -> None:
    """Group the results of a scene, above all other layers. Newer versions of QGIS do this themselves (`announce`)."""
    root = QgsProject.instance().layerTreeRoot()
    node = root.findLayer(layer.id())
    if node is None or node.parent() is not root:
        return
    group = root.findGroup(name) or root.insertGroup(0, name)
    # rasters below vectors, whichever comes first
    place = 0 if layer.type() == QgsMapLayer.LayerType.VectorLayer else len(group.children())
    group.insertChildNode(place, node.clone())
    root.removeChildNode(node)


def move_below_vectors(layer: Any) -> None:
    """Move the layer into place, because results are loaded in any order, and a raster could cover the roads."""
    node = QgsProject.instance().layerTreeRoot().findLayer(layer.id())
    if node is None:
        return
    siblings = node.parent().children()
    place = siblings.index(node)
    while place + 1 < len(siblings) and _is_vector(siblings[place + 1]):
        place += 1
    if siblings[place] is not node:
        node.parent().insertChildNode(place + 1, node.clone())
        node.parent().removeChildNode(node)


def _is_vector(node: Any) -> bool:
    layer = node.layer() if hasattr(node, "layer") else None
    return layer is not None and layer.type() == QgsMapLayer.LayerType.VectorLayer
