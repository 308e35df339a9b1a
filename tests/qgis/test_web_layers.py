"""Layers that only QGIS can read, in the real QGIS: tiles and a WMS of a server on this machine."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.windows import Window

from tests.helpers.paths import SAMPLES
from tests.qgis.conftest import SYSTEM_PYTHON, find_wms_server

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def map_folder(qgis, tmp_path_factory):
    """A running server's folder, with its port and its picture."""
    find_wms_server()
    work = tmp_path_factory.mktemp("map")
    helper = Path(__file__).with_name("map_server.py")
    command = [SYSTEM_PYTHON, str(helper), str(SAMPLES / "vegas_utm.tif"), str(work)]
    with subprocess.Popen(
        command, env=dict(qgis.environ), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        end = time.monotonic() + 60
        while not (work / "port").is_file():
            assert server.poll() is None, "the map server did not start"
            assert time.monotonic() < end
            time.sleep(0.1)
        yield work
        server.kill()


@pytest.fixture(scope="module")
def web(qgis, map_folder, tmp_path_factory):
    """What `session_web.py` saw."""
    work = tmp_path_factory.mktemp("web")
    helper, seen = Path(__file__).with_name("session_web.py"), work / "seen.json"
    arguments = [SYSTEM_PYTHON, *map(str, (helper, work, SAMPLES, "none", seen))]
    done = qgis.start(arguments, MAP_WORK=str(map_folder), NO_PROXY="127.0.0.1", no_proxy="127.0.0.1")
    assert seen.is_file(), done.stdout + done.stderr
    found = json.loads(seen.read_text(encoding="utf-8"))
    for name, result in found.items():
        assert "traceback" not in result, f"{name}: {result['traceback']}"
    return found


def test_tiles_are_copied_pixel_for_pixel(web, map_folder):
    with rasterio.open(web["fetched"]["path"]) as ours, rasterio.open(map_folder / "picture.tif") as theirs:
        assert ours.crs == theirs.crs
        col, row = (round(value) for value in ~theirs.transform * (ours.transform.c, ours.transform.f))
        wanted = theirs.read(window=Window(col, row, ours.width, ours.height))
        assert (ours.width, ours.height) == tuple(web["fetched"]["size"])
        assert wanted.shape == (4, ours.height, ours.width)
        valid = wanted[3] == 255
        assert valid.mean() > 0.9
        assert (ours.read()[:3, valid] == wanted[:3, valid]).all()


def test_a_tiled_layer_gives_the_same_as_a_geotiff_of_it(web, road_extract, tmp_path):
    """Byte for byte the roads, pixel for pixel the probability."""
    assert web["xyz"]["error"] == ""
    assert web["xyz"]["crs"] == "EPSG:32611"
    found = web["xyz"]["results"]
    road_extract("extract", web["xyz"]["picture"], tmp_path / "r.gpkg", "--probability", tmp_path / "p.tif")
    assert found["COUNT"] > 2
    assert Path(found["OUTPUT"]).read_bytes() == (tmp_path / "r.gpkg").read_bytes()
    with rasterio.open(found["PROBABILITY"]) as ours, rasterio.open(tmp_path / "p.tif") as theirs:
        assert ours.transform == theirs.transform
        assert ours.crs.to_epsg() == 32611
        assert (ours.read(1) == theirs.read(1)).all()


def test_size_and_terms_of_use_are_logged_before_the_download(web):
    said = web["xyz"]["said"]
    estimate = next(index for index, line in enumerate(said) if line.startswith("Rendering 0.1"))
    terms = next(index for index, line in enumerate(said) if "terms of use" in line)
    assert estimate < terms < said.index("Rendering the layer")
    percents = web["xyz"]["percents"]
    assert percents == sorted(percents)
    assert percents[-1] == 100


def test_a_wms_gives_roads_too(web):
    assert web["wms"]["error"] == ""
    assert web["wms"]["results"]["COUNT"] > 2


def test_failed_requests_are_retried(web, map_folder):
    assert web["flaky"]["error"] == ""
    with rasterio.open(web["flaky"]["results"]["OUTPUT"]) as ours:
        again = ours.read(1)
    with rasterio.open(web["xyz"]["results"]["PROBABILITY"]) as theirs:
        assert np.array_equal(again, theirs.read(1))


def test_a_failing_server_gives_a_message_and_leaves_nothing(web):
    failed = web["failing"]
    assert failed["error"].startswith("failing does not deliver its imagery (HTTP 503): check that it shows")
    assert not failed["written"]
    assert failed["rendered"] == failed["left"] == []


def test_a_slow_server_can_be_cancelled_at_once(web):
    cancelled = web["slow"]
    assert cancelled["results"] == {}
    assert cancelled["error"] == ""
    assert cancelled["seconds"] < 2.9  # one tile takes three
    assert not cancelled["written"]
    assert cancelled["rendered"] == cancelled["left"] == []


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("too_large", "km² of good would be downloaded, and the limit is 100: choose a smaller extent"),
        ("whole_world", "would be downloaded, and the limit is 100"),
        ("without_imagery", "good has no imagery there at this scale: choose another extent"),
    ],
)
def test_what_is_not_rendered_gets_a_sentence(web, case, words):
    assert words in web[case]["error"]
    assert web[case]["seconds"] < 10
    assert web[case]["rendered"] == []


def test_a_formula_is_rendered_as_it_looks(web):
    assert web["formula"]["written"]
