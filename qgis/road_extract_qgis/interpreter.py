"""Finds the Python that runs road_extract. Standard library only.

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
