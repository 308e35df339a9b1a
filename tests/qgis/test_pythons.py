"""Finding a Python to make the environment from, without QGIS: programs that only say what they are."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.qgis import conftest  # puts the plugin on the path # noqa: F401

from road_extract_qgis import pythons as module  # isort: skip
from road_extract_qgis.interpreter import ChildError  # isort: skip
from road_extract_qgis.pythons import find_python, find_uv, iter_places, parse_launcher, probe_python  # isort: skip

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="shell scripts")


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Put a Python into one of the places: a shell script that answers as one."""
    places: list[str] = []
    monkeypatch.setattr(module, "iter_places", lambda environ, home: iter(places))

    def write(name: str, version: tuple[int, int], wide: bool = True, has_venv: bool = True) -> str:
        path = tmp_path / name / "python3"
        path.parent.mkdir(parents=True)
        said = json.dumps([version, wide, str(path), has_venv])
        path.write_text(f"#!/bin/sh\necho a greeting of the administrator\necho '{said}'\n")
        path.chmod(0o755)
        places.append(str(path))
        return str(path)

    return write


def test_a_tested_version_is_preferred_and_old_ones_are_skipped(program):
    program("old", (3, 9))
    program("newest", (3, 15))
    wanted = program("tested", (3, 12))
    assert find_python("", {}).path == wanted


def test_a_newer_one_than_any_tested_is_better_than_none(program):
    program("old", (3, 10))
    wanted = program("new", (3, 15))
    assert find_python("", {}).path == wanted


def test_a_folder_of_wheels_requires_its_own_python_version(program):
    program("tested", (3, 12))
    wanted = program("other", (3, 13))
    assert find_python("", {}, wanted=(3, 13)).path == wanted
    with pytest.raises(ChildError, match=r"wheels is for Python 3\.11, which was not found: install that version"):
        find_python("", {}, wanted=(3, 11))


def test_if_there_are_only_old_ones_the_message_says_what_to_install(program):
    program("a", (3, 9))
    program("b", (3, 10))
    program("narrow", (3, 12), wide=False)
    with pytest.raises(
        ChildError, match=r"3\.11 or newer was not found \(found: 3\.10, 3\.9\): install it .*set up again"
    ):
        find_python("", {})


def test_a_python_without_venv_is_accepted_if_uv_is_installed(program):
    python = program("debian", (3, 12), has_venv=False)
    with pytest.raises(ChildError, match=r"sudo apt install python3\.12-venv"):
        find_python("", {})
    assert find_python("", {}, uv="/usr/bin/uv").path == python


def test_a_program_that_hangs_or_is_not_python_is_ignored(tmp_path):
    assert probe_python("/bin/false", {}) is None
    assert probe_python(str(tmp_path), {}) is None
    assert probe_python(sys.executable, {}).version == sys.version_info[:2]


def test_usual_places_and_uv_are_searched(tmp_path):
    for place in (".local/share/uv/python/cpython-3.12.1-linux/bin/python3", ".pyenv/versions/3.12.1/bin/python3"):
        (tmp_path / place).parent.mkdir(parents=True)
        (tmp_path / place).touch()
        assert str(tmp_path / place) in list(iter_places({"PATH": ""}, tmp_path))
    uv = tmp_path / ".local/bin/uv"
    uv.parent.mkdir(parents=True)
    uv.touch()
    assert find_uv({"PATH": ""}, tmp_path) in (str(uv), find_uv({"PATH": ""}, Path("/nowhere")))


def test_output_of_the_windows_launcher_is_parsed():
    said = (
        " -V:3.12 *        C:\\Users\\A B\\AppData\\Local\\Programs\\Python\\Python312\\python.exe\n"
        " -V:3.11          C:\\Python311\\python.exe\nInstalled Pythons found by py.exe\n"
    )
    assert parse_launcher(said) == [
        "C:\\Users\\A B\\AppData\\Local\\Programs\\Python\\Python312\\python.exe", "C:\\Python311\\python.exe",
    ]  # fmt: skip


def test_a_python_that_came_with_qgis_is_not_used():
    assert module._belongs_to_qgis("/Applications/QGIS.app/Contents/MacOS/bin/python3")
    assert module._belongs_to_qgis("/opt/OSGeo4W/bin/python3.exe")
    assert not module._belongs_to_qgis("/usr/bin/python3")
