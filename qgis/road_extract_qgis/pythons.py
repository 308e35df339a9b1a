"""Finds a Python to create an environment with. Standard library only.

A Python that comes with QGIS (Windows, macOS) is not a candidate, because it uses the libraries of QGIS.
"""

from __future__ import annotations

import glob
import json
import os
import shutil
import subprocess  # nosec B404
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from .interpreter import WINDOWS, ChildError, clean_environment, no_window

OLDEST = (3, 11)
#: Versions that the package is tested with; newer ones are used if none of these is found.
TESTED = ((3, 12), (3, 13), (3, 11))
#: Version to request if uv has to install a Python.
UV_PYTHON = "3.12"
PYTHON_PROBE_TIMEOUT_S = 30.0

_PROBE = (
    "import json,sys,importlib.util as u;"
    "print(json.dumps([list(sys.version_info[:2]),sys.maxsize>2**32,sys.executable,"
    "bool(u.find_spec('venv') and u.find_spec('ensurepip'))]))"
)

HOW_TO_GET_PYTHON = {
    "win32": "install Python 3.12 from python.org/downloads or the Microsoft Store (needs no administrator rights)",
    "darwin": "install Python 3.12 from python.org/downloads, or with Homebrew: brew install python@3.12",
    "linux": "install it with your system's package manager (Debian, Ubuntu: sudo apt install python3 python3-venv; "
    "Fedora: sudo dnf install python3)",
}


class FoundPython(NamedTuple):
    """A working Python.

    Attributes:
        path: Path of the program.
        version: Major and minor version.
        has_venv: Whether it can create environments with pip.
    """

    path: str
    version: tuple[int, int]
    has_venv: bool


def find_python(
    chosen: str, environ: Mapping[str, str], uv: str | None = None, wanted: tuple[int, int] | None = None
) -> FoundPython:
    """Find the best Python on this computer: a tested version, otherwise the newest.

    Args:
        chosen: The user's choice; no other one is considered.
        environ: Environment variables.
        uv: Path of uv, which can create environments for any Python.
        wanted: The only version that the folder of wheels supports.

    Raises:
        ChildError: If there is none; the message says what to install.
    """
    if chosen:
        return _check_chosen(chosen, environ, uv)
    found = list(iter_pythons(environ))
    good = [python for python in found if python.version >= OLDEST and (python.has_venv or uv)]
    if wanted and not any(python.version == wanted for python in good):
        raise ChildError(
            f"the folder of wheels is for Python {_dotted(wanted)}, which was not found: install that version, or "
            "create the folder with another one"
        )
    good = [python for python in good if wanted in (None, python.version)]
    if not good:
        raise ChildError(_why_none(found))
    return min(good, key=_rank)


def _rank(python: FoundPython) -> tuple[bool, int, int]:
    place = TESTED.index(python.version) if python.version in TESTED else len(TESTED)
    return not python.has_venv, place, -python.version[1]


def _check_chosen(chosen: str, environ: Mapping[str, str], uv: str | None) -> FoundPython:
    python = probe_python(os.path.expanduser(chosen), environ)
    if python is None:
        raise ChildError(f"{chosen} is not a working 64-bit Python: choose another one, or leave the choice empty")
    if python.version < OLDEST:
        raise ChildError(
            f"{chosen} is Python {_dotted(python.version)}, but {_dotted(OLDEST)} or newer is needed: choose another "
            "one, or leave the choice empty"
        )
    if not (python.has_venv or uv):
        raise ChildError(_no_venv(python))
    return python


def _why_none(found: list[FoundPython]) -> str:
    new = [python for python in found if python.version >= OLDEST]
    if new:
        return _no_venv(new[0])
    seen = ", ".join(sorted({_dotted(python.version) for python in found})) or "none"
    return f"Python {_dotted(OLDEST)} or newer was not found (found: {seen}): {how_to_get_python()}, then set up again"


def _no_venv(python: FoundPython) -> str:
    return (
        f"{python.path} cannot create virtual environments: install its venv module (Debian, Ubuntu: sudo apt install "
        f"python{_dotted(python.version)}-venv), then set up again"
    )


def how_to_get_python() -> str:
    """Advise how to install Python on this system."""
    return HOW_TO_GET_PYTHON.get(sys.platform, HOW_TO_GET_PYTHON["linux"])


def _dotted(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))


def find_uv(environ: Mapping[str, str], home: Path) -> str | None:
    """Find uv, if it is installed."""
    name = "uv.exe" if WINDOWS else "uv"
    places = [home / ".local" / "bin", home / ".cargo" / "bin", Path("/opt/homebrew/bin"), Path("/usr/local/bin")]
    on_path = shutil.which("uv", path=environ.get("PATH"))
    return on_path or next((str(place / name) for place in places if (place / name).is_file()), None)


def iter_pythons(environ: Mapping[str, str]) -> Iterator[FoundPython]:
    """Iterate over all working Pythons, each once."""
    seen: set[str] = set()
    for path in iter_places(environ, Path.home()):
        real = os.path.realpath(path)
        if real not in seen and not _belongs_to_qgis(path):
            seen.add(real)
            python = probe_python(path, environ)
            if python is not None:
                yield python


def iter_places(environ: Mapping[str, str], home: Path) -> Iterator[str]:
    """Iterate over possible Pythons: from the py launcher, on the PATH, and in the usual folders of each system."""
    yield from _known_to_launcher(environ)
    names = ["python3.12", "python3.13", "python3.11", "python3", "python", "python3.14", "python3.15"]
    path = environ.get("PATH", "")
    yield from filter(None, (shutil.which(name, path=path) for name in names))
    patterns = (
        [
            str(Path(environ.get("LOCALAPPDATA", home), "Programs", "Python", "Python3*", "python.exe")),
            str(Path(environ.get("PROGRAMFILES", r"C:\Program Files"), "Python3*", "python.exe")),
            str(Path(environ.get("APPDATA", home), "uv", "python", "cpython-3*", "python.exe")),
        ]
        if WINDOWS
        else [
            "/Library/Frameworks/Python.framework/Versions/3.*/bin/python3",
            "/opt/homebrew/bin/python3.*",
            "/usr/local/bin/python3.*",
            "/usr/bin/python3.*",
            str(home / ".local/share/uv/python/cpython-3*/bin/python3"),
            str(home / ".pyenv/versions/3.*/bin/python3"),
        ]
    )
    for pattern in patterns:
        yield from (place for place in sorted(glob.glob(pattern)) if "config" not in Path(place).name)


def _known_to_launcher(environ: Mapping[str, str]) -> Iterator[str]:
    """Ask the launcher: `py -0p` prints a version, spaces, and the path, which may also contain spaces."""
    launcher = shutil.which("py", path=environ.get("PATH")) if WINDOWS else None
    yield from parse_launcher(_ask([launcher, "-0p"], environ) if launcher else "")


def parse_launcher(said: str) -> list[str]:
    """Extract the paths from the output of `py -0p`."""
    return [line[line.index(":\\") - 1 :].strip() for line in said.splitlines() if ":\\" in line]


def _belongs_to_qgis(path: str) -> bool:
    """Check whether it came with QGIS or OSGeo4W."""
    parts = [part.lower() for part in Path(path).parts]
    return any(part.startswith(("qgis", "osgeo4w")) for part in parts)


def probe_python(path: str, environ: Mapping[str, str]) -> FoundPython | None:
    """Query a Python; None if it does not work or is 32-bit."""
    said = _ask([path, "-I", "-c", _PROBE], environ)
    try:
        version, wide, _, has_venv = json.loads(said.strip().splitlines()[-1])
    except (ValueError, IndexError, TypeError):
        return None
    return FoundPython(path, (version[0], version[1]), has_venv) if wide else None


def _ask(command: list[str], environ: Mapping[str, str]) -> str:
    try:
        # no shell: a list of arguments, for a program that is a Python by its name or the user's choice
        done = subprocess.run(  # nosec B603
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=clean_environment(environ), timeout=PYTHON_PROBE_TIMEOUT_S, creationflags=no_window(), check=False,
        )  # fmt: skip
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace")
