"""QGIS as the tests find it: the system's programs, a profile to throw away, and this checkout's road_extract."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.helpers.paths import REPOSITORY

QGIS_FOLDER = REPOSITORY / "qgis"
#: The plugin's modules that need no QGIS are tested without.
sys.path.append(str(QGIS_FOLDER))

#: Continuous integration sets it: there, no QGIS is a failure.
REQUIRED = "ROAD_EXTRACT_REQUIRE_QGIS"
SYSTEM_PYTHON = "/usr/bin/python3"
TIMEOUT_S = 300


@dataclass(frozen=True, slots=True)
class Qgis:
    """An installed QGIS with the plugin and the script in a profile of its own."""

    process: str
    environ: Mapping[str, str]

    def run(self, algorithm: str, *args: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """`qgis_process run`."""
        return self.start([self.process, "run", algorithm, *args], **environ)

    def start(self, command: list[str], **environ: str) -> subprocess.CompletedProcess[str]:
        """Any program with QGIS's environment."""
        return subprocess.run(
            command, env={**self.environ, **environ}, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )


@pytest.fixture(scope="session")
def child_python(tmp_path_factory) -> Path:
    """A Python that has this checkout's road_extract, whatever is installed."""
    path = tmp_path_factory.mktemp("python") / "python3"
    path.write_text(f'#!/bin/sh\nPYTHONPATH="{REPOSITORY}" exec "{sys.executable}" "$@"\n')
    path.chmod(0o755)
    return path


@pytest.fixture(scope="session")
def road_extract(child_python) -> Callable[..., None]:
    """The command line, for what QGIS's results are compared with."""

    def run(*args: object) -> None:
        command = [str(child_python), "-m", "road_extract", *map(str, args)]
        subprocess.run(command, check=True, capture_output=True, text=True)

    return run


@pytest.fixture(scope="session")
def plugins(tmp_path_factory) -> Path:
    """A folder of plugins with the one that the zip holds."""
    subprocess.run([sys.executable, QGIS_FOLDER / "build_plugin.py", "--local"], check=True, capture_output=True)
    folder = tmp_path_factory.mktemp("plugins")
    with zipfile.ZipFile(REPOSITORY / "build" / "road_extract_qgis.zip") as packed:
        packed.extractall(folder)
    return folder


@pytest.fixture(scope="session")
def qgis(tmp_path_factory, child_python, plugins) -> Qgis:
    process = _find_process()
    home = tmp_path_factory.mktemp("qgis")
    scripts = home / "config" / "profiles" / "default" / "processing" / "scripts"
    scripts.mkdir(parents=True)
    shutil.copy(QGIS_FOLDER / "road_extract_script.py", scripts)
    found = Qgis(process, _environ(home, plugins, child_python))
    enabled = found.start([process, "plugins", "enable", "road_extract_qgis"])
    assert enabled.returncode == 0, enabled.stderr
    return found


def _find_process() -> str:
    # Debian's qgis_process is a wrapper that does not work
    process = shutil.which("qgis_process.bin") or shutil.which("qgis_process")
    can_import = process and subprocess.run([SYSTEM_PYTHON, "-c", "import qgis.core"], capture_output=True, check=False)
    if process and can_import and can_import.returncode == 0:
        return process
    if os.environ.get(REQUIRED):
        pytest.fail("QGIS is not installed, and here it must be: apt-get install qgis qgis-server xvfb xauth")
    pytest.skip("needs QGIS (apt-get install qgis qgis-server xvfb xauth)")


def find_wms_server() -> None:
    """Fail or skip where QGIS Server is not installed."""
    if not Path("/usr/lib/qgis/server/libwms.so").is_file():
        missing = pytest.fail if os.environ.get(REQUIRED) else pytest.skip
        missing("needs QGIS Server (apt-get install qgis-server)")


def _environ(home: Path, plugins: Path, child_python: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "QT_", "QGIS_"))}
    home.chmod(0o700)
    return kept | {
        # QGIS's own Python looks for its library beside the first python3 on the path: not in an activated venv
        "PATH": os.pathsep.join(["/usr/bin", "/bin", kept["PATH"]]),
        "QT_QPA_PLATFORM": "offscreen",
        "QGIS_CUSTOM_CONFIG_PATH": str(home / "config"),
        "QGIS_PLUGINPATH": str(plugins),
        "GDAL_PAM_ENABLED": "NO",
        "XDG_RUNTIME_DIR": str(home),
        "PYTHONDONTWRITEBYTECODE": "1",
        "ROAD_EXTRACT_PYTHON": str(child_python),
    }
