"""`road-extract doctor` tells what a bug report needs, and nothing secret."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from road_extract.cli import run
from road_extract.pipeline import diagnosis


def test_it_names_versions_backends_memory_and_speed(capsys):
    assert run(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found["program"]) == {"road_extract", "Python", "system"}
    assert {"GDAL", "numpy", "openvino", "rasterio"} <= found["packages"].keys()
    assert found["backends"]["chosen"] in {"openvino", "pytorch", "onnxruntime", "tensorflow"}
    assert found["model"]["speed"].endswith("windows/s")
    assert "GB" in found["machine"]["disk"]
    assert found["problems"] == []


def test_no_secrets_are_reported(capsys, monkeypatch):
    secrets = {
        "HTTPS_PROXY": "http://me:hunter2@proxy:3128",
        "AWS_SECRET_ACCESS_KEY": "hunter2",
        "GDAL_HTTP_USERPWD": "me:hunter2",
        "PYTHONPATH": f"{Path.home()}/lib",
        "PROJ_DATA": "https://me:hunter2@example.org/proj",
    }
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    assert run(["doctor", "--no-timing"]) == 0
    told = capsys.readouterr().out
    assert "hunter2" not in told
    assert str(Path.home()) not in told
    assert "HTTPS_PROXY          (set)" in told
    assert "PYTHONPATH           ~/lib" in told
    assert "AWS" not in told


def test_a_model_that_does_not_run_is_a_problem_not_a_crash(capsys, monkeypatch):
    def fail(name: str, model: Path) -> None:
        raise OSError("illegal instruction")

    monkeypatch.setattr(diagnosis, "open_backend", fail)
    assert run(["doctor"]) == 1
    assert "problems\n  the model does not run: illegal instruction" in capsys.readouterr().out


@pytest.mark.parametrize("option", ["--json", "--no-timing"])
def test_it_runs_without_the_model(capsys, option):
    assert run(["doctor", "--no-timing", *([option] if option == "--json" else [])]) == 0
    assert "windows/s" not in capsys.readouterr().out
