"""The panel *Road threshold*: a slider that previews the roads of a probability raster."""

from __future__ import annotations

from typing import Any

import processing
from qgis.core import QgsMapLayer, QgsMapLayerProxyModel, QgsRasterLayer
from qgis.gui import QgsDockWidget, QgsMapLayerComboBox
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import QDoubleSpinBox, QHBoxLayout, QLabel, QPushButton, QSlider, QVBoxLayout, QWidget

from .option_table import OPTIONS
from .styles import paint_probability, paint_threshold
from .translating import tr

#: Number of steps of the slider, the same as in a probability raster.
STEPS = 254


class ThresholdPanel(QgsDockWidget):
    """Changes the threshold of a probability raster."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(tr("Road threshold"), parent)
        self.setObjectName("RoadExtractThreshold")
        self.layers = QgsMapLayerComboBox()
        self.layers.setFilters(QgsMapLayerProxyModel.Filter.RasterLayer)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(1, STEPS)
        self.number = QDoubleSpinBox()
        self.number.setRange(1 / STEPS, 1.0)
        self.number.setDecimals(3)
        self.number.setSingleStep(0.01)
        default = next(row["default"] for row in OPTIONS["VectorizeOptions"] if row["name"] == "threshold")
        self.number.setValue(default or 0.5)
        self.slider.setValue(round(self.number.value() * STEPS))
        self.roads, self.colours = QPushButton(tr("Draw these roads…")), QPushButton(tr("Show probability"))
        self._lay_out()
        self.slider.valueChanged.connect(lambda step: self.number.setValue(step / STEPS))
        self.number.valueChanged.connect(self._move)
        self.layers.layerChanged.connect(lambda layer: self._choose())
        self.roads.clicked.connect(self.draw)
        self.colours.clicked.connect(self._show_probability)
        self._choose()

    def _lay_out(self) -> None:
        inside = QWidget()
        layout = QVBoxLayout(inside)
        layout.addWidget(QLabel(tr("Road probability")))
        layout.addWidget(self.layers)
        row = QHBoxLayout()
        row.addWidget(self.slider)
        row.addWidget(self.number)
        layout.addLayout(row)
        buttons = QHBoxLayout()
        buttons.addWidget(self.roads)
        buttons.addWidget(self.colours)
        layout.addLayout(buttons)
        layout.addStretch()
        self.setWidget(inside)

    def layer(self) -> Any:
        """Return the chosen raster; None if it cannot be a probability raster: one band, values 0 to 1."""
        layer = self.layers.currentLayer()
        return layer if is_probability(layer) else None

    def draw(self) -> None:
        """Open *Roads from a probability raster* with the raster and the threshold."""
        arguments = {"INPUT": self.layer(), "THRESHOLD": round(self.number.value(), 3)}
        processing.execAlgorithmDialog("road_extract:vectorizeprobability", arguments)

    def _choose(self) -> None:
        """Leave other rasters unchanged."""
        good = self.layer() is not None
        for widget in (self.slider, self.number, self.roads, self.colours):
            widget.setEnabled(good)

    def _move(self, threshold: float) -> None:
        blocked = self.slider.blockSignals(True)
        self.slider.setValue(round(threshold * STEPS))
        self.slider.blockSignals(blocked)
        layer = self.layer()
        if layer is not None:
            paint_threshold(layer, threshold)
            layer.triggerRepaint()

    def _show_probability(self) -> None:
        layer = self.layer()
        if layer is not None:
            paint_probability(layer)
            layer.triggerRepaint()


def is_probability(layer: QgsMapLayer | None) -> bool:
    """Check whether a layer can be a probability raster, because no other layer may be restyled."""
    if not isinstance(layer, QgsRasterLayer) or layer.providerType() != "gdal" or layer.bandCount() != 1:
        return False
    scale = layer.dataProvider().bandScale(1)
    return 0 < scale < 1 or "probability" in layer.name().lower()
