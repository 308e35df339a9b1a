"""GDAL's own programs and validators, from the packages ``gdal-bin`` and ``python3-gdal`` of the system."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SYSTEM_PYTHON = "/usr/bin/python3"


def run_gdal(*command: str | Path) -> str:
    """The output of a program, errors and warnings included; it must succeed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "GDAL_", "PROJ_"))}
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, env=kept, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    return said


def validate(script: str, *arguments: str | Path) -> str:
    """The output of one of the validators of ``osgeo_utils.samples``."""
    return run_gdal(SYSTEM_PYTHON, "-m", f"osgeo_utils.samples.{script}", *arguments)


def is_installed() -> bool:
    if shutil.which("ogrinfo") is None or not Path(SYSTEM_PYTHON).exists():
        return False
    probe = [SYSTEM_PYTHON, "-c", "import osgeo_utils.samples.validate_gpkg"]
    return subprocess.run(probe, env={"PATH": os.environ["PATH"]}, capture_output=True, check=False).returncode == 0


needs_gdal = pytest.mark.skipif(
    not is_installed() and not os.environ.get("ROAD_EXTRACT_REQUIRE_GDAL"),
    reason="GDAL's programs and validators are not installed (apt-get install gdal-bin python3-gdal)",
)
