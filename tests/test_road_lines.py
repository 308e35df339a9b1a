"""Road lines through the pipeline, the command line and every format."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import pairwise
from typing import Any

import geopandas
import networkx
import numpy as np
import osmium
import pyogrio
import pyproj
import pytest
import rasterio
import shapely
from affine import Affine

from road_extract import LineOptions, Outputs, VectorizeOptions, extract_roads, vectorize_roads
from road_extract.base.errors import InputError
from road_extract.cli import run
from road_extract.io.vector import FORMATS, write_network
from road_extract.roads.network import trace_mask
from tests.helpers.lines import draw
from tests.helpers.scenes import UTM

LINES = VectorizeOptions(geometry="lines")
BOTH = VectorizeOptions(geometry="both")
NAMES = [
    "id", "length_m", "probability", "probability_min", "bridged", "confidence", "component", "from_node", "to_node",
    "dead_end",
]  # fmt: skip
WIDTHS = ["width_m", "width_p10_m", "width_p90_m"]
GEOGRAPHIC = {"crs": "EPSG:4326", "transform": Affine(1.2e-5, 0, -71.0, 0, -0.9e-5, 42.0)}


@pytest.fixture
def mask():
    """A main road across the whole scene, a side road, and an isolated road."""
    return draw(220, 260, (-5, 120.5, 265, 120.5), (130.5, 30, 130.5, 120), (20, 200.5, 90, 200.5))


@pytest.fixture
def raster(mask, write_scene):
    """The probability of the scene: 0.9 on roads."""

    def write(**profile):
        settings: dict[str, Any] = {"name": "p.tif", "nodata": 255} | profile
        tags = settings.pop("tags", {})
        path = write_scene(np.where(mask, 229, 13).astype(np.uint8)[None], **settings)
        with rasterio.open(path, "r+") as dataset:
            dataset.scales = (1 / 254,)
            dataset.update_tags(**tags)
        return path

    return write


def layers(path) -> dict[str, geopandas.GeoDataFrame]:
    return {name: geopandas.read_file(path, layer=name) for name, _ in pyogrio.list_layers(path)}


@pytest.mark.parametrize("suffix", FORMATS)
def test_lines_carry_their_attributes_in_every_format(raster, tmp_path, suffix):
    done = vectorize_roads(raster(), Outputs(tmp_path / f"r{suffix}", nodes=tmp_path / f"n{suffix}"), options=LINES)
    read = geopandas.read_parquet if suffix == ".parquet" else geopandas.read_file
    roads, nodes = read(done.path).to_crs("EPSG:32611"), read(tmp_path / f"n{suffix}").to_crs("EPSG:32611")
    assert list(roads.columns.drop("geometry")) == NAMES
    assert done.features == done.lines == len(roads) == 4
    assert done.polygons == 0
    assert sorted(roads["id"]) == [1, 2, 3, 4]
    assert roads["component"].nunique() == 2
    assert not roads["bridged"].any()
    assert sorted(roads["dead_end"]) == [False, False, True, True]  # the main road leaves the scene at both ends
    assert np.allclose(roads["probability"], 0.9, atol=0.01)
    assert np.allclose(roads["length_m"], roads.length, rtol=2e-3)
    places = nodes.set_index("id")
    for _, road in roads.iterrows():
        for number, at in ((road["from_node"], 0), (road["to_node"], -1)):
            assert shapely.Point(road.geometry.coords[at]).distance(places.geometry[number]) < 0.05
    assert sorted(nodes["degree"]) == [1, 1, 1, 1, 1, 3]
    assert nodes["component"].nunique() == 2


def test_both_geometries_are_two_layers_of_a_geopackage(raster, tmp_path):
    done = vectorize_roads(raster(), tmp_path / "r.gpkg", options=BOTH)
    found = layers(done.path)
    assert list(found) == ["roads", "road_lines"]
    assert (done.polygons, done.lines, done.features) == (2, 4, 6)
    assert done.lines_path == done.path
    inside = found["roads"].union_all().buffer(1)
    assert found["road_lines"].within(inside).all()
    assert vectorize_roads(raster(), tmp_path / "p.gpkg").features == 2  # polygons stay the default


def test_both_geometries_are_two_files_in_other_formats(raster, tmp_path):
    done = vectorize_roads(raster(), tmp_path / "r.geojson", options=BOTH)
    assert done.lines_path == tmp_path / "r_lines.geojson"
    assert set(geopandas.read_file(done.path).geom_type) == {"Polygon"}
    assert set(geopandas.read_file(done.lines_path).geom_type) == {"LineString"}
    (tmp_path / "s_lines.fgb").touch()
    with pytest.raises(InputError, match="already exists"):
        vectorize_roads(raster(), tmp_path / "s.fgb", options=BOTH)


@pytest.mark.parametrize("suffix", [*FORMATS, ".osm", ".graphml"])
def test_equal_inputs_give_equal_bytes(raster, tmp_path, suffix):
    for name in ("a", "b"):
        vectorize_roads(raster(), tmp_path / f"{name}{suffix}", options=LINES)
    one, other = (tmp_path / f"{name}{suffix}" for name in ("a", "b"))
    assert one.read_bytes().replace(b'"a"', b'"b"') == other.read_bytes()


def test_widths_are_written_only_for_models_with_true_widths(raster, tmp_path):
    for value, expected in (("yes", NAMES + WIDTHS), ("no", NAMES)):
        path = raster(tags={"ROAD_EXTRACT_TRUE_WIDTH": value})
        roads = geopandas.read_file(vectorize_roads(path, tmp_path / f"{value}.gpkg", options=LINES).path)
        assert list(roads.columns.drop("geometry")) == expected
        if value == "yes":
            assert np.allclose(roads[WIDTHS], 7, atol=1)


def test_predicted_rasters_record_whether_their_model_has_true_widths(write_scene, tmp_path, identity_model):
    scene = write_scene(np.full((3, 60, 60), 230, np.uint8))
    extract_roads(scene, Outputs(tmp_path / "r.gpkg", probability=tmp_path / "p.tif"), vectorize=BOTH)
    with rasterio.open(tmp_path / "p.tif") as dataset:
        assert dataset.tags()["ROAD_EXTRACT_TRUE_WIDTH"] == "no"
    assert not set(WIDTHS) & set(layers(tmp_path / "r.gpkg")["road_lines"].columns)


def test_a_mask_has_no_probability(mask, write_scene, tmp_path):
    done = vectorize_roads(write_scene(mask[None].astype(np.uint8)), tmp_path / "r.gpkg", options=LINES)
    assert geopandas.read_file(done.path)[["probability", "probability_min"]].isna().all(axis=None)


@pytest.mark.parametrize(
    "place",
    [{}, GEOGRAPHIC, {"transform": UTM * Affine.rotation(30)}, {"transform": UTM * Affine.scale(2, 0.5)},
     {"crs": "EPSG:3857", "transform": Affine(1.5, 0, -7.9e6, 0, -1.5, 5.2e6)}],
)  # fmt: skip
def test_lengths_are_metres_on_the_ground_in_any_grid(raster, tmp_path, place):
    path = raster(**place)
    unbridged = LineOptions(max_gap_m=0)
    roads = geopandas.read_file(vectorize_roads(path, tmp_path / "r.gpkg", options=LINES, lines=unbridged).path)
    lonlat = roads.to_crs("EPSG:4326")
    geod = pyproj.Geod(ellps="WGS84")
    assert np.allclose(roads["length_m"], [geod.geometry_length(line) for line in lonlat.geometry], rtol=1e-3)
    with rasterio.open(path) as dataset:
        start, end = (dataset.transform * (x, 120.5) for x in (0, 260))
        to_lonlat = pyproj.Transformer.from_crs(dataset.crs, "EPSG:4326", always_xy=True)
    *_, across = geod.inv(*to_lonlat.transform(*start), *to_lonlat.transform(*end))
    main = roads[roads["component"] == roads["component"][0]].sort_values("length_m")
    assert main[~main["dead_end"]]["length_m"].sum() == pytest.approx(across, rel=0.01)


def test_osm_loads_and_its_ways_share_nodes(raster, tmp_path):
    path = raster(tags={"ROAD_EXTRACT_MODEL": "first & best"})
    done = vectorize_roads(path, tmp_path / "r.osm", options=LINES)
    nodes, ways = {}, []
    for entity in osmium.FileProcessor(str(done.path)):
        if entity.is_node():
            nodes[entity.id] = (entity.location.lon, entity.location.lat)
        else:
            ways.append(([node.ref for node in entity.nodes], dict(entity.tags)))
    assert len(ways) == done.lines == 4
    refs = [ref for way, _ in ways for ref in way]
    assert set(refs) == set(nodes)
    assert all(number < 0 for number in nodes)
    ends = [ref for way, _ in ways for ref in (way[0], way[-1])]
    assert sorted(ends.count(ref) for ref in set(ends)) == [1, 1, 1, 1, 1, 3]
    for _, tags in ways:
        assert tags["highway"] == "road"
        assert tags["source"].startswith("road_extract ")
        assert tags["source"].endswith("first & best, threshold 0.5")
    expected = geopandas.read_file(vectorize_roads(path, tmp_path / "r.gpkg", options=LINES).path).to_crs("EPSG:4326")
    for (way, _), line in zip(ways, expected.geometry, strict=True):
        assert np.allclose([nodes[ref] for ref in way], line.coords, atol=1e-7)


def test_osm_marks_bridges_and_splits_long_ways(tmp_path, monkeypatch):
    mask = draw(80, 200, (10, 40.5, 95, 40.5), (105, 40.5, 190, 40.5))
    network = trace_mask(mask, options=LineOptions(max_gap_m=30), simplify_m=0).placed(UTM)
    monkeypatch.setattr("road_extract.base.osm.MAX_WAY_NODES", 10)
    write_network(tmp_path / "r.osm", network, pyproj.CRS("EPSG:32611").to_wkt(), {})
    ways = [
        ([node.ref for node in way.nodes], dict(way.tags))
        for way in osmium.FileProcessor(str(tmp_path / "r.osm"), osmium.osm.WAY)
    ]
    assert max(len(way) for way, _ in ways) == 10
    assert min(len(way) for way, _ in ways) >= 2
    assert sum(len(way) - 1 for way, _ in ways) == len(shapely.get_coordinates(network.lines)) - len(network)
    bridges = [way for way, tags in ways if "fixme" in tags]
    assert 0 < len(bridges) < len(ways)


def osm_objects(path) -> tuple[list[int], list[tuple[int, list[int], dict[str, str]]]]:
    """Ids of nodes, and ways with their refs and tags, in the order of the file, read by pyosmium."""
    nodes, ways = [], []
    for entity in osmium.FileProcessor(str(path)):
        if entity.is_node():
            assert not ways  # nodes come first, so that a reader that streams knows them
            assert entity.location.valid()
            nodes.append(entity.id)
        else:
            ways.append((entity.id, [node.ref for node in entity.nodes], dict(entity.tags)))
    return nodes, ways


@pytest.mark.parametrize("tags", [None, "surface==unpaved,bridge=bridged"])
def test_every_way_of_an_extract_finds_its_nodes(mask, write_scene, tmp_path, identity_model, tags):
    scene = write_scene(np.where(mask, 230, 20).astype(np.uint8)[None].repeat(3, 0))
    done = extract_roads(scene, Outputs(tmp_path / "r.osm", osm_tags=tags), vectorize=LINES)
    nodes, ways = osm_objects(done.path)
    assert len(ways) == done.lines == 4
    assert len(set(nodes)) == len(nodes)
    assert len({number for number, *_ in ways}) == len(ways)
    assert all(number < 0 for number in [*nodes, *(number for number, *_ in ways)])
    used = [ref for _, refs, _ in ways for ref in refs]
    assert set(used) == set(nodes)  # none is missing, and none is left over
    assert all(2 <= len(refs) <= 2000 and all(a != b for a, b in pairwise(refs)) for _, refs, _ in ways)


def test_tags_of_osm_files_come_from_attributes_and_texts(raster, tmp_path):
    path, rules = raster(tags={"ROAD_EXTRACT_TRUE_WIDTH": "yes"}), tmp_path / "tags.json"
    rules.write_text('{"width": {"from": "width_m", "digits": 2}, "noexit": {"from": "dead_end", '
                     '"values": {"yes": "yes"}},'
                     '"surface": "unpaved", "note": "a \\"quoted\\" <text> & more"}')  # fmt: skip
    plain, tagged = tmp_path / "plain.osm", tmp_path / "tagged.osm"
    assert run(["vectorize", str(path), str(plain), "--geometry", "lines"]) == 0
    assert run(["vectorize", str(path), str(tagged), "--geometry", "lines", "--osm-tags", str(rules)]) == 0
    roads = geopandas.read_file(vectorize_roads(path, tmp_path / "r.gpkg", options=LINES).path)
    (nodes, before), (same, after) = osm_objects(plain), osm_objects(tagged)
    assert nodes == same
    for (number, refs, default), (other, others, tags), (_, road) in zip(before, after, roads.iterrows(), strict=True):
        assert (number, refs) == (other, others)
        assert set(default) == {"highway", "source"}
        width = f"{road['width_m']:.2f}".rstrip("0").rstrip(".")
        expected = default | {"width": width, "surface": "unpaved", "note": 'a "quoted" <text> & more'}
        assert tags == (expected | {"noexit": "yes"} if road["dead_end"] else expected)
    assert run(["vectorize", str(path), str(plain), "--geometry", "lines", "--overwrite",
                "--osm-tags", "highway==track,source==Orthophoto 2026"]) == 0  # fmt: skip
    assert [tags for *_, tags in osm_objects(plain)[1]] == [{"highway": "track", "source": "Orthophoto 2026"}] * 4


@pytest.mark.parametrize("command", ["extract", "vectorize", "batch"])
@pytest.mark.parametrize(
    ("name", "tags", "words"),
    [
        ("r.osm", "surface=paving", "the roads have no attribute 'paving'"),
        ("r.osm", "width=width_m", "the roads have no attribute 'width_m'"),  # neither raster nor model has widths
        ("r.osm", "surface", "expected KEY=ATTRIBUTE or KEY==TEXT"),
        ("r.osm", "k" * 256 + "==x", "cannot be the key of a tag"),
        ("r.osm", "name==" + "x" * 256, "OpenStreetMap takes at most 255"),
        ("r.osm", "none.json", "cannot be read as JSON"),
        ("r.gpkg", "surface==unpaved", "--osm-tags"),
        ("r.graphml", "surface==unpaved", "--osm-tags"),
    ],
)
def test_impossible_tags_are_refused_before_any_work(
    raster, write_scene, tmp_path, capsys, monkeypatch, identity_model, command, name, tags, words
):
    paths = {"vectorize": raster(), "extract": write_scene(np.full((3, 60, 60), 20, np.uint8), "s.tif")}
    scene = str(paths["vectorize" if command == "vectorize" else "extract"])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("road_extract.pipeline.flow.load_backend", lambda *_: pytest.fail("work was done"))
    before = sorted(tmp_path.iterdir())
    out = ["--out", "b", "--formats", name[2:]] if command == "batch" else [name]
    assert run([command, scene, *out, "--geometry", "lines", "--osm-tags", tags]) == 1
    text = capsys.readouterr().err
    assert words in text
    assert len(text.strip().splitlines()) == 1
    assert sorted(tmp_path.iterdir()) == before


def test_graphml_is_the_network(raster, tmp_path):
    done = vectorize_roads(raster(), tmp_path / "r.graphml", options=LINES)
    graph = networkx.read_graphml(done.path)
    assert graph.number_of_edges() == 4
    assert sorted(degree for _, degree in graph.degree()) == [1, 1, 1, 1, 1, 3]
    assert "UTM zone 11N" in graph.graph["crs"]
    for a, b, values in graph.edges(data=True):
        line = shapely.from_wkt(values["wkt"])
        assert values["length_m"] == pytest.approx(line.length, rel=1e-3)
        ends = {(round(graph.nodes[n]["x"], 4), round(graph.nodes[n]["y"], 4)) for n in (a, b)}
        assert {(round(x, 4), round(y, 4)) for x, y in (line.coords[0], line.coords[-1])} == ends


@pytest.mark.parametrize("suffix", [".osm", ".graphml", ".gpkg", ".geojson"])
def test_a_scene_without_roads_gives_a_valid_file(write_scene, tmp_path, suffix):
    nothing = write_scene(np.zeros((1, 50, 60), np.uint8))
    done = vectorize_roads(nothing, tmp_path / f"r{suffix}", options=LINES)
    assert done.lines == 0
    assert (tmp_path / f"r{suffix}").stat().st_size > 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["r.osm"], "can only contain lines"),
        (["r.graphml", "--geometry", "both"], "can only contain lines"),
        (["r.shp", "--geometry", "lines"], "known vector format"),
        (["r.gpkg", "--nodes", "n.gpkg"], "polygons have no nodes"),
        (["r.gpkg", "--geometry", "lines", "--nodes", "n.osm"], "known vector format"),
        (["r.gpkg", "--geometry", "lines", "--nodes", "r.gpkg"], "two outputs have the same name"),
        (["r.gpkg", "--geometry", "lines", "--max-gap", "-1"], "max_gap_m is -1"),
    ],
)
def test_impossible_requests_are_refused_before_any_work(raster, tmp_path, capsys, monkeypatch, arguments, words):
    path = raster()
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    assert run(["vectorize", str(path), *arguments]) == 1
    assert words in capsys.readouterr().err
    assert sorted(tmp_path.iterdir()) == before


def test_the_command_line_reports_what_it_wrote(raster, tmp_path, capsys):
    out = str(tmp_path / "r.gpkg")
    assert run(["vectorize", str(raster()), out, "--geometry", "both"]) == 0
    assert capsys.readouterr().out.splitlines() == [f"2 road polygons in {out}", f"4 road lines in {out}"]
    # JSON takes over the stdout of its process
    command = [sys.executable, "-m", "road_extract", "vectorize", str(raster()), out, "--geometry", "lines"]
    done = subprocess.run([*command, "--overwrite", "--progress", "json"], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "event": "result", "path": out, "features": 4, "polygons": 0, "lines": 4, "lines_path": out,
    }  # fmt: skip


def test_wrong_geometry_is_wrong_usage(raster, tmp_path, capsys):
    assert run(["vectorize", str(raster()), str(tmp_path / "r.gpkg"), "--geometry", "points"]) == 2
    with pytest.raises(InputError, match="polygons, lines, both"):
        VectorizeOptions(geometry="points")


def test_lines_come_from_smaller_areas_than_polygons(write_scene, tmp_path):
    """Dashes that are each too small for a polygon form one road together."""
    dashes = [(x, 40.5, x + 12, 40.5) for x in range(10, 180, 17)]
    chance = np.where(draw(80, 200, *dashes, width=5), 229, np.where(draw(80, 200, (10, 40.5, 180, 40.5)), 110, 5))
    path = write_scene(chance.astype(np.uint8)[None], nodata=255)
    with rasterio.open(path, "r+") as dataset:
        dataset.scales = (1 / 254,)
    done = vectorize_roads(path, tmp_path / "r.gpkg", options=BOTH)
    assert done.polygons == 0
    roads = layers(done.path)["road_lines"]
    assert roads["component"].nunique() == 1
    assert not roads["bridged"].any()  # the ground between them is faint, but above the faint share of the threshold
    assert roads["length_m"].sum() == pytest.approx(169, abs=4)


def test_the_mask_of_lines_can_be_kept(raster, mask, tmp_path):
    vectorize_roads(raster(), Outputs(tmp_path / "r.gpkg", mask=tmp_path / "m.tif"), options=LINES)
    with rasterio.open(tmp_path / "m.tif") as dataset:
        assert np.array_equal(dataset.read(1) == 1, mask)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")  # a picture has no place
def test_a_preview_draws_both_layers_and_bridges_in_another_colour(write_scene, tmp_path):
    mask = draw(80, 200, (10, 40.5, 95, 40.5), (105, 40.5, 190, 40.5))
    path = write_scene(mask[None].astype(np.uint8))
    vectorize_roads(path, tmp_path / "r.gpkg", options=BOTH)
    scene = write_scene(np.full((3, 80, 200), 90, np.uint8), "s.tif")
    assert run(["preview", str(scene), str(tmp_path / "r.gpkg"), str(tmp_path / "r.png")]) == 0
    with rasterio.open(tmp_path / "r.png") as png:
        picture = png.read().astype(int)
    assert picture[0, 40, 50] - picture[2, 40, 50] > 100  # a line in the centre of its polygon
    assert picture[2, 40, 100] - picture[0, 40, 100] > 100  # the bridge
