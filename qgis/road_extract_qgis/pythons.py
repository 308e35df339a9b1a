"""Finds a Python from which an environment can be made. Standard library only.

QGIS's own Python is not a candidate where it comes with QGIS (Windows, macOS): its libraries are QGIS's.
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
#: Versions that the package is tested with; newer ones are tried when there is none of these.
TESTED = ((3, 12), (3, 13), (3, 11))
#: What uv is asked for when it has to bring a Python.
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
    """A Python that answered.

    Attributes:
        path: Of the program.
        version: Major and minor.
        has_venv: Whether it can make environments with pip in them.
    """

    path: str
    version: tuple[int, int]
    has_venv: bool


def find_python(
    chosen: str, environ: Mapping[str, str], uv: str | None = None, wanted: tuple[int, int] | None = None
) -> FoundPython:
    """The best Python on this computer: a tested version first, then the newest.

    Args:
        chosen: The user's choice; nothing else is then considered.
        environ: The environment.
        uv: Path of uv, which makes environments for a Python that cannot.
        wanted: The only version that the folder of wheels is for.

    Raises:
        ChildError: If there is none; it says what to install.
    """
    if chosen:
        return _check_chosen(chosen, environ, uv)
    found = list(iter_pythons(environ))
    good = [python for python in found if python.version >= OLDEST and (python.has_venv or uv)]
    if wanted and not any(python.version == wanted for python in good):
        raise ChildError(
            f"the folder of wheels is for Python {_dotted(wanted)}, which was not found: install that version, or "
            "make the folder with another one"
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
            f"{chosen} is Python {_dotted(python.version)}, and {_dotted(OLDEST)} or newer is needed: choose another "
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
        f"{python.path} cannot make virtual environments: install its venv module (Debian, Ubuntu: sudo apt install "
        f"python{_dotted(python.version)}-venv), then set up again"
    )


def how_to_get_python() -> str:
    """What to install on this system."""
    return HOW_TO_GET_PYTHON.get(sys.platform, HOW_TO_GET_PYTHON["linux"])


def _dotted(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))


def find_uv(environ: Mapping[str, str], home: Path) -> str | None:
    """Where uv is, if it is installed."""
    name = "uv.exe" if WINDOWS else "uv"
    places = [home / ".local" / "bin", home / ".cargo" / "bin", Path("/opt/homebrew/bin"), Path("/usr/local/bin")]
    on_path = shutil.which("uv", path=environ.get("PATH"))
    return on_path or next((str(place / name) for place in places if (place / name).is_file()), None)


def iter_pythons(environ: Mapping[str, str]) -> Iterator[FoundPython]:
    """Every Python that answers, each once."""
    seen: set[str] = set()
    for path in iter_places(environ, Path.home()):
        real = os.path.realpath(path)
        if real not in seen and not _belongs_to_qgis(path):
            seen.add(real)
            python = probe_python(path, environ)
            if python is not None:
                yield python


def iter_places(environ: Mapping[str, str], home: Path) -> Iterator[str]:
    """Where Pythons usually are: the py launcher's, those on the path, and each system's own places."""
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
    """`py -0p` lists a version, and after some spaces the path, which may have spaces too."""
    launcher = shutil.which("py", path=environ.get("PATH")) if WINDOWS else None
    yield from parse_launcher(_ask([launcher, "-0p"], environ) if launcher else "")


def parse_launcher(said: str) -> list[str]:
    """The paths in what `py -0p` says."""
    return [line[line.index(":\\") - 1 :].strip() for line in said.splitlines() if ":\\" in line]


def _belongs_to_qgis(path: str) -> bool:
    """Whether it came with QGIS, or with OSGeo4W."""
    parts = [part.lower() for part in Path(path).parts]
    return any(part.startswith(("qgis", "osgeo4w")) for part in parts)


def probe_python(path: str, environ: Mapping[str, str]) -> FoundPython | None:
    """What a Python says about itself; None if it does not answer, or has 32 bits only."""
    said = _ask([path, "-I", "-c", _PROBE], environ)
    try:
        version, wide, _, has_venv = json.loads(said.strip().splitlines()[-1])
    except (ValueError, IndexError, TypeError):
        return None
    return FoundPython(path, (version[0], version[1]), has_venv) if wide else None


def _ask(command: list[str], environ: Mapping[str, str]) -> str:
    try:
        # never a shell: a list of arguments, for a program that is a Python by its name or the user's choice
        done = subprocess.run(  # nosec B603
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=clean_environment(environ), timeout=PYTHON_PROBE_TIMEOUT_S, creationflags=no_window(), check=False,
        )  # fmt: skip
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace")
