"""The QGIS tutorial, as far as it happens in a terminal: in the real `qgis_process`."""

from __future__ import annotations

import os

import pytest

from tests.helpers.tutorials import TUTORIALS, run_tutorial


@pytest.mark.slow
def test_the_tutorial_does_what_it_says(qgis, tmp_path):
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "qgis_process").symlink_to(qgis.process)
    folder = tmp_path / "work"
    folder.mkdir()
    path = os.pathsep.join([str(programs), qgis.environ["PATH"]])
    run_tutorial(TUTORIALS / "qgis.md", folder, {**qgis.environ, "PATH": path, "LC_ALL": "C.UTF-8"})
