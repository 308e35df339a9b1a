"""Review pages as files, and decisions applied to roads."""

from __future__ import annotations

import base64
import hashlib
import json
import re

import geopandas
import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from affine import Affine

from road_extract import (
    BatchOptions,
    InputError,
    Outputs,
    ReportOptions,
    ReviewOptions,
    VectorizeOptions,
    extract_batch,
    extract_roads,
    review_roads,
    vectorize_roads,
    write_report,
)
from road_extract.base.features import Feature, LayerSchema
from road_extract.cli import run
from road_extract.io.styles import SUFFIXES, read_style
from road_extract.io.vector import write_features
from road_extract.review.pieces import doubt_of, fingerprint_of, order_pieces, read_pieces
from road_extract.review.plane import SCALE, Plane, to_steps
from tests.helpers.review import CRS_WKT, LEFT, TOP, four_lines, line_feature, page_data, write_decisions, write_lines
from tests.helpers.scenes import UTM, roads_in

EVIL = "</script><script>alert(1)</script><!-- \u2028 ' \" & \\"


@pytest.fixture
def scene(write_scene):
    return write_scene(roads_in(300, 260))


@pytest.fixture
def roads(tmp_path):
    return four_lines(tmp_path / "roads.gpkg")


def test_extract_writes_a_page_with_everything_it_made(scene, tmp_path, identity_model):
    outputs = Outputs(tmp_path / "r.gpkg", report=tmp_path / "r.html")
    done = extract_roads(scene, outputs, vectorize=VectorizeOptions(geometry="both", threshold=0.4))
    data = page_data(tmp_path / "r.html")
    assert {layer["name"]: len(layer["ids"]) for layer in data["layers"]} == {
        "roads": done.polygons, "road_lines": done.lines,
    }  # fmt: skip
    assert [picture["id"] for picture in data["pictures"]] == ["scene", "probability"]
    made = dict(data["made"])
    assert made["Options"] == "geometry both, threshold 0.4"
    assert made["Threshold"] == "0.5"
    assert made["Model"].startswith("identity sha256:")
    assert sorted(path.name for path in tmp_path.glob("*.*") if path.is_file()) == ["r.gpkg", "r.html", "scene.tif"]


def test_a_page_has_the_same_roads_whether_the_probability_is_kept_or_not(scene, tmp_path, identity_model):
    for name, kept in (("a", None), ("b", tmp_path / "b.tif")):
        extract_roads(scene, Outputs(tmp_path / f"{name}.gpkg", kept, report=tmp_path / f"{name}.html"))
    one, other = page_data(tmp_path / "a.html"), page_data(tmp_path / "b.html")
    assert one["layers"] == other["layers"]
    assert one["fingerprint"] == other["fingerprint"]


def test_a_batch_writes_a_page_beside_each_scene(write_scene, tmp_path, identity_model):
    write_scene(roads_in(300, 260), "a.tif")
    options = BatchOptions(report=True, formats="geojson")
    both = VectorizeOptions(geometry="both")
    done = extract_batch([str(tmp_path / "a.tif")], tmp_path / "out", vectorize=both, batch=options)
    assert done.complete
    data = page_data(tmp_path / "out" / "a" / "a.html")
    assert sorted(layer["name"] for layer in data["layers"]) == ["road_lines", "roads"]
    assert dict(data["made"])["Scene"] == str(tmp_path / "a.tif")
    item = json.loads((tmp_path / "out" / "a" / "a.stac.json").read_text())
    assert [asset["type"] for asset in item["assets"].values()].count("text/html") == 1


@pytest.mark.parametrize("suffix", [".osm", ".graphml", ".pmtiles"])
def test_a_page_needs_roads_that_can_be_read_again(scene, tmp_path, identity_model, capsys, suffix):
    args = ["extract", str(scene), str(tmp_path / f"r{suffix}"), "--geometry", "lines"]
    assert run([*args, "--report", str(tmp_path / "r.html")]) == 1
    assert "no permanent ids" in capsys.readouterr().err
    assert not (tmp_path / f"r{suffix}").exists()


def test_vectorize_roads_has_no_scene_to_show(scene, tmp_path):
    with pytest.raises(InputError, match="write_report"):
        vectorize_roads(scene, Outputs(tmp_path / "r.gpkg", report=tmp_path / "r.html"))


def test_a_page_must_be_named_html(scene, roads, tmp_path):
    with pytest.raises(InputError, match=r"must end in \.html"):
        write_report(scene, roads, tmp_path / "r.pdf")


def test_diff_writes_a_page_with_statuses(roads, tmp_path, capsys):
    known = write_lines(tmp_path / "map.gpkg", [line_feature(1, [(20, 150), (200, 150)])])
    args = ["diff", str(roads), str(known), str(tmp_path / "d.gpkg"), "--report", str(tmp_path / "d.html")]
    assert run(args) == 0
    data = page_data(tmp_path / "d.html")
    (layer,) = data["layers"]
    assert sorted(layer["values"]["status"]) == ["matched", "new", "new", "new"]
    assert dict(data["figures"])["Matched roads"] == "0.2 km (1)"
    assert len(data["order"]) == 3  # matched roads need no look
    assert data["pictures"] == []


def test_nothing_on_a_page_can_become_markup(write_scene, tmp_path):
    scene = write_scene(roads_in(300, 260), "<img src=y onerror=alert(1)>.tif")
    path = write_lines(
        tmp_path / "<img src=x onerror=alert(1)>.gpkg", [line_feature(1, [(5, 5), (90, 90)], note=EVIL)], note=str
    )
    page = tmp_path / "p.html"
    write_report(scene, path, page, made={EVIL: EVIL})
    text = page.read_text(encoding="utf-8")
    assert text.count("<script") == 2
    assert text.count("</script>") == 2
    assert "<img src=" not in text  # neither in the title nor below it
    data = page_data(page)
    assert data["layers"][0]["values"]["note"] == [EVIL]
    assert data["title"] == path.name
    assert [EVIL, EVIL] in data["made"]


def test_the_policy_allows_the_pages_own_script_and_style_and_nothing_from_elsewhere(scene, roads, tmp_path):
    write_report(scene, roads, tmp_path / "p.html")
    text = (tmp_path / "p.html").read_text(encoding="utf-8")
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules.keys() == {"default-src", "img-src", "style-src", "script-src", "base-uri", "form-action"}
    assert {rules[name] for name in ("default-src", "base-uri", "form-action")} == {"'none'"}
    assert rules["img-src"] == "data: blob:"
    for tag, rule in (("script", "script-src"), ("style", "style-src")):
        (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert rules[rule] == f"'sha256-{digest}'"
    links = set(re.findall(r"https?://[^\s\"'<>`]*", text))
    assert links == {"http://www.w3.org/2000/svg"}  # the name of a language, not an address that is asked
    assert "$" not in re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL)


def test_shapes_are_those_of_the_roads_in_pixels_of_the_scene(scene, roads, tmp_path):
    write_report(scene, roads, tmp_path / "p.html")
    data = page_data(tmp_path / "p.html")
    (layer,) = data["layers"]
    (part,) = layer["shapes"][layer["ids"].index(1)]
    points = np.cumsum(np.reshape(part, (-1, 2)), axis=0) / data["plane"]["scale"]
    assert np.allclose(points, [(20, 30), (120, 30), (200, 90)], atol=0.5 / SCALE)
    lon, lat = layer["places"][layer["ids"].index(4)]
    middle = geopandas.GeoSeries([shapely.Point(LEFT + 220, TOP - 135)], crs=32611).to_crs(4326)[0]
    assert (lon, lat) == (pytest.approx(middle.x, abs=1e-5), pytest.approx(middle.y, abs=1e-5))


def test_roads_in_another_crs_lie_in_the_same_place(scene, roads, tmp_path):
    geojson = tmp_path / "roads.geojson"
    lonlat = pyogrio.read_dataframe(roads).to_crs(4326)
    pyogrio.write_dataframe(lonlat, geojson, layer="road_lines")
    for path in (roads, geojson):
        write_report(scene, path, tmp_path / f"{path.suffix}.html")
    ours, theirs = (page_data(tmp_path / f"{s}.html")["layers"][0]["shapes"] for s in (".gpkg", ".geojson"))
    assert all(np.abs(np.subtract(a[0], b[0])).max() <= 2 for a, b in zip(ours, theirs, strict=True))


def test_polygons_keep_their_holes(tmp_path):
    ring = shapely.Polygon([(0, 0), (10, 0), (10, 10), (0, 10)], [[(2, 2), (4, 2), (4, 4), (2, 4)]])
    (steps,) = to_steps(np.array([ring], object))
    assert [len(part) for part in steps] == [10, 10]
    ends = [np.reshape(part, (-1, 2)).sum(axis=0) for part in steps]
    assert [tuple(end) for end in ends] == [(0, 0), (2 * SCALE, 2 * SCALE)]


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")  # a picture has no place
@pytest.mark.parametrize(
    ("pixels", "profile", "clear"),
    [
        (
            np.arange(300 * 260, dtype=np.uint16).reshape(1, 300, 260),
            {"nodata": 0},
            2,
        ),  # the numbers begin anew after 65,535
        (np.random.default_rng(0).random((1, 300, 260), np.float32), {}, 0),
        (np.tile(roads_in(300, 260)[:1], (4, 1, 1)), {"photometric": "RGB"}, None),
        (np.zeros((3, 300, 260), np.uint8), {"nodata": 0}, 300 * 260),
    ],
    ids=["grey, 16 bits, nodata", "floating point", "alpha", "no data at all"],
)
def test_scenes_of_every_kind_have_a_picture(write_scene, roads, tmp_path, pixels, profile, clear):
    """``clear``: how many of its pixels are transparent; by default, those where the fourth band is 0."""
    scene = write_scene(pixels, **profile)
    write_report(scene, roads, tmp_path / "p.html")
    text = (tmp_path / "p.html").read_text(encoding="utf-8")
    (picture,) = re.findall(r'<img id="scene" alt="" hidden src="data:image/webp;base64,([^"]+)">', text)
    (tmp_path / "p.webp").write_bytes(base64.b64decode(picture))
    with rasterio.open(tmp_path / "p.webp") as found:
        assert found.shape == (300, 260)
        picture = found.read()
    clear = np.count_nonzero(pixels[3] == 0) if clear is None else clear
    assert len(picture) == (4 if clear else 3)
    assert np.count_nonzero(picture[3:] == 0) == clear
    is_dark = clear == 300 * 260
    assert np.ptp(picture[:3]) == 0 if is_dark else np.ptp(picture[:3]) > 200  # what can be seen is bright and dark


def test_a_large_scene_is_shown_at_a_reduced_size(write_scene, tmp_path):
    scene = write_scene(roads_in(600, 1500))
    roads = write_lines(tmp_path / "r.gpkg", [line_feature(1, [(0, 300), (1500, 300)])])
    write_report(scene, roads, tmp_path / "p.html", options=ReportOptions(size_px=300))
    data = page_data(tmp_path / "p.html")
    assert (data["plane"]["width"], data["plane"]["height"]) == (300, 120)
    assert data["plane"]["unit_m"] == pytest.approx(5, rel=0.01)
    (part,) = data["layers"][0]["shapes"][0]
    assert sum(part[::2]) == 300 * SCALE


def test_only_a_part_of_a_scene_is_shown(scene, roads, tmp_path):
    bounds = (LEFT + 210, TOP - 260, LEFT + 250, TOP - 10)
    write_report(scene, roads, tmp_path / "p.html", options=ReportOptions(bounds=bounds))
    data = page_data(tmp_path / "p.html")
    assert (data["plane"]["width"], data["plane"]["height"]) == (40, 250)
    assert data["layers"][0]["ids"] == [4]
    assert data["fingerprint"] == fingerprint_of(read_pieces([roads]))  # of the whole result all the same


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_a_scene_without_a_place_is_left_out(write_scene, roads, tmp_path, caplog):
    scene = write_scene(roads_in(300, 260), crs=None, transform=Affine.identity())
    write_report(scene, roads, tmp_path / "p.html")
    assert "the page shows the roads without it" in caplog.text
    data = page_data(tmp_path / "p.html")
    assert data["pictures"] == []
    assert len(data["layers"][0]["ids"]) == 4


def test_a_scene_without_a_crs_needs_one(write_scene, roads, tmp_path):
    scene = write_scene(roads_in(300, 260), crs=None)
    with pytest.raises(InputError, match="has no CRS"):
        write_report(scene, roads, tmp_path / "p.html")
    write_report(scene, roads, tmp_path / "p.html", options=ReportOptions(assume_crs="EPSG:32611"))


def test_roads_of_another_place_are_refused(write_scene, roads, tmp_path):
    scene = write_scene(roads_in(300, 260), transform=UTM.translation(50_000, 0) * UTM)
    with pytest.raises(InputError, match="none of its roads lies in"):
        write_report(scene, roads, tmp_path / "p.html")
    assert not (tmp_path / "p.html").exists()


def test_an_empty_result_has_a_page_too(scene, tmp_path):
    roads = write_lines(tmp_path / "r.gpkg", [])
    done = write_report(scene, roads, tmp_path / "p.html")
    assert done.pieces == 0
    data = page_data(tmp_path / "p.html")
    assert data["order"] == []
    assert data["histogram"] is None
    write_report(None, roads, tmp_path / "q.html")


def test_figures_count_what_there_is(scene, roads, tmp_path):
    write_report(scene, roads, tmp_path / "p.html")
    data = page_data(tmp_path / "p.html")
    assert dict(data["figures"]) == {
        "Road lines": "0.7 km (4)", "Gaps bridged": "0.1 km (1)", "Separate networks": "2", "Dead ends": "1",
    }  # fmt: skip
    bins = data["histogram"]["bins"]
    assert [n for n, value in enumerate(bins) if value] == [10, 12, 18, 19]
    assert sum(bins) == pytest.approx(0.73, abs=0.001)


def test_the_most_doubtful_come_first_and_new_roads_before_missing_ones(roads):
    layers = read_pieces([roads])
    assert [layers[0].ids[piece] for _, piece in order_pieces(layers)] == [3, 2, 1, 4]
    assert doubt_of({"probability": None}) is None
    assert doubt_of({"probability": 0.2, "bridged": True, "confidence": 0.7}) == pytest.approx(0.3)


def test_statuses_are_in_the_order_of_interest(tmp_path):
    statuses = ["matched", "missing", "new", "doubtful", "new"]
    lines = [line_feature(n, [(n, 0), (n, 9)], status=s, probability=n / 10) for n, s in enumerate(statuses, 1)]
    layers = read_pieces([write_lines(tmp_path / "d.gpkg", lines, status=str)])
    assert [layers[0].ids[piece] for _, piece in order_pieces(layers)] == [4, 3, 5, 2]


def test_a_plane_without_a_picture_holds_all_roads(roads):
    layers = read_pieces([roads])
    plane = Plane.round(layers)
    kept, geometries = plane.clipped(layers[0])
    assert len(kept.ids) == 4
    left, top, right, bottom = shapely.total_bounds(geometries)
    assert left > 0
    assert top > 0
    assert right < plane.grid.width
    assert bottom < plane.grid.height
    assert max(plane.grid.shape) == pytest.approx(4096, abs=1)


def test_integers_that_a_browser_would_round_become_text(scene, tmp_path):
    lines = [line_feature(n, [(5, 5 * n), (90, 90)], key=key) for n, key in ((1, 2**53 + 1), (2, 2**53 - 1))]
    write_report(scene, write_lines(tmp_path / "r.gpkg", lines, key=int), tmp_path / "p.html")
    assert page_data(tmp_path / "p.html")["layers"][0]["values"]["key"] == [str(2**53 + 1), 2**53 - 1]


# Decisions


@pytest.fixture
def decided(scene, roads, tmp_path):
    write_report(scene, roads, tmp_path / "p.html")
    return write_decisions(
        tmp_path / "decisions.json", page_data(tmp_path / "p.html"),
        ("road_lines", 1, "accepted", "good"), ("road_lines", 3, "rejected", "a shadow"), ("road_lines", 4, None, "?"),
    )  # fmt: skip


@pytest.mark.parametrize(("keep", "expected"), [("accepted", [1]), ("not-rejected", [1, 2, 4]), ("all", [1, 2, 3, 4])])
def test_decisions_are_applied(roads, decided, tmp_path, capsys, keep, expected):
    assert run(["review", str(roads), str(decided), str(tmp_path / "out.gpkg"), "--keep", keep]) == 0
    out = pyogrio.read_dataframe(tmp_path / "out.gpkg").set_index("id")
    assert list(out.index) == expected
    assert out.review[1] == "accepted"
    assert out.review_note[1] == "good"
    before = pyogrio.read_dataframe(roads).set_index("id").loc[expected]
    assert (out.geometry == before.geometry).all()
    assert out[before.columns.drop("geometry")].equals(before.drop(columns="geometry"))
    assert f"1 accepted, 1 rejected, 2 undecided; {len(expected)} roads in" in capsys.readouterr().out


@pytest.mark.parametrize("suffix", [".geojson", ".fgb", ".parquet"])
def test_decisions_are_applied_to_every_format(scene, tmp_path, suffix):
    roads = four_lines(tmp_path / f"roads{suffix}")
    write_report(scene, roads, tmp_path / "p.html")
    data = page_data(tmp_path / "p.html")
    said = write_decisions(tmp_path / "d.json", data, (data["layers"][0]["name"], 2, "accepted", ""))
    done = review_roads(roads, said, tmp_path / f"out{suffix}")
    assert (done.kept, done.accepted, done.rejected, done.undecided) == (1, 1, 0, 3)


def test_layers_of_a_geopackage_stay_apart(scene, tmp_path, identity_model):
    both = VectorizeOptions(geometry="both")
    extract_roads(scene, Outputs(tmp_path / "r.gpkg", report=tmp_path / "r.html"), vectorize=both)
    data = page_data(tmp_path / "r.html")
    said = write_decisions(
        tmp_path / "d.json", data, ("roads", 1, "accepted", ""), ("road_lines", 1, "accepted", "")
    )  # fmt: skip
    assert review_roads(tmp_path / "r.gpkg", said, tmp_path / "out.gpkg").kept == 2
    assert sorted(name for name, _ in pyogrio.list_layers(tmp_path / "out.gpkg")) == ["road_lines", "roads"]
    with pytest.raises(InputError, match="2 layers"):
        review_roads(tmp_path / "r.gpkg", said, tmp_path / "out.geojson")


def test_decisions_about_two_files_apply_to_either(scene, tmp_path, identity_model):
    both = VectorizeOptions(geometry="both")
    extract_roads(scene, Outputs(tmp_path / "r.geojson", report=tmp_path / "r.html"), vectorize=both)
    data = page_data(tmp_path / "r.html")
    said = write_decisions(tmp_path / "d.json", data, ("road_lines", 1, "accepted", ""))
    assert review_roads(tmp_path / "r_lines.geojson", said, tmp_path / "lines.geojson").kept == 1
    assert review_roads(tmp_path / "r.geojson", said, tmp_path / "areas.geojson").kept == 0


def test_reviewed_roads_keep_their_style(roads, decided, tmp_path):
    review_roads(roads, decided, tmp_path / "out.gpkg", style=True)
    assert ("layer_styles", None) in [tuple(layer) for layer in pyogrio.list_layers(tmp_path / "out.gpkg")]
    review_roads(roads, decided, tmp_path / "out.geojson", style=True)
    for suffix in SUFFIXES:
        style = (tmp_path / f"out{suffix}").read_text(encoding="utf-8")
        assert style == read_style("road_lines", suffix)


def test_decisions_about_another_result_are_refused(decided, tmp_path):
    other = write_lines(tmp_path / "other.gpkg", [line_feature(1, [(1, 1), (9, 9)])])
    with pytest.raises(InputError, match="was made for a result other than"):
        review_roads(other, decided, tmp_path / "out.gpkg")
    assert not (tmp_path / "out.gpkg").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "is not a decisions file"),
        ('{"format": "road-extract decisions", "version": 2}', "has version 2, but version 1 was expected"),
        ('{"format": "road-extract decisions", "version": 1}', "is damaged"),
        ('{"format": "road-extract decisions", "version": 1, "layers": {}, "decisions": [{"layer": "a", "id": "1", '
         '"decision": null, "note": ""}]}', "is damaged"),
        ('{"format": "road-extract decisions", "version": 1, "layers": {}, "decisions": [{"layer": "a", "id": 1, '
         '"decision": "maybe", "note": ""}]}', "is damaged"),
    ],
)  # fmt: skip
def test_a_wrong_decisions_file_gives_one_sentence(roads, tmp_path, capsys, text, words):
    path = tmp_path / "d.json"
    path.write_text(text)
    assert run(["review", str(roads), str(path), str(tmp_path / "out.gpkg")]) == 1
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out.gpkg").exists()


def test_a_decisions_file_that_is_missing_or_no_text_gives_one_sentence(roads, tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        review_roads(roads, tmp_path / "none.json", tmp_path / "out.gpkg")
    with pytest.raises(InputError, match="is not JSON"):
        review_roads(roads, roads, tmp_path / "out.gpkg")


def test_a_result_is_known_by_its_ids_and_shapes_whatever_their_order(tmp_path):
    lines = [line_feature(n, [(n, 0), (n, 50)]) for n in (1, 2, 3)]
    (before,) = read_pieces([write_lines(tmp_path / "a.gpkg", lines)])
    (turned,) = read_pieces([write_lines(tmp_path / "b.gpkg", lines[::-1])])
    assert turned.fingerprint == before.fingerprint
    moved = [*lines[:2], line_feature(3, [(3, 0), (3, 51)])]
    (other,) = read_pieces([write_lines(tmp_path / "c.gpkg", moved)])
    assert other.fingerprint != before.fingerprint
    swapped = [line_feature(2, [(1, 0), (1, 50)]), line_feature(1, [(2, 0), (2, 50)]), lines[2]]
    (other,) = read_pieces([write_lines(tmp_path / "d.gpkg", swapped)])
    assert other.fingerprint != before.fingerprint


def test_features_without_ids_are_numbered(tmp_path):
    schema = LayerSchema("road_lines", "LineString", CRS_WKT, {"name": str})
    lines = [Feature(line_feature(1, [(n, 0), (n, 50)]).geometry, {"name": "x"}) for n in range(3)]
    write_features(tmp_path / "a.gpkg", schema, lines)
    assert read_pieces([tmp_path / "a.gpkg"])[0].ids == [1, 2, 3]


def test_a_note_that_the_roads_have_already_keeps_its_name(scene, tmp_path):
    roads = write_lines(tmp_path / "r.gpkg", [line_feature(1, [(5, 5), (90, 90)], review="old")], review=str)
    write_report(scene, roads, tmp_path / "p.html")
    said = write_decisions(tmp_path / "d.json", page_data(tmp_path / "p.html"), ("road_lines", 1, "accepted", "n"))
    review_roads(roads, said, tmp_path / "out.gpkg", options=ReviewOptions(keep="all"))
    out = pyogrio.read_dataframe(tmp_path / "out.gpkg")
    assert (out.review[0], out.review_2[0], out.review_note[0]) == ("old", "accepted", "n")
