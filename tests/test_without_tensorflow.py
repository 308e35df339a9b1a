"""All but training works where TensorFlow and Keras are not installed, as in the environment that QGIS sets up."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.paths import REPOSITORY, SAMPLES

#: `find_spec` finds nothing either, as where nothing is installed.
BLOCKED = """
import importlib.util, sys

NAMES = ("tensorflow", "keras")

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in NAMES:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocked())
find_spec = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name in NAMES else find_spec(name, package)
"""


def run(code: str, *args: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BLOCKED + code, *map(str, args)],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def run_command(*args: object) -> subprocess.CompletedProcess[str]:
    return run("from road_extract.cli import main\nmain()", *args)


def test_every_module_can_be_imported():
    code = """
import importlib, pkgutil, road_extract
for found in pkgutil.walk_packages(road_extract.__path__, "road_extract."):
    if not found.name.endswith("__main__"):
        importlib.import_module(found.name)
assert not {"tensorflow", "keras"} & set(sys.modules)
"""
    done = run(code)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_extract_gives_the_same_bytes_as_with_it(tmp_path: Path):
    for name, start in (("a", run_command), ("b", run_plainly)):
        done = start("extract", SAMPLES / "vegas_utm.tif", tmp_path / f"{name}.gpkg", "--backend", "openvino")
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "a.gpkg").read_bytes() == (tmp_path / "b.gpkg").read_bytes()


def run_plainly(*args: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "road_extract", *map(str, args)],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_training_says_what_to_install_before_it_prepares_anything(tmp_path: Path):
    done = run_command("train", SAMPLES, "--out", tmp_path / "model")
    assert done.returncode == 1
    assert "training needs TensorFlow, and tensorflow and keras cannot be found" in done.stderr
    assert f'"{sys.executable}" -m pip install "tensorflow>=2.18"' in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_tensorflow_backend_says_what_to_install(tmp_path: Path):
    done = run_command("extract", SAMPLES / "vegas_utm.tif", tmp_path / "r.gpkg", "--backend", "tensorflow")
    assert done.returncode == 1
    assert "install it (pip install tensorflow)" in done.stderr
