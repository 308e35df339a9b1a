"""The plugin and the script in the real QGIS: `qgis_process`, and one session of QGIS's own Python."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import geopandas
import pytest
import rasterio

from road_extract.base.options import DiffOptions, LineOptions, PredictOptions, VectorizeOptions
from tests.helpers.paths import SAMPLES
from tests.qgis.conftest import SYSTEM_PYTHON, TIMEOUT_S

UTM = SAMPLES / "vegas_utm.tif"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def by_command_line(tmp_path_factory, road_extract):
    """What the command line makes of a sample tile: roads.gpkg and p.tif."""
    folder = tmp_path_factory.mktemp("cli")
    road_extract("extract", UTM, folder / "roads.gpkg", "--probability", folder / "p.tif", "--threshold", "0.4")
    return folder


def test_the_script_gives_what_the_command_line_gives(qgis, by_command_line, tmp_path):
    """In a folder that many programs stumble over, and in an environment that is QGIS's own."""
    folder = tmp_path / "Straßen & Wege, 道路"
    folder.mkdir()
    scene = shutil.copy(UTM, folder / "Luftbild é.tif")
    out, probability = folder / "Straßen.gpkg", folder / "p q.tif"
    done = qgis.run(
        "script:extractroads", f"--INPUT={scene}", f"--OUTPUT={out}", f"--PROBABILITY={probability}", "--THRESHOLD=0.4",
        PROJ_LIB="/usr/share/proj", GDAL_DATA="/usr/share/gdal", LD_LIBRARY_PATH="/usr/lib", QT_PLUGIN_PATH="/usr/lib",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert out.read_bytes() == (by_command_line / "roads.gpkg").read_bytes()
    with rasterio.open(probability) as ours, rasterio.open(by_command_line / "p.tif") as theirs:
        assert (ours.read(1) == theirs.read(1)).all()
    count = len(geopandas.read_file(out))
    assert f"COUNT:\t{count}\n" in done.stdout
    assert count > 1
    assert sorted(path.name for path in folder.iterdir()) == sorted(["Luftbild é.tif", out.name, probability.name])


def test_the_plugin_gives_what_the_command_line_gives_as_json_too(qgis, by_command_line, road_extract, tmp_path):
    args = ("--threshold", "0.3", "--min-area", "20", "--simplify", "0")
    road_extract("vectorize", by_command_line / "p.tif", tmp_path / "a.geojson", *args)
    done = qgis.run(
        "road_extract:vectorizeprobability",
        f"--INPUT={by_command_line / 'p.tif'}", f"--OUTPUT={tmp_path / 'b.geojson'}",
        "--THRESHOLD=0.3", "--MIN_AREA=20", "--SIMPLIFY=0", "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "a.geojson").read_bytes() == (tmp_path / "b.geojson").read_bytes()
    assert json.loads(done.stdout)["results"]["COUNT"] == len(geopandas.read_file(tmp_path / "b.geojson"))


def test_texts_are_german_where_qgis_is(qgis):
    done = qgis.start([qgis.process, "help", "road_extract:extractroads"], LC_ALL="de_DE.UTF-8", LANGUAGE="de")
    for text in ("Straßen extrahieren", "Zu verarbeitende Ausdehnung", "Mindestlänge einzelner Straßen", "km²"):
        assert text in done.stdout


def test_an_error_of_the_child_is_an_error_of_qgis_process(qgis, tmp_path):
    done = qgis.run("road_extract:vectorizeprobability", f"--INPUT={UTM}", f"--OUTPUT={tmp_path / 'r.gpkg'}")
    assert done.returncode == 1
    assert "has 3 bands of uint8; expected one band" in done.stdout + done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def session(qgis, by_command_line, tmp_path_factory):
    """What `session.py` saw."""
    work = tmp_path_factory.mktemp("session")
    helper = Path(__file__).with_name("session.py")
    seen = work / "seen.json"
    probability = by_command_line / "p.tif"
    done = qgis.start([SYSTEM_PYTHON, *map(str, (helper, work, SAMPLES, probability, seen))])
    assert seen.is_file(), done.stdout + done.stderr
    found = json.loads(seen.read_text(encoding="utf-8"))
    for name, result in found.items():
        assert "traceback" not in result, f"{name}: {result['traceback']}"
    return found


def test_parameters_have_the_packages_defaults_ranges_and_help(session):
    offered = session["describe_parameters"]["road_extract:extractroads"]
    check_offered(offered, PredictOptions, VectorizeOptions, LineOptions)
    assert set(offered) == {"INPUT", "MODEL_FOLDER", "PYTHON", "WEB_LIMIT", "OUTPUT", "PROBABILITY", "REPORT"}
    offered = session["describe_parameters"]["road_extract:compareroads"]
    check_offered(offered, DiffOptions)
    assert set(offered) == {"ROADS", "MAP", "PYTHON", "OUTPUT"}


def check_offered(offered, *classes):
    """Takes out what it checks."""
    for cls in classes:
        for name, f in cls.__dataclass_fields__.items():
            own_words = {"bounds": "EXTENT", "within": "AOI"}
            parameter = offered.pop(own_words.get(name, (f.metadata["short"] or name).replace("-", "_").upper()))
            if name == "model":  # a drop-down; a folder is another parameter
                assert parameter["default"] == "standard"
                continue
            assert parameter["default"] == (f.default or None) or parameter["default"] == f.default
            assert parameter["optional"] or f.default is not None
            for limit in ("low", "high"):
                if f.metadata[limit] is not None:
                    assert parameter[limit] == f.metadata[limit]
            assert parameter["help"]


def test_rarely_needed_parameters_are_advanced(session):
    for name, parameters in session["describe_parameters"].items():
        if name in ("road_extract:setup", "road_extract:about"):
            continue
        shown = {name for name, parameter in parameters.items() if not parameter["advanced"]}
        assert shown <= {
            "INPUT",
            "OUTPUT",
            "PROBABILITY",
            "REPORT",
            "MODEL",
            "EXTENT",
            "AOI",
            "THRESHOLD",
            "MIN_AREA",
            "SIMPLIFY",
        } | {*("GEOMETRY", "BUFFER", "ROADS", "MAP")}


def test_progress_is_fine_grained_and_never_decreases(session):
    percents = session["cancel"]["percents"]
    assert percents == sorted(percents)
    # 49 windows, told one by one, but at most ten times a second: fast computers skip some
    assert len(set(percents)) >= 4
    assert max(b - a for a, b in zip([0, *percents], percents, strict=False)) < 20
    whole = session["load_styled"]["percents"]
    assert whole == sorted(whole)
    assert whole[-1] == 100


def test_cancel_in_the_middle_leaves_no_process_and_no_file(session):
    cancelled = session["cancel"]
    assert (cancelled["running"], cancelled["files"]) == (1, 1)  # or there was nothing to cancel
    assert cancelled["percents"][-1] < 92
    assert cancelled["left"] == []
    assert cancelled["files_left"] == []
    assert cancelled["result"] == {}
    assert "Cancelled: nothing was written." in cancelled["said"]
    assert cancelled["seconds"] < 8


def test_cancel_works_from_the_dialogs_thread_while_the_model_loads(session):
    cancelled = session["cancel_in_a_task"]
    assert cancelled["running"] == 1
    assert len(cancelled["ended"]) == 1
    assert cancelled["left"] == []
    assert cancelled["files_left"] == []
    assert cancelled["seconds"] < 8


def test_results_are_loaded_styled_named_and_in_order(session):
    loaded = session["load_styled"]
    assert loaded["good"]
    names = ["Road lines of vegas_utm", "Roads of vegas_utm", "Road probability of vegas_utm", "vegas_utm"]
    assert loaded["names"] == names
    assert loaded["renderers"] == ["categorizedSymbol", "singleSymbol", "singlebandpseudocolor", "multibandcolor"]
    assert loaded["colours"][:2] == [["#1e3ce6", "#1e3ce6"], ["#ffd600"]]
    assert len(loaded["colours"][2]) == 6
    assert set(loaded["crs"]) == {"EPSG:32611"}
    assert loaded["count"] == sum(loaded["features"])
    assert min(loaded["features"]) > 0
    assert Path(loaded["page"]).stat().st_size > 50_000  # the review page


def test_only_the_extent_is_processed(session):
    wanted, found = session["load_styled"]["extents"]
    assert found == pytest.approx(wanted, abs=1.0)


def test_the_log_names_the_python_version_and_command(session, child_python):
    said = session["load_styled"]["said"]
    assert said[0].startswith("road_extract ")
    assert f"by {child_python} (ROAD_EXTRACT_PYTHON)" in said[0]
    assert " --threshold 0.4 " in said[1]
    assert any("resampled on the ground" in line for line in said)
    assert any("OpenVINO" in line for line in said)


def test_only_the_selected_polygon_of_a_memory_layer_is_processed(session, by_command_line, tmp_path):
    assert session["area_of_interest"]["percents"][-1] == 100
    command = next(line for line in session["area_of_interest"]["said"] if " --aoi " in line)
    with rasterio.open(command.split()[-1]) as inside, rasterio.open(by_command_line / "p.tif") as whole:
        valid = inside.read(1) != 255
        share = valid.mean() * whole.width * whole.height
        assert share == pytest.approx(72 * 166.5, rel=0.05)  # 0.0008 by 0.0015 degrees there
        assert abs(inside.read(1)[valid].astype(int) - whole.read(1)[valid]).mean() < 20


def test_a_comparison_of_any_two_layers_gives_what_the_command_line_gives(session, road_extract, tmp_path):
    compared = session["compare"]
    assert compared["good"]
    road_extract("diff", compared["lines"], SAMPLES / "vegas_roads.geojson", tmp_path / "d.gpkg", "--buffer", 8)
    theirs, ours = (geopandas.read_file(path) for path in (tmp_path / "d.gpkg", compared["results"]["OUTPUT"]))
    lengths = theirs.groupby("status").length_m.sum() / 1000
    for status in ("new", "missing", "matched"):
        assert compared["results"][f"{status.upper()}_KM"] == pytest.approx(lengths[status], rel=1e-4)
    assert set(ours.status) == {"new", "missing", "matched"}
    assert compared["name"] == "output, compared with the map"
    assert compared["colours"] == ["#008c3c", "#e07b00", "#dc1428", "#787878"]


REFUSALS = {
    "wms": "a web map comes from 'wms', .* export it first",
    "virtual": "a formula comes from 'virtualraster', .* export it first",
    "options": "opened with options .* export it first",
    "shapefile": r"road_extract writes \.gpkg, \.geojson",
    "database": "road_extract writes files, not database tables",
    "python": "does not have road_extract: .* -m pip install",
    "no_python": "/nowhere/python .* cannot be started",
    "setting": "/bin/false .the QGIS setting. is not a Python with a working road_extract",
    "three_bands": "has 3 bands",
    "folder": "its folder /nowhere does not exist",
}


@pytest.mark.parametrize("case", REFUSALS)
def test_impossible_requests_give_a_message_and_no_file(session, case):
    import re

    assert re.search(REFUSALS[case], session["refuse"]["messages"][case])
    assert session["refuse"]["written"] == []


def test_a_model_of_the_designer_feeds_roads_to_a_native_algorithm(session, qgis, by_command_line, tmp_path):
    """From a .model3 file, and in another process than the one that made it."""
    model = session["make_model"]
    assert model["written"]
    out = tmp_path / "all.gpkg"
    outputs = [f"--{name}={out}" for name in ("dissolve:all", "all_roads")]  # the second name since QGIS 3.26
    done = qgis.run(model["path"], f"--raster={by_command_line / 'p.tif'}", *outputs)
    assert done.returncode == 0, done.stdout + done.stderr
    united, parts = geopandas.read_file(out), geopandas.read_file(by_command_line / "roads.gpkg")
    assert len(united) == 1
    assert united.area.sum() == pytest.approx(parts.area.sum())


def test_a_broken_environment_of_qgis_does_not_reach_the_child(qgis, session, by_command_line, tmp_path):
    """QGIS's own Python would not start with a wrong PYTHONHOME, so it gets poisoned once it runs."""
    poison = dict.fromkeys(("PYTHONHOME", "PYTHONPATH", "PROJ_DATA", "PROJ_LIB", "LD_PRELOAD"), "/nowhere")
    args = ["", *map(str, (tmp_path, SAMPLES, by_command_line / "p.tif", tmp_path / "s.json"))]
    code = (
        f"import os, runpy, sys\nos.environ.update({poison})\nsys.argv = {args}\n"
        f"made = runpy.run_path({str(Path(__file__).with_name('session.py'))!r})\n"
        "made['main']((made['vectorize'],))\n"
    )
    done = subprocess.run(
        [SYSTEM_PYTHON, "-c", code], env=qgis.environ, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    assert (tmp_path / "s.json").is_file(), done.stdout + done.stderr
    found = json.loads((tmp_path / "s.json").read_text(encoding="utf-8"))["vectorize"]
    assert found.get("count", 0) > 1, found
