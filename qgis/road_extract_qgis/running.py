"""The base of the algorithms: parameters, help, and the child process that does the work."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from qgis.core import (
    QgsCoordinateTransform,
    QgsProcessingException,
    QgsProcessingParameterFile,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterLayer,
    QgsProcessingUtils,
    QgsSettings,
)
from qgis.PyQt.QtCore import QCoreApplication, QThread
from qgis.PyQt.QtGui import QIcon

from .child import run_child
from .interpreter import ChildError, clean_environment, find_interpreter
from .layers import source_of, why_unreadable, why_unwritable
from .monitor import Monitor
from .parameters import (
    BASIC,
    Arguments,
    Option,
    advanced,
    help_of,
    label_of,
    model_folder_parameter,
    name_of,
    to_parameter,
)
from .translating import tr
from .web_layers import LIMIT_KM2, TERMS, WebScene, is_web, model_gsd_m, plan_web_scene, render, why_too_large

#: Name of the setting in Processing's options.
SETTING = "ROAD_EXTRACT_PYTHON"

PYTHON_HELP = (
    "Python that has road_extract, its virtual environment, or its road-extract program; if left out, the environment "
    "variable ROAD_EXTRACT_PYTHON, then the QGIS setting (Settings > Options > Processing > Providers), then the usual "
    "places"
)


def is_cancelled(feedback: Any) -> bool:
    """Check whether the user cancelled. Batches run in the main thread, which has to process its events for that."""
    application = QCoreApplication.instance()
    if application is not None and QThread.currentThread() == application.thread():
        QCoreApplication.processEvents()
    return bool(feedback.isCanceled())


#: Not QgsProcessingAlgorithm, because Processing uses the first subclass of it that it finds in a script.
_Base: Any = object


class RoadExtractAlgorithm(_Base):
    """Base class of the algorithms, which also derive from QgsProcessingAlgorithm.

    Attributes:
        NAME: Second part of the algorithm id.
        TITLE: Name in the toolbox.
        ABOUT: Help, in HTML.
        COMMAND: Subcommand of road-extract.
        INPUT_LABEL: Label of the input.
        SHARES: For each stage of the child, the start and end of its part of the progress bar, in percent.
        TAGS: Search terms.
        RENDERS: Whether layers that only QGIS can read are rendered for the child.
    """

    NAME = TITLE = ABOUT = COMMAND = INPUT_LABEL = ""
    SHARES: Mapping[str, tuple[float, float]] = MappingProxyType({})
    TAGS: tuple[str, ...] = ("road", "street", "extraction", "segmentation", "deep learning", "imagery")
    RENDERS = False

    def options(self) -> list[Option]:
        """Return the package's options that become parameters."""
        raise NotImplementedError

    def add_inputs(self) -> None:
        """Add the input parameters: a raster."""
        self.addParameter(QgsProcessingParameterRasterLayer("INPUT", tr(self.INPUT_LABEL)))

    def why_not(self, parameters: dict[str, Any], context: Any) -> str:
        """Explain why the child cannot read the inputs; empty if it can."""
        layer = self.parameterAsRasterLayer(parameters, "INPUT", context)
        if not (self.RENDERS and is_web(layer)):
            return why_unreadable(layer)
        if not layer.crs().isValid():
            return f"{layer.name()} has no CRS: set the layer's CRS in QGIS"
        limit_km2 = self.parameterAsDouble(parameters, "WEB_LIMIT", context)
        return why_too_large(self.web_scene(layer, parameters, context), limit_km2)

    def web_scene(self, layer: Any, parameters: dict[str, Any], context: Any) -> WebScene:
        """Plan what to render: the extent, or the extent of the polygons, or the whole layer."""
        crs, transforms = layer.crs(), context.transformContext()
        box = self.parameterAsExtent(parameters, "EXTENT", context, crs)
        area = self.parameterAsSource(parameters, "AOI", context) if parameters.get("AOI") else None
        if box.isEmpty() and area is not None:
            transform = QgsCoordinateTransform(area.sourceCrs(), crs, transforms)
            box = transform.transformBoundingBox(area.sourceExtent())
        gsd_m = model_gsd_m(self.parameterAsString(parameters, "MODEL_FOLDER", context))
        return plan_web_scene(layer, layer.extent() if box.isEmpty() else box, crs, gsd_m, transforms)

    def read_inputs(self, parameters: dict[str, Any], context: Any, feedback: Any) -> tuple[list[str], Any, str]:
        """Return what the child opens, the CRS for extents, and a name for the results."""
        layer = self.parameterAsRasterLayer(parameters, "INPUT", context)
        return [source_of(layer)], layer.crs(), layer.name()

    def add_outputs(self) -> None:
        """Add the destinations."""
        raise NotImplementedError

    def to_outputs(self, parameters: dict[str, Any], context: Any, scene: str) -> tuple[list[str], str, dict[str, str]]:
        """Return options, the main file, and the results by name.

        Args:
            parameters: Parameters from QGIS.
            context: Context of the run.
            scene: Name of the input, used in the names of the results.
        """
        raise NotImplementedError

    # The following methods override methods of QGIS.

    def createInstance(self) -> Any:
        """Create an instance for a run."""
        return type(self)()

    def name(self) -> str:
        """Second part of the algorithm id."""
        return self.NAME

    def displayName(self) -> str:
        """Name in the toolbox."""
        return tr(self.TITLE)

    def group(self) -> str:
        """Group in the toolbox."""
        return tr("Roads")

    def groupId(self) -> str:
        """Id of the group."""
        return "roads"

    def tags(self) -> list[str]:
        """Search terms."""
        return list(self.TAGS)

    def icon(self) -> QIcon:
        """Icon next to the name; scripts have none."""
        return QIcon(str(Path(__file__).with_name("icon.svg")))

    def shortHelpString(self) -> str:
        """Help text next to the dialog; advanced parameters have tooltips instead."""
        basic = [option for option in self.options() if name_of(option) in BASIC]
        lines = [f"<li><b>{label_of(option)}</b>: {help_of(option)}</li>" for option in basic]
        return "{}<ul>{}</ul>".format(tr(self.ABOUT), "".join(lines))

    def initAlgorithm(self, configuration: Any = None) -> None:
        """Add the parameters."""
        self.add_inputs()
        for option in self.options():
            self.addParameter(to_parameter(option))
            if option["name"] == "model":
                self.addParameter(model_folder_parameter())
        label = tr("Python that runs it")
        python = QgsProcessingParameterFile("PYTHON", label, optional=True, fileFilter="All files (*)")
        python.setHelp(tr(PYTHON_HELP))
        self.addParameter(advanced(python))
        if self.RENDERS:
            self.addParameter(advanced(_web_limit()))
        self.add_outputs()

    def checkParameterValues(self, parameters: dict[str, Any], context: Any) -> tuple[bool, str]:
        """Check the inputs before anything is started."""
        good, message = super().checkParameterValues(parameters, context)
        if good:
            message = self.why_not(parameters, context)
        return good and not message, message

    def prepareAlgorithm(self, parameters: dict[str, Any], context: Any, feedback: Any) -> bool:
        """Run in the main thread, where layers may be accessed."""
        message = self.why_not(parameters, context)
        if message:  # models and scripts do not call checkParameterValues
            raise QgsProcessingException(message)
        self._web = self._plan_web(parameters, context)
        if self._web is None:
            self._sources, crs, self._scene = self.read_inputs(parameters, context, feedback)
        else:
            self._sources, crs, self._scene = [], self._web.target, self._web.name
        arguments = Arguments(self, (parameters, context, feedback), crs)
        options = [option for option in self.options() if self._web is None or option["name"] != "bounds"]
        self._options = [text for option in options for text in arguments.of(option)]
        self._python = self.parameterAsString(parameters, "PYTHON", context)
        return True

    def processAlgorithm(self, parameters: dict[str, Any], context: Any, feedback: Any) -> dict[str, Any]:
        """Run in a background thread: start the child and report its messages."""
        options, out, results = self.to_outputs(parameters, context, self._scene)
        try:
            command = [*self._command(feedback), *self._options, *options, "--"]
            if not self._run(command, out, list(results.values()), feedback):
                feedback.pushInfo(tr("Cancelled: nothing was written."))
                return {}
        except ChildError as error:
            raise QgsProcessingException(str(error)) from error
        return {**results, **self.to_numbers(self._result)}

    def _run(self, command: list[str], out: str, outputs: list[str], feedback: Any) -> bool:
        """Render if necessary, then run the child; return False if it was cancelled."""
        if self._web is None:
            return self._run_child([*command, *self._sources, out], outputs, feedback)
        rendered = QgsProcessingUtils.generateTempFilename("rendered.tif")
        feedback.pushInfo(self._web.estimate())
        feedback.pushWarning(tr(TERMS))
        feedback.setProgressText(tr("Rendering the layer"))
        try:
            if not render(self._web, rendered, PartOfProgress(feedback, 0.0, 40.0), lambda: is_cancelled(feedback)):
                return False
            return self._run_child([*command, rendered, out], outputs, PartOfProgress(feedback, 40.0, 100.0))
        finally:
            if os.path.exists(rendered):
                os.remove(rendered)

    def _run_child(self, command: list[str], outputs: list[str], feedback: Any) -> bool:
        feedback.pushCommandInfo(" ".join(map(shlex.quote, command)))
        monitor = Monitor(feedback, self.SHARES, tr)
        done = run_child(command, clean_environment(os.environ), outputs, monitor, lambda: is_cancelled(feedback))
        self._result = monitor.result
        return done

    def _plan_web(self, parameters: dict[str, Any], context: Any) -> WebScene | None:
        layer = self.parameterAsRasterLayer(parameters, "INPUT", context) if self.RENDERS else None
        return self.web_scene(layer, parameters, context) if is_web(layer) else None

    def to_numbers(self, result: Mapping[str, Any]) -> dict[str, Any]:
        """Return further results from the child's result event."""
        return {}

    def vector_file(self, parameters: dict[str, Any], name: str, context: Any) -> str:
        """Return the name of a vector file to write.

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


def _web_limit() -> Any:
    kind = QgsProcessingParameterNumber.Type.Double
    label = tr("Largest area to render from a web layer [km\u00b2]")
    limit = QgsProcessingParameterNumber("WEB_LIMIT", label, kind, LIMIT_KM2, minValue=0.0)
    limit.setHelp(tr("Web layers (XYZ, WMS, WMTS) are downloaded for the extent; larger ones are refused."))
    return limit


class PartOfProgress:
    """Feedback that fills only a part of the real progress bar.

    Args:
        feedback: The real feedback.
        low: Start of the part, in percent.
        high: End of the part, in percent.
    """

    def __init__(self, feedback: Any, low: float, high: float) -> None:
        self._feedback, self._low, self._high = feedback, low, high

    def setProgress(self, percent: float) -> None:
        """Set the progress within the part."""
        self._feedback.setProgress(self._low + (self._high - self._low) * percent / 100.0)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._feedback, name)
