"""Styles that travel with results. tests/qgis/test_styles.py has QGIS read them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pyogrio
import pytest
import rasterio

from road_extract import (
    BatchOptions,
    Outputs,
    PredictOptions,
    VectorizeOptions,
    diff_roads,
    extract_batch,
    extract_roads,
)
from road_extract.base.palette import RAMP, ramp_colour
from road_extract.cli import run
from road_extract.io.styles import LAYERS, SUFFIXES, read_style
from tests.helpers.review import four_lines, line_feature, write_lines
from tests.helpers.scenes import roads_in

BOTH = VectorizeOptions(geometry="both")


@pytest.fixture
def scene(write_scene):
    return write_scene(roads_in(300, 260))


def styles_in(path: Path) -> dict[str, tuple[str, str, int]]:
    """QML, SLD and whether it is the default, by layer."""
    with closing(sqlite3.connect(path)) as database:
        rows = database.execute("SELECT f_table_name, styleQML, styleSLD, useAsDefault FROM layer_styles").fetchall()
    return {name: (qml, sld, default) for name, qml, sld, default in rows}


@pytest.mark.parametrize("layer", LAYERS)
def test_every_style_is_xml_of_its_kind(layer):
    qml, sld = (ElementTree.fromstring(read_style(layer, suffix)) for suffix in SUFFIXES)
    assert qml.tag == "qgis"
    assert sld.tag.endswith("StyledLayerDescriptor")


def test_a_geopackage_contains_the_styles_of_its_layers(scene, tmp_path, identity_model):
    extract_roads(scene, Outputs(tmp_path / "r.gpkg", tmp_path / "p.tif", style=True), vectorize=BOTH)
    assert styles_in(tmp_path / "r.gpkg") == {
        layer: (read_style(layer, ".qml"), read_style(layer, ".sld"), 1) for layer in ("roads", "road_lines")
    }
    assert (tmp_path / "p.qml").read_text(encoding="utf-8") == read_style("probability", ".qml")
    assert (tmp_path / "p.sld").exists()
    assert not list(tmp_path.glob("r.*ml"))
    layers = dict(pyogrio.list_layers(tmp_path / "r.gpkg"))
    assert layers == {"roads": "Polygon", "road_lines": "LineString", "layer_styles": None}
    with closing(sqlite3.connect(tmp_path / "r.gpkg")) as database:  # GDAL lists tables that are not registered, too
        tables = dict(database.execute("SELECT table_name, data_type FROM gpkg_contents").fetchall())
    assert tables == {"roads": "features", "road_lines": "features", "layer_styles": "attributes"}


def test_styles_change_no_road(scene, tmp_path, identity_model):
    for name, style in (("a", False), ("b", True)):
        extract_roads(scene, Outputs(tmp_path / f"{name}.gpkg", style=style), vectorize=BOTH)
    for layer in ("roads", "road_lines"):
        one, other = (pyogrio.read_dataframe(tmp_path / f"{name}.gpkg", layer=layer) for name in "ab")
        assert len(one) > 0
        assert one.equals(other)


def test_other_formats_have_styles_beside_them(scene, tmp_path, identity_model):
    args = ["extract", str(scene), str(tmp_path / "r.geojson"), "--geometry", "both", "--style"]
    assert run(args) == 0
    assert (tmp_path / "r.qml").read_text(encoding="utf-8") == read_style("roads", ".qml")
    assert (tmp_path / "r_lines.sld").read_text(encoding="utf-8") == read_style("road_lines", ".sld")
    assert run(args) == 1  # styles are outputs, which nothing overwrites
    assert run([*args, "--overwrite"]) == 0


def test_styles_of_two_outputs_of_one_name_are_refused(scene, tmp_path, identity_model, capsys):
    args = ["extract", str(scene), str(tmp_path / "r.geojson"), "--probability", str(tmp_path / "r.tif"), "--style"]
    assert run(args) == 1
    assert "two outputs have the same name" in capsys.readouterr().err
    assert not (tmp_path / "r.geojson").exists()


@pytest.mark.parametrize("suffix", [".osm", ".graphml", ".pmtiles"])
def test_formats_without_styles_get_none(scene, tmp_path, identity_model, suffix):
    lines = VectorizeOptions(geometry="lines")
    extract_roads(scene, Outputs(tmp_path / f"r{suffix}", style=True), vectorize=lines)
    assert sorted(path.name for path in tmp_path.glob("r.*")) == [f"r{suffix}"]


def test_predict_vectorize_and_diff_style_their_outputs(scene, tmp_path, identity_model):
    assert run(["predict", str(scene), str(tmp_path / "p.tif"), "--style"]) == 0
    assert (tmp_path / "p.qml").exists()
    assert run(["vectorize", str(tmp_path / "p.tif"), str(tmp_path / "r.gpkg"), "--style"]) == 0
    assert styles_in(tmp_path / "r.gpkg").keys() == {"roads"}
    known = write_lines(tmp_path / "map.gpkg", [line_feature(1, [(20, 150), (200, 150)])])
    lines = four_lines(tmp_path / "lines.gpkg")
    diff_roads(lines, known, tmp_path / "d.gpkg", style=True)
    assert styles_in(tmp_path / "d.gpkg").keys() == {"road_differences"}
    diff_roads(lines, known, tmp_path / "d.geojson", style=True)
    assert (tmp_path / "d.qml").exists()


def test_a_batch_styles_scenes_and_their_merged_layer(write_scene, tmp_path, identity_model):
    write_scene(roads_in(300, 260), "a.tif")
    options = BatchOptions(style=True, merge=str(tmp_path / "all.gpkg"))
    done = extract_batch([str(tmp_path / "a.tif")], tmp_path / "out", batch=options)
    assert done.complete
    for path in (tmp_path / "out" / "a" / "a.gpkg", tmp_path / "all.gpkg"):
        assert styles_in(path).keys() == {"roads"}
    assert (tmp_path / "out" / "a" / "a_probability.qml").exists()


def test_equal_results_give_equal_bytes_with_styles_too(scene, tmp_path, identity_model):
    for name in "ab":
        extract_roads(scene, Outputs(tmp_path / f"{name}.gpkg", style=True), vectorize=BOTH)
    assert (tmp_path / "a.gpkg").read_bytes() == (tmp_path / "b.gpkg").read_bytes()


def test_a_colour_table_is_a_choice_and_changes_no_probability(scene, tmp_path, identity_model):
    for name, args in (("plain", []), ("coloured", ["--colour-table"])):
        assert run(["predict", str(scene), str(tmp_path / f"{name}.tif"), *args]) == 0
        assert run(["vectorize", str(tmp_path / f"{name}.tif"), str(tmp_path / f"{name}.gpkg")]) == 0
    with rasterio.open(tmp_path / "plain.tif") as plain, rasterio.open(tmp_path / "coloured.tif") as coloured:
        assert plain.colorinterp[0].name == "gray"
        assert coloured.colorinterp[0].name == "palette"
        assert coloured.colormap(1)[254][:3] == RAMP[-1][1:4]
        assert (plain.read() == coloured.read()).all()
        assert (plain.scales, plain.nodata) == (coloured.scales, coloured.nodata)
    assert (tmp_path / "plain.gpkg").read_bytes() == (tmp_path / "coloured.gpkg").read_bytes()


def test_a_batch_gives_the_same_coloured_raster(scene, tmp_path, identity_model):
    options = PredictOptions(colour_table=True)
    batch = BatchOptions(keep_probability=True)
    extract_batch([str(scene)], tmp_path / "out", predict=options, batch=batch)
    extract_roads(scene, Outputs(tmp_path / "r.gpkg", tmp_path / "p.tif"), predict=options)
    found = tmp_path / "out" / "scene" / "scene_probability.tif"
    assert found.read_bytes() == (tmp_path / "p.tif").read_bytes()


@pytest.mark.parametrize(
    ("probability", "colour"),
    [(-1.0, RAMP[0][1:]), (2.0, RAMP[-1][1:]), *((step[0], step[1:]) for step in RAMP)],
)
def test_the_ramp_has_the_colours_of_its_steps(probability, colour):
    assert ramp_colour(probability) == colour


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
@pytest.mark.parametrize(("low", "high"), list(pairwise(RAMP)))
def test_the_ramp_runs_evenly_from_step_to_step(low, high, share):
    expected = [a + share * (b - a) for a, b in zip(low, high, strict=True)]
    assert ramp_colour(expected[0]) == pytest.approx(expected[1:], abs=0.5 + 1e-9)
