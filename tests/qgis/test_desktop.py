"""The QGIS desktop on a virtual screen: dialog, progress, result, batches. Pictures of it go to build/qgis/."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import rasterio

from tests.helpers.paths import REPOSITORY, SAMPLES
from tests.qgis.conftest import REQUIRED

PICTURES = REPOSITORY / "build" / "qgis"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning"),  # a picture has no place
]


@pytest.fixture(scope="module")
def desktop(qgis, road_extract, tmp_path_factory):
    """What `desktop.py` saw; its pictures lie in the same folder."""
    if shutil.which("xvfb-run") is None or shutil.which("qgis") is None:
        missing = pytest.fail if os.environ.get(REQUIRED) else pytest.skip
        missing("needs the QGIS desktop and a virtual screen (apt-get install qgis qgis-server xvfb xauth)")
    work = tmp_path_factory.mktemp("desktop")
    scene = shutil.copy(SAMPLES / "vegas_pan.tif", work)
    road_extract("predict", scene, work / "p.tif", "--bounds", -115.2325, 36.14, -115.2310, 36.1415)
    helper = Path(__file__).with_name("desktop.py")
    screen = ["xvfb-run", "--auto-servernum", "--server-args", "-screen 0 1400x1000x24"]
    done = qgis.start(
        [*screen, "qgis", "--nologo", "--noversioncheck", "--code", str(helper)],
        QT_QPA_PLATFORM="xcb", DESKTOP_WORK=str(work), ROAD_EXTRACT_HOME=str(work / "home"),
    )  # fmt: skip
    assert (work / "seen.json").is_file(), done.stdout[-3000:] + done.stderr[-3000:]
    seen = json.loads((work / "seen.json").read_text(encoding="utf-8"))
    PICTURES.mkdir(parents=True, exist_ok=True)
    for picture in work.glob("*.png"):
        shutil.copy(picture, PICTURES)
    assert "traceback" not in seen, seen["traceback"]
    return work, seen


def test_the_dialog_runs_and_shows_its_progress(desktop):
    percents = desktop[1]["percents"]
    # a step for each of the scene's four windows, of which two may end at once
    assert len({24, 46, 68, 90} & set(percents)) >= 2
    assert "Finding roads" in desktop[1]["log"]
    assert "OpenVINO" in desktop[1]["log"]


def test_both_results_are_loaded_over_the_scene(desktop):
    assert desktop[1]["names"] == ["Road lines of vegas_pan", "Roads of vegas_pan", "vegas_pan"]
    assert desktop[1]["geometries"] == [1, 2]  # lines, polygons
    assert min(desktop[1]["counts"]) > 3


def test_roads_can_be_seen_on_the_map(desktop):
    with rasterio.open(desktop[0] / "map.png") as picture:
        red, green, blue = picture.read([1, 2, 3]).astype(int)
    yellow = (red - blue > 50) & (green - blue > 30)
    lines = blue - red > 100
    assert 0.01 < yellow.mean() < 0.3
    assert 0.001 < lines.mean() < 0.05
    grey = (abs(red - green) < 8) & (abs(green - blue) < 8)
    assert np.mean(grey) > 0.5  # the scene


def test_results_lie_in_a_group_of_their_scene(desktop):
    assert desktop[1]["groups"] == [
        ["Road extraction: vegas_pan", ["Road lines of vegas_pan", "Roads of vegas_pan"]],
    ]


def test_the_slider_paints_at_once_and_only_a_probability_raster(desktop):
    values, items, counts = zip(*desktop[1]["threshold"], strict=True)
    assert values == (0.2, 0.5, 0.8)
    assert items == (2, 2, 2)
    assert counts[0] > counts[1] > counts[2] > 0
    assert desktop[1]["scene_untouched"] == [False, True]


def test_extract_here_takes_the_raster_and_the_maps_extent(desktop):
    extent, has_scene = desktop[1]["here"]
    assert "[EPSG:" in extent
    assert has_scene


def test_the_set_up_window_says_what_failed_and_shows_the_log(desktop):
    state, enabled = desktop[1]["setup_state"]
    assert "about 1 GB" in state
    assert enabled == {"setup": True, "update": False, "repair": False, "remove": False}
    sentence, log = desktop[1]["setup_failed"]
    assert "contains no wheels (*.whl): choose the folder" in sentence
    assert re.search(r"road_extract \S+, setup, ", log)


def test_the_description_is_copied_with_one_click(desktop):
    text, copied = desktop[1]["about"]
    assert copied
    assert re.search(r"QGIS +3\.", text)
    assert "windows/s" in text
    assert str(Path.home()) + "/" not in text
    assert desktop[1]["options"] == ["Set up…", "About this installation…"]


def test_a_batch_of_two_writes_two(desktop):
    assert desktop[1]["batch"] == [True, True]
    sizes = {(desktop[0] / f"batch_{number}.gpkg").read_bytes() for number in (1, 2)}
    assert len(sizes) == 2  # by different thresholds


def test_a_batch_can_be_cancelled_while_the_model_loads(desktop):
    """Batches run in the main thread: nobody could press the button if that slept."""
    assert desktop[1]["batch_cancelled_s"] < 8
    assert desktop[1]["cancelled"] == []
