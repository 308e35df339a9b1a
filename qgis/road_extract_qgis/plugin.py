"""The plugin: a Processing provider, and on the desktop also a menu, a button, a panel and an options page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import QgsApplication, QgsMapLayer, QgsProject, QgsSettings
from qgis.PyQt import QtGui, QtWidgets
from qgis.PyQt.QtCore import QCoreApplication, QLocale, Qt, QTranslator
from qgis.PyQt.QtGui import QIcon
from qgis.PyQt.QtWidgets import QPushButton

from .provider import RoadExtractProvider
from .translating import tr

#: Moved in Qt 6.
QAction: Any = getattr(QtGui, "QAction", None) or getattr(QtWidgets, "QAction", None)

FOLDER = Path(__file__).parent


class RoadExtractPlugin:
    """Adds everything to QGIS, and removes it again.

    Args:
        iface: QGIS's window; None in `qgis_process`.
    """

    def __init__(self, iface: Any = None) -> None:
        self.iface = iface
        self._provider: RoadExtractProvider | None = None
        self._actions: list[Any] = []
        self._factory: Any = None
        self.panel: Any = None
        self.dialog: Any = None
        self._translator = self._translate()

    def _translate(self) -> QTranslator | None:
        """Load the translation for the user's language, if there is one."""
        settings = QgsSettings()
        own = str(settings.value("locale/userLocale", "") or "")
        name = own if settings.value("locale/overrideFlag", False, type=bool) and own else QLocale.system().name()
        path = FOLDER / f"road_extract_{name[:2]}.qm"
        translator = QTranslator()
        if not path.is_file() or not translator.load(str(path)):
            return None
        QCoreApplication.installTranslator(translator)
        return translator

    def initProcessing(self) -> None:
        """Called by `qgis_process`, which has no window."""
        self._provider = RoadExtractProvider()
        QgsApplication.processingRegistry().addProvider(self._provider)

    def initGui(self) -> None:
        """Called by the desktop application."""
        self.initProcessing()
        self._add_action(tr("Extract roads here"), self.extract_here, toolbar=True)
        self._add_action(tr("Road threshold"), self.show_threshold)
        self._add_action(tr("Set up…"), self.set_up)
        self._add_action(tr("About this installation…"), self.about)
        self._add_options_page()
        self._invite()

    def unload(self) -> None:
        """Called when the plugin is switched off."""
        for action in self._actions:
            self.iface.removePluginMenu(tr("Road extraction"), action)
            self.iface.removeToolBarIcon(action)
        self._actions.clear()
        if self.panel is not None:
            self.iface.removeDockWidget(self.panel)
            self.panel.deleteLater()
            self.panel = None
        if self._factory is not None:
            self.iface.unregisterOptionsWidgetFactory(self._factory)
            self._factory = None
        if self._provider is not None:
            QgsApplication.processingRegistry().removeProvider(self._provider)
            self._provider = None
        if self._translator is not None:
            QCoreApplication.removeTranslator(self._translator)
            self._translator = None

    def extract_here(self) -> None:
        """Open *Extract roads* with the current raster and the extent of the map."""
        import processing

        if not self._can_run():
            self.set_up()
            return
        canvas = self.iface.mapCanvas()
        box, crs = canvas.extent(), canvas.mapSettings().destinationCrs()
        extent = f"{box.xMinimum()},{box.xMaximum()},{box.yMinimum()},{box.yMaximum()} [{crs.authid()}]"
        arguments: dict[str, Any] = {"EXTENT": extent}
        layer = self._raster()
        if layer is not None:
            arguments["INPUT"] = layer
        self.dialog = processing.createAlgorithmDialog("road_extract:extractroads", arguments)
        self.dialog.show()

    def show_threshold(self) -> None:
        """Show the panel with the slider."""
        if self.panel is None:
            from .threshold_panel import ThresholdPanel

            self.panel = ThresholdPanel(self.iface.mainWindow())
            self.iface.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, self.panel)
        self.panel.show()

    def set_up(self) -> None:
        """Show the window that sets up the environment."""
        from .set_up_dialog import SetUpDialog

        self.dialog = SetUpDialog(self.iface.mainWindow())
        self.dialog.show()

    def about(self) -> None:
        """Show the description for bug reports."""
        from .about_dialog import AboutDialog

        self.dialog = AboutDialog(self.iface.mainWindow())
        self.dialog.show()

    def _raster(self) -> Any:
        """Return the active layer if it is a raster, otherwise the topmost visible raster."""
        active = self.iface.activeLayer()
        shown = [active, *QgsProject.instance().layerTreeRoot().checkedLayers()]
        rasters = (layer for layer in shown if layer and layer.type() == QgsMapLayer.LayerType.RasterLayer)
        return next(rasters, None)

    def _can_run(self) -> bool:
        """Check whether an environment is set up or specified, without starting anything."""
        import os

        from .interpreter import VARIABLE, default_places
        from .running import SETTING

        named = os.environ.get(VARIABLE) or QgsSettings().value("Processing/Configuration/" + SETTING, "")
        return bool(named or default_places(os.environ, Path.home()))

    def _invite(self) -> None:
        """The first time, offer a button that sets everything up."""
        if self._can_run():
            return
        bar = self.iface.messageBar()
        message = bar.createMessage(
            tr("Road extraction"), tr("One more step: set up what finds the roads (about 1 GB).")
        )
        button = QPushButton(tr("Set up…"))
        button.clicked.connect(self.set_up)
        message.layout().addWidget(button)
        bar.pushWidget(message)

    def _add_action(self, text: str, act: Any, toolbar: bool = False) -> None:
        action = QAction(QIcon(str(FOLDER / "icon.svg")), text, self.iface.mainWindow())
        action.triggered.connect(lambda checked=False: act())
        self.iface.addPluginToMenu(tr("Road extraction"), action)
        if toolbar:
            self.iface.addToolBarIcon(action)
        self._actions.append(action)

    def _add_options_page(self) -> None:
        from .options_page import OptionsFactory

        self._factory = OptionsFactory({tr("Set up…"): self.set_up, tr("About this installation…"): self.about})
        self.iface.registerOptionsWidgetFactory(self._factory)
