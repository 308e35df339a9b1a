"""The algorithm *About this installation*, which describes it for bug reports without revealing secrets."""

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
    """Describe QGIS, and run `road-extract doctor`. It takes seconds, so do not call it in the main thread."""
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
        # no shell: a list of arguments, for the program that the user chose
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
    """Replace the user's home folder by ``~``, to hide the user's name."""
    home = str(Path.home())
    return text.replace(home, "~") if len(home) > 1 else text


class About(QgsProcessingAlgorithm):
    """Describes this installation."""

    def createInstance(self) -> Any:
        """Create an instance for a run."""
        return type(self)()

    def name(self) -> str:
        """Second part of the algorithm id."""
        return "about"

    def displayName(self) -> str:
        """Name in the toolbox."""
        return tr("About this installation")

    def group(self) -> str:
        """Group in the toolbox."""
        return tr("Installation")

    def groupId(self) -> str:
        """Id of the group."""
        return "installation"

    def tags(self) -> list[str]:
        """Search terms."""
        return ["about", "version", "diagnostics", "bug", "report", "doctor"]

    def icon(self) -> QIcon:
        """Icon next to the name."""
        return QIcon(str(Path(__file__).with_name("icon.svg")))

    def shortHelpString(self) -> str:
        """Help text next to the dialog."""
        return tr(
            "<p>Describes QGIS and the installation of road extraction for a bug report: versions, backend, speed, "
            "memory and disk. Passwords, keys and your name are left out.</p>"
        )

    def initAlgorithm(self, configuration: Any = None) -> None:
        """Add the parameters."""
        self.addParameter(QgsProcessingParameterBoolean("TIMING", tr("Measure the model's speed (seconds)"), True))
        self.addOutput(QgsProcessingOutputString("TEXT", tr("Description")))

    def processAlgorithm(self, parameters: dict[str, Any], context: Any, feedback: Any) -> dict[str, Any]:
        """Run in a background thread."""
        text = describe(self.parameterAsBool(parameters, "TIMING", context))
        feedback.pushInfo(text)
        return {"TEXT": text}
