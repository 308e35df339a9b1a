"""What the algorithms share: parameters, help, and the child that does the work."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from qgis.core import QgsProcessingException, QgsProcessingParameterFile, QgsProcessingParameterRasterLayer, QgsSettings
from qgis.PyQt.QtCore import QCoreApplication, QThread
from qgis.PyQt.QtGui import QIcon

from .child import run_child
from .interpreter import VARIABLE, ChildError, clean_environment, find_interpreter
from .layers import source_of, why_unreadable, why_unwritable
from .monitor import Monitor
from .parameters import BASIC, Arguments, Option, advanced, help_of, label_of, name_of, to_parameter

#: Name of the setting in Processing's options.
SETTING = "ROAD_EXTRACT_PYTHON"

PYTHON_HELP = (
    "Python that has road_extract, its virtual environment, or its road-extract program; if left out, the environment "
    f"variable {VARIABLE}, then the QGIS setting (Settings > Options > Processing > Providers), then the usual places"
)


def is_cancelled(feedback: Any) -> bool:
    """Whether the user cancelled. Batches run in the main thread, which must be let look at its buttons."""
    application = QCoreApplication.instance()
    if application is not None and QThread.currentThread() == application.thread():
        QCoreApplication.processEvents()
    return bool(feedback.isCanceled())


#: Not a QgsProcessingAlgorithm: of a script, Processing takes the first class that is one.
_Base: Any = object


class RoadExtractAlgorithm(_Base):
    """Base of the algorithms, which are QgsProcessingAlgorithms as well.

    Attributes:
        NAME: Second half of the algorithm's id.
        TITLE: In the toolbox.
        ABOUT: Help, in HTML.
        COMMAND: Subcommand of the command line.
        INPUT_LABEL: What goes in.
        SHARES: Stage of the child to the percentages between which it moves the bar.
        TAGS: Words to find it by.
    """

    NAME = TITLE = ABOUT = COMMAND = INPUT_LABEL = ""
    SHARES: Mapping[str, tuple[float, float]] = MappingProxyType({})
    TAGS: tuple[str, ...] = ("road", "street", "extraction", "segmentation", "deep learning", "imagery")

    def options(self) -> list[Option]:
        """The package's options that become parameters."""
        raise NotImplementedError

    def add_inputs(self) -> None:
        """Add what goes in: a raster."""
        self.addParameter(QgsProcessingParameterRasterLayer("INPUT", self.INPUT_LABEL))

    def why_not(self, parameters: dict[str, Any], context: Any) -> str:
        """Why the child cannot read the inputs, in one sentence; empty if it can."""
        return why_unreadable(self.parameterAsRasterLayer(parameters, "INPUT", context))

    def read_inputs(self, parameters: dict[str, Any], context: Any, feedback: Any) -> tuple[list[str], Any, str]:
        """What the child opens, the CRS that extents are wanted in, and a name to name the results by."""
        layer = self.parameterAsRasterLayer(parameters, "INPUT", context)
        return [source_of(layer)], layer.crs(), layer.name()

    def add_outputs(self) -> None:
        """Add the destinations."""
        raise NotImplementedError

    def to_outputs(self, parameters: dict[str, Any], context: Any, scene: str) -> tuple[list[str], str, dict[str, str]]:
        """Options, the main file, and the results by their names.

        Args:
            parameters: As QGIS gave them.
            context: Of the run.
            scene: Name of the input, to name the results by.
        """
        raise NotImplementedError

    # What follows has names that QGIS gave.

    def createInstance(self) -> Any:
        """One for every run."""
        return type(self)()

    def name(self) -> str:
        """Second half of the id."""
        return self.NAME

    def displayName(self) -> str:
        """In the toolbox."""
        return self.TITLE

    def group(self) -> str:
        """In the toolbox."""
        return "Roads"

    def groupId(self) -> str:
        """Of the group."""
        return "roads"

    def tags(self) -> list[str]:
        """To be found by."""
        return list(self.TAGS)

    def icon(self) -> QIcon:
        """Beside the name; a script has none."""
        return QIcon(str(Path(__file__).with_name("icon.svg")))

    def shortHelpString(self) -> str:
        """Beside the dialog; an advanced parameter tells of itself when pointed at."""
        basic = [option for option in self.options() if name_of(option) in BASIC]
        lines = [f"<li><b>{label_of(option)}</b>: {help_of(option)}</li>" for option in basic]
        return "{}<ul>{}</ul>".format(self.ABOUT, "".join(lines))

    def initAlgorithm(self, configuration: Any = None) -> None:
        """Add the parameters."""
        self.add_inputs()
        for option in self.options():
            self.addParameter(to_parameter(option))
        python = QgsProcessingParameterFile("PYTHON", "Python that runs it", optional=True, fileFilter="All files (*)")
        python.setHelp(PYTHON_HELP)
        self.addParameter(advanced(python))
        self.add_outputs()

    def checkParameterValues(self, parameters: dict[str, Any], context: Any) -> tuple[bool, str]:
        """Refuse what cannot work before anything is started."""
        good, message = super().checkParameterValues(parameters, context)
        if good:
            message = self.why_not(parameters, context)
        return good and not message, message

    def prepareAlgorithm(self, parameters: dict[str, Any], context: Any, feedback: Any) -> bool:
        """In the main thread, where layers may be looked at."""
        message = self.why_not(parameters, context)
        if message:  # of models and scripts nobody has asked before
            raise QgsProcessingException(message)
        self._sources, crs, self._scene = self.read_inputs(parameters, context, feedback)
        arguments = Arguments(self, (parameters, context, feedback), crs)
        self._options = [text for option in self.options() for text in arguments.of(option)]
        self._python = self.parameterAsString(parameters, "PYTHON", context)
        return True

    def processAlgorithm(self, parameters: dict[str, Any], context: Any, feedback: Any) -> dict[str, Any]:
        """In a thread of its own: start the child and tell what it says."""
        options, out, results = self.to_outputs(parameters, context, self._scene)
        arguments = [*options, "--", *self._sources, out]
        monitor = Monitor(feedback, self.SHARES)
        try:
            command = [*self._command(feedback), *self._options, *arguments]
            feedback.pushCommandInfo(" ".join(map(shlex.quote, command)))
            environ = clean_environment(os.environ)
            if not run_child(command, environ, list(results.values()), monitor, lambda: is_cancelled(feedback)):
                feedback.pushInfo("Cancelled: nothing was written.")
                return {}
        except ChildError as error:
            raise QgsProcessingException(str(error)) from error
        return {**results, **self.to_numbers(monitor.result)}

    def to_numbers(self, result: Mapping[str, Any]) -> dict[str, Any]:
        """Further results, from the child's last word."""
        return {}

    def vector_file(self, parameters: dict[str, Any], name: str, context: Any) -> str:
        """Name of a vector file to write.

        Raises:
            QgsProcessingException: If the child does not write such files.
        """
        path: str = self.parameterAsOutputLayer(parameters, name, context)
        if why_unwritable(path):
            raise QgsProcessingException(why_unwritable(path))
        return path

    def _command(self, feedback: Any) -> list[str]:
        setting = QgsSettings().value("Processing/Configuration/" + SETTING, "") or ""
        interpreter = find_interpreter(self._python, setting, os.environ)
        feedback.pushInfo(str(interpreter))
        return [*interpreter.command, "--watch-stdin", self.COMMAND, "--progress", "json", "--overwrite"]
