"""Styles that travel with results, as the real QGIS reads and draws them."""

from __future__ import annotations

import json

import pytest

from road_extract.io.styles import LAYERS, SUFFIXES
from tests.helpers.paths import REPOSITORY, SAMPLES
from tests.helpers.review import line_feature, write_lines
from tests.qgis.conftest import QGIS_FOLDER, SYSTEM_PYTHON

pytestmark = pytest.mark.slow

SESSION = REPOSITORY / "tests" / "qgis" / "session_styles.py"


def in_qgis(qgis, *args):
    done = qgis.start([SYSTEM_PYTHON, *map(str, args)])
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_styles_are_those_of_the_plugin(qgis, tmp_path):
    """`qgis/generate_styles.py` writes them."""
    in_qgis(qgis, QGIS_FOLDER / "generate_styles.py", tmp_path)
    folder = REPOSITORY / "road_extract" / "io" / "styles"
    version = (folder / "roads.qml").read_text(encoding="utf-8").split('version="')[1].split('"')[0]
    if f'version="{version}"' not in (tmp_path / "roads.qml").read_text(encoding="utf-8"):
        pytest.skip(f"the styles were written by QGIS {version}; another version words them differently")
    for name in (f"{layer}{suffix}" for layer in LAYERS for suffix in SUFFIXES):
        assert (tmp_path / name).read_text(encoding="utf-8") == (folder / name).read_text(encoding="utf-8"), name


@pytest.fixture(scope="module")
def drawn(qgis, tmp_path_factory, road_extract):
    """What QGIS says about results with styles, without the plugin, and the colours of its maps."""
    work = tmp_path_factory.mktemp("styles")
    scene = SAMPLES / "vegas_utm.tif"
    road_extract(
        "extract", scene, work / "r.gpkg", "--geometry", "both", "--probability", work / "p.tif", "--style"
    )  # fmt: skip
    road_extract("vectorize", work / "p.tif", work / "g.geojson", "--geometry", "lines", "--style")
    lines = [line_feature(n, [(0, 40 * n), (300, 40 * n)], status=s) for n, s in enumerate(("new", "missing"), 1)]
    write_lines(work / "d.gpkg", lines, status=str)
    return json.loads(in_qgis(qgis, SESSION, work, REPOSITORY / "road_extract" / "io" / "styles"))


def test_qgis_opens_results_with_their_styles(drawn):
    assert drawn["renderers"] == {
        "r.gpkg|layername=roads": "singleSymbol",
        "r.gpkg|layername=road_lines": "categorizedSymbol",
        "g.geojson": "categorizedSymbol",
        "p.tif": "singlebandpseudocolor",
    }
    assert drawn["legend"] == ["Road", "Bridged gap"]


def test_maps_show_the_colours_of_the_styles(drawn):
    """Blue lines, also from SLD; yellow probability."""
    for name in ("lines", "lines by sld", "geojson"):
        assert drawn["shares"][name]["blue"] > 0.001, name
    assert drawn["shares"]["probability"]["yellow"] > 0.005
    assert drawn["shares"]["polygons by sld"]["yellow"] > 0.005
    differences = drawn["shares"]["differences by sld"]
    assert min(differences["green"], differences["red"]) > 0.001


def test_every_vector_sld_is_one_that_qgis_accepts(drawn):
    assert drawn["sld"] == {"roads": True, "road_lines": True, "road_differences": True}
