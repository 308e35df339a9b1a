"""The window *About this installation*: text, and a button that copies it."""

from __future__ import annotations

from typing import Any

from qgis.core import QgsApplication, QgsTask
from qgis.PyQt.QtGui import QFontDatabase
from qgis.PyQt.QtWidgets import QApplication, QDialog, QDialogButtonBox, QPlainTextEdit, QVBoxLayout, QWidget

from .about import describe
from .translating import tr


class AboutDialog(QDialog):
    """Shows the description as soon as it is ready."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("About this installation"))
        self.resize(640, 620)
        self.text = QPlainTextEdit(tr("One moment: the model's speed is being measured."))
        self.text.setReadOnly(True)
        self.text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        box = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        box.rejected.connect(self.reject)
        self.copy_button = box.addButton(tr("Copy"), QDialogButtonBox.ButtonRole.ActionRole)
        self.copy_button.setEnabled(False)
        self.copy_button.clicked.connect(lambda: QApplication.clipboard().setText(self.text.toPlainText()))
        layout = QVBoxLayout(self)
        layout.addWidget(self.text)
        layout.addWidget(box)
        self._task = QgsTask.fromFunction(
            tr("About this installation"), lambda task: describe(), on_finished=self._show
        )
        QgsApplication.taskManager().addTask(self._task)

    def _show(self, error: Any, text: str | None = None) -> None:
        self.text.setPlainText(text or str(error))
        self.copy_button.setEnabled(text is not None)
