"""The tables of docs/inputs.md, row by row."""

from __future__ import annotations

import logging

import pytest

from road_extract.base.errors import InputError
from road_extract.io.raster import ProbabilityRaster, Scene, SceneView, gdal_session
from road_extract.io.vector import read_table
from tests.helpers.input_kinds import MAPS, MASKS, NOTED, REFUSED, SCENES, Kind, to_table
from tests.helpers.paths import REPOSITORY

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

PAGE = REPOSITORY / "docs" / "inputs.md"


def open_scene(path):
    with gdal_session(), Scene(str(path), SceneView(1.0)) as scene:
        scene.probe()
        return "; ".join(text for _, text in scene.remarks)


def open_mask(path):
    with gdal_session(), ProbabilityRaster(str(path)) as raster:
        list(raster.iter_strips())
    return ""


def open_map(path):
    read_table(path)
    return ""


def check(kind: Kind, open_it, folder, caplog) -> None:
    caplog.set_level(logging.INFO)
    path = kind.build(folder)
    if kind.outcome == REFUSED:
        with pytest.raises(InputError) as error:
            open_it(path)
        assert kind.words in str(error.value)
        return
    notes = open_it(path) + caplog.text
    assert kind.words in notes
    assert bool(kind.words) == (kind.outcome == NOTED)


@pytest.mark.parametrize("kind", SCENES, ids=lambda kind: kind.name)
def test_scenes(kind, tmp_path, caplog):
    check(kind, open_scene, tmp_path, caplog)


@pytest.mark.parametrize("kind", MASKS, ids=lambda kind: kind.name)
def test_masks(kind, tmp_path, caplog):
    check(kind, open_mask, tmp_path, caplog)


@pytest.mark.parametrize("kind", MAPS, ids=lambda kind: kind.name)
def test_maps(kind, tmp_path, caplog):
    check(kind, open_map, tmp_path, caplog)


@pytest.mark.parametrize("kinds", [SCENES, MASKS, MAPS], ids=["scenes", "masks", "maps"])
def test_the_page_shows_what_the_tests_hold(kinds):
    assert to_table(kinds) in PAGE.read_text(encoding="utf-8")
