"""Extract roads: one file for Processing > Toolbox > Scripts > Add Script to Toolbox.

It is the plugin's algorithm, put together by qgis/generate.py from qgis/road_extract_qgis: do not edit.
It needs a Python that has road_extract; docs/qgis.md tells how to get one.
"""

from __future__ import annotations

import contextlib
import glob
import json
import os
import queue
import re
import shlex
import shutil
import signal
import subprocess  # nosec B404
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any, Callable, ClassVar, NamedTuple

from qgis.core import (
    QgsCategorizedSymbolRenderer,
    QgsColorRampShader,
    QgsCoordinateReferenceSystem,
    QgsFillSymbol,
    QgsLineSymbol,
    QgsMapLayer,
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
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
    QgsProcessingParameterVectorDestination,
    QgsProject,
    QgsRasterLayer,
    QgsRasterShader,
    QgsRendererCategory,
    QgsSettings,
    QgsSimpleLineSymbolLayer,
    QgsSingleBandPseudoColorRenderer,
    QgsSingleSymbolRenderer,
    QgsWkbTypes,
)
from qgis.PyQt.QtCore import QCoreApplication, QThread
from qgis.PyQt.QtGui import QColor, QIcon

#: Of the package that this was made from; older ones may lack something.
PACKAGE_VERSION = "0.1.0"

OPTIONS: dict[str, list[dict[str, Any]]] = {
    "PredictOptions": [
        {
            "name": "model",
            "flag": "--model",
            "kind": "text",
            "default": None,
            "help": "Model folder (weights.npz, spec.json); the shipped model if left out",
            "unit": "",
            "low": None,
            "high": None,
            "choices": (),
        },
        {
            "name": "backend",
            "flag": "--backend",
            "kind": "choice",
            "default": "auto",
            "help": "What runs the model; auto: the fastest that is installed",
            "unit": "",
            "low": None,
            "high": None,
            "choices": ("auto", "openvino", "onnxruntime", "tensorflow"),
        },
        {
            "name": "precision",
            "flag": "--precision",
            "kind": "choice",
            "default": "auto",
            "help": "Numerical precision; auto: the fastest that is safe",
            "unit": "",
            "low": None,
            "high": None,
            "choices": ("auto", "float32", "bfloat16", "int8"),
        },
        {
            "name": "threads",
            "flag": "--threads",
            "kind": "integer",
            "default": None,
            "help": "Processor threads for the model; all if left out",
            "unit": "",
            "low": 1,
            "high": 1024,
            "choices": (),
        },
        {
            "name": "bands",
            "flag": "--bands",
            "kind": "integers",
            "default": None,
            "help": "Bands to use, counted from 1: one (grey) or as many as the model has, such as 3,2,1",
            "unit": "",
            "low": None,
            "high": None,
            "choices": (),
        },
        {
            "name": "overlap_px",
            "flag": "--overlap",
            "kind": "integer",
            "default": 32,
            "help": "Overlap of neighbouring windows",
            "unit": "px",
            "low": 0,
            "high": 112,
            "choices": (),
        },
        {
            "name": "tta",
            "flag": "--tta",
            "kind": "choice",
            "default": "none",
            "help": "Test-time augmentation: d4 averages the model's "
            "answers over the eight symmetries of a window, "
            "in eight times the time",
            "unit": "",
            "low": None,
            "high": None,
            "choices": ("none", "d4"),
        },
        {
            "name": "batch_size",
            "flag": "--batch-size",
            "kind": "integer",
            "default": None,
            "help": "Windows that go through the model at once; the backend's own choice if left out",
            "unit": "",
            "low": 1,
            "high": 256,
            "choices": (),
        },
        {
            "name": "native_gsd",
            "flag": "--native-gsd",
            "kind": "flag",
            "default": False,
            "help": "Keep the scene's own pixels, whatever the model's ground sample distance",
            "unit": "",
            "low": None,
            "high": None,
            "choices": (),
        },
        {
            "name": "bounds",
            "flag": "--bounds",
            "kind": "numbers",
            "default": None,
            "help": "Only this part: XMIN YMIN XMAX YMAX in the scene's own coordinates",
            "unit": "",
            "low": None,
            "high": None,
            "choices": (),
        },
        {
            "name": "aoi",
            "flag": "--aoi",
            "kind": "text",
            "default": None,
            "help": "Only inside the polygons of this vector file, in any format and CRS",
            "unit": "",
            "low": None,
            "high": None,
            "choices": (),
        },
        {
            "name": "assume_crs",
            "flag": "--assume-crs",
            "kind": "text",
            "default": None,
            "help": "CRS of a scene or area of interest that has none, such as EPSG:32611",
            "unit": "",
            "low": None,
            "high": None,
            "choices": (),
        },
        {
            "name": "nodata",
            "flag": "--nodata",
            "kind": "text",
            "default": None,
            "help": "Value of pixels without data in a scene that "
            "does not mark them, or auto to find black or "
            "white collars",
            "unit": "",
            "low": None,
            "high": None,
            "choices": (),
        },
        {
            "name": "subdataset",
            "flag": "--subdataset",
            "kind": "text",
            "default": None,
            "help": "Which raster to take of a file that holds several: its number, from 1, or its name",
            "unit": "",
            "low": None,
            "high": None,
            "choices": (),
        },
    ],
    "VectorizeOptions": [
        {
            "name": "geometry",
            "flag": "--geometry",
            "kind": "choice",
            "default": "polygons",
            "help": "What comes out: road polygons, a network of road lines, or both",
            "unit": "",
            "low": None,
            "high": None,
            "choices": ("polygons", "lines", "both"),
        },
        {
            "name": "threshold",
            "flag": "--threshold",
            "kind": "number",
            "default": None,
            "help": "Probability from which a pixel is road; the model's own if left out",
            "unit": "",
            "low": 0.001,
            "high": 1.0,
            "choices": (),
        },
        {
            "name": "min_area_m2",
            "flag": "--min-area",
            "kind": "number",
            "default": 100.0,
            "help": "Smaller road areas are dropped",
            "unit": "m2",
            "low": 0.0,
            "high": None,
            "choices": (),
        },
        {
            "name": "min_hole_m2",
            "flag": "--min-hole",
            "kind": "number",
            "default": 50.0,
            "help": "Smaller holes are filled",
            "unit": "m2",
            "low": 0.0,
            "high": None,
            "choices": (),
        },
        {
            "name": "simplify_m",
            "flag": "--simplify",
            "kind": "number",
            "default": 1.0,
            "help": "Outlines and lines may move by so much to lose "
            "needless points; 0 keeps the outlines of the "
            "pixels",
            "unit": "m",
            "low": 0.0,
            "high": None,
            "choices": (),
        },
    ],
    "LineOptions": [
        {
            "name": "max_gap_m",
            "flag": "--max-gap",
            "kind": "number",
            "default": 30.0,
            "help": "Dead ends are joined across gaps up to so long where the probability carries it; 0 leaves gaps",
            "unit": "m",
            "low": 0.0,
            "high": 500.0,
            "choices": (),
        },
        {
            "name": "min_length_m",
            "flag": "--min-length",
            "kind": "number",
            "default": 20.0,
            "help": "Shorter pieces of road that join no other are dropped",
            "unit": "m",
            "low": 0.0,
            "high": None,
            "choices": (),
        },
        {
            "name": "spur_widths",
            "flag": "--min-spur",
            "kind": "number",
            "default": 2.0,
            "help": "Dead-end branches shorter than so many times their own width are dropped",
            "unit": "",
            "low": 0.0,
            "high": None,
            "choices": (),
        },
    ],
    "DiffOptions": [
        {
            "name": "buffer_m",
            "flag": "--buffer",
            "kind": "number",
            "default": 6.0,
            "help": "Lines as near as this may be the same road",
            "unit": "m",
            "low": 0.0,
            "high": None,
            "choices": (),
        },
        {
            "name": "angle_deg",
            "flag": "--angle",
            "kind": "number",
            "default": 30.0,
            "help": "Lines are the same road only where they run the same way, within this angle",
            "unit": "deg",
            "low": 0.0,
            "high": 90.0,
            "choices": (),
        },
        {
            "name": "min_length_m",
            "flag": "--min-length",
            "kind": "number",
            "default": 15.0,
            "help": "Shorter pieces of a line become part of the piece beside them",
            "unit": "m",
            "low": 0.0,
            "high": None,
            "choices": (),
        },
        {
            "name": "bounds",
            "flag": "--bounds",
            "kind": "numbers",
            "default": None,
            "help": "Only this part: XMIN YMIN XMAX YMAX in the CRS of ROADS",
            "unit": "",
            "low": None,
            "high": None,
            "choices": (),
        },
        {
            "name": "within",
            "flag": "--within",
            "kind": "text",
            "default": None,
            "help": "Only inside the polygons of this vector file, in any format and CRS",
            "unit": "",
            "low": None,
            "high": None,
            "choices": (),
        },
        {
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
            "name": "sort",
            "flag": "--sort",
            "kind": "choice",
            "default": "none",
            "help": "Order of the pieces: surest first (probability) or most doubtful first (doubtful)",
            "unit": "",
            "low": None,
            "high": None,
            "choices": ("none", "probability", "doubtful"),
        },
    ],
}


VARIABLE = "ROAD_EXTRACT_PYTHON"

#: What QGIS sets for itself and what would break or divert another Python.
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
    """The package cannot be run, or failed: one sentence that says what to do."""


# A dataclass would be looked up in sys.modules, where Processing does not put its scripts.
class Interpreter(NamedTuple):
    """What runs road_extract.

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
    """The first that is named, by parameter, environment variable or setting; else the first usual place that works.

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
            return check_interpreter(Interpreter(to_command(str(place)), "found there"), environ)
        except ChildError:
            continue
    raise ChildError(
        "road_extract was not found on this computer: install it (python3 -m pip install . in the project's folder), "
        "then name its Python in Settings > Options > Processing > Providers > Road extraction, in the environment "
        f"variable {VARIABLE}, or in this algorithm's advanced parameters"
    )


def to_command(path: str) -> tuple[str, ...]:
    """The command line of a Python, of a virtual environment's folder, or of the program `road-extract`."""
    path = os.path.expanduser(path)
    if Path(path).name.lower().startswith("road-extract") and not os.path.isdir(path):
        return (path,)
    inside = [Path(path, *parts) for parts in (("bin", "python"), ("Scripts", "python.exe"))]
    return (next((str(python) for python in inside if python.is_file()), path), "-m", "road_extract")


def default_places(environ: Mapping[str, str], home: Path) -> list[Path]:
    """Where pip, pipx, uv and `make demo` put it, most wanted first; only what exists."""
    on_path = shutil.which("road-extract", path=environ.get("PATH"))
    programs = [home / ".local/bin", Path("/opt/homebrew/bin"), Path("/usr/local/bin")]
    places = [] if on_path is None else [Path(on_path)]
    places += [folder / ("road-extract.exe" if WINDOWS else "road-extract") for folder in programs]
    python = Path("Scripts/python.exe" if WINDOWS else "bin/python")
    return [place for place in places + [folder / python for folder in _folders(environ, home)] if place.is_file()]


def _folders(environ: Mapping[str, str], home: Path) -> list[Path]:
    """Virtual environments by their usual names."""
    shares = [home / ".local/share", home / ".local", home]
    shares += [Path(environ[name]) for name in ("XDG_DATA_HOME", "APPDATA", "LOCALAPPDATA") if environ.get(name)]
    tools = [share / inside for share in shares for inside in ("uv/tools/road-extract", "pipx/venvs/road-extract")]
    checkouts = [
        home / name for name in ("road_extract/.venv", "road-extract/.venv", "road-extract", ".venvs/road-extract")
    ]
    return tools + checkouts


def check_interpreter(interpreter: Interpreter, environ: Mapping[str, str]) -> Interpreter:
    """Ask it for the package's version.

    Raises:
        ChildError: If it cannot be started, lacks the package, or has an old one.
    """
    said = _ask_version(interpreter, environ)
    found = re.search(r"^road-extract (\S+)", said, re.MULTILINE)
    if not found:
        raise ChildError(_why_not(interpreter, said))
    if _release(found.group(1)) < _release(PACKAGE_VERSION):
        raise ChildError(
            f"{interpreter.command[0]} ({interpreter.origin}) has road_extract {found.group(1)}, and "
            f"{PACKAGE_VERSION} or newer is needed: {_how_to_install(interpreter)}"
        )
    return Interpreter(interpreter.command, interpreter.origin, found.group(1))


def _ask_version(interpreter: Interpreter, environ: Mapping[str, str]) -> str:
    try:
        # never a shell: a list of arguments, for the program that the user chose
        done = subprocess.run(  # nosec B603
            [*interpreter.command, "--version"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=clean_environment(environ),
            timeout=PROBE_TIMEOUT_S, creationflags=no_window(), check=False,
        )  # fmt: skip
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        why = getattr(error, "strerror", None) or "it does not answer"
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
    return f"{who} is no Python with a working road_extract; asked for the version, it said: {last}"


def _how_to_install(interpreter: Interpreter) -> str:
    if len(interpreter.command) == 1:
        return "update it in the project's folder with what installed it, such as: pipx install --force ."
    return f'run in the project\'s folder, with Python 3.11 or newer: "{interpreter.command[0]}" -m pip install .'


def _release(version: str) -> tuple[int, ...]:
    """Comparable; a checkout that was never installed (0+unknown) counts as the newest."""
    if "unknown" in version:
        return (10**6,)
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def clean_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment without what QGIS set for itself; nothing is imported from the current folder."""
    kept = {name: value for name, value in environ.items() if not _is_removed(name)}
    return {**kept, "PYTHONSAFEPATH": "1", "PYTHONIOENCODING": "utf-8"}


def _is_removed(name: str) -> bool:
    return name.upper() in REMOVED or name.upper().startswith("QT_")


def no_window() -> int:
    """Windows would open a console for the child."""
    flag: int | None = getattr(subprocess, "CREATE_NO_WINDOW", None)
    return flag or 0


#: Lines of a talkative child that are shown; the dialog would choke on all of them.
SHOWN_LINES = 200

STAGE_TEXTS = {"predict": "Looking for roads", "vectorize": "Drawing their outlines", "lines": "Drawing their lines"}

_OUT_OF_MEMORY = (
    "road_extract was killed by the system, most likely because the memory ran out: close other programs, restrict the "
    "extent, or lower the number of windows at once"
)
_SIGNALS = {
    "SIGKILL": _OUT_OF_MEMORY,
    "SIGILL": "this computer's processor lacks instructions that TensorFlow needs: use another computer",
}
_WINDOWS_CODES = {0xC0000017: _OUT_OF_MEMORY, 0xC000001D: _SIGNALS["SIGILL"]}


class Monitor:
    """Turns the child's lines into progress, remarks, a result or an error."""

    def __init__(self, feedback: Any, shares: Mapping[str, tuple[float, float]]) -> None:
        """Start.

        Args:
            feedback: Has the methods of QgsProcessingFeedback.
            shares: Stage to the percentages between which it moves the bar.
        """
        self.result: dict[str, Any] = {}
        self._feedback, self._shares = feedback, shares
        self._error, self._stage, self._percent, self._lines = "", "", 0.0, 0
        self._tail: deque[str] = deque(maxlen=20)

    def take(self, source: str, line: str) -> None:
        """One line of ``stdout`` (JSON) or ``stderr``."""
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
        """Why it failed, in one sentence.

        Args:
            code: Its exit code; negative for a signal.
        """
        last = self._tail[-1] if self._tail else "it said nothing"
        return self._error or _explain_crash(code) or f"road_extract ended with code {code}: {last}"

    def _on_progress(self, event: Mapping[str, Any]) -> None:
        stage = str(event.get("stage"))
        if stage != self._stage:
            self._stage = stage
            self._feedback.setProgressText(STAGE_TEXTS.get(stage, stage.capitalize()))
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
        # the sentence of an error comes as an event too, and is shown as such
        if line.startswith("Error: "):
            self._error = self._error or line[len("Error: ") :]
        elif self._lines <= SHOWN_LINES:
            self._feedback.pushConsoleInfo(line)
        self._tail.append(line)


def _parse(line: str) -> dict[str, Any] | None:
    """The event, or None for anything else that came out."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and "event" in event else None


def _explain_crash(code: int) -> str:
    """Empty if it was no crash."""
    if code > 0xFFFF:
        return _WINDOWS_CODES.get(code, f"road_extract crashed (code {code:#x})")
    number = -code if code < 0 else code - 128  # a shell between adds 128
    try:
        name = signal.Signals(number).name
    except ValueError:
        return ""
    return _SIGNALS.get(name, f"road_extract crashed ({name})")


POLL_S = 0.1
#: So long a child may tidy up before it is killed.
GRACE_S = 3.0
#: Nothing that the child writes is read further in one go: a line without an end must not fill the memory.
LINE_BYTES = 65536


def run_child(
    command: Sequence[str],
    environ: dict[str, str],
    outputs: Iterable[str],
    monitor: Monitor,
    is_cancelled: Callable[[], bool],
) -> bool:
    """Run a child to its end; nothing of it stays behind if it does not come there.

    Args:
        command: Its command line.
        environ: Its environment.
        outputs: Files it writes.
        monitor: Told every line it says.
        is_cancelled: Asked ten times a second.

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
    """A running child in a process group of its own. Its stdin is held open: it ends when QGIS is no more."""

    def __init__(self, command: Sequence[str], environ: dict[str, str]) -> None:
        """Start it.

        Raises:
            ChildError: If it cannot be started.
        """
        try:
            # never a shell: a list of arguments, for the program that the user chose
            self._process = subprocess.Popen(  # nosec B603
                list(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                env=environ, start_new_session=not WINDOWS, creationflags=no_window(),
            )  # fmt: skip
        except OSError as error:
            raise ChildError(f"{command[0]} cannot be started ({error.strerror})") from error
        self._said: queue.Queue[tuple[str, str | None]] = queue.Queue()
        self._pumps = [self._pump("stdout", self._process.stdout), self._pump("stderr", self._process.stderr)]

    def poll(self) -> int | None:
        """How it ended; None while it runs."""
        return self._process.poll()

    def iter_lines(self, is_cancelled: Callable[[], bool]) -> Iterator[tuple[str, str]]:
        """Yield ("stdout" or "stderr", line) as they come, until it ends or is cancelled. It may be silent for long."""
        open_streams, ended_s = 2, 0.0
        while (open_streams or self.poll() is None) and not is_cancelled():
            try:
                source, line = self._said.get(timeout=POLL_S)
            except queue.Empty:
                # a grandchild may hold the streams open for ever
                ended_s += POLL_S if self.poll() is not None else 0.0
                if ended_s > 1.0:
                    return
                continue
            if line is None:
                open_streams -= 1
            else:
                yield source, line

    def stop(self) -> None:
        """End it if it runs, tidily if it can, by force after `GRACE_S`."""
        stdin = self._process.stdin
        try:
            if stdin is not None:
                stdin.close()  # the one polite way on Windows; everywhere else there are signals
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
            # of the system, by its full path; the number is that of our own child
            subprocess.run(  # nosec B603
                [taskkill, "/F", "/T", "/PID", str(self._process.pid)],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                creationflags=no_window(), check=False,
            )  # fmt: skip
        else:
            self._signal(signal.SIGKILL)


def remove_leftovers(outputs: Iterable[str]) -> None:
    """Remove the temporary files of a child that had no time to do it: ``.NAME.tmp-...`` beside ``NAME.gpkg``."""
    for output in map(Path, outputs):
        for leftover in output.parent.glob(f".{glob.escape(output.stem)}.tmp-*"):
            _remove(leftover)


def _remove(path: Path) -> None:
    for _ in range(10):  # Windows gives a file free some time after its process ended
        try:
            path.unlink()
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(POLL_S)
        else:
            return


#: Probability, red, green, blue, opacity. Below a tenth there is nothing to see.
RAMP = (
    (0.0, 72, 12, 104, 0),
    (0.1, 72, 12, 104, 40),
    (0.3, 150, 35, 110, 150),
    (0.5, 222, 73, 74, 200),
    (0.75, 252, 155, 30, 225),
    (1.0, 252, 250, 120, 240),
)


class Styler(QgsProcessingLayerPostProcessorInterface):
    """Styles a layer once it is loaded.

    The run's context owns it and deletes it, so no two layers may share one; but nobody keeps the Python half alive.
    """

    _alive: ClassVar[list[Any]] = []

    def __init__(self, paint: Callable[[Any], None]) -> None:
        super().__init__()
        self._paint = paint
        self._alive.append(self)

    def postProcessLayer(
        self, layer: QgsMapLayer, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> None:
        """Called in the main thread."""
        self._paint(layer)
        layer.triggerRepaint()
        self._alive.remove(self)


def paint_roads(layer: Any) -> None:
    """Polygons and lines each in their way."""
    lines = layer.geometryType() == QgsWkbTypes.GeometryType.LineGeometry
    layer.setRenderer(_line_renderer() if lines else _polygon_renderer())


def _polygon_renderer() -> QgsSingleSymbolRenderer:
    """Yellow glass with a dark rim: to be told from soil, roofs, trees and water alike."""
    symbol = QgsFillSymbol.createSimple(
        {"color": "255,214,0,90", "outline_color": "255,94,0,255", "outline_width": "0.35", "joinstyle": "round"}
    )
    return QgsSingleSymbolRenderer(symbol)


def _line_renderer() -> QgsCategorizedSymbolRenderer:
    """Blue between white rims; dashed where a gap was bridged, for nothing was seen there."""
    kinds = ((False, "solid", "Road"), (True, "dash", "Bridged gap"))
    categories = [
        QgsRendererCategory(bridged, line_symbol("30,60,230,255", style), label) for bridged, style, label in kinds
    ]
    return QgsCategorizedSymbolRenderer("bridged", categories)


def paint_differences(layer: Any) -> None:
    """What is new in green, what is missing in red, what is known in grey."""
    kinds = (
        ("new", "0,140,60,255", "New: not on the map"),
        ("missing", "220,20,40,255", "Missing: on the map only"),
        ("matched", "120,120,120,255", "Matched"),
    )
    categories = [QgsRendererCategory(status, line_symbol(colour), label) for status, colour, label in kinds]
    layer.setRenderer(QgsCategorizedSymbolRenderer("status", categories))


def line_symbol(colour: str, style: str = "solid") -> QgsLineSymbol:
    """A line with white rims, which shows on any imagery."""
    shape = {"capstyle": "round", "joinstyle": "round"}
    symbol = QgsLineSymbol.createSimple({"color": "255,255,255,230", "width": "1.3", **shape})
    core = {"line_color": colour, "line_width": "0.7", "line_style": style, **shape}
    symbol.appendSymbolLayer(QgsSimpleLineSymbolLayer.create(core))
    return symbol


def paint_probability(layer: Any) -> None:
    """A colour ramp from nothing to bright, under the vectors and over the scene."""
    ramp = QgsColorRampShader(0.0, 1.0, None, QgsColorRampShader.Type.Interpolated)
    ramp.setColorRampItemList([QgsColorRampShader.ColorRampItem(p, QColor(*rgba), f"{p:.0%}") for p, *rgba in RAMP])
    shader = QgsRasterShader()
    shader.setRasterShaderFunction(ramp)
    renderer = QgsSingleBandPseudoColorRenderer(layer.dataProvider(), 1, shader)
    renderer.setClassificationMin(0.0)
    renderer.setClassificationMax(1.0)
    layer.setRenderer(renderer)
    move_below_vectors(layer)


def move_below_vectors(layer: Any) -> None:
    """Results are loaded in no particular order, and a raster would cover the roads."""
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
    """Why another process cannot open a layer's source, in one sentence; empty if it can."""
    if layer is None:
        return "the input is no raster layer that QGIS can open"
    way_out = "export it first (right click on the layer, Export, Save As, format GeoTIFF)"
    source = layer.source()
    if layer.providerType() != "gdal":
        return f"{layer.name()} comes from '{layer.providerType()}', which only QGIS itself can read: {way_out}"
    if source.startswith("/vsimem/"):
        return f"{layer.name()} is in QGIS's memory, where no other program can read it: {way_out}"
    if "|" in source and not os.path.exists(source):
        return f"{layer.name()} is opened with options or a log-in that only QGIS knows: {way_out}"
    return ""


def source_of(layer: QgsRasterLayer) -> str:
    """What the child opens; absolute, so that its folder does not matter."""
    source: str = layer.source()
    return os.path.abspath(source) if os.path.exists(source) else source


def why_unwritable(path: str) -> str:
    """Why a vector file cannot be written, in one sentence; empty if it can."""
    extension = Path(path).suffix.lower().lstrip(".")
    if "=" in path and not Path(path).parent.is_dir():
        return "road_extract writes files, not tables of databases: choose a file name that ends in .gpkg or .geojson"
    if extension not in VECTOR_EXTENSIONS:
        return "{}: road_extract writes .{} files; choose one of them".format(path, ", .".join(VECTOR_EXTENSIONS))
    return ""


def announce(context: Any, path: str, default_name: str, name: str, paint: Callable[[Any], None]) -> None:
    """Have a result styled and named when it is loaded; a name of the user's own stays.

    Args:
        context: Of the run.
        path: The file.
        default_name: What QGIS would call it.
        name: What to call it instead.
        paint: Styles it.
    """
    if context.willLoadLayerOnCompletion(path):
        details = context.layerToLoadOnCompletionDetails(path)
        if details.name in ("", default_name):
            details.name = name
        details.setPostProcessor(Styler(paint))


def announce_beside(context: Any, path: str, beside: str, name: str, paint: Callable[[Any], None]) -> None:
    """Have a second result loaded if the first is; it has no destination of its own that QGIS would load.

    Args:
        context: Of the run.
        path: The first result.
        beside: The second.
        name: What to call it.
        paint: Styles it.
    """
    if context.willLoadLayerOnCompletion(path):
        project = context.layerToLoadOnCompletionDetails(path).project
        details = QgsProcessingContext.LayerDetails(name, project, "LINES")
        details.setPostProcessor(Styler(paint))
        context.addLayerToLoadOnCompletion(beside, details)


Option = Mapping[str, Any]

#: Shown when the dialog opens; the others wait under *Advanced parameters*.
BASIC = frozenset(["EXTENT", "AOI", "BUFFER", "GEOMETRY", "THRESHOLD", "MIN_AREA", "SIMPLIFY"])

#: Names that QGIS's users know where they are not those of the command line.
NAMES = {"bounds": "EXTENT", "within": "AOI"}

LABELS = {
    "MODEL": "Model folder",
    "BANDS": "Bands, in the model's order",
    "OVERLAP": "Overlap of neighbouring windows",
    "BATCH_SIZE": "Windows at once",
    "NATIVE_GSD": "Keep the scene's own pixels",
    "EXTENT": "Only this extent",
    "AOI": "Only inside these polygons",
    "ASSUME_CRS": "CRS of a raster that has none",
    "BUFFER": "Same road within",
    "ANGLE": "Same direction within",
    "SORT": "Order",
    "MAX_GAP": "Longest gap to bridge",
    "MIN_LENGTH": "Shortest piece of road",
    "MIN_SPUR": "Shortest dead end, in road widths",
    "MIN_AREA": "Smallest road area",
    "MIN_HOLE": "Smallest hole",
    "SIMPLIFY": "Simplify by",
}

#: Where the package's words speak of its command line.
HELPS = {
    "EXTENT": "A rectangle in any CRS, outside of which nothing is looked at",
    "AOI": "Polygons in any CRS, outside of which nothing is looked at",
    "BANDS": "Bands to use: one (grey) or as many as the model has, in its order; chosen by colour if left out",
    "ASSUME_CRS": "CRS of a raster that has none; that of the layer in QGIS if left out",
}


def options_of(*groups: str) -> list[Option]:
    """The options of some groups of the table, or ``Group.name`` for one of them."""
    found: list[Option] = []
    for group in groups:
        name, _, only = group.partition(".")
        found += [option for option in OPTIONS[name] if not only or option["name"] == only]
    return found


def name_of(option: Option) -> str:
    """`MIN_AREA` for `--min-area`."""
    return NAMES.get(option["name"]) or str(option["flag"]).strip("-").replace("-", "_").upper()


def help_of(option: Option) -> str:
    """One sentence."""
    return HELPS.get(name_of(option), str(option["help"])) + "."


def label_of(option: Option) -> str:
    """Two or three words, and the unit."""
    label = LABELS.get(name_of(option), name_of(option).replace("_", " ").capitalize())
    unit = option["unit"].replace("m2", "m\u00b2")
    return f"{label} [{unit}]" if unit else label


def to_parameter(option: Option) -> QgsProcessingParameterDefinition:
    """The parameter that asks for an option."""
    name, label = name_of(option), label_of(option)
    build = _SPECIAL.get(option["name"]) or _BY_KIND[option["kind"]]
    parameter = build(name, label, option)
    parameter.setHelp(help_of(option))
    return parameter if name in BASIC else advanced(parameter)


def advanced(parameter: QgsProcessingParameterDefinition) -> QgsProcessingParameterDefinition:
    """Put it under *Advanced parameters*."""
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


def _folder(name: str, label: str, option: Option) -> QgsProcessingParameterDefinition:
    return QgsProcessingParameterFile(name, label, QgsProcessingParameterFile.Behavior.Folder, optional=True)


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
    "model": _folder, "bands": _bands, "bounds": _extent, "aoi": _polygons, "within": _polygons,
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
            "bands": self._bands, "bounds": self._bounds, "aoi": self._aoi, "within": self._aoi,
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
    """A vector layer as a file; always written anew, so that subsets, selections, memory layers and databases work.

    Args:
        algorithm: Whose parameter.
        name: Of the parameter.
        given: Parameters, context and feedback, as QGIS gave them.
    """
    parameters, context, feedback = given
    path: str = algorithm.parameterAsCompatibleSourceLayerPath(parameters, name, context, [], "gpkg", feedback)
    return path


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


class RoadVectors(RoadExtractAlgorithm):
    """Road polygons go to OUTPUT; lines, too, where they are asked for alone, else to LINES."""

    def add_vectors(self) -> None:
        """Add the destination and the further results."""
        anything = QgsProcessing.SourceType.TypeVectorAnyGeometry
        self.addParameter(QgsProcessingParameterVectorDestination("OUTPUT", "Roads", anything))
        self.addOutput(QgsProcessingOutputVectorLayer("LINES", "Road lines", QgsProcessing.SourceType.TypeVectorLine))
        self.addOutput(QgsProcessingOutputNumber("COUNT", "Number of roads"))

    def to_vectors(self, parameters: dict[str, Any], context: Any, scene: str) -> dict[str, str]:
        """The results, as `RoadExtractAlgorithm.to_outputs`."""
        roads = self.vector_file(parameters, "OUTPUT", context)
        geometry = self.parameterAsEnumString(parameters, "GEOMETRY", context)
        results = {"OUTPUT": roads}
        if geometry != "polygons":
            results["LINES"] = lines_file(roads) if geometry == "both" else roads
        name = "Road lines of {}" if geometry == "lines" else "Roads of {}"
        if geometry == "both":
            announce_beside(context, roads, results["LINES"], "Road lines of " + scene, paint_roads)
        announce(context, roads, "Roads", name.format(scene), paint_roads)
        return results

    def to_numbers(self, result: Mapping[str, Any]) -> dict[str, Any]:
        """How many roads."""
        return {"COUNT": result.get("features", 0)}


def lines_file(path: str) -> str:
    """Where road_extract puts lines that come with polygons: into a layer of a GeoPackage, else into a second file."""
    if Path(path).suffix.lower() == ".gpkg":
        return path + "|layername=road_lines"
    return str(Path(path).with_name(Path(path).stem + "_lines" + Path(path).suffix))


class ExtractRoads(RoadVectors, QgsProcessingAlgorithm):
    """A scene becomes roads."""

    NAME, TITLE, COMMAND = "extractroads", "Extract roads", "extract"
    INPUT_LABEL = "Scene: aerial or satellite imagery"
    SHARES = MappingProxyType({"predict": (2.0, 90.0), "vectorize": (90.0, 95.0), "lines": (95.0, 100.0)})
    ABOUT = (
        "<p>Finds the roads of an aerial or satellite image and draws them as polygons, a network of lines, or both. "
        "Any size and any CRS will do; pixels of half a metre to two metres work best. To try several thresholds, keep "
        "the probability raster and use <i>Roads from a probability raster</i>: that takes seconds.</p>"
    )

    def options(self) -> list[Option]:
        """All of both halves."""
        return options_of("PredictOptions", "VectorizeOptions", "LineOptions")

    def add_outputs(self) -> None:
        """Roads, and the raster if wanted."""
        self.add_vectors()
        raster = QgsProcessingParameterRasterDestination("PROBABILITY", "Road probability", None, True, False)
        self.addParameter(raster)

    def to_outputs(self, parameters: dict[str, Any], context: Any, scene: str) -> tuple[list[str], str, dict[str, str]]:
        """See the base."""
        results = self.to_vectors(parameters, context, scene)
        raster = self.parameterAsOutputLayer(parameters, "PROBABILITY", context)
        if not raster:
            return [], results["OUTPUT"], results
        announce(context, raster, "Road probability", "Road probability of " + scene, paint_probability)
        return ["--probability", raster], results["OUTPUT"], {**results, "PROBABILITY": raster}
