"""The page *Road extraction* in Settings > Options: the state of the installation, and buttons to change it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

from qgis.gui import QgsOptionsPageWidget, QgsOptionsWidgetFactory
from qgis.PyQt.QtGui import QIcon
from qgis.PyQt.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from .set_up_dialog import environment_folder, is_set_up
from .translating import tr


class OptionsPage(QgsOptionsPageWidget):
    """The page. There is nothing to apply, because the buttons act immediately."""

    def __init__(self, parent: QWidget | None, buttons: dict[str, Callable[[], Any]]) -> None:
        super().__init__(parent)
        layout = QVBoxLayout(self)
        text = tr("Road extraction is set up in {}.") if is_set_up() else tr("Road extraction is not set up yet ({}).")
        state = QLabel(text.format(environment_folder()))
        state.setWordWrap(True)
        layout.addWidget(state)
        for name, act in buttons.items():
            button = QPushButton(name)
            button.clicked.connect(lambda checked=False, act=act: act())
            layout.addWidget(button)
        hint = QLabel(tr("To use your own Python, specify it under Processing > Providers > Road extraction."))
        hint.setWordWrap(True)
        layout.addWidget(hint)
        layout.addStretch()

    def apply(self) -> None:
        """Do nothing."""


class OptionsFactory(QgsOptionsWidgetFactory):
    """Creates the page when the options are opened.

    Args:
        buttons: Text to what it does.
    """

    def __init__(self, buttons: dict[str, Callable[[], Any]]) -> None:
        super().__init__()
        self._buttons = buttons
        self.setTitle(tr("Road extraction"))

    def icon(self) -> QIcon:
        """Icon next to the title."""
        return QIcon(str(Path(__file__).with_name("icon.svg")))

    def createWidget(self, parent: QWidget | None) -> OptionsPage:
        """Create a page each time the options are opened."""
        return OptionsPage(parent, self._buttons)
