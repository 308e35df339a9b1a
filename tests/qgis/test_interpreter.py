"""Finding the Python that has road_extract, without QGIS."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.qgis import conftest  # puts the plugin on the path # noqa: F401

from road_extract_qgis import interpreter as module  # isort: skip
from road_extract_qgis.interpreter import ChildError, default_places, find_interpreter, to_command  # isort: skip
from road_extract_qgis.option_table import PACKAGE_VERSION  # isort: skip

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="shell scripts")


@pytest.fixture
def program(tmp_path):
    """Write an executable shell script."""

    def write(name: str, *lines: str) -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(("#!/bin/sh", *lines)) + "\n")
        path.chmod(0o755)
        return str(path)

    return write


@pytest.fixture
def nothing_installed(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "default_places", lambda environ, home: [])
    return {"PATH": os.environ["PATH"]}


def test_the_parameter_wins_then_the_variable_then_the_setting(program, nothing_installed):
    says = f"echo road-extract {PACKAGE_VERSION}"
    chosen, variable, setting = (program(name, says) for name in ("a/python", "b/python", "c/python"))
    environ = nothing_installed | {"ROAD_EXTRACT_PYTHON": variable}
    found = find_interpreter(chosen, setting, environ)
    assert found.command == (chosen, "-m", "road_extract")
    assert str(found) == f"road_extract {PACKAGE_VERSION} by {chosen} (the parameter)"
    assert find_interpreter("", setting, environ).command[0] == variable
    assert find_interpreter("", setting, nothing_installed).command[0] == setting


def test_a_specified_python_that_does_not_work_is_an_error_not_a_fallback(program, nothing_installed):
    good = program("good/python", f"echo road-extract {PACKAGE_VERSION}")
    with pytest.raises(ChildError, match="cannot be started"):
        find_interpreter("/nowhere/python", good, nothing_installed)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["echo road-extract 0.0.9"], "has road_extract 0.0.9, but .* or newer is needed: run .* -m pip install ."),
        (
            ["echo '{python}: No module named road_extract' >&2", "exit 1"],
            "does not have road_extract: .* run .* -m pip",
        ),
        (["echo Segmentation fault >&2", "exit 139"], "it printed: Segmentation fault"),
        (["exit 1"], "it printed: nothing"),
    ],
)
def test_an_unsuitable_python_gives_one_error_message(program, nothing_installed, lines, words):
    python = program("python", *lines)
    with pytest.raises(ChildError, match=words) as caught:
        find_interpreter(python, "", nothing_installed)
    assert python in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_a_program_and_a_folder_that_is_not_an_environment(tmp_path, nothing_installed):
    (tmp_path / "notes.txt").write_text("no program")
    for path in (tmp_path / "notes.txt", tmp_path):
        with pytest.raises(ChildError, match="cannot be started"):
            find_interpreter(str(path), "", nothing_installed)


def test_a_real_python_without_the_package(nothing_installed):
    with pytest.raises(ChildError, match="does not have road_extract"):
        find_interpreter("/usr/bin/python3", "", nothing_installed)


def test_nothing_found_says_what_to_do(nothing_installed):
    with pytest.raises(
        ChildError,
        match=r"press Plugins > Road extraction > Set up; .* Settings > Options > Processing .* ROAD_EXTRACT_PYTHON",
    ):
        find_interpreter("", "", nothing_installed)


def test_a_poisoned_environment_does_not_reach_it(child_python, tmp_path, monkeypatch):
    """A broken package in the current folder and on PYTHONPATH, and a PYTHONHOME of another Python."""
    (tmp_path / "road_extract.py").write_text("raise SystemExit('wrong one')")
    monkeypatch.chdir(tmp_path)
    environ = {**os.environ, "PYTHONHOME": "/nowhere", "PYTHONPATH": str(tmp_path), "PROJ_LIB": "/nowhere"}
    assert find_interpreter(str(child_python), "", environ).version


def test_an_environment_folder_and_the_program_itself_are_accepted(program, tmp_path):
    python = program("venv/bin/python", "true")
    assert to_command(str(tmp_path / "venv")) == (python, "-m", "road_extract")
    assert to_command("/home/me/.local/bin/road-extract") == ("/home/me/.local/bin/road-extract",)
    assert to_command(r"C:\Users\me\.local\bin\road-extract.exe"[-16:]) == ("road-extract.exe",)


@pytest.mark.parametrize(
    "place",
    [
        ".local/bin/road-extract",
        ".local/share/uv/tools/road-extract/bin/python",
        ".local/share/pipx/venvs/road-extract/bin/python",
        "road_extract/.venv/bin/python",
        ".venvs/road-extract/bin/python",
    ],
)
def test_usual_places_are_found(program, tmp_path, place):
    written = program(place, "true")
    assert Path(written) in default_places({"PATH": ""}, tmp_path)


def test_the_path_comes_first_and_broken_places_are_skipped(program, tmp_path, monkeypatch):
    broken = program("bin/road-extract", "exit 1")
    works = program(".venvs/road-extract/bin/python", f"echo road-extract {PACKAGE_VERSION}")
    environ = {"PATH": f"{Path(broken).parent}:{os.environ['PATH']}"}
    assert default_places(environ, tmp_path)[0] == Path(broken)
    monkeypatch.setattr(module, "default_places", lambda environ, home: [Path(broken), Path(works)])
    assert find_interpreter("", "", environ).command[0] == works
