"""The algorithm *Set up road extraction*."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessingAlgorithm,
    QgsProcessingException,
    QgsProcessingOutputFile,
    QgsProcessingOutputString,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFile,
    QgsSettings,
)
from qgis.PyQt.QtGui import QIcon

from .environment import ACTIONS, Environment, SetupOptions
from .interpreter import VARIABLE, ChildError, data_folder, python_in
from .network import network_variables
from .parameters import advanced
from .running import SETTING, is_cancelled
from .translating import tr

#: Text between an error message and the path of the log.
LOG_WORDS = ". The whole log: "


class SetUp(QgsProcessingAlgorithm):
    """Creates the environment that the other algorithms run in."""

    def createInstance(self) -> Any:
        """Create an instance for a run."""
        return type(self)()

    def name(self) -> str:
        """Second part of the algorithm id."""
        return "setup"

    def displayName(self) -> str:
        """Name in the toolbox."""
        return tr("Set up road extraction")

    def group(self) -> str:
        """Group in the toolbox."""
        return tr("Installation")

    def groupId(self) -> str:
        """Id of the group."""
        return "installation"

    def tags(self) -> list[str]:
        """Search terms."""
        return ["install", "setup", "update", "repair", "remove", "python", "environment", "offline"]

    def icon(self) -> QIcon:
        """Icon next to the name."""
        return QIcon(str(Path(__file__).with_name("icon.svg")))

    def shortHelpString(self) -> str:
        """Help text next to the dialog."""
        return tr(
            "<p>Installs what finds the roads, about 1 GB, into a folder of its own. Nothing is installed into QGIS, "
            "and no administrator rights are needed. You need Python 3.11 or newer on this computer.</p>"
            "<p>You can cancel at any time and go on later: what was downloaded is kept.</p>"
            "<p><b>Set up</b> installs, or finishes what was interrupted. <b>Update</b> also brings newer versions of "
            "the packages. <b>Repair</b> starts over. <b>Remove</b> deletes the installation.</p>"
            "<p>Without a network, choose a folder of wheels that <code>make qgis-bundle</code> wrote.</p>"
        )

    def initAlgorithm(self, configuration: Any = None) -> None:
        """Add the parameters."""
        actions = [tr("Set up"), tr("Update"), tr("Repair"), tr("Remove")]
        self.addParameter(QgsProcessingParameterEnum("ACTION", tr("What to do"), actions, False, 0))
        folder = QgsProcessingParameterFile.Behavior.Folder
        self._file("WHEELS", tr("Folder of wheels, for computers without a network"), behavior=folder)
        everything = "All files (*)"
        self._file("PYTHON", tr("Python to use (default: the best one found)"), True, fileFilter=everything)
        self._file("FOLDER", tr("Folder to install into (default: your data folder)"), True, behavior=folder)
        self.addOutput(QgsProcessingOutputString("INTERPRETER", tr("Python of the installation")))
        self.addOutput(QgsProcessingOutputFile("LOG", tr("Log")))

    def _file(self, name: str, label: str, seldom: bool = False, **more: Any) -> None:
        parameter = QgsProcessingParameterFile(name, label, optional=True, **more)
        self.addParameter(advanced(parameter) if seldom else parameter)

    def prepareAlgorithm(self, parameters: dict[str, Any], context: Any, feedback: Any) -> bool:
        """Run in the main thread, where QGIS's settings may be read."""
        action = ACTIONS[self.parameterAsEnum(parameters, "ACTION", context)]
        names = ("PYTHON", "WHEELS", "FOLDER")
        self._options = SetupOptions(action, *(self.parameterAsString(parameters, name, context) for name in names))
        self._extra = network_variables(self._options.home or str(data_folder(os.environ, Path.home())))
        return True

    def processAlgorithm(self, parameters: dict[str, Any], context: Any, feedback: Any) -> dict[str, Any]:
        """Run in a background thread."""
        environment = Environment(self._options, os.environ, self._extra, feedback, lambda: is_cancelled(feedback))
        self._python, self._done = str(python_in(environment.env)), False
        try:
            self._done = environment.run()
        except ChildError as error:
            raise QgsProcessingException(f"{error}{LOG_WORDS}{environment.log}") from error
        if not self._done:
            feedback.pushInfo(tr("Cancelled. Set up again to go on; what was downloaded is kept."))
            return {}
        removed = self._options.action == "remove"
        return {"INTERPRETER": "" if removed else self._python, "LOG": str(environment.log)}

    def postProcessAlgorithm(self, context: Any, feedback: Any) -> dict[str, Any]:
        """Run in the main thread: store or clear the setting."""
        if self._done and self._options.action == "remove":
            if _read_setting() == self._python:
                _write_setting("")
        elif self._done:
            _write_setting(self._python)
            if os.environ.get(VARIABLE):
                text = tr("The environment variable {} names another Python, which takes precedence.")
                feedback.pushWarning(text.format(VARIABLE))
        return {}


def _read_setting() -> str:
    return str(QgsSettings().value("Processing/Configuration/" + SETTING, "") or "")


def _write_setting(path: str) -> None:
    """Also update the copy in the options page, which would otherwise write the old value back."""
    from processing.core.ProcessingConfig import ProcessingConfig

    QgsSettings().setValue("Processing/Configuration/" + SETTING, path)
    if SETTING in ProcessingConfig.settings:
        ProcessingConfig.setSettingValue(SETTING, path)
