"""Which Python runs road_extract. Standard library only.

QGIS's own Python must not load the package: its TensorFlow, GDAL and PROJ are others than QGIS's, and two of a kind in
one process crash it. So a Python of the user's own runs it, in a process of its own.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess  # nosec B404
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from .option_table import PACKAGE_VERSION

VARIABLE = "ROAD_EXTRACT_PYTHON"
#: Another place for the environment that QGIS sets up.
HOME_VARIABLE = "ROAD_EXTRACT_HOME"

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
            return check_interpreter(Interpreter(to_command(str(place)), "a usual place"), environ)
        except ChildError:
            continue
    raise ChildError(
        "road_extract was not found on this computer: press Plugins > Road extraction > Set up; if it is installed "
        "already, name its Python in Settings > Options > Processing > Providers > Road extraction, in the environment "
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
    """Where *Set up road extraction*, pip, pipx, uv and `make demo` put it, most wanted first; only what exists."""
    on_path = shutil.which("road-extract", path=environ.get("PATH"))
    programs = [home / ".local/bin", Path("/opt/homebrew/bin"), Path("/usr/local/bin")]
    places = [] if on_path is None else [Path(on_path)]
    places += [folder / ("road-extract.exe" if WINDOWS else "road-extract") for folder in programs]
    python = Path("Scripts/python.exe" if WINDOWS else "bin/python")
    set_up = python_in(data_folder(environ, home) / "env")
    everywhere = [set_up, *places, *(folder / python for folder in _folders(environ, home))]
    return [place for place in everywhere if place.is_file()]


def data_folder(environ: Mapping[str, str], home: Path) -> Path:
    """Where the environment lives; each system has a place for programs' data."""
    if environ.get(HOME_VARIABLE):
        return Path(environ[HOME_VARIABLE])
    if WINDOWS:
        return Path(environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "road-extract"
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "road-extract"
    return Path(environ.get("XDG_DATA_HOME") or home / ".local" / "share") / "road-extract"


def python_in(env: Path) -> Path:
    """The Python of an environment."""
    return env / ("Scripts/python.exe" if WINDOWS else "bin/python")


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
    if interpreter.command[0] == str(python_in(data_folder(os.environ, Path.home()) / "env")):
        return "press Plugins > Road extraction > Set up"
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
