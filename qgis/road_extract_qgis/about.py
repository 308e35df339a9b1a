"""The algorithm *About this installation*: what a bug report needs to know, and nothing secret."""

from __future__ import annotations

import os
import platform
import subprocess  # nosec B404
from pathlib import Path
from typing import Any

from osgeo import gdal
from qgis.core import (
    Qgis,
    QgsProcessingAlgorithm,
    QgsProcessingOutputString,
    QgsProcessingParameterBoolean,
    QgsSettings,
)
from qgis.PyQt.QtCore import PYQT_VERSION_STR, QT_VERSION_STR, QLocale
from qgis.PyQt.QtGui import QIcon

from .interpreter import ChildError, clean_environment, find_interpreter, no_window
from .option_table import PACKAGE_VERSION
from .running import SETTING
from .translating import tr

DOCTOR_TIMEOUT_S = 120.0


def describe(timing: bool = True) -> str:
    """This QGIS, then the environment's `road-extract doctor`. It takes seconds: not for the main thread."""
    return "\n".join([*_describe_qgis(), *_describe_package(timing)])


def _describe_qgis() -> list[str]:
    rows = {
        "plugin": PACKAGE_VERSION,
        "QGIS": Qgis.QGIS_VERSION,
        "Qt": f"{QT_VERSION_STR}, PyQt {PYQT_VERSION_STR}",
        "GDAL of QGIS": gdal.VersionInfo("RELEASE_NAME"),
        "Python of QGIS": platform.python_version(),
        "system": platform.platform(),
        "language": QLocale().name(),
    }
    return ["QGIS", *(f"  {name:<20} {value}" for name, value in rows.items())]


def _describe_package(timing: bool) -> list[str]:
    setting = QgsSettings().value("Processing/Configuration/" + SETTING, "") or ""
    try:
        interpreter = find_interpreter("", str(setting), os.environ)
    except ChildError as error:
        return ["problems", f"  {_without_home(str(error))}"]
    command = [*interpreter.command, "doctor", "--timing" if timing else "--no-timing"]
    try:
        # never a shell: a list of arguments, for the program that the user chose
        done = subprocess.run(  # nosec B603
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=clean_environment(os.environ), timeout=DOCTOR_TIMEOUT_S, creationflags=no_window(), check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return ["problems", f"  {_without_home(str(error))}"]
    said = done.stdout.decode("utf-8", "replace").rstrip()
    if "No such command" in said:
        return [
            "problems",
            f"  {_without_home(str(interpreter))} is older than this plugin: set up again, or choose Repair",
        ]
    return ["road_extract", f"  {'found by':<20} {interpreter.origin}", _without_home(said)]


def _without_home(text: str) -> str:
    """A path without the user's name in it."""
    home = str(Path.home())
    return text.replace(home, "~") if len(home) > 1 else text


class About(QgsProcessingAlgorithm):
    """Describes this installation."""

    def createInstance(self) -> Any:
        """One for every run."""
        return type(self)()

    def name(self) -> str:
        """Second half of the id."""
        return "about"

    def displayName(self) -> str:
        """In the toolbox."""
        return tr("About this installation")

    def group(self) -> str:
        """In the toolbox."""
        return tr("Installation")

    def groupId(self) -> str:
        """Of the group."""
        return "installation"

    def tags(self) -> list[str]:
        """To be found by."""
        return ["about", "version", "diagnostics", "bug", "report", "doctor"]

    def icon(self) -> QIcon:
        """Beside the name."""
        return QIcon(str(Path(__file__).with_name("icon.svg")))

    def shortHelpString(self) -> str:
        """Beside the dialog."""
        return tr(
            "<p>Describes QGIS and the installation of road extraction for a bug report: versions, backend, speed, "
            "memory and disk. Passwords, keys and your name are left out.</p>"
        )

    def initAlgorithm(self, configuration: Any = None) -> None:
        """Add the parameters."""
        self.addParameter(QgsProcessingParameterBoolean("TIMING", tr("Measure the model's speed (seconds)"), True))
        self.addOutput(QgsProcessingOutputString("TEXT", tr("Description")))

    def processAlgorithm(self, parameters: dict[str, Any], context: Any, feedback: Any) -> dict[str, Any]:
        """In a thread of its own."""
        text = describe(self.parameterAsBool(parameters, "TIMING", context))
        feedback.pushInfo(text)
        return {"TEXT": text}
