"""The window *Set up road extraction*: a button, a progress bar, a message, and the log one click away."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Callable

from qgis.core import (
    QgsApplication,
    QgsProcessingAlgRunnerTask,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProject,
)
from qgis.gui import QgsFileWidget
from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from .environment import ACTIONS, read_ready
from .interpreter import data_folder
from .option_table import PACKAGE_VERSION
from .set_up import LOG_WORDS
from .translating import tr


def environment_folder() -> Path:
    """Return the folder of the environment."""
    return data_folder(os.environ, Path.home()) / "env"


def is_set_up() -> bool:
    """Check whether the environment is complete, without starting anything."""
    return bool(read_ready(environment_folder()))


class DialogFeedback(QgsProcessingFeedback):
    """Passes the messages of the run from its thread to the window."""

    told = pyqtSignal(str)
    step = pyqtSignal(str)
    failed = pyqtSignal(str)

    def __init__(self) -> None:
        super().__init__(False)

    def pushInfo(self, text: str) -> None:
        """A line of the log."""
        self.told.emit(text)

    def pushWarning(self, text: str) -> None:
        """A line of the log."""
        self.told.emit(text)

    def setProgressText(self, text: str) -> None:
        """The current step."""
        self.step.emit(text)

    def reportError(self, text: str, fatal: bool = False) -> None:
        """The reason for a failure."""
        self.told.emit(text)
        self.failed.emit(text)


class SetUpDialog(QDialog):
    """Runs the algorithm *Set up road extraction* and shows its progress.

    Args:
        parent: Window.
        when_done: Called when an action has succeeded.
    """

    def __init__(self, parent: QWidget | None = None, when_done: Callable[[], None] = lambda: None) -> None:
        super().__init__(parent)
        self._when_done, self._error = when_done, ""
        self._feedback: DialogFeedback | None = None
        self.setWindowTitle(tr("Set up road extraction"))
        self.resize(620, 250)
        self._state, self._step = QLabel(), QLabel()
        for label in (self._state, self._step):
            label.setWordWrap(True)
        self._wheels = QgsFileWidget()
        self._wheels.setStorageMode(QgsFileWidget.StorageMode.GetDirectory)
        self._bar = QProgressBar()
        self._log = QPlainTextEdit()
        self._log.setReadOnly(True)
        self._log.setVisible(False)
        self.actions: dict[str, QPushButton] = {}
        self._lay_out()
        self._show_state()

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.addWidget(self._state)
        layout.addWidget(QLabel(tr("Only for computers without a network: folder of wheels")))
        layout.addWidget(self._wheels)
        row = QHBoxLayout()
        for action, text in zip(ACTIONS, (tr("Set up"), tr("Update"), tr("Repair"), tr("Remove"))):
            button = QPushButton(text)
            button.clicked.connect(lambda checked=False, action=action: self.start(action))
            self.actions[action] = button
            row.addWidget(button)
        self.actions["setup"].setDefault(True)
        layout.addLayout(row)
        layout.addWidget(self._bar)
        layout.addWidget(self._step)
        layout.addWidget(self._log, 1)
        layout.addStretch()
        box = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        box.rejected.connect(self.reject)
        self._show_log = box.addButton(tr("Show log"), QDialogButtonBox.ButtonRole.ActionRole)
        self._show_log.setCheckable(True)
        self._show_log.toggled.connect(self._toggle_log)
        self._cancel = box.addButton(tr("Cancel"), QDialogButtonBox.ButtonRole.ActionRole)
        self._cancel.clicked.connect(self.cancel)
        layout.addWidget(box)

    def _toggle_log(self, shown: bool) -> None:
        self._log.setVisible(shown)
        self._log.setMinimumHeight(220 if shown else 0)
        self.resize(self.width(), self.height() + (220 if shown else -220))

    def is_running(self) -> bool:
        """Whether an action is running."""
        return self._feedback is not None

    def start(self, action: str) -> None:
        """Run an action in a background thread."""
        algorithm = QgsApplication.processingRegistry().createAlgorithmById("road_extract:setup")
        if algorithm is None or self.is_running():
            return
        self._error = ""
        self._log.clear()
        self._context = QgsProcessingContext()
        self._context.setProject(QgsProject.instance())
        self._feedback = DialogFeedback()
        self._feedback.told.connect(self._log.appendPlainText)
        self._feedback.step.connect(self._step.setText)
        self._feedback.failed.connect(self._fail)
        self._feedback.progressChanged.connect(lambda percent: self._bar.setValue(round(percent)))
        parameters = {"ACTION": ACTIONS.index(action), "WHEELS": self._wheels.filePath()}
        self._task = QgsProcessingAlgRunnerTask(algorithm, parameters, self._context, self._feedback)
        self._task.executed.connect(self._end)
        self._show_state()
        QgsApplication.taskManager().addTask(self._task)

    def cancel(self) -> None:
        """Cancel the action; downloads are kept."""
        if self._feedback is not None:
            self._step.setText(tr("Cancelling"))
            self._feedback.cancel()

    def reject(self) -> None:
        """Cancel the run when the window is closed, so that it does not continue unseen."""
        self.cancel()
        super().reject()

    def _fail(self, text: str) -> None:
        """Remove the path of the log from an error message, because the log is one click away."""
        self._error = text.partition(LOG_WORDS)[0]

    def _end(self, done: bool, results: dict[str, Any]) -> None:
        cancelled = self._feedback is not None and self._feedback.isCanceled()
        self._feedback = None
        if cancelled:
            self._step.setText(tr("Cancelled. Set up again to go on; what was downloaded is kept."))
        elif not done:
            self._step.setText("<b>{}</b>".format(self._error or tr("The set-up failed: the log says why.")))
        else:
            self._step.setText(tr("Done. You can close this window and extract roads."))
        self._show_state()
        if done and not cancelled:
            self._when_done()

    def _show_state(self) -> None:
        ready, folder = read_ready(environment_folder()), environment_folder()
        if not ready:
            text = tr(
                "Road extraction needs about 1 GB of software in a folder of its own, {}. QGIS itself is not changed."
            ).format(folder)
        elif ready.get("version") != PACKAGE_VERSION:
            text = tr("Version {} is set up in {}; this plugin needs {}.").format(
                ready.get("version"), folder, PACKAGE_VERSION
            )
        else:
            text = tr("Ready: version {} in {}.").format(PACKAGE_VERSION, folder)
        self._state.setText(text)
        self.actions["setup"].setText(tr("Check") if ready.get("version") == PACKAGE_VERSION else tr("Set up"))
        for action, button in self.actions.items():
            there = bool(ready) if action == "update" else folder.exists()
            button.setEnabled(not self.is_running() and (action == "setup" or there))
        self._cancel.setEnabled(self.is_running())
        self._bar.setVisible(self.is_running())
