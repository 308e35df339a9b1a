from __future__ import annotations

import inspect
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import rasterio

import road_extract
from road_extract.base.options import (
    BatchOptions,
    LineOptions,
    PredictOptions,
    ReportOptions,
    ReviewOptions,
    VectorizeOptions,
)
from road_extract.base.progress import Progress
from road_extract.cli import COMMANDS, run
from road_extract.cli.console import bar_line, format_seconds
from road_extract.training.options import DataOptions
from tests.helpers.paths import REPOSITORY, SAMPLES
from tests.helpers.scenes import roads_in


@pytest.fixture
def scene(write_scene):
    return write_scene(roads_in(300, 260))


def test_extract_says_what_it_wrote(scene, tmp_path, identity_model, capsys):
    assert run(["extract", str(scene), str(tmp_path / "r.geojson")]) == 0
    out = capsys.readouterr().out
    assert out == f"2 road polygons in {tmp_path / 'r.geojson'}\n"


def test_options_reach_the_pipeline(scene, tmp_path, identity_model, capsys):
    args = ["extract", str(scene), str(tmp_path / "r.gpkg"), "--min-area", "500", "--overlap", "14", "--bands", "1"]
    assert run([*args, "--mask", str(tmp_path / "m.tif"), "--probability", str(tmp_path / "p.tif")]) == 0
    assert capsys.readouterr().out.startswith("1 road polygons")
    with rasterio.open(tmp_path / "p.tif") as dataset:
        assert dataset.tags()["ROAD_EXTRACT_OVERLAP_PX"] == "14"


def test_predict_then_vectorize_equals_extract(scene, tmp_path, identity_model):
    assert run(["predict", str(scene), str(tmp_path / "p.tif")]) == 0
    assert run(["vectorize", str(tmp_path / "p.tif"), str(tmp_path / "a.gpkg")]) == 0
    assert run(["extract", str(scene), str(tmp_path / "b.gpkg")]) == 0
    assert (tmp_path / "a.gpkg").read_bytes() == (tmp_path / "b.gpkg").read_bytes()


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["extract", "missing.tif", "r.gpkg"], "missing.tif: cannot be opened as a raster"),
        (["extract", "{scene}", "r.shp"], "known vector format"),
        (["extract", "{scene}", "r.gpkg", "--model", "nowhere"], "has no spec.json"),
        (["extract", "{scene}", "r.gpkg", "--overlap", "113"], "expected 0 to 112 px"),
        (["extract", "{scene}", "r.gpkg", "--threshold", "1.5"], "expected 0.001 to 1"),
        (["extract", "{scene}", "r.gpkg", "--bands", "9"], "expected 1 or 3 bands from 1 to 3"),
        (["extract", "{scene}", "r.gpkg", "--aoi", "none.gpkg"], "none.gpkg"),
        (["vectorize", "{scene}", "r.gpkg"], "has 3 bands"),
        (["preview", "{scene}", "none.gpkg", "r.png"], "none.gpkg"),
        (["train", "nowhere", "--out", "m"], "nowhere: does not exist"),
    ],
)
def test_bad_input_gives_one_error_message_and_exit_code_1(scene, tmp_path, monkeypatch, request, capsys, args, words):
    monkeypatch.chdir(tmp_path)
    if "--model" not in args:
        request.getfixturevalue("identity_model")
    before = sorted(tmp_path.rglob("*"))
    assert run([arg.format(scene=scene) for arg in args]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("Error: ") == 1
    assert words in captured.err
    assert "Traceback" not in captured.err
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "args",
    [
        ["extract"],
        ["nothing"],
        ["extract", "a", "b.gpkg", "--overlap", "wide"],
        ["extract", "a", "b.gpkg", "--backend", "abacus"],
        ["predict", "a", "b.tif", "--precision", "exact"],
        ["diff", "a.gpkg", "b.gpkg", "c.gpkg", "--scene", "d.tif"],
        ["backends", "--precision", "exact"],
    ],
)
def test_wrong_usage_is_exit_code_2(args, capsys):
    assert run(args) == 2
    assert "Usage: " in capsys.readouterr().err


@pytest.mark.slow
def test_json_progress_prints_only_json_lines_and_ends_with_the_result(scene, tmp_path):
    """In a separate process with the real model, because TensorFlow writes to the file descriptors directly.

    And to a GeoPackage: TensorFlow and GDAL share the process, and each brings an SQLite.
    """
    done = subprocess.run(
        [sys.executable, "-m", "road_extract", "extract", scene, tmp_path / "r.gpkg", "--progress", "json",
         "--backend", "tensorflow"],
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
    )  # fmt: skip
    events = [json.loads(line) for line in done.stdout.splitlines()]
    progress = [event for event in events if event["event"] == "progress"]
    assert events[-1]["event"] == "result"
    assert events[-1]["path"] == str(tmp_path / "r.gpkg")
    assert {"predict", "vectorize"} == {event["stage"] for event in progress}
    for stage in ("predict", "vectorize"):
        done_units = [event["done"] for event in progress if event["stage"] == stage]
        assert done_units == sorted(done_units)
        assert done_units[-1] == next(event["total"] for event in progress if event["stage"] == stage)


def test_json_errors_are_events_too(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "road_extract", "extract", "no.tif", tmp_path / "r.geojson", "--progress", "json"],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    (event,) = map(json.loads, done.stdout.splitlines())
    assert event["event"] == "error"
    assert "no.tif: cannot be opened" in event["message"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals differ")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_exits_with_130_and_leaves_nothing_behind(write_scene, tmp_path, number):
    scene = write_scene(np.zeros((3, 1500, 1500), np.uint8))
    before = sorted(tmp_path.rglob("*"))
    args = ["extract", scene, "r.gpkg", "--probability", "p.tif", "--progress", "json"]
    # background jobs of a shell ignore interrupts, and so would their child processes
    program = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    program += "import runpy; runpy.run_module('road_extract', run_name='__main__', alter_sys=True)"
    child = subprocess.Popen(
        [sys.executable, "-c", program, *args], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
    )  # fmt: skip
    assert child.stdout is not None
    for line in child.stdout:
        if json.loads(line)["event"] == "progress":
            break
    child.send_signal(number)
    started = time.monotonic()
    _, err = child.communicate(timeout=60)
    assert child.returncode == 130
    assert "interrupted" in err
    assert "Traceback" not in err
    assert time.monotonic() - started < 30
    assert sorted(tmp_path.rglob("*")) == before


HEAVY = (
    "tensorflow",
    "torch",
    "dask",
    "distributed",
    "keras",
    "rasterio",
    "geopandas",
    "pandas",
    "shapely",
    "scipy",
    "pyogrio",
    "pyarrow",
)


@pytest.mark.parametrize(
    "code",
    [
        "import road_extract",
        "from road_extract.cli import run; assert run(['--help']) == 0",
        "from road_extract.cli import run; assert run(['extract', '--help']) == 0",
        "from road_extract.cli import run; assert run(['batch', '--help']) == 0",
        "from road_extract.cli import run; assert run(['--version']) == 0",
    ],
)
def test_help_loads_nothing_heavy(code):
    check = f"{code}\nimport sys\nprint('HEAVY', [name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", check], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "HEAVY []"


def test_extracting_on_the_cpu_imports_no_unneeded_libraries(tmp_path):
    """They would add ten seconds (TensorFlow), half a second (pandas) or a quarter (SciPy) to every start."""
    scene, out = str(SAMPLES / "vegas_utm.tif"), str(tmp_path / "r.geojson")
    code = f"""
from road_extract.cli import run
assert run(["extract", {scene!r}, {out!r}, "--backend", "openvino"]) == 0
import sys
heavy = ("tensorflow", "keras", "torch", "pandas", "geopandas", "pyogrio", "networkx", "scipy")
print([name for name in heavy if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_every_command_has_help_that_shows_its_options(capsys):
    for name in COMMANDS:
        assert run([name, "--help"]) == 0
        assert "Usage: road-extract " + name in capsys.readouterr().out


#: Command, options class, and the flag of each of its fields.
FLAGS = [
    ("extract", PredictOptions,
     "--model --backend --precision --threads --bands --overlap --tta --batch-size --native-gsd --bounds --aoi "
     "--assume-crs --nodata --subdataset --colour-table"),
    ("extract", VectorizeOptions, "--geometry --threshold --min-area --min-hole --simplify"),
    ("extract", LineOptions, "--faint --max-gap --min-confidence --min-worth --min-face --min-length --min-spur"),
    ("batch", BatchOptions,
     "--formats --keep-probability --keep-mask --keep-nodes --co --report --style --osm-tags --asset --shard-px "
     "--jobs --dask --merge --resume --fail-fast"),
    ("shard", PredictOptions,
     "--model --backend --precision --threads --bands --overlap --tta --batch-size --native-gsd --bounds --aoi "
     "--assume-crs --nodata --subdataset --colour-table"),
    ("report", ReportOptions, "--size --bands --bounds --assume-crs --nodata --subdataset"),
    ("review", ReviewOptions, "--keep --assume-crs"),
    ("train", DataOptions,
     "--roads --where --layer --road-width --width-field --area --assume-crs --bands --nodata --subdataset --gsd "
     "--validation-share --cell"),
]  # fmt: skip


@pytest.mark.parametrize(("command", "cls", "flags"), FLAGS)
def test_the_command_line_offers_every_option_field_with_its_help(capsys, command, cls, flags):
    run([command, "--help"])
    text = "".join(capsys.readouterr().out.split())
    for flag, f in zip(flags.split(), cls.__dataclass_fields__.values(), strict=True):
        assert flag in text
        assert "".join(f.metadata["help"].split()) in text


#: Commands that read files, with the options that messages about these files may advise.
ADVISED = {
    "extract": "--bands --assume-crs --nodata --subdataset --bounds",
    "predict": "--bands --assume-crs --nodata --subdataset --bounds",
    "info": "--bands --assume-crs --nodata --subdataset --bounds",
    "batch": "--bands --assume-crs --nodata --subdataset --bounds --backend --precision --restart",
    "shard": "--bands --assume-crs --nodata --subdataset --bounds",
    "train": "--bands --assume-crs --nodata --subdataset --layer --where --roads",
    "quantize": "--bands --assume-crs --nodata --subdataset",
    "vectorize": "--assume-crs --geometry",
    "preview": "--bands --assume-crs",
    "evaluate": "--assume-crs --layer --where --within --threshold --gsd",
    "diff": "--assume-crs --layer --where --within --bounds",
}


@pytest.mark.parametrize("command", ADVISED)
def test_a_command_has_the_options_that_its_errors_advise(capsys, command):
    run([command, "--help"])
    words = capsys.readouterr().out.replace("/", " ").split()
    assert set(ADVISED[command].split()) <= set(words)


def test_flags_that_are_on_can_be_switched_off(capsys):
    run(["batch", "--help"])
    assert "--resume / --restart" in capsys.readouterr().out


def test_info_reports_size_work_and_problems(scene, write_scene, tmp_path, capsys):
    assert run(["info", str(scene), "--no-timing", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["grid"] == [300, 260]
    assert found["windows"] == 4
    assert found["facts"]["gsd_m"] == pytest.approx([1, 1], rel=1e-3)
    assert found["problems"] == []
    bad = write_scene(np.zeros((2, 20, 30), np.float32), "bad.tif", crs=None)
    assert run(["info", str(bad), "--no-timing"]) == 1
    text = capsys.readouterr().out
    assert text.count("PROBLEM") == 2  # the CRS and the bands: all problems, not just the first
    assert run(["info", str(tmp_path / "none.tif")]) == 1
    assert "cannot be opened" in capsys.readouterr().out


def test_info_times_the_model(scene, capsys):
    assert run(["info", str(scene), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["seconds"] > 0
    assert "OpenVINO" in found["backend"]


def test_a_bar_shows_rate_and_remaining_time():
    line = bar_line(Progress("predict", 50, 200, "windows"), elapsed_s=10.0)
    assert line == "predict    25% [######..................] 50/200 windows, 5.0/s, 0:30 left"
    assert format_seconds(3725) == "1:02:05"


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")  # a picture has no place
def test_a_preview_draws_roads_in_the_right_place(scene, tmp_path, identity_model):
    run(["extract", str(scene), str(tmp_path / "r.geojson")])
    assert run(["preview", str(scene), str(tmp_path / "r.geojson"), str(tmp_path / "r.png")]) == 0
    with rasterio.open(tmp_path / "r.png") as png:
        picture = png.read().astype(int)
    assert picture.shape == (3, 300, 260)
    red = picture[0] - picture[2] > 40
    bright = roads_in(300, 260)[0] == 230
    assert (red == bright).mean() > 0.99


#: The function of each command.
FUNCTIONS = {
    "extract": "extract_roads",
    "batch": "extract_batch",
    "shard": "predict_portion",
    "predict": "predict_probability",
    "vectorize": "vectorize_roads",
    "info": "describe_scene",
    "backends": "list_backends",
    "preview": "draw_preview",
    "evaluate": "evaluate",
    "diff": "diff_roads",
    "report": "write_report",
    "review": "review_roads",
    "train": "train_model",
    "quantize": "quantize_model",
    "doctor": "diagnose",
    "export": "export_model",
    "models": "list_models",
}


def test_every_command_is_a_function_of_the_package_with_its_options_by_name():
    assert FUNCTIONS.keys() | {"completion"} == COMMANDS.keys()
    for name in FUNCTIONS.values():
        parameters = inspect.signature(getattr(road_extract, name)).parameters.values()
        assert all(p.default is p.empty for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD), name
        assert all(p.default is not p.empty for p in parameters if p.kind is p.KEYWORD_ONLY), name
        assert all(p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) for p in parameters), name


@pytest.mark.parametrize("name", [name for name in road_extract.__all__ if name.endswith("Options")])
def test_options_are_given_by_name(name):
    with pytest.raises(TypeError, match="positional"):
        getattr(road_extract, name)(1)
