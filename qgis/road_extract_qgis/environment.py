"""Creates, checks and removes the environment of *Set up road extraction*. Standard library only.

The environment is in the user's data folder, outside QGIS and its profile. A file that is written last marks it as
complete. If that file is missing, the set-up was interrupted, and the environment is created again from pip's cache.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Callable, NamedTuple

from .child import Child, run_child
from .interpreter import ChildError, clean_environment, data_folder, python_in
from .monitor import Monitor
from .option_table import PACKAGE_VERSION
from .pythons import UV_PYTHON, find_python, find_uv

ACTIONS = ("setup", "update", "repair", "remove")

#: Written last; its absence means that the environment is not complete.
READY_FILE = "road_extract_ready.json"
LOG_FILE = "setup.log"
#: Measured 1.0 GB, and pip needs room to unpack.
NEEDED_BYTES = 2.5e9
REQUIREMENTS_FILE = "inference-requirements.txt"
#: Number of packages that the requirements install.
EXPECTED_PACKAGES = 24

_WRITE_TEST_SCENE = """
import sys, numpy, rasterio
from rasterio.transform import from_origin
pixels = numpy.random.default_rng(0).integers(90, 110, (3, 240, 260)).astype("uint8")
pixels[:, 110:122] = 200
with rasterio.open(sys.argv[1], "w", driver="GTiff", count=3, height=240, width=260, dtype="uint8", crs="EPSG:32611",
                   transform=from_origin(665000, 4010000, 1, 1)) as scene:
    scene.write(pixels)
"""


class SetupOptions(NamedTuple):
    """The user's choices.

    Attributes:
        action: One of `ACTIONS`.
        python: Python to create the environment with; if empty, the best one is searched for.
        wheels: Folder of wheels, or one wheel; if empty, the package index is used.
        home: Folder for the environment; if empty, the user's data folder.
    """

    action: str = "setup"
    python: str = ""
    wheels: str = ""
    home: str = ""


def read_ready(env: Path) -> dict[str, Any]:
    """Read the marker file of a complete environment; empty if it is incomplete or missing."""
    try:
        ready = json.loads((env / READY_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return ready if isinstance(ready, dict) and python_in(env).exists() else {}


class Environment:
    """Creates, updates, repairs and removes the environment.

    Args:
        options: The user's choices.
        environ: The environment that QGIS runs in.
        extra: Variables for pip and uv: QGIS's proxy and certificates.
        feedback: Has the methods of QgsProcessingFeedback.
        is_cancelled: Called ten times a second.
    """

    def __init__(
        self,
        options: SetupOptions,
        environ: Mapping[str, str],
        extra: Mapping[str, str],
        feedback: Any,
        is_cancelled: Callable[[], bool],
    ) -> None:
        self.options = options
        self.folder = Path(options.home) if options.home else data_folder(environ, Path.home())
        self.env = self.folder / "env"
        self._environ = environ
        self._extra = {name: value for name, value in extra.items() if name not in environ}
        self._feedback, self._is_cancelled = feedback, is_cancelled
        self._log: list[str] = []
        self._percent, self._collected = 0.0, 0

    @property
    def log(self) -> Path:
        """The log file, for the user."""
        return self.folder / LOG_FILE

    def run(self) -> bool:
        """Perform the chosen action.

        Returns:
            False if it was cancelled; the next run continues from there.

        Raises:
            ChildError: If it fails, with a message that says what to do.
        """
        self._say(f"road_extract {PACKAGE_VERSION}, {self.options.action}, {time.strftime('%Y-%m-%d %H:%M:%S')}")
        try:
            if self.options.action == "remove":
                self.remove()
                return True
            return self._make()
        except ChildError as error:
            self._log.append(f"Error: {error}")
            raise
        finally:
            self._write_log()

    def remove(self) -> None:
        """Remove the environment and nothing else.

        Raises:
            ChildError: If the folder is not such an environment, or a program is still using it.
        """
        if not self.env.exists():
            return
        if not (self.env / "pyvenv.cfg").is_file() and any(self.env.iterdir()):
            raise ChildError(f"{self.env} was not created by this set-up: move it elsewhere, then try again")
        self._say(f"Removing {self.env}")
        (self.env / READY_FILE).unlink(missing_ok=True)
        shutil.rmtree(self.env, ignore_errors=True)
        if self.env.exists():
            raise ChildError(f"{self.env} cannot be removed: close other QGIS windows, then try again")

    def _make(self) -> bool:
        self._check_room()
        source_options(self.options.wheels)  # raises an error before anything is created or removed
        ready = read_ready(self.env)
        if self.options.action == "repair" or not ready:
            self.remove()
        elif self.options.action == "setup" and ready.get("version") == PACKAGE_VERSION:
            self._say("The environment is complete: checking it")
            return self._check_or_repair()
        (self.env / READY_FILE).unlink(missing_ok=True)
        steps = (self._create, self._install, self._check)
        return all(step() and not self._is_cancelled() for step in steps) and self._finish()

    def _check_or_repair(self) -> bool:
        try:
            done = self._check()
        except ChildError as error:
            self._say(f"{error}: creating the environment again")
            self.remove()
            return self._make()
        self._progress(100.0 if done else self._percent)
        return done

    def _check_room(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            free = shutil.disk_usage(self.folder).free
        except OSError as error:
            raise ChildError(f"{self.folder} cannot be written ({error.strerror}): choose another folder") from error
        if free < NEEDED_BYTES and not self.env.exists():
            raise ChildError(
                f"{self.folder} has {free / 1e9:.1f} GB of free disk space, but {NEEDED_BYTES / 1e9:.1f} GB are "
                "needed: free some space, or choose another folder"
            )

    def _create(self) -> bool:
        if python_in(self.env).exists():
            return True
        self._tell("Looking for a Python", 1.0)
        uv = find_uv(self._environ, Path.home())
        try:
            python = find_python(self.options.python, self._environ, uv, wheels_version(self.options.wheels))
        except ChildError:
            if uv is None or self.options.python or self.options.wheels:
                raise
            self._say(f"No suitable Python found: {uv} installs one")
            return self._run([uv, "venv", "--python", UV_PYTHON, str(self.env)])
        self._say(f"Python {python.version[0]}.{python.version[1]}: {python.path}")
        self._tell("Creating the environment", 3.0)
        if python.has_venv:
            return self._run([python.path, "-I", "-m", "venv", "--clear", str(self.env)])
        return self._run([str(uv), "venv", "--python", python.path, str(self.env)])

    def _install(self) -> bool:
        self._tell("Downloading and installing packages", 8.0)
        requirements = Path(__file__).with_name(REQUIREMENTS_FILE)
        upgrade = ["--upgrade"] if self.options.action == "update" else []
        if not self._run([*self._pip(), *upgrade, "-r", str(requirements)]):
            return False
        self._tell("Installing road_extract", 82.0)
        return self._run([*self._pip(), "--no-deps", "--upgrade", f"road-extract=={PACKAGE_VERSION}"])

    def _pip(self) -> list[str]:
        """Return the start of an install command: that of pip if the environment has it, otherwise that of uv."""
        python = str(python_in(self.env))
        sources = source_options(self.options.wheels)
        uv = None if _has_pip(self.env) else find_uv(self._environ, Path.home())
        if uv is not None:
            return [uv, "pip", "install", "--python", python, "--only-binary", ":all:", *sources]
        fixed = [
            "--no-input",
            "--disable-pip-version-check",
            "--no-compile",
            "--progress-bar",
            "off",
            "--only-binary",
            ":all:",
        ]
        return [python, "-I", "-m", "pip", "install", *fixed, *sources]

    def _check(self) -> bool:
        """Extract the roads of a small scene, as an algorithm would."""
        self._tell("Checking the installation with a small scene", 90.0)
        python = str(python_in(self.env))
        with tempfile.TemporaryDirectory(prefix="road_extract_") as folder:
            scene, roads = os.path.join(folder, "scene.tif"), os.path.join(folder, "roads.gpkg")
            if not self._run([python, "-I", "-c", _WRITE_TEST_SCENE, scene]):
                return False
            monitor = Monitor(_Quiet(self._say), {})
            extract = ["--watch-stdin", "extract", "--progress", "json", scene, roads]
            command = [python, "-I", "-m", "road_extract", *extract]
            return run_child(command, self._environ_of_child(), [roads], monitor, self._is_cancelled)

    def _finish(self) -> bool:
        ready = {"version": PACKAGE_VERSION, "made": time.strftime("%Y-%m-%d %H:%M:%S")}
        (self.env / READY_FILE).write_text(json.dumps(ready), encoding="utf-8")
        self._say(f"Ready: {python_in(self.env)}")
        self._progress(100.0)
        return True

    def _run(self, command: Sequence[str]) -> bool:
        """Run a program until it ends.

        Returns:
            False if it was cancelled.

        Raises:
            ChildError: If it fails.
        """
        self._say("> " + " ".join("..." if "\n" in part else part for part in command))
        child, tail = Child(command, self._environ_of_child()), []
        try:
            for _, line in child.iter_lines(self._is_cancelled):
                tail.append(line)
                self._say(line)
                self._count(line)
        finally:
            child.stop()
        if self._is_cancelled():
            return False
        if child.poll() != 0:
            raise ChildError(explain_failure(tail, self.options))
        return True

    def _environ_of_child(self) -> dict[str, str]:
        environ = {**clean_environment(self._environ), **self._extra}
        for name in ("VIRTUAL_ENV", "CONDA_PREFIX", "PIP_REQUIRE_VIRTUALENV", "PIP_USER", "PIP_TARGET", "PIP_PREFIX"):
            environ.pop(name, None)
        return environ

    def _count(self, line: str) -> None:
        if line.startswith(("Collecting ", "Downloading ", "Processing ")):
            self._collected += not line.startswith("Downloading ")
            name = re.split(r"[\s<>=!~;\[]", line.partition(" ")[2].strip().rpartition("/")[2])[0]
            name = name.partition("-")[0] if name.endswith(".whl") else name
            self._tell(f"Downloading {name}", 8.0 + 60.0 * min(self._collected / EXPECTED_PACKAGES, 1.0))
        elif line.startswith("Installing collected packages"):
            self._tell("Unpacking packages", 70.0)

    def _tell(self, text: str, percent: float) -> None:
        self._feedback.setProgressText(text)
        self._progress(percent)

    def _progress(self, percent: float) -> None:
        self._percent = max(self._percent, percent)
        self._feedback.setProgress(self._percent)

    def _say(self, line: str) -> None:
        line = hide_passwords(line)
        self._log.append(line)
        self._feedback.pushInfo(line)

    def _write_log(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.log.write_text("\n".join(self._log) + "\n", encoding="utf-8")
        except OSError:
            return


class _Quiet:
    """Feedback for the check, which shows no progress."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.pushInfo = self.pushWarning = self.pushConsoleInfo = say

    def setProgress(self, percent: float) -> None:
        """Ignored."""

    def setProgressText(self, text: str) -> None:
        """Ignored."""


def _has_pip(env: Path) -> bool:
    return any(env.glob("lib/python3*/site-packages/pip")) or (env / "Lib" / "site-packages" / "pip").is_dir()


def source_options(wheels: str) -> list[str]:
    """Return pip's options for where to find packages.

    A folder with the wheels of all requirements is used offline; an incomplete one is combined with the index.
    """
    if not wheels:
        return []
    folder = Path(wheels) if os.path.isdir(wheels) else Path(wheels).parent
    if not any(folder.glob("*.whl")):
        raise ChildError(f"{wheels} contains no wheels (*.whl): choose the folder that make qgis-bundle wrote")
    offline = ["--no-index"] if is_bundle(folder) else []
    return [*offline, "--find-links", str(folder)]


def is_bundle(folder: Path) -> bool:
    """Check whether a folder contains the wheels of all requirements."""
    text = Path(__file__).with_name(REQUIREMENTS_FILE).read_text(encoding="utf-8")
    names = [re.split(r"[^\w.-]", line)[0] for line in text.splitlines() if line and not line.startswith("#")]
    there = {_plain_name(path.name.split("-")[0]) for path in folder.glob("*.whl")}
    return {_plain_name(name) for name in [*names, "road-extract"]} <= there


def wheels_version(wheels: str) -> tuple[int, int] | None:
    """Return the Python version that a folder of wheels is for; None if any version works."""
    folder = Path(wheels) if os.path.isdir(wheels) else Path(wheels).parent
    if not wheels or not is_bundle(folder):
        return None
    found = (re.search(r"-cp(\d)(\d+)-cp\d+-", path.name) for path in sorted(folder.glob("numpy-*.whl")))
    return next(((int(tag.group(1)), int(tag.group(2))) for tag in found if tag), None)


def _plain_name(name: str) -> str:
    return re.sub(r"[-_.]+", "_", name).lower()


def hide_passwords(line: str) -> str:
    """Hide the credentials in URLs."""
    return re.sub(r"(\w+://)[^/@\s]+@", r"\1***@", line)


_NETWORK_SETTINGS = "Settings > Options > Network"
_OFFLINE = "choose a folder of wheels"

#: Patterns in the output of pip and uv, each with an explanation. The first match is used.
_FAILURES = (
    (
        r"CERTIFICATE_VERIFY_FAILED|SSLError|invalid peer certificate|UnknownIssuer",
        "the package index's certificate is not trusted here, as happens behind a company's firewall: import your "
        "company's certificate in Settings > Options > Authentication > Manage Certificates, or " + _OFFLINE,
    ),
    (
        r"ProxyError|Tunnel connection failed|407 Proxy|proxy authentication",
        f"the proxy does not let this computer through: check {_NETWORK_SETTINGS}, or {_OFFLINE}",
    ),
    (
        r"No space left on device|Errno 28|not enough space",
        "the disk is full: free some space, then set up again",
    ),
    (
        r"Errno 13|Permission denied|Access is denied|WinError 5|WinError 32",
        "a file cannot be replaced: close other QGIS windows and programs that use road_extract, then set up again",
    ),
    (
        r"NewConnectionError|NameResolutionError|Temporary failure in name resolution|Failed to establish a new "
        r"connection|ConnectTimeout|ReadTimeout|Network is unreachable|getaddrinfo failed|dns error|Could not connect",
        f"the package index cannot be reached: check the network and {_NETWORK_SETTINGS}, or {_OFFLINE}",
    ),
    (r"ensurepip is not available|No module named ensurepip", "this Python cannot make virtual environments"),
)


def explain_failure(lines: Sequence[str], options: SetupOptions) -> str:
    """Explain why an installation failed, in one sentence.

    Args:
        lines: Everything that pip said.
        options: What the user chose.
    """
    text = "\n".join(lines)
    for pattern, sentence in _FAILURES:
        if re.search(pattern, text, re.IGNORECASE):
            return sentence
    missing = re.search(r"No matching distribution found for ([\w.-]+)|Because ([\w.-]+) was not found", text)
    if missing:
        return _explain_missing(missing.group(1) or missing.group(2), options)
    last = next((line for line in reversed(lines) if line.strip()), "it said nothing")
    return f"the installation failed ({last.strip()}): set up again, or choose Repair"


def _explain_missing(name: str, options: SetupOptions) -> str:
    if options.wheels:
        return (
            f"{options.wheels} has no {name} for this Python and system: make the folder (make qgis-bundle) with the "
            "same Python version and on the same kind of system"
        )
    if name.startswith("road"):
        return f"road_extract {PACKAGE_VERSION} is not on the package index: {_OFFLINE} that holds it"
    return f"the package index has no {name} for this Python and system: choose Python 3.12, or {_OFFLINE}"
