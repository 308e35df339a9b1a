"""`diff` to .osm and .osc, from files to files: what JOSM and the server would get."""

from __future__ import annotations

import bz2
import gzip
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import osmium
import pytest
import shapely

from road_extract import DiffOptions, InputError, JoinOptions, diff_roads, review_roads
from road_extract.cli import run
from road_extract.io.vector import is_osm_file, read_osm
from tests.helpers.osm import Places, lonlat, make_map, write_map
from tests.helpers.review import page_data, write_decisions

MAIN: Places = [(0, 0), (200, 0), (400, 0)]
RAIL: Places = [(0, 300), (600, 300)]
MAP = make_map(
    (MAIN, {"highway": "residential", "name": 'A "quoted" <name> & more', "note": "two\nlines"}),
    (RAIL, {"railway": "rail"}),
    ([(0, 600), (600, 600)], {"highway": "footway"}),
    ([(0, 900), (600, 900)], {"aeroway": "runway"}),
)


def write_roads(path: Path, *roads: Places, crs: str = "EPSG:4326", lon: float = 0.0, **columns: list) -> Path:
    lines = [shapely.LineString(lonlat(road, lon)) for road in roads]
    gpd.GeoDataFrame(columns, geometry=lines, crs=4326).to_crs(crs).to_file(path)
    return path


@pytest.fixture
def existing(tmp_path):
    return write_map(tmp_path / "map.osm", MAP)


@pytest.fixture
def roads(tmp_path):
    """A side road, one along the railway and across it, and the main road itself."""
    return write_roads(
        tmp_path / "roads.gpkg",
        [(100, -150), (100, -5)],
        [(0, 303), (500, 303)],
        [(0, 2), (400, 2)],
        [(550, 200), (550, 400)],
        width_m=[6.04, 5.0, 7.0, 4.0],
        bridged=[True, False, False, False],
    )


def entities(path: Path) -> dict[tuple[str, int], dict]:
    """Everything in a file, read by pyosmium."""
    found = {}
    for entity in osmium.FileProcessor(str(path)):
        kind = entity.type_str()
        refs = [node.ref for node in entity.nodes] if kind == "w" else []
        found[kind, entity.id] = {"version": entity.version, "tags": dict(entity.tags), "refs": refs}
    return found


def check_refs(path: Path) -> None:
    if shutil.which("osmium") is None:
        if os.environ.get("ROAD_EXTRACT_REQUIRE_OSMIUM"):
            pytest.fail("osmium is missing")
        pytest.skip("osmium-tool is not installed")
    subprocess.run(["osmium", "check-refs", str(path)], check=True, capture_output=True)


def test_the_change_is_complete_and_its_way_keeps_id_version_and_tags(roads, existing, tmp_path):
    found = diff_roads(roads, existing, tmp_path / "new.osm")
    made = entities(found.path)
    ways = {number: way for (kind, number), way in made.items() if kind == "w"}
    assert {number for number in ways if number > 0} == {101}
    assert ways[101]["version"] == 2
    assert ways[101]["tags"] == dict(MAP.ways[101].tags)
    new = [way for number, way in ways.items() if number < 0]
    side = next(way for way in new if "bridges a gap" in way["tags"].get("fixme", ""))
    assert ways[101]["refs"] == [1, side["refs"][-1], 2, 3]
    assert {way["tags"]["highway"] for way in new} == {"road"}
    assert all(("n", ref) in made for way in ways.values() for ref in way["refs"])
    text = found.path.read_text()
    assert '<way id="101" version="2" action="modify">' in text
    assert text.count("action=") == 1  # its nodes are the same as before
    assert found.joined.modified_ways == 1
    assert found.joined.count("inserted") == 1
    check_refs(found.path)


def test_along_a_railway_is_doubtful_and_across_it_is_a_question(roads, existing, tmp_path):
    found = diff_roads(roads, existing, tmp_path / "new.osm")
    notes = sorted(way["tags"].get("fixme", "") for (kind, number), way in entities(found.path).items()
                   if kind == "w" and number < 0)  # fmt: skip
    assert notes[1:] == [
        "crosses a railway: a level crossing, a bridge or a tunnel?", "lies along a railway: is it a road?",
    ]  # fmt: skip
    assert found.pieces["doubtful"] == 1
    assert found.length_km["doubtful"] == pytest.approx(0.5, abs=0.002)
    fewer = diff_roads(roads, existing, tmp_path / "few.osm", joining=JoinOptions(leave_out_doubtful=True))
    assert fewer.joined.ways == 2


@pytest.mark.parametrize(("y", "status"), [(303, "doubtful"), (602, "doubtful"), (606, "new"), (925, "doubtful"),
                                           (945, "new"), (320, "new")])  # fmt: skip
def test_tables_tell_doubtful_roads_too(existing, tmp_path, y, status):
    roads = write_roads(tmp_path / "r.gpkg", [(0, y), (500, y)])
    found = diff_roads(roads, existing, tmp_path / "d.gpkg")
    layer = gpd.read_file(found.path)
    assert layer[layer.status != "missing"].status.tolist() == [status]
    assert (layer.reason.notna() == (layer.status == "doubtful")).all()


def test_osc_has_what_is_new_and_what_is_changed(roads, existing, tmp_path):
    path = diff_roads(roads, existing, tmp_path / "new.osc").path
    text = path.read_text()
    created, modified = text.index("<create>"), text.index("<modify>")
    assert created < text.index('<node id="-') < modified < text.index('<way id="101" version="2">')
    assert '<node id="1"' not in text  # unchanged
    assert "action" not in text
    assert ("w", 101) in entities(path)


@pytest.mark.parametrize("kind", ["osm.gz", "osm.bz2", "osm.pbf", "json"])
def test_every_form_of_the_map_gives_the_same_change(roads, existing, tmp_path, kind):
    other = tmp_path / f"other.{kind}"
    if kind == "osm.gz":
        other.write_bytes(gzip.compress(existing.read_bytes()))
    elif kind == "osm.bz2":
        other.write_bytes(bz2.compress(existing.read_bytes()))
    elif kind == "json":
        other.write_text(json.dumps(overpass()))
    else:
        with osmium.SimpleWriter(str(other)) as writer:
            for entity in osmium.FileProcessor(str(existing)):
                writer.add(entity)
    assert is_osm_file(other)
    files = [diff_roads(roads, source, tmp_path / f"{number}.osm").path
             for number, source in enumerate((existing, other))]  # fmt: skip
    assert files[0].read_text() == files[1].read_text()


def overpass(*, meta: bool = True, geom: bool = False) -> dict:
    version = {"version": 2} if meta else {}
    nodes = [{"type": "node", "id": node.id, "lat": node.lat, "lon": node.lon, **version}
             for node in MAP.nodes.values()]  # fmt: skip
    ways = [{"type": "way", "id": way.id, "nodes": list(way.refs), "tags": way.tags, **version,
             **({"geometry": [{"lat": MAP.nodes[ref].lat, "lon": MAP.nodes[ref].lon} for ref in way.refs]}
                if geom else {})} for way in MAP.ways.values()]  # fmt: skip
    return {"version": 0.6, "osm3s": {}, "elements": ways if geom else nodes + ways}


@pytest.mark.parametrize("geom", [True, False])
def test_overpass_without_metadata_can_only_be_joined_in_place(roads, tmp_path, caplog, geom):
    path = tmp_path / "map.json"
    path.write_text(json.dumps(overpass(meta=False, geom=geom)))
    found = diff_roads(roads, path, tmp_path / "new.osm")
    assert "out meta" in caplog.text
    assert all(number < 0 for _, number in entities(found.path))
    assert found.joined.count("beside") == 1
    assert "join them by hand" in found.to_text()
    assert diff_roads(roads, path, tmp_path / "table.gpkg").pieces["matched"] == 1


def test_any_vector_file_can_be_the_map(roads, tmp_path, caplog):
    path = write_roads(tmp_path / "map.fgb", MAIN, crs="EPSG:3857")
    found = diff_roads(roads, path, tmp_path / "new.osm")
    assert "ids of its objects are unknown" in caplog.text
    assert all(number < 0 for _, number in entities(found.path))
    assert found.joined.count("beside") == 1


def test_a_file_that_josm_saved_is_taken_with_its_changes(tmp_path):
    path = tmp_path / "josm.osm"
    path.write_text("""<osm version="0.6" generator="JOSM">
      <node id="1" version="4" lat="0" lon="0"/>
      <node id="2" version="1" action="modify" lat="0.000000" lon="0.00412345678901"/>
      <node id="-5" action="modify" lat="0" lon="0.002"/>
      <node id="8" version="1" action="delete" lat="0.0005" lon="0.001"/>
      <node id="9" version="7" visible="false"/>
      <way id="-3" action="modify"><nd ref="1"/><nd ref="-5"/><nd ref="2"/><tag k="highway" v="road"/></way>
      <way id="7" version="3" action="delete"><nd ref="1"/><nd ref="2"/><tag k="highway" v="primary"/></way>
      <relation id="-1"><member type="way" ref="-3" role=""/><tag k="type" v="route"/></relation></osm>""")
    roads = write_roads(tmp_path / "r.gpkg", [(100, -90), (100, -4)], [(222.64, -90), (222.64, -4)])
    found = diff_roads(roads, path, tmp_path / "new.osm")
    text = found.path.read_text()
    assert 'lon="0.00412345678901"' in text  # not moved, not even by rounding
    assert '<node id="2" version="1" action="modify"' in text
    made = entities(found.path)
    assert made["w", -3]["refs"][0] == 1
    assert ("w", 7) not in made
    assert ("n", 8) not in made
    new = [number for _, number in made if number < -5]
    assert len(new) == 5  # two ways, their two outer ends, and one node in the road
    osc = diff_roads(roads, path, tmp_path / "new.osc").path.read_text()
    assert osc.index("<create>") < osc.index('<node id="-5"') < osc.index('<way id="-3">') < osc.index("<modify>")


def test_of_several_versions_the_newest_counts(tmp_path):
    path = tmp_path / "history.osm"
    path.write_text("""<osm version="0.6"><node id="1" version="2" lat="1" lon="1"/>
      <node id="1" version="1" lat="0" lon="0"/><node id="2" version="1" lat="0" lon="0"/>
      <node id="2" version="2" visible="false"/></osm>""")
    found = read_osm(path)
    assert {number: (node.lat, node.version) for number, node in found.nodes.items()} == {1: (1.0, 2)}


def test_water_of_a_multipolygon_is_no_road(tmp_path):
    lake = [(0, 0), (400, 0), (400, 300), (0, 300)]
    base = make_map((lake, {}), ([(0, 300), (0, 0)], {}))
    path = write_map(tmp_path / "lake.osm", base)
    relation = '<relation id="1" version="1"><member type="way" ref="101" role="outer"/>' \
        '<member type="way" ref="102" role="outer"/><tag k="type" v="multipolygon"/>' \
        '<tag k="natural" v="water"/></relation></osm>'  # fmt: skip
    path.write_text(path.read_text().replace("</osm>", relation))
    roads = write_roads(tmp_path / "r.gpkg", [(100, 150), (300, 150)], [(0, 305), (380, 305)], [(100, 340), (300, 340)])
    layer = gpd.read_file(diff_roads(roads, path, tmp_path / "d.gpkg").path)
    assert layer.reason.fillna("").tolist() == ["lies in water", "lies along a shore", ""]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('<osm version="0.6"><node id="1" lat="x" lon="0"/></osm>', "cannot be read as OpenStreetMap data"),
        ('<osm version="0.6"><node id="1" lat="0" lon="0">', "cannot be read as OpenStreetMap data"),
        ('<!DOCTYPE osm [<!ENTITY a "b">]><osm version="0.6"><tag k="&a;" v=""/></osm>', "declares XML entities"),
        ('{"version": 0.6, "elements": [{"type": "way"}]}', "cannot be read as OpenStreetMap data"),
    ],
)
def test_a_damaged_map_is_one_sentence(roads, tmp_path, text, words):
    path = tmp_path / "bad.osm"
    path.write_text(text)
    with pytest.raises(InputError, match=words):
        diff_roads(roads, path, tmp_path / "new.osm")
    assert not (tmp_path / "new.osm").exists()


def test_a_pbf_without_pyosmium_says_what_to_install(roads, existing, tmp_path, monkeypatch):
    other = tmp_path / "map.osm.pbf"
    with osmium.SimpleWriter(str(other)) as writer:
        for entity in osmium.FileProcessor(str(existing)):
            writer.add(entity)
    monkeypatch.setitem(sys.modules, "osmium", None)
    with pytest.raises(InputError, match=r"pip install 'road-extract\[osm\]'"):
        diff_roads(roads, other, tmp_path / "new.osm")
    assert diff_roads(roads, other, tmp_path / "new.gpkg").pieces["doubtful"] == 0  # tables do not need it


def test_conditions_are_refused_where_they_cannot_be_applied(roads, existing, tmp_path):
    with pytest.raises(InputError, match="--layer and --where"):
        diff_roads(roads, existing, tmp_path / "new.osm", options=DiffOptions(where="highway = 'road'"))


def test_levels_of_the_roads_decide_which_of_them_meet_the_map(tmp_path, existing):
    roads = write_roads(tmp_path / "r.gpkg", [(100, -90), (100, 90)], [(300, -90), (300, 90)], bridge=["yes", None],
                        layer=[1, None])  # fmt: skip
    found = diff_roads(roads, existing, tmp_path / "new.osm")
    assert found.joined.count("inserted") == 1
    assert any(way["tags"].get("bridge") == "yes" for way in entities(found.path).values())


#: Columns of two roads, of which only the second is on the ground.
LEVELS = [{"layer": [1, 0]}, {"layer": [1, None]}, {"layer": ["1", ""]}, {"bridge": [1, 0]}, {"bridge": [True, False]},
          {"bridge": ["true", "false"]}, {"tunnel": [1, None]}]  # fmt: skip


@pytest.mark.parametrize("columns", LEVELS, ids=str)
def test_tables_give_the_level_as_numbers_or_truth_values(tmp_path, existing, columns):
    roads = write_roads(tmp_path / "r.gpkg", [(100, -90), (100, 90)], [(300, -90), (300, 90)], **columns)
    (join,) = diff_roads(roads, existing, tmp_path / "new.osm").joined.joins
    assert join.lonlat[0] == pytest.approx(lonlat([(300, 0)])[0, 0], abs=1e-7)
    both = write_roads(tmp_path / "map.gpkg", [(0, -200), (500, -200)], [(0, 200), (500, 200)], **columns)
    across = write_roads(tmp_path / "across.gpkg", [(300, -290), (300, 290)])
    (join,) = diff_roads(across, both, tmp_path / "beside.osm").joined.joins
    assert join.lonlat[1] == pytest.approx(lonlat([(0, 200)])[0, 1], abs=1e-7)


def test_across_the_antimeridian_and_in_another_crs(tmp_path):
    existing = write_map(tmp_path / "m.osm", make_map(([(-300, 0), (300, 0)], {"highway": "road"}), lon=180.0))
    roads = write_roads(tmp_path / "r.gpkg", [(60, -90), (60, -6)], [(-60, -90), (-60, -6)], crs="EPSG:3832", lon=180.0)
    found = diff_roads(roads, existing, tmp_path / "new.osm")
    assert len(entities(found.path)["w", 101]["refs"]) == 4


def test_the_command_maps_attributes_and_prints_what_it_did(roads, existing, tmp_path, capsys):
    out = tmp_path / "new.osm"
    assert run(["diff", str(roads), str(existing), str(out), "--osm-tags", "width=width_m,source==Survey"]) == 0
    text = capsys.readouterr().out
    assert "3 new ways" in text
    assert "suggested changeset comment" in text
    side = next(way for way in entities(out).values() if "bridges" in way["tags"].get("fixme", ""))
    assert (side["tags"]["width"], side["tags"]["source"]) == ("6", "Survey")
    assert run(["diff", str(roads), str(existing), str(tmp_path / "n.osm"), "--osm-tags", "width=none"]) == 1
    assert "no attribute 'none'" in capsys.readouterr().err
    assert run(["diff", str(roads), str(existing), str(tmp_path / "n.gpkg"), "--osm-tags", "width=width_m"]) == 1
    assert "n.gpkg: has no OpenStreetMap tags; leave out --osm-tags, or write .osm or .osc" in capsys.readouterr().err
    assert not (tmp_path / "n.gpkg").exists()
    assert run(["diff", str(roads), str(existing), str(tmp_path / "n.osm"), "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["joined"]["joins"] == {"node": 0, "inserted": 1, "beside": 0}


@pytest.mark.parametrize("suffix", [".gpkg", ".osm", ".osc"])
def test_a_page_of_any_output_tells_new_doubtful_matched_and_missing_roads(tmp_path, suffix):
    ways = [(MAIN, {"highway": "road"}), (RAIL, {"railway": "rail"})]
    existing = write_map(tmp_path / "map.osm", make_map(*ways, lon=9))
    roads = write_roads(
        tmp_path / "roads.gpkg",
        [(100, -150), (100, -5)],
        [(0, 303), (500, 303)],
        [(0, 2), (300, 2)],
        lon=9,
        probability=[0.6, 0.9, 0.95],
    )
    out, page, table = tmp_path / f"changes{suffix}", tmp_path / "page.html", tmp_path / "table.gpkg"
    command = ["diff", str(roads), str(existing), str(out), "--report", str(page)]
    before = {*tmp_path.iterdir(), out, page}
    assert run(command) == 0
    assert {*tmp_path.iterdir()} == before
    first = page_data(page)
    assert run([*command, "--table", str(table), "--style", "--overwrite"]) == (1 if suffix == ".gpkg" else 0)
    data, table = (first, out) if suffix == ".gpkg" else (page_data(page), table)
    assert (first["title"], data["title"]) == ("changes.gpkg", table.name)
    assert first["fingerprint"] == data["fingerprint"]
    assert [title for title, _ in data["figures"]][:4] == [
        "New roads", "Doubtful roads", "Matched roads", "Missing roads",
    ]  # fmt: skip
    assert dict(data["figures"])["Doubtful roads"] == "0.5 km (1)"
    (layer,) = data["layers"]
    assert [layer["values"]["status"][piece] for _, piece in data["order"]] == ["doubtful", "new", "missing"]
    doubtful = layer["ids"][data["order"][0][1]]
    decisions = write_decisions(tmp_path / "d.json", data, (layer["name"], doubtful, "accepted", "a street"))
    kept = gpd.read_file(review_roads(table, decisions, tmp_path / "kept.gpkg").path)
    assert kept[["status", "reason", "review"]].values.tolist() == [["doubtful", "lies along a railway", "accepted"]]
