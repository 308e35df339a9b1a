"""Extract roads: one file for Processing > Toolbox > Scripts > Add Script to Toolbox.

It is the plugin's algorithm, put together by qgis/generate.py from qgis/road_extract_qgis: do not edit.
It needs a Python that has road_extract; docs/qgis.md tells how to get one.
"""

from __future__ import annotations

import contextlib
import glob
import json
import math
import os
import queue
import re
import shlex
import shutil
import signal
import subprocess  # nosec B404
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any, Callable, ClassVar, NamedTuple

from osgeo import gdal
from qgis.core import (
    QgsCategorizedSymbolRenderer,
    QgsColorRampShader,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsFillSymbol,
    QgsLineSymbol,
    QgsMapLayer,
    QgsNetworkAccessManager,
    QgsNetworkReplyContent,
    QgsPointXY,
    QgsProcessing,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingLayerPostProcessorInterface,
    QgsProcessingOutputNumber,
    QgsProcessingOutputVectorLayer,
    QgsProcessingParameterBand,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterCrs,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterEnum,
    QgsProcessingParameterExtent,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
    QgsProcessingParameterVectorDestination,
    QgsProcessingUtils,
    QgsProject,
    QgsRasterBlockFeedback,
    QgsRasterLayer,
    QgsRasterShader,
    QgsRectangle,
    QgsRendererCategory,
    QgsSettings,
    QgsSimpleLineSymbolLayer,
    QgsSingleBandPseudoColorRenderer,
    QgsSingleSymbolRenderer,
    QgsWkbTypes,
)
from qgis.PyQt.QtCore import QCoreApplication, Qt, QThread
from qgis.PyQt.QtGui import QColor, QIcon, QImage
from qgis.PyQt.QtNetwork import QNetworkReply, QNetworkRequest

#: Of the package that this was made from; older ones may lack something.
PACKAGE_VERSION = "0.1.0"

#: Names of the models that come with the package.
MODELS = ("standard", "fast")

OPTIONS: dict[str, list[dict[str, Any]]] = {
    "PredictOptions": [
        {
            "id": "PredictOptions.model",
            "name": "model",
            "flag": "--model",
            "kind": "text",
            "default": None,
            "help": "Model: standard, fast, the name of an installed "
            "model, or a folder with weights.npz and "
            "spec.json (default: standard)",
            "unit": "",
            "low": None,
            "high": None,
            "choices": (),
        },
        {
            "id": "PredictOptions.backend",
            "name": "backend",
            "flag": "--backend",
            "kind": "choice",
            "default": "auto",
            "help": "Inference backend; auto uses the fastest one installed, on a GPU if it sees one",
            "unit": "",
            "low": None,
            "high": None,
            "choices": ("auto", "openvino", "pytorch", "onnxruntime", "tensorflow"),
        },
        {
            "id": "PredictOptions.precision",
            "name": "precision",
            "flag": "--precision",
            "kind": "choice",
            "default": "auto",
            "help": "Numerical precision; auto uses the fastest one that is safe",
            "unit": "",
            "low": None,
            "high": None,
            "choices": ("auto", "float32", "bfloat16", "float16", "int8"),
        },
        {
            "id": "PredictOptions.threads",
            "name": "threads",
            "flag": "--threads",
            "kind": "integer",
            "default": None,
            "help": "CPU threads (default: all)",
            "unit": "",
            "low": 1,
            "high": 1024,
            "choices": (),
        },
        {
            "id": "PredictOptions.bands",
            "name": "bands",
            "flag": "--bands",
            "kind": "integers",
            "default": None,
            "help": "Bands to use, counted from 1: one (grey) or as many as the model takes, such as 3,2,1",
            "unit": "",
            "low": None,
            "high": None,
            "choices": (),
        },
        {
            "id": "PredictOptions.overlap_px",
            "name": "overlap_px",
            "flag": "--overlap",
            "kind": "integer",
            "default": 32,
            "help": "Overlap between neighbouring windows",
            "unit": "px",
            "low": 0,
            "high": 112,
            "choices": (),
        },
        {
            "id": "PredictOptions.tta",
            "name": "tta",
            "flag": "--tta",
            "kind": "choice",
            "default": "none",
            "help": "Test-time augmentation: d4 averages predictions "
            "over the eight symmetries of each window, which "
            "takes eight times as long",
            "unit": "",
            "low": None,
            "high": None,
            "choices": ("none", "d4"),
        },
        {
            "id": "PredictOptions.batch_size",
            "name": "batch_size",
            "flag": "--batch-size",
            "kind": "integer",
            "default": None,
            "help": "Number of windows per inference batch (default: chosen by the backend)",
            "unit": "",
            "low": 1,
            "high": 256,
            "choices": (),
        },
        {
            "id": "PredictOptions.native_gsd",
            "name": "native_gsd",
            "flag": "--native-gsd",
            "kind": "flag",
            "default": False,
            "help": "Keep the scene's own pixel size instead of resampling to the model's GSD",
            "unit": "",
            "low": None,
            "high": None,
            "choices": (),
        },
        {
            "id": "PredictOptions.bounds",
            "name": "bounds",
            "flag": "--bounds",
            "kind": "numbers",
            "default": None,
            "help": "Process only this rectangle: XMIN YMIN XMAX YMAX in the scene's own coordinates",
            "unit": "",
            "low": None,
            "high": None,
            "choices": (),
        },
        {
            "id": "PredictOptions.aoi",
            "name": "aoi",
            "flag": "--aoi",
            "kind": "text",
            "default": None,
            "help": "Process only the area inside the polygons of this vector file (any format and CRS)",
            "unit": "",
            "low": None,
            "high": None,
            "choices": (),
        },
        {
            "id": "PredictOptions.assume_crs",
            "name": "assume_crs",
            "flag": "--assume-crs",
            "kind": "text",
            "default": None,
            "help": "CRS to use if the scene or the area of interest has none, such as EPSG:32611",
            "unit": "",
            "low": None,
            "high": None,
            "choices": (),
        },
        {
            "id": "PredictOptions.nodata",
            "name": "nodata",
            "flag": "--nodata",
            "kind": "text",
            "default": None,
            "help": "Nodata value of a scene that does not mark its empty pixels; auto detects black or white collars",
            "unit": "",
            "low": None,
            "high": None,
            "choices": (),
        },
        {
            "id": "PredictOptions.subdataset",
            "name": "subdataset",
            "flag": "--subdataset",
            "kind": "text",
            "default": None,
            "help": "Raster to read from a file that contains several: its number (from 1) or its name",
            "unit": "",
            "low": None,
            "high": None,
            "choices": (),
        },
        {
            "id": "PredictOptions.colour_table",
            "name": "colour_table",
            "flag": "--colour-table",
            "kind": "flag",
            "default": False,
            "help": "Add a colour table to the probability raster, so "
            "that any viewer shows it in colour; overviews "
            "then contain the nearest colour instead of the "
            "exact mean",
            "unit": "",
            "low": None,
            "high": None,
            "choices": (),
        },
    ],
    "VectorizeOptions": [
        {
            "id": "VectorizeOptions.geometry",
            "name": "geometry",
            "flag": "--geometry",
            "kind": "choice",
            "default": "polygons",
            "help": "Output geometry: road polygons, a network of road lines, or both",
            "unit": "",
            "low": None,
            "high": None,
            "choices": ("polygons", "lines", "both"),
        },
        {
            "id": "VectorizeOptions.threshold",
            "name": "threshold",
            "flag": "--threshold",
            "kind": "number",
            "default": None,
            "help": "Minimum probability for a pixel to count as road (default: the model's threshold)",
            "unit": "",
            "low": 0.001,
            "high": 1.0,
            "choices": (),
        },
        {
            "id": "VectorizeOptions.min_area_m2",
            "name": "min_area_m2",
            "flag": "--min-area",
            "kind": "number",
            "default": 100.0,
            "help": "Drop road areas smaller than this",
            "unit": "m2",
            "low": 0.0,
            "high": None,
            "choices": (),
        },
        {
            "id": "VectorizeOptions.min_hole_m2",
            "name": "min_hole_m2",
            "flag": "--min-hole",
            "kind": "number",
            "default": 50.0,
            "help": "Fill holes smaller than this",
            "unit": "m2",
            "low": 0.0,
            "high": None,
            "choices": (),
        },
        {
            "id": "VectorizeOptions.simplify_m",
            "name": "simplify_m",
            "flag": "--simplify",
            "kind": "number",
            "default": None,
            "help": "Simplification tolerance (0: keep the pixel "
            "outlines; default: 1 m for lines, 1.5 pixels "
            "for polygons)",
            "unit": "m",
            "low": 0.0,
            "high": None,
            "choices": (),
        },
    ],
    "LineOptions": [
        {
            "id": "LineOptions.faint",
            "name": "faint",
            "flag": "--faint",
            "kind": "number",
            "default": 0.5,
            "help": "Trace lines from this share of the threshold up; "
            "faint lines that are unlikely to be roads are "
            "dropped again",
            "unit": "",
            "low": 0.05,
            "high": 1.0,
            "choices": (),
        },
        {
            "id": "LineOptions.max_gap_m",
            "name": "max_gap_m",
            "flag": "--max-gap",
            "kind": "number",
            "default": 90.0,
            "help": "Longest gap to bridge where a road is likely to continue (0: bridge none)",
            "unit": "m",
            "low": 0.0,
            "high": 500.0,
            "choices": (),
        },
        {
            "id": "LineOptions.min_confidence",
            "name": "min_confidence",
            "flag": "--min-confidence",
            "kind": "number",
            "default": 0.4,
            "help": "Bridge gaps only where the estimated chance of a road is at least this",
            "unit": "",
            "low": 0.0,
            "high": 1.0,
            "choices": (),
        },
        {
            "id": "LineOptions.min_worth",
            "name": "min_worth",
            "flag": "--min-worth",
            "kind": "number",
            "default": 0.3,
            "help": "Drop lines whose estimated chance of being a road is lower than this (0: keep all)",
            "unit": "",
            "low": 0.0,
            "high": 1.0,
            "choices": (),
        },
        {
            "id": "LineOptions.min_face_m2",
            "name": "min_face_m2",
            "flag": "--min-face",
            "kind": "number",
            "default": 400.0,
            "help": "Open faces of the network smaller than this by dropping one side (0: keep all)",
            "unit": "m2",
            "low": 0.0,
            "high": None,
            "choices": (),
        },
        {
            "id": "LineOptions.min_length_m",
            "name": "min_length_m",
            "flag": "--min-length",
            "kind": "number",
            "default": 20.0,
            "help": "Drop isolated pieces of road shorter than this",
            "unit": "m",
            "low": 0.0,
            "high": None,
            "choices": (),
        },
        {
            "id": "LineOptions.spur_widths",
            "name": "spur_widths",
            "flag": "--min-spur",
            "kind": "number",
            "default": 2.0,
            "help": "Drop dead-end spurs shorter than this many road widths",
            "unit": "",
            "low": 0.0,
            "high": None,
            "choices": (),
        },
    ],
    "DiffOptions": [
        {
            "id": "DiffOptions.buffer_m",
            "name": "buffer_m",
            "flag": "--buffer",
            "kind": "number",
            "default": 6.0,
            "help": "Maximum distance between lines that can match as the same road",
            "unit": "m",
            "low": 0.0,
            "high": None,
            "choices": (),
        },
        {
            "id": "DiffOptions.angle_deg",
            "name": "angle_deg",
            "flag": "--angle",
            "kind": "number",
            "default": 30.0,
            "help": "Maximum difference in direction between lines that can match as the same road",
            "unit": "deg",
            "low": 0.0,
            "high": 90.0,
            "choices": (),
        },
        {
            "id": "DiffOptions.min_length_m",
            "name": "min_length_m",
            "flag": "--min-length",
            "kind": "number",
            "default": 15.0,
            "help": "Merge pieces shorter than this into the adjacent piece of their line",
            "unit": "m",
            "low": 0.0,
            "high": None,
            "choices": (),
        },
        {
            "id": "DiffOptions.bounds",
            "name": "bounds",
            "flag": "--bounds",
            "kind": "numbers",
            "default": None,
            "help": "Compare only this rectangle: XMIN YMIN XMAX YMAX in the CRS of ROADS",
            "unit": "",
            "low": None,
            "high": None,
            "choices": (),
        },
        {
            "id": "DiffOptions.within",
            "name": "within",
            "flag": "--within",
            "kind": "text",
            "default": None,
            "help": "Compare only inside the polygons of this vector file (any format and CRS)",
            "unit": "",
            "low": None,
            "high": None,
            "choices": (),
        },
        {
            "id": "DiffOptions.layer",
            "name": "layer",
            "flag": "--layer",
            "kind": "text",
            "default": None,
            "help": "Existing map: name of the only layer to read (default: all layers of lines)",
            "unit": "",
            "low": None,
            "high": None,
            "choices": (),
        },
        {
            "id": "DiffOptions.where",
            "name": "where",
            "flag": "--where",
            "kind": "text",
            "default": None,
            "help": "Existing map: SQL condition for features to read "
            "(default: all; of OpenStreetMap files, the roads)",
            "unit": "",
            "low": None,
            "high": None,
            "choices": (),
        },
        {
            "id": "DiffOptions.assume_crs",
            "name": "assume_crs",
            "flag": "--assume-crs",
            "kind": "text",
            "default": None,
            "help": "CRS of a file that has none, such as EPSG:32611",
            "unit": "",
            "low": None,
            "high": None,
            "choices": (),
        },
        {
            "id": "DiffOptions.sort",
            "name": "sort",
            "flag": "--sort",
            "kind": "choice",
            "default": "none",
            "help": "Order of the output: most certain first (probability) or most doubtful first (doubtful)",
            "unit": "",
            "low": None,
            "high": None,
            "choices": ("none", "probability", "doubtful"),
        },
    ],
}


def tr(text: str) -> str:
    """A text in QGIS's language, if there is a translation."""
    return str(QCoreApplication.translate("RoadExtract", text))


def tr_key(key: str, english: str) -> str:
    """The translation of a key; the English text if there is none."""
    found = tr(key)
    return english if found == key else found


VARIABLE = "ROAD_EXTRACT_PYTHON"
#: Environment variable with another folder for the environment that the plugin sets up.
HOME_VARIABLE = "ROAD_EXTRACT_HOME"

#: Variables that QGIS sets for itself and that would break or mislead another Python.
REMOVED = frozenset(
    (
        "PYTHONHOME",
        "PYTHONPATH",
        "PYTHONEXECUTABLE",
        "PYTHONSTARTUP",
        "__PYVENV_LAUNCHER__",
        "PROJ_LIB",
        "PROJ_DATA",
        "GDAL_DATA",
        "GDAL_DRIVER_PATH",
        "LD_PRELOAD",
        "LD_LIBRARY_PATH",
        "DYLD_LIBRARY_PATH",
        "DYLD_INSERT_LIBRARIES",
    )
)
PROBE_TIMEOUT_S = 60.0
WINDOWS = os.name == "nt"


class ChildError(Exception):
    """The package cannot be run, or failed. The message says what to do."""


# Not a dataclass, which would require its module in sys.modules, where Processing does not put scripts.
class Interpreter(NamedTuple):
    """A command that runs road_extract.

    Attributes:
        command: The beginning of the command line.
        origin: Who named it.
        version: Of the package.
    """

    command: tuple[str, ...]
    origin: str
    version: str = ""

    def __str__(self) -> str:
        return f"road_extract {self.version} by {self.command[0]} ({self.origin})"


def find_interpreter(chosen: str, setting: str, environ: Mapping[str, str]) -> Interpreter:
    """Find the one specified by parameter, environment variable or setting, or the first usual location that works.

    Args:
        chosen: The algorithm's parameter; empty if not given.
        setting: QGIS's setting; empty if not set.
        environ: The environment.

    Raises:
        ChildError: If what is named does not work, or nothing is found.
    """
    named = ((chosen, "the parameter"), (environ.get(VARIABLE, ""), VARIABLE), (setting, "the QGIS setting"))
    for path, origin in named:
        if path:
            return check_interpreter(Interpreter(to_command(path), origin), environ)
    for place in default_places(environ, Path.home()):
        try:
            return check_interpreter(Interpreter(to_command(str(place)), "a usual place"), environ)
        except ChildError:
            continue
    raise ChildError(
        "road_extract was not found on this computer: press Plugins > Road extraction > Set up; if it is already "
        "installed, specify its Python in Settings > Options > Processing > Providers > Road extraction, in the "
        f"environment variable {VARIABLE}, or in this algorithm's advanced parameters"
    )


def to_command(path: str) -> tuple[str, ...]:
    """Return the command for a Python, the folder of a virtual environment, or the program `road-extract`."""
    path = os.path.expanduser(path)
    if Path(path).name.lower().startswith("road-extract") and not os.path.isdir(path):
        return (path,)
    inside = [Path(path, *parts) for parts in (("bin", "python"), ("Scripts", "python.exe"))]
    return (next((str(python) for python in inside if python.is_file()), path), "-m", "road_extract")


def default_places(environ: Mapping[str, str], home: Path) -> list[Path]:
    """List existing installations by *Set up road extraction*, pip, pipx, uv and `make demo`, the preferred first."""
    on_path = shutil.which("road-extract", path=environ.get("PATH"))
    programs = [home / ".local/bin", Path("/opt/homebrew/bin"), Path("/usr/local/bin")]
    places = [] if on_path is None else [Path(on_path)]
    places += [folder / ("road-extract.exe" if WINDOWS else "road-extract") for folder in programs]
    python = Path("Scripts/python.exe" if WINDOWS else "bin/python")
    set_up = python_in(data_folder(environ, home) / "env")
    everywhere = [set_up, *places, *(folder / python for folder in _folders(environ, home))]
    return [place for place in everywhere if place.is_file()]


def data_folder(environ: Mapping[str, str], home: Path) -> Path:
    """Return the folder of the environment, which depends on the operating system."""
    if environ.get(HOME_VARIABLE):
        return Path(environ[HOME_VARIABLE])
    if WINDOWS:
        return Path(environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "road-extract"
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "road-extract"
    return Path(environ.get("XDG_DATA_HOME") or home / ".local" / "share") / "road-extract"


def python_in(env: Path) -> Path:
    """Return the Python of an environment."""
    return env / ("Scripts/python.exe" if WINDOWS else "bin/python")


def _folders(environ: Mapping[str, str], home: Path) -> list[Path]:
    """Return the usual locations of virtual environments."""
    shares = [home / ".local/share", home / ".local", home]
    shares += [Path(environ[name]) for name in ("XDG_DATA_HOME", "APPDATA", "LOCALAPPDATA") if environ.get(name)]
    tools = [share / inside for share in shares for inside in ("uv/tools/road-extract", "pipx/venvs/road-extract")]
    checkouts = [
        home / name for name in ("road_extract/.venv", "road-extract/.venv", "road-extract", ".venvs/road-extract")
    ]
    return tools + checkouts


def check_interpreter(interpreter: Interpreter, environ: Mapping[str, str]) -> Interpreter:
    """Check the version of the package that it runs.

    Raises:
        ChildError: If it cannot be started, lacks the package, or has an old one.
    """
    said = _ask_version(interpreter, environ)
    found = re.search(r"^road-extract (\S+)", said, re.MULTILINE)
    if not found:
        raise ChildError(_why_not(interpreter, said))
    if _release(found.group(1)) < _release(PACKAGE_VERSION):
        raise ChildError(
            f"{interpreter.command[0]} ({interpreter.origin}) has road_extract {found.group(1)}, but "
            f"{PACKAGE_VERSION} or newer is needed: {_how_to_install(interpreter)}"
        )
    return Interpreter(interpreter.command, interpreter.origin, found.group(1))


def _ask_version(interpreter: Interpreter, environ: Mapping[str, str]) -> str:
    try:
        # no shell: a list of arguments, for the program that the user chose
        done = subprocess.run(  # nosec B603
            [*interpreter.command, "--version"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=clean_environment(environ),
            timeout=PROBE_TIMEOUT_S, creationflags=no_window(), check=False,
        )  # fmt: skip
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        why = getattr(error, "strerror", None) or "no answer"
        raise ChildError(
            f"{interpreter.command[0]} ({interpreter.origin}) cannot be started ({why}): choose the Python that has "
            "road_extract, or its road-extract program"
        ) from error
    return done.stdout.decode("utf-8", "replace")


def _why_not(interpreter: Interpreter, said: str) -> str:
    who = f"{interpreter.command[0]} ({interpreter.origin})"
    if "No module named road_extract" in said:
        return f"{who} does not have road_extract: choose another Python, or {_how_to_install(interpreter)}"
    last = (said.strip().splitlines() or ["nothing"])[-1]
    return f"{who} is not a Python with a working road_extract; when asked for the version, it printed: {last}"


def _how_to_install(interpreter: Interpreter) -> str:
    if interpreter.command[0] == str(python_in(data_folder(os.environ, Path.home()) / "env")):
        return "press Plugins > Road extraction > Set up"
    if len(interpreter.command) == 1:
        return "update it in the project's folder with the tool that installed it, for example: pipx install --force ."
    return f'run in the project\'s folder, with Python 3.11 or newer: "{interpreter.command[0]}" -m pip install .'


def _release(version: str) -> tuple[int, ...]:
    """Convert a version for comparison; an uninstalled checkout (0+unknown) counts as the newest."""
    if "unknown" in version:
        return (10**6,)
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def clean_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Remove variables that QGIS set for itself, and prevent imports from the current folder."""
    kept = {name: value for name, value in environ.items() if not _is_removed(name)}
    return {**kept, "PYTHONSAFEPATH": "1", "PYTHONIOENCODING": "utf-8"}


def _is_removed(name: str) -> bool:
    return name.upper() in REMOVED or name.upper().startswith("QT_")


def no_window() -> int:
    """Return the flag that stops Windows from opening a console for the child."""
    flag: int | None = getattr(subprocess, "CREATE_NO_WINDOW", None)
    return flag or 0


#: Maximum number of lines shown; too many would make the dialog unresponsive.
SHOWN_LINES = 200

STAGE_TEXTS = {"predict": "Finding roads", "vectorize": "Drawing outlines", "lines": "Drawing lines"}

_OUT_OF_MEMORY = (
    "road_extract was killed by the system, most likely because memory ran out: close other programs, restrict the "
    "extent, or reduce the number of windows per batch"
)
_SIGNALS = {
    "SIGKILL": _OUT_OF_MEMORY,
    "SIGILL": "this computer's CPU lacks instructions that the program needs: use another computer",
}
_WINDOWS_CODES = {0xC0000017: _OUT_OF_MEMORY, 0xC000001D: _SIGNALS["SIGILL"]}


class Monitor:
    """Turns the child's output into progress, messages, a result or an error."""

    def __init__(
        self, feedback: Any, shares: Mapping[str, tuple[float, float]], translate: Callable[[str], str] = str
    ) -> None:
        """Create a monitor.

        Args:
            feedback: Has the methods of QgsProcessingFeedback.
            shares: For each stage, the start and end of its part of the progress bar, in percent.
            translate: Translates text into the user's language.
        """
        self.result: dict[str, Any] = {}
        self._feedback, self._shares, self._translate = feedback, shares, translate
        self._error, self._stage, self._percent, self._lines = "", "", 0.0, 0
        self._tail: deque[str] = deque(maxlen=20)

    def take(self, source: str, line: str) -> None:
        """Process a line of ``stdout`` (JSON) or ``stderr``."""
        event = _parse(line) if source == "stdout" else None
        if event is None:
            self._on_line(line)
        elif event["event"] == "progress":
            self._on_progress(event)
        elif event["event"] == "log":
            self._on_log(str(event.get("level")), str(event.get("message")))
        elif event["event"] == "error":
            self._error = str(event.get("message"))
        elif event["event"] == "result":
            self.result = event
            self._feedback.setProgress(100.0)

    def explain(self, code: int) -> str:
        """Explain why the child failed, in one sentence.

        Args:
            code: Exit code; negative for a signal.
        """
        last = self._tail[-1] if self._tail else "no output"
        return self._error or _explain_crash(code) or f"road_extract ended with code {code}: {last}"

    def _on_progress(self, event: Mapping[str, Any]) -> None:
        stage = str(event.get("stage"))
        if stage != self._stage:
            self._stage = stage
            self._feedback.setProgressText(self._translate(STAGE_TEXTS.get(stage, stage.capitalize())))
        low, high = self._shares.get(stage, (self._percent, self._percent))
        done, total = float(event.get("done", 0)), float(event.get("total", 0))
        self._percent = max(self._percent, low + (high - low) * min(done / total if total > 0 else 0.0, 1.0))
        self._feedback.setProgress(self._percent)

    def _on_log(self, level: str, message: str) -> None:
        (self._feedback.pushWarning if level == "warning" else self._feedback.pushInfo)(message)

    def _on_line(self, line: str) -> None:
        if not line:
            return
        self._lines += 1
        # error messages also arrive as events, and are shown as such
        if line.startswith("Error: "):
            self._error = self._error or line[len("Error: ") :]
        elif self._lines <= SHOWN_LINES:
            self._feedback.pushConsoleInfo(line)
        self._tail.append(line)


def _parse(line: str) -> dict[str, Any] | None:
    """Parse an event; None for any other output."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and "event" in event else None


def _explain_crash(code: int) -> str:
    """Explain a crash; empty if the exit code does not indicate one."""
    if code > 0xFFFF:
        return _WINDOWS_CODES.get(code, f"road_extract crashed (code {code:#x})")
    number = -code if code < 0 else code - 128  # an intermediate shell adds 128
    try:
        name = signal.Signals(number).name
    except ValueError:
        return ""
    return _SIGNALS.get(name, f"road_extract crashed ({name})")


POLL_S = 0.1
#: Time that a child gets to clean up before it is killed.
GRACE_S = 3.0
#: Maximum length of a line, so that an endless line cannot exhaust the memory.
LINE_BYTES = 65536


def run_child(
    command: Sequence[str],
    environ: dict[str, str],
    outputs: Iterable[str],
    monitor: Monitor,
    is_cancelled: Callable[[], bool],
) -> bool:
    """Run a child process, and remove its leftovers if it does not finish.

    Args:
        command: Command line.
        environ: Environment variables.
        outputs: Files that it writes.
        monitor: Gets every line of its output.
        is_cancelled: Called ten times a second.

    Returns:
        False if it was cancelled.

    Raises:
        ChildError: If it fails.
    """
    child = Child(command, environ)
    done = False
    try:
        for source, line in child.iter_lines(is_cancelled):
            monitor.take(source, line)
        done = child.poll() == 0 and bool(monitor.result)
    finally:
        child.stop()
        if not done:
            remove_leftovers(outputs)
    if is_cancelled() and not done:
        return False
    if not done:
        raise ChildError(monitor.explain(child.poll() or 0))
    return True


class Child:
    """A running child in its own process group. Its stdin stays open as long as QGIS runs, and it exits afterwards."""

    def __init__(self, command: Sequence[str], environ: dict[str, str]) -> None:
        """Start it.

        Raises:
            ChildError: If it cannot be started.
        """
        try:
            # no shell: a list of arguments, for the program that the user chose
            self._process = subprocess.Popen(  # nosec B603
                list(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                env=environ, start_new_session=not WINDOWS, creationflags=no_window(),
            )  # fmt: skip
        except OSError as error:
            raise ChildError(f"{command[0]} cannot be started ({error.strerror})") from error
        self._said: queue.Queue[tuple[str, str | None]] = queue.Queue()
        self._pumps = [self._pump("stdout", self._process.stdout), self._pump("stderr", self._process.stderr)]

    def poll(self) -> int | None:
        """Return the exit code; None while it runs."""
        return self._process.poll()

    def iter_lines(self, is_cancelled: Callable[[], bool]) -> Iterator[tuple[str, str]]:
        """Yield ("stdout" or "stderr", line) until it ends or is cancelled. It may be silent for a long time."""
        open_streams, ended_s = 2, 0.0
        while (open_streams or self.poll() is None) and not is_cancelled():
            try:
                source, line = self._said.get(timeout=POLL_S)
            except queue.Empty:
                # a grandchild may keep the streams open forever
                ended_s += POLL_S if self.poll() is not None else 0.0
                if ended_s > 1.0:
                    return
                continue
            if line is None:
                open_streams -= 1
            else:
                yield source, line

    def stop(self) -> None:
        """Stop it if it is running: ask it first, and kill it after `GRACE_S`."""
        stdin = self._process.stdin
        try:
            if stdin is not None:
                stdin.close()  # the only graceful way on Windows; elsewhere, there are signals
        except OSError:
            pass
        if self.poll() is None:
            self._end()
        for pump in self._pumps:
            pump.join(1.0)

    def _end(self) -> None:
        if not WINDOWS:
            self._signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE_S)
        self._kill()
        self._process.wait()

    def _pump(self, source: str, stream: IO[bytes] | None) -> threading.Thread:
        def pump() -> None:
            if stream is not None:
                with stream:
                    for raw in iter(lambda: stream.readline(LINE_BYTES), b""):
                        self._said.put((source, raw.decode("utf-8", "replace").rstrip()))
            self._said.put((source, None))

        thread = threading.Thread(target=pump, name="road_extract " + source, daemon=True)
        thread.start()
        return thread

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def _kill(self) -> None:
        if WINDOWS:
            taskkill = os.path.join(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32", "taskkill.exe")
            # the system's program, by its full path; the process is our own child
            subprocess.run(  # nosec B603
                [taskkill, "/F", "/T", "/PID", str(self._process.pid)],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                creationflags=no_window(), check=False,
            )  # fmt: skip
        else:
            self._signal(signal.SIGKILL)


def remove_leftovers(outputs: Iterable[str]) -> None:
    """Remove temporary files that a killed child left: ``.NAME.tmp-...`` next to ``NAME.gpkg``."""
    for output in map(Path, outputs):
        for leftover in output.parent.glob(f".{glob.escape(output.stem)}.tmp-*"):
            _remove(leftover)


def _remove(path: Path) -> None:
    for _ in range(10):  # Windows releases a file some time after its process has ended
        try:
            path.unlink()
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(POLL_S)
        else:
            return


#: Probability, red, green, blue, opacity. Below a tenth, it is nearly transparent.
RAMP = (
    (0.0, 72, 12, 104, 0),
    (0.1, 72, 12, 104, 40),
    (0.3, 150, 35, 110, 150),
    (0.5, 222, 73, 74, 200),
    (0.75, 252, 155, 30, 225),
    (1.0, 252, 250, 120, 240),
)
#: Roads stand out from soil, roofs, trees and water: translucent yellow with an orange outline, and blue lines.
POLYGON_COLOUR = (255, 214, 0)
OUTLINE_COLOUR = (255, 94, 0)
LINE_COLOUR = (30, 60, 230)
#: Pieces of a comparison with a map, by status.
STATUS_COLOURS = {
    "new": (0, 140, 60), "doubtful": (224, 123, 0), "missing": (220, 20, 40), "matched": (120, 120, 120),
}  # fmt: skip


def ramp_colour(probability: float) -> tuple[int, int, int, int]:
    """Red, green, blue and opacity of a probability, each 0 to 255."""
    above = next((n for n, step in enumerate(RAMP) if probability <= step[0]), len(RAMP) - 1)
    low, high = RAMP[max(0, above - 1)], RAMP[above]
    share = min(1.0, max(0.0, (probability - low[0]) / (high[0] - low[0] or 1.0)))
    red, green, blue, opacity = (round(low[n] + share * (high[n] - low[n])) for n in range(1, 5))
    return red, green, blue, opacity


class Styler(QgsProcessingLayerPostProcessorInterface):
    """Styles a layer when it is loaded.

    The run's context owns it and deletes it, so no two layers may share one; but nobody keeps the Python half alive.
    """

    _alive: ClassVar[list[Any]] = []

    def __init__(self, paint: Callable[[Any], None], group: str = "") -> None:
        super().__init__()
        self._paint, self._group = paint, group
        self._alive.append(self)

    def postProcessLayer(
        self, layer: QgsMapLayer, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> None:
        """Called in the main thread."""
        self._paint(layer)
        layer.triggerRepaint()
        if self._group:
            move_into_group(layer, self._group)
        self._alive.remove(self)


def paint_roads(layer: Any) -> None:
    """Style polygons or lines."""
    lines = layer.geometryType() == QgsWkbTypes.GeometryType.LineGeometry
    layer.setRenderer(_line_renderer() if lines else _polygon_renderer())


def _polygon_renderer() -> QgsSingleSymbolRenderer:
    """Translucent yellow with a dark outline, which stands out from soil, roofs, trees and water."""
    colours = {"color": to_text(POLYGON_COLOUR, 90), "outline_color": to_text(OUTLINE_COLOUR)}
    symbol = QgsFillSymbol.createSimple({**colours, "outline_width": "0.35", "joinstyle": "round"})
    return QgsSingleSymbolRenderer(symbol)


def _line_renderer() -> QgsCategorizedSymbolRenderer:
    """Blue with white casing; dashed for bridged gaps, where no road was detected."""
    kinds = ((False, "solid", tr("Road")), (True, "dash", tr("Bridged gap")))
    categories = [
        QgsRendererCategory(bridged, line_symbol(to_text(LINE_COLOUR), style), label) for bridged, style, label in kinds
    ]
    return QgsCategorizedSymbolRenderer("bridged", categories)


def paint_differences(layer: Any) -> None:
    """New roads in green, missing ones in red, matched ones in grey."""
    kinds = (
        ("new", tr("New: not on the map")),
        ("doubtful", tr("Doubtful: look twice")),
        ("missing", tr("Missing: on the map only")),
        ("matched", tr("Matched")),
    )
    categories = [
        QgsRendererCategory(status, line_symbol(to_text(STATUS_COLOURS[status])), label) for status, label in kinds
    ]
    layer.setRenderer(QgsCategorizedSymbolRenderer("status", categories))


def to_text(colour: tuple[int, int, int], opacity: int = 255) -> str:
    """Write a colour as QGIS does: red, green, blue and opacity."""
    return ",".join(map(str, (*colour, opacity)))


def line_symbol(colour: str, style: str = "solid") -> QgsLineSymbol:
    """A line with white casing, which stands out on any imagery."""
    shape = {"capstyle": "round", "joinstyle": "round"}
    symbol = QgsLineSymbol.createSimple({"color": "255,255,255,230", "width": "1.3", **shape})
    core = {"line_color": colour, "line_width": "0.7", "line_style": style, **shape}
    symbol.appendSymbolLayer(QgsSimpleLineSymbolLayer.create(core))
    return symbol


def paint_probability(layer: Any) -> None:
    """A colour ramp from transparent to bright, below the vectors and above the scene."""
    ramp = QgsColorRampShader(0.0, 1.0, None, QgsColorRampShader.Type.Interpolated)
    ramp.setColorRampItemList([QgsColorRampShader.ColorRampItem(p, QColor(*rgba), f"{p:.0%}") for p, *rgba in RAMP])
    shader = QgsRasterShader()
    shader.setRasterShaderFunction(ramp)
    renderer = QgsSingleBandPseudoColorRenderer(layer.dataProvider(), 1, shader)
    renderer.setClassificationMin(0.0)
    renderer.setClassificationMax(1.0)
    layer.setRenderer(renderer)
    move_below_vectors(layer)


def paint_threshold(layer: Any, threshold: float) -> None:
    """Show only the roads at a threshold, in one colour."""
    red, green, blue = POLYGON_COLOUR
    steps = QgsColorRampShader(0.0, 1.0, None, QgsColorRampShader.Type.Discrete)
    below = QgsColorRampShader.ColorRampItem(threshold - 1e-6, QColor(red, green, blue, 0), f"< {threshold:.3f}")
    above = QgsColorRampShader.ColorRampItem(float("inf"), QColor(red, green, blue, 190), f"\u2265 {threshold:.3f}")
    steps.setColorRampItemList([below, above])
    shader = QgsRasterShader()
    shader.setRasterShaderFunction(steps)
    layer.setRenderer(QgsSingleBandPseudoColorRenderer(layer.dataProvider(), 1, shader))


def move_into_group(layer: Any, name: str) -> None:
    """Group the results of a scene, above all other layers. Newer versions of QGIS do this themselves (`announce`)."""
    root = QgsProject.instance().layerTreeRoot()
    node = root.findLayer(layer.id())
    if node is None or node.parent() is not root:
        return
    group = root.findGroup(name) or root.insertGroup(0, name)
    # rasters below vectors, whichever comes first
    place = 0 if layer.type() == QgsMapLayer.LayerType.VectorLayer else len(group.children())
    group.insertChildNode(place, node.clone())
    root.removeChildNode(node)


def move_below_vectors(layer: Any) -> None:
    """Move the layer into place, because results are loaded in any order, and a raster could cover the roads."""
    node = QgsProject.instance().layerTreeRoot().findLayer(layer.id())
    if node is None:
        return
    siblings = node.parent().children()
    place = siblings.index(node)
    while place + 1 < len(siblings) and _is_vector(siblings[place + 1]):
        place += 1
    if siblings[place] is not node:
        node.parent().insertChildNode(place + 1, node.clone())
        node.parent().removeChildNode(node)


def _is_vector(node: Any) -> bool:
    layer = node.layer() if hasattr(node, "layer") else None
    return layer is not None and layer.type() == QgsMapLayer.LayerType.VectorLayer


VECTOR_EXTENSIONS = ("gpkg", "geojson", "fgb", "parquet")


def why_unreadable(layer: QgsRasterLayer | None) -> str:
    """Explain why another process cannot open a layer's source; empty if it can."""
    if layer is None:
        return "the input is not a raster layer that QGIS can open"
    way_out = "export it first (right-click the layer, Export, Save As, format GeoTIFF)"
    source = layer.source()
    if layer.providerType() != "gdal":
        return f"{layer.name()} comes from '{layer.providerType()}', which only QGIS itself can read: {way_out}"
    if source.startswith("/vsimem/"):
        return f"{layer.name()} is in QGIS's memory, where no other program can read it: {way_out}"
    if "|" in source and not os.path.exists(source):
        return f"{layer.name()} is opened with options or a log-in that only QGIS knows: {way_out}"
    return ""


def source_of(layer: QgsRasterLayer) -> str:
    """Return what the child opens, as an absolute path, because it may run in another folder."""
    source: str = layer.source()
    return os.path.abspath(source) if os.path.exists(source) else source


def why_unwritable(path: str) -> str:
    """Explain why a vector file cannot be written; empty if it can."""
    extension = Path(path).suffix.lower().lstrip(".")
    if "=" in path and not Path(path).parent.is_dir():
        return "road_extract writes files, not database tables: choose a file name that ends in .gpkg or .geojson"
    if extension not in VECTOR_EXTENSIONS:
        return "{}: road_extract writes .{} files; choose one of them".format(path, ", .".join(VECTOR_EXTENSIONS))
    return ""


def group_of(scene: str) -> str:
    """Return the name of the layer group for the results of a scene."""
    return tr("Road extraction: {}").format(scene)


def announce(
    context: Any, path: str, default_name: str, name: str, paint: Callable[[Any], None], group: str = ""
) -> None:
    """Style and name a result when it is loaded, unless the user has named it.

    Args:
        context: Context of the run.
        path: File of the result.
        default_name: Name that QGIS would use.
        name: Name to use instead.
        paint: Function that styles the layer.
        group: Layer group to put it into.
    """
    if context.willLoadLayerOnCompletion(path):
        details = context.layerToLoadOnCompletionDetails(path)
        if details.name in ("", default_name):
            details.name = name
        _prepare(details, paint, group)


def _prepare(details: Any, paint: Callable[[Any], None], group: str) -> None:
    if hasattr(details, "groupName"):  # QGIS 3.32
        details.groupName, group = details.groupName or group, ""
    details.setPostProcessor(Styler(paint, group))


def announce_beside(context: Any, path: str, beside: str, name: str, group: str) -> None:
    """Load a second result together with the first, because QGIS only loads destinations.

    Args:
        context: Context of the run.
        path: First result.
        beside: Second result.
        name: Name of the second layer.
        group: Layer group to put it into.
    """
    if context.willLoadLayerOnCompletion(path):
        project = context.layerToLoadOnCompletionDetails(path).project
        details = QgsProcessingContext.LayerDetails(name, project, "LINES")
        _prepare(details, paint_roads, group)
        context.addLayerToLoadOnCompletion(beside, details)


Option = Mapping[str, Any]

#: Always shown; all others are under *Advanced parameters*.
BASIC = frozenset(["MODEL", "EXTENT", "AOI", "BUFFER", "GEOMETRY", "THRESHOLD", "MIN_AREA", "SIMPLIFY"])

#: Names that are familiar to QGIS users, if they differ from the command line.
NAMES = {"bounds": "EXTENT", "within": "AOI"}

LABELS = {
    "MODEL": "Model",
    "TTA": "Test-time augmentation",
    "FAINT": "Faint lines: share of the threshold to trace from",
    "LAYER": "Layer of the existing map",
    "MIN_CONFIDENCE": "Minimum confidence of a bridged gap",
    "MIN_FACE": "Smallest face of the network",
    "MIN_WORTH": "Minimum probability that a line is a road",
    "NODATA": "Nodata value",
    "SUBDATASET": "Subdataset",
    "WHERE": "Condition for features of the existing map",
    "BANDS": "Bands, in the model's order",
    "OVERLAP": "Overlap of neighbouring windows",
    "BATCH_SIZE": "Windows per batch",
    "NATIVE_GSD": "Process at the scene's own resolution",
    "EXTENT": "Extent to process",
    "AOI": "Area of interest (polygons)",
    "ASSUME_CRS": "CRS to assume if the raster has none",
    "BUFFER": "Maximum distance between matching lines",
    "ANGLE": "Maximum angle between matching lines",
    "SORT": "Order",
    "MAX_GAP": "Longest gap to bridge",
    "MIN_LENGTH": "Minimum length of isolated roads",
    "MIN_SPUR": "Minimum dead-end length, in road widths",
    "MIN_AREA": "Minimum road area",
    "MIN_HOLE": "Minimum hole area",
    "SIMPLIFY": "Simplification tolerance",
}

#: Replacements for help texts that refer to the command line.
HELPS = {
    "MODEL": "Shipped model that finds the roads",
    "EXTENT": "Process only this rectangle, in any CRS",
    "AOI": "Process only the area inside these polygons, in any CRS",
    "BANDS": "Bands to use: one (greyscale) or as many as the model has, in its order (default: chosen by colour)",
    "ASSUME_CRS": "CRS to assume if the raster has none (default: that of the layer in QGIS)",
}


def options_of(*groups: str) -> list[Option]:
    """Return the options of some groups of the table; ``Group.name`` selects a single one."""
    found: list[Option] = []
    for group in groups:
        name, _, only = group.partition(".")
        found += [option for option in OPTIONS[name] if not only or option["name"] == only]
    return found


def name_of(option: Option) -> str:
    """Return the parameter name, such as `MIN_AREA` for `--min-area`."""
    return NAMES.get(option["name"]) or str(option["flag"]).strip("-").replace("-", "_").upper()


def help_of(option: Option) -> str:
    """Return the help text, one sentence."""
    return tr_key(f"help:{option['id']}", HELPS.get(name_of(option), str(option["help"]))) + "."


def label_of(option: Option) -> str:
    """Return the label: a few words and the unit."""
    name = name_of(option)
    label = tr_key(f"label:{name}", LABELS.get(name, name.replace("_", " ").capitalize()))
    unit = option["unit"].replace("m2", "m\u00b2")
    return f"{label} [{unit}]" if unit else label


def to_parameter(option: Option) -> QgsProcessingParameterDefinition:
    """Create the parameter for an option."""
    name, label = name_of(option), label_of(option)
    build = _SPECIAL.get(option["name"]) or _BY_KIND[option["kind"]]
    parameter = build(name, label, option)
    parameter.setHelp(help_of(option))
    return parameter if name in BASIC else advanced(parameter)


def advanced(parameter: QgsProcessingParameterDefinition) -> QgsProcessingParameterDefinition:
    """Move a parameter to *Advanced parameters*."""
    parameter.setFlags(parameter.flags() | QgsProcessingParameterDefinition.Flag.FlagAdvanced)
    return parameter


def _number(name: str, label: str, option: Option) -> QgsProcessingParameterDefinition:
    whole = option["kind"] == "integer"
    kind = QgsProcessingParameterNumber.Type.Integer if whole else QgsProcessingParameterNumber.Type.Double
    limits = {side: option[key] for side, key in (("minValue", "low"), ("maxValue", "high")) if option[key] is not None}
    return QgsProcessingParameterNumber(name, label, kind, option["default"], option["default"] is None, **limits)


def _choice(name: str, label: str, option: Option) -> QgsProcessingParameterDefinition:
    return QgsProcessingParameterEnum(name, label, list(option["choices"]), False, option["default"], False, True)


def _text(name: str, label: str, option: Option) -> QgsProcessingParameterDefinition:
    return QgsProcessingParameterString(name, label, option["default"], False, option["default"] is None)


def _flag(name: str, label: str, option: Option) -> QgsProcessingParameterDefinition:
    return QgsProcessingParameterBoolean(name, label, option["default"])


def _model(name: str, label: str, option: Option) -> QgsProcessingParameterDefinition:
    return QgsProcessingParameterEnum(name, label, list(MODELS), False, MODELS[0], False, True)


def model_folder_parameter() -> QgsProcessingParameterDefinition:
    """A model of the user's own; it wins over the drop-down."""
    folder = QgsProcessingParameterFile.Behavior.Folder
    label = tr("Model folder of your own (instead of the model above)")
    parameter = QgsProcessingParameterFile("MODEL_FOLDER", label, folder, optional=True)
    parameter.setHelp(tr("Folder with weights.npz and spec.json, as road-extract train writes it."))
    return advanced(parameter)


def _bands(name: str, label: str, option: Option) -> QgsProcessingParameterDefinition:
    return QgsProcessingParameterBand(name, label, None, "INPUT", True, True)


def _extent(name: str, label: str, option: Option) -> QgsProcessingParameterDefinition:
    return QgsProcessingParameterExtent(name, label, None, True)


def _polygons(name: str, label: str, option: Option) -> QgsProcessingParameterDefinition:
    return QgsProcessingParameterFeatureSource(name, label, [QgsProcessing.SourceType.TypeVectorPolygon], None, True)


def _crs(name: str, label: str, option: Option) -> QgsProcessingParameterDefinition:
    return QgsProcessingParameterCrs(name, label, None, True)


_Builder = Callable[[str, str, Option], QgsProcessingParameterDefinition]
_BY_KIND: dict[str, _Builder] = {
    "number": _number, "integer": _number, "text": _text, "flag": _flag, "choice": _choice
}  # fmt: skip
_SPECIAL: dict[str, _Builder] = {
    "model": _model, "bands": _bands, "bounds": _extent, "aoi": _polygons, "within": _polygons,
    "assume_crs": _crs,
}  # fmt: skip

_READERS = {
    "number": "parameterAsDouble", "integer": "parameterAsInt", "text": "parameterAsString",
    "choice": "parameterAsEnumString",
}  # fmt: skip


class Arguments:
    """Reads parameters as the command line wants them.

    Args:
        algorithm: Whose parameters.
        given: Parameters, context and feedback, as QGIS gave them.
        crs: Of the input layer.
    """

    def __init__(
        self, algorithm: Any, given: tuple[dict[str, Any], Any, Any], crs: QgsCoordinateReferenceSystem
    ) -> None:
        self._algorithm, self._crs = algorithm, crs
        self._parameters, self._context, self._feedback = given
        self._special = {
            "model": self._model, "bands": self._bands, "bounds": self._bounds, "aoi": self._aoi, "within": self._aoi,
            "assume_crs": self._assume_crs,
        }  # fmt: skip

    def of(self, option: Option) -> list[str]:
        """``["--min-area", "100.0"]``, or nothing where nothing is said."""
        if option["name"] in self._special:
            values = self._special[option["name"]](name_of(option))
        elif option["kind"] == "flag":
            return [option["flag"]] * self._algorithm.parameterAsBool(self._parameters, name_of(option), self._context)
        else:
            values = self._plain(option)
        return [option["flag"], *values] if values else []

    def _plain(self, option: Option) -> list[str]:
        name = name_of(option)
        if option["default"] is None and self._parameters.get(name) in (None, ""):
            return []
        value = getattr(self._algorithm, _READERS[option["kind"]])(self._parameters, name, self._context)
        return [str(value)] if value != "" else []

    def _model(self, name: str) -> list[str]:
        folder = self._algorithm.parameterAsString(self._parameters, "MODEL_FOLDER", self._context)
        chosen = folder or self._algorithm.parameterAsEnumString(self._parameters, name, self._context)
        return [] if chosen == MODELS[0] else [chosen]

    def _bands(self, name: str) -> list[str]:
        bands = self._algorithm.parameterAsInts(self._parameters, name, self._context)
        return [",".join(map(str, bands))] if self._parameters.get(name) and bands else []

    def _bounds(self, name: str) -> list[str]:
        box = self._algorithm.parameterAsExtent(self._parameters, name, self._context, self._crs)
        return (
            [] if box.isEmpty() else [repr(v) for v in (box.xMinimum(), box.yMinimum(), box.xMaximum(), box.yMaximum())]
        )

    def _aoi(self, name: str) -> list[str]:
        if self._parameters.get(name) in (None, ""):
            return []
        return [exported(self._algorithm, name, (self._parameters, self._context, self._feedback))]

    def _assume_crs(self, name: str) -> list[str]:
        named = self._algorithm.parameterAsCrs(self._parameters, name, self._context)
        crs = named if named.isValid() else self._crs
        known = crs.authid() and not crs.authid().startswith("USER:")  # those are known to this QGIS only
        return [crs.authid() if known else crs.toWkt()] if crs.isValid() else []


def exported(algorithm: Any, name: str, given: tuple[dict[str, Any], Any, Any]) -> str:
    """A vector layer as a file; always exported again, so that subsets, selections, memory layers and databases work.

    Args:
        algorithm: Whose parameter.
        name: Of the parameter.
        given: Parameters, context and feedback, as QGIS gave them.
    """
    parameters, context, feedback = given
    path: str = algorithm.parameterAsCompatibleSourceLayerPath(parameters, name, context, [], "gpkg", feedback)
    return path


#: Pixel size of the shipped model, in metres.
STANDARD_GSD_M = 1.0
#: Size of the blocks to render: four tiles of the usual size along each side.
BLOCK_PX = 1024
TILE_PX = 256
#: Seconds to wait before each new attempt to render a failed block.
RETRIES_S = (1.0, 3.0)
LIMIT_KM2 = 100.0
#: Failures of the provider; a missing tile (404) means that there is no imagery.
NO_TILE = (204, 404)

TERMS = (
    "The imagery comes from a web service. Its terms of use may forbid automatic downloads or derived data: "
    "respecting them is up to you"
)


class WebScene(NamedTuple):
    """A part of a layer to render.

    Attributes:
        layer: A copy of the provider, or of the whole layer if its style matters.
        name: Name of the layer.
        crs: CRS of the layer.
        target: CRS of the result.
        box: Extent in `target`, in metres.
        gsd_m: Pixel size of the result, metres.
        resolution: Pixel size at which the layer is read, in its own units.
        origin: Corner of the grid of the layer's pixels.
        context: Context for coordinate transformations.
    """

    layer: Any
    name: str
    crs: QgsCoordinateReferenceSystem
    target: QgsCoordinateReferenceSystem
    box: QgsRectangle
    gsd_m: float
    resolution: float
    origin: QgsPointXY
    context: Any

    def source_box(self) -> QgsRectangle:
        """Return the box to read from the layer: whole pixels, with a margin for resampling."""
        transform = QgsCoordinateTransform(self.target, self.crs, self.context)
        box = transform.transformBoundingBox(self.box)
        box.grow(4 * self.resolution)
        steps = [
            math.floor((box.xMinimum() - self.origin.x()) / self.resolution),
            math.floor((box.yMinimum() - self.origin.y()) / self.resolution),
            math.ceil((box.xMaximum() - self.origin.x()) / self.resolution),
            math.ceil((box.yMaximum() - self.origin.y()) / self.resolution),
        ]
        x0, y0, x1, y1 = (step * self.resolution for step in steps)
        return QgsRectangle(self.origin.x() + x0, self.origin.y() + y0, self.origin.x() + x1, self.origin.y() + y1)

    def size(self) -> tuple[int, int]:
        """Return the number of columns and rows to read."""
        box = self.source_box()
        return round(box.width() / self.resolution), round(box.height() / self.resolution)

    def area_km2(self) -> float:
        """Return the area of the result."""
        return float(self.box.width() * self.box.height()) / 1e6

    def estimate(self) -> str:
        """Describe the cost of rendering, in one sentence."""
        cols, rows = self.size()
        tiles = math.ceil(cols / TILE_PX) * math.ceil(rows / TILE_PX)
        return (
            f"Rendering {self.area_km2():.2f} km\u00b2 of {self.name}: {cols:,} x {rows:,} pixels, about {tiles:,} "
            f"tiles, up to {cols * rows * 4 / 1e6 + 1:,.0f} MB on disk until the run ends"
        )


def is_web(layer: QgsRasterLayer | None) -> bool:
    """Check whether only QGIS can read a layer."""
    return layer is not None and layer.isValid() and layer.providerType() != "gdal"


def metric_crs(box: QgsRectangle, crs: QgsCoordinateReferenceSystem, context: Any) -> QgsCoordinateReferenceSystem:
    """Return the UTM zone of a location; polar stereographic beyond 84 degrees north and 80 degrees south."""
    wgs84 = QgsCoordinateReferenceSystem("EPSG:4326")
    centre = QgsCoordinateTransform(crs, wgs84, context).transform(box.center())
    if not -80 <= centre.y() <= 84:
        return QgsCoordinateReferenceSystem("EPSG:3413" if centre.y() > 0 else "EPSG:3031")
    zone = int((centre.x() + 180) // 6) % 60 + 1
    return QgsCoordinateReferenceSystem(f"EPSG:{(32600 if centre.y() >= 0 else 32700) + zone}")


def model_gsd_m(folder: str) -> float:
    """Return the GSD of a model; that of the shipped model if it cannot be read, which the child will report."""
    try:
        spec = json.loads(Path(folder, "spec.json").read_text(encoding="utf-8"))
        return float(spec["gsd_m"])
    except (OSError, ValueError, KeyError, TypeError):
        return STANDARD_GSD_M


def plan_web_scene(
    layer: QgsRasterLayer, box: QgsRectangle, box_crs: QgsCoordinateReferenceSystem, gsd_m: float, context: Any
) -> WebScene:
    """Decide how to render a part of a layer. Call it in the main thread.

    Args:
        layer: That only QGIS can read.
        box: The part.
        box_crs: Of `box`.
        gsd_m: Pixel size wanted.
        context: Context for coordinate transformations.
    """
    target = metric_crs(box, box_crs, context)
    metres = QgsCoordinateTransform(box_crs, target, context).transformBoundingBox(box)
    # whole pixels, so that the result does not depend on the last digits of the extent
    west, north = math.floor(metres.xMinimum() / gsd_m) * gsd_m, math.ceil(metres.yMaximum() / gsd_m) * gsd_m
    east, south = math.ceil(metres.xMaximum() / gsd_m) * gsd_m, math.floor(metres.yMinimum() / gsd_m) * gsd_m
    metres = QgsRectangle(west, south, east, north)
    provider = layer.dataProvider()
    wanted = gsd_m * _units_per_metre(metres, target, layer.crs(), context)
    native = sorted(provider.nativeResolutions())
    # a zoom level within 5 % of the target is fine enough
    resolution = max((step for step in native if step <= wanted * 1.05), default=native[0] if native else wanted)
    extent = provider.extent()
    origin = QgsPointXY(extent.xMinimum(), extent.yMaximum()) if native else QgsPointXY(0.0, 0.0)
    source = provider.clone() if layer.providerType() == "wms" else layer.clone()
    return WebScene(source, layer.name(), layer.crs(), target, metres, gsd_m, resolution, origin, context)


def _units_per_metre(
    box: QgsRectangle, crs: QgsCoordinateReferenceSystem, layer_crs: QgsCoordinateReferenceSystem, context: Any
) -> float:
    """Return the local number of layer units per metre, north to south: Web Mercator's metres are not true metres."""
    transform = QgsCoordinateTransform(crs, layer_crs, context)
    half = 50.0
    x, y = box.center().x(), box.center().y()
    low, high = (transform.transform(QgsPointXY(x, y + offset)) for offset in (-half, half))
    return math.hypot(high.x() - low.x(), high.y() - low.y()) / (2 * half)


def why_too_large(scene: WebScene, limit_km2: float) -> str:
    """Explain why a part is too large to render; empty if it is not."""
    if scene.area_km2() <= limit_km2:
        return ""
    return (
        f"{scene.area_km2():,.0f} km\u00b2 of {scene.name} would be downloaded, and the limit is {limit_km2:,.0f}: "
        "choose a smaller extent, or raise the limit under the advanced parameters"
    )


def render(scene: WebScene, path: str, feedback: Any, is_cancelled: Callable[[], bool]) -> bool:
    """Write the part as a GeoTIFF.

    Args:
        scene: The part.
        path: To write.
        feedback: Has the methods of QgsProcessingFeedback; its bar moves from 0 to 100.
        is_cancelled: Asked between blocks and while one is waited for.

    Returns:
        False if it was cancelled; then there is no file.

    Raises:
        ChildError: If the service fails for good, or the file cannot be written.
    """
    fetched = path + ".fetched.tif"
    done = False
    try:
        done = fetch(scene, fetched, feedback, is_cancelled) and _warp(scene, fetched, path, is_cancelled)
    finally:
        for file in (fetched, *(() if done else (path,))):
            if os.path.exists(file):
                os.remove(file)
    return done


def fetch(scene: WebScene, path: str, feedback: Any, is_cancelled: Callable[[], bool]) -> bool:
    """Copy the layer's pixels in its own CRS; see `render`."""
    cols, rows = scene.size()
    box = scene.source_box()
    options = ["TILED=YES", "COMPRESS=DEFLATE", "ZLEVEL=1", "BIGTIFF=IF_SAFER", "PHOTOMETRIC=RGB", "ALPHA=YES"]
    target = gdal.GetDriverByName("GTiff").Create(path, cols, rows, 4, gdal.GDT_Byte, options)
    if target is None:
        raise ChildError(f"{path} cannot be written: is the disk full?")
    target.SetProjection(scene.crs.toWkt())
    target.SetGeoTransform((box.xMinimum(), scene.resolution, 0.0, box.yMaximum(), 0.0, -scene.resolution))
    blocks = list(_blocks(cols, rows))
    reader = _Reader(scene, feedback, is_cancelled)
    for number, (col, row, width, height) in enumerate(blocks):
        pixels = reader.read(_part(scene, box, (col, row, width, height)), width, height)
        if pixels is None:
            return False
        target.WriteRaster(col, row, width, height, pixels, width, height, gdal.GDT_Byte, [1, 2, 3, 4], 4, 4 * width, 1)
        feedback.setProgress(100.0 * (number + 1) / len(blocks))
    if reader.is_empty:
        raise ChildError(f"{scene.name} has no imagery there at this scale: choose another extent or another layer")
    target.FlushCache()
    return True


def _blocks(cols: int, rows: int) -> Iterator[tuple[int, int, int, int]]:
    for row in range(0, rows, BLOCK_PX):
        for col in range(0, cols, BLOCK_PX):
            yield col, row, min(BLOCK_PX, cols - col), min(BLOCK_PX, rows - row)


def _part(scene: WebScene, box: QgsRectangle, block: tuple[int, int, int, int]) -> QgsRectangle:
    col, row, width, height = block
    west, north = box.xMinimum() + col * scene.resolution, box.yMaximum() - row * scene.resolution
    return QgsRectangle(west, north - height * scene.resolution, west + width * scene.resolution, north)


class _Reader:
    """Reads blocks, with retries if the service fails, in the thread that creates it.

    Attributes:
        is_empty: Whether nothing that was read so far shows anything.
    """

    def __init__(self, scene: WebScene, feedback: Any, is_cancelled: Callable[[], bool]) -> None:
        self.is_empty = True
        self._scene, self._feedback, self._is_cancelled = scene, feedback, is_cancelled
        self._source = scene.layer.pipe().last() if isinstance(scene.layer, QgsRasterLayer) else scene.layer
        self._failures: list[str] = []

    def read(self, part: QgsRectangle, width: int, height: int) -> bytes | None:
        """Red, green, blue, alpha of every pixel; None if it was cancelled.

        Raises:
            ChildError: If the service fails for good.
        """
        for pause_s in (0.0, *RETRIES_S):
            if not self._wait(pause_s):
                return None
            pixels = self._try(part, width, height)
            if self._is_cancelled():
                return None
            if not self._failures and pixels is not None:
                self.is_empty = self.is_empty and not any(pixels[3::4])
                return pixels
        why = self._failures[-1] if self._failures else "no answer"
        raise ChildError(
            f"{self._scene.name} does not deliver its imagery ({why}): "
            "check that it shows on the map there, then try again later or with a smaller extent"
        )

    def _wait(self, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self._is_cancelled():
            time.sleep(0.05)
        return not self._is_cancelled()

    def _try(self, part: QgsRectangle, width: int, height: int) -> bytes | None:
        self._failures = []
        feedback = QgsRasterBlockFeedback()
        # immediately, in the thread of the button, because the provider is waiting for the network
        self._feedback.canceled.connect(feedback.cancel, Qt.ConnectionType.DirectConnection)
        manager = QgsNetworkAccessManager.instance()  # that of this thread
        manager.finished[QgsNetworkReplyContent].connect(self._look_at)
        try:
            block = self._source.block(1, part, width, height, feedback)
        finally:
            manager.finished[QgsNetworkReplyContent].disconnect(self._look_at)
            self._feedback.canceled.disconnect(feedback.cancel)
        image = block.image() if block is not None and block.isValid() else QImage()
        if image.isNull():
            return None
        plain = image.convertToFormat(QImage.Format.Format_RGBA8888)
        bits = plain.constBits()
        bits.setsize(plain.sizeInBytes())
        return bytes(bits)

    def _look_at(self, reply: Any) -> None:
        status = reply.attribute(QNetworkRequest.Attribute.HttpStatusCodeAttribute)
        good = reply.error() == QNetworkReply.NetworkError.NoError or status in NO_TILE
        cancelled = reply.error() == QNetworkReply.NetworkError.OperationCanceledError and self._is_cancelled()
        if not good and not cancelled:
            self._failures.append(f"HTTP {status}" if status else str(reply.errorString()))


def _warp(scene: WebScene, fetched: str, path: str, is_cancelled: Callable[[], bool]) -> bool:
    """Warp to the CRS and GSD of the result, averaging if pixels become larger."""
    box, gsd = scene.box, scene.gsd_m
    options = gdal.WarpOptions(
        format="GTiff", dstSRS=scene.target.toWkt(), xRes=gsd, yRes=gsd, dstAlpha=True, srcAlpha=True,
        outputBounds=(box.xMinimum(), box.yMinimum(), box.xMaximum(), box.yMaximum()),
        resampleAlg=gdal.GRA_Bilinear, warpMemoryLimit=128, multithread=False,
        creationOptions=["TILED=YES", "COMPRESS=DEFLATE", "ZLEVEL=1", "BIGTIFF=IF_SAFER"],
        callback=lambda share, message, data: 0 if is_cancelled() else 1,
    )  # fmt: skip
    try:
        result = gdal.Warp(path, fetched, options=options)
    except RuntimeError as error:  # another plugin has enabled GDAL's exceptions
        if is_cancelled():
            return False
        raise ChildError(f"{path} cannot be written ({error})") from error
    if is_cancelled():
        return False
    if result is None:
        raise ChildError(f"{path} cannot be written ({gdal.GetLastErrorMsg()})")
    result.FlushCache()
    return True


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


class RoadVectors(RoadExtractAlgorithm):
    """Writes road polygons to OUTPUT. Lines go to OUTPUT if they are requested alone, otherwise to LINES."""

    def add_vectors(self) -> None:
        """Add the destination and the further results."""
        anything = QgsProcessing.SourceType.TypeVectorAnyGeometry
        self.addParameter(QgsProcessingParameterVectorDestination("OUTPUT", tr("Roads"), anything))
        self.addOutput(
            QgsProcessingOutputVectorLayer("LINES", tr("Road lines"), QgsProcessing.SourceType.TypeVectorLine)
        )
        self.addOutput(QgsProcessingOutputNumber("COUNT", tr("Number of roads")))

    def to_vectors(self, parameters: dict[str, Any], context: Any, scene: str) -> dict[str, str]:
        """Return the results; see `RoadExtractAlgorithm.to_outputs`."""
        roads = self.vector_file(parameters, "OUTPUT", context)
        geometry = self.parameterAsEnumString(parameters, "GEOMETRY", context)
        results = {"OUTPUT": roads}
        if geometry != "polygons":
            results["LINES"] = lines_file(roads) if geometry == "both" else roads
        lines, polygons = tr("Road lines of {}").format(scene), tr("Roads of {}").format(scene)
        if geometry == "both":
            announce_beside(context, roads, results["LINES"], lines, group_of(scene))
        name = lines if geometry == "lines" else polygons
        announce(context, roads, tr("Roads"), name, paint_roads, group_of(scene))
        return results

    def to_numbers(self, result: Mapping[str, Any]) -> dict[str, Any]:
        """Return the number of roads."""
        return {"COUNT": result.get("features", 0)}


def lines_file(path: str) -> str:
    """Return where road_extract writes lines next to polygons: in the same GeoPackage, or in a second file."""
    if Path(path).suffix.lower() == ".gpkg":
        return path + "|layername=road_lines"
    return str(Path(path).with_name(Path(path).stem + "_lines" + Path(path).suffix))


class ExtractRoads(RoadVectors, QgsProcessingAlgorithm):
    """Extracts the roads of a scene."""

    NAME, TITLE, COMMAND = "extractroads", "Extract roads", "extract"
    INPUT_LABEL = "Scene: aerial or satellite imagery, as a file or a web layer"
    RENDERS = True
    SHARES = MappingProxyType({"predict": (2.0, 90.0), "vectorize": (90.0, 95.0), "lines": (95.0, 100.0)})
    ABOUT = (
        "<p>Finds the roads in an aerial or satellite image and draws them as polygons, a network of lines, or both. "
        "The image may have any size and CRS, and it may be a web layer (XYZ, WMS, WMTS); pixels of 0.5 to 2 m work "
        "best.</p><p>To compare thresholds, keep the probability raster and open <i>Plugins > Road extraction > Road "
        "threshold</i>, or run <i>Roads from a probability raster</i>, which takes seconds.</p>"
    )

    def options(self) -> list[Option]:
        """Return all options of prediction and vectorization."""
        return options_of("PredictOptions", "VectorizeOptions", "LineOptions")

    def add_outputs(self) -> None:
        """Add the roads, and optionally the raster."""
        self.add_vectors()
        raster = QgsProcessingParameterRasterDestination("PROBABILITY", tr("Road probability"), None, True, False)
        self.addParameter(raster)
        pages = "HTML (*.html)"
        page = QgsProcessingParameterFileDestination("REPORT", tr("Review page"), pages, None, True, False)
        page.setHelp(tr("Page for reviewing the roads over their scene, in any browser and offline") + ".")
        self.addParameter(page)

    def to_outputs(self, parameters: dict[str, Any], context: Any, scene: str) -> tuple[list[str], str, dict[str, str]]:
        """See the base class."""
        results, options = self.to_vectors(parameters, context, scene), []
        raster = self.parameterAsOutputLayer(parameters, "PROBABILITY", context)
        if raster:
            name = tr("Road probability of {}").format(scene)
            announce(context, raster, tr("Road probability"), name, paint_probability, group_of(scene))
            options += ["--probability", raster]
            results["PROBABILITY"] = raster
        page = self.parameterAsFileOutput(parameters, "REPORT", context)
        if page:
            options += ["--report", page]
            results["REPORT"] = page
        return options, results["OUTPUT"], results
