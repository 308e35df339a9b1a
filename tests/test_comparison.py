"""`diff`, from input files to output file."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely

from road_extract import DiffOptions, RoadExtractError, diff_roads
from road_extract.base.geodesy import lengths_m
from road_extract.cli import run

UTM = "EPSG:32611"
X, Y = 665_000, 4_010_000


def write(path: Path, geometries: list, crs: str = UTM, **columns: list) -> Path:
    gpd.GeoDataFrame(columns, geometry=geometries, crs=UTM).to_crs(crs).to_file(path)
    return path


def at(*points: tuple[float, float]) -> shapely.LineString:
    return shapely.LineString([(X + x, Y + y) for x, y in points])


@pytest.fixture
def roads(tmp_path: Path) -> Path:
    """A main road, and a side road that is not on the map."""
    return write(
        tmp_path / "roads.gpkg",
        [at((0, 0), (1000, 0)), at((500, 0), (500, 400))],
        probability=[0.9, 0.6],
        id=[7, 8],
        lanes=[2, 1],
    )


@pytest.fixture
def existing(tmp_path: Path) -> Path:
    """In another CRS, shifted by 3 m: the first 600 m of the main road, a missed street, and one outside the extent."""
    return write(
        tmp_path / "map.geojson",
        [at((-200, 3), (600, 3)), at((0, 200), (300, 200)), at((0, 9000), (300, 9000)), shapely.Point(X, Y)],
        crs="EPSG:4326",
        name=["Main", "Park", "Far", "Stop"],
        lanes=["2", None, None, None],
    )


def by_status(path: Path) -> dict[str, gpd.GeoDataFrame]:
    return dict(iter(gpd.read_file(path).groupby("status")))


def test_every_piece_has_its_status_and_its_length_on_the_ground(roads, existing, tmp_path):
    found = diff_roads(roads, existing, tmp_path / "diff.gpkg")
    layer = by_status(found.path)
    # the match ends 5.2 m further on, at the circle of 6 m around the end of the map's line, which is 3 m to the side
    assert layer["matched"].length_m.tolist() == pytest.approx([605.2], rel=1e-3)
    assert sorted(layer["new"].length_m) == pytest.approx([394.8, 400], rel=1e-3)
    assert layer["missing"].length_m.tolist() == pytest.approx([300], rel=1e-3)
    assert found.pieces == {"new": 2, "doubtful": 0, "missing": 1, "matched": 1}
    assert found.length_km == pytest.approx({"new": 0.795, "doubtful": 0, "missing": 0.3, "matched": 0.605}, rel=1e-3)
    assert gpd.read_file(found.path).crs == UTM


def test_only_the_extent_of_the_roads_counts_and_the_rest_is_reported(roads, existing, tmp_path):
    found = diff_roads(roads, existing, tmp_path / "diff.gpkg")
    assert found.existing.length_km == pytest.approx(0.606 + 0.3, rel=1e-3)
    assert found.existing.left_out_km == pytest.approx(0.194 + 0.3, rel=1e-3)
    assert found.existing.ignored == 1
    assert found.roads.left_out_km == 0


def test_attributes_of_the_sources_are_kept(roads, existing, tmp_path):
    layer = by_status(diff_roads(roads, existing, tmp_path / "diff.gpkg").path)
    assert layer["matched"].probability.tolist() == [0.9]
    assert layer["matched"].source_id.tolist() == ["7"]
    assert layer["matched"].lanes.tolist() == ["2"]  # a number here and text there: text
    assert layer["missing"].name.tolist() == ["Park"]
    assert layer["missing"].source_id.tolist() == ["2"]
    assert layer["missing"].probability.isna().all()


@pytest.mark.parametrize(("sort", "order"), [("probability", [0.9, 0.6]), ("doubtful", [0.6, 0.9])])
def test_the_order_is_new_first_and_by_probability(roads, existing, tmp_path, sort, order):
    diff_roads(roads, existing, tmp_path / "diff.geojson", options=DiffOptions(sort=sort))
    layer = gpd.read_file(tmp_path / "diff.geojson")
    assert layer.status.tolist() == ["new", "new", "missing", "matched"]
    assert layer.probability.tolist()[:2] == order
    assert layer.id.tolist() == [1, 2, 3, 4]


def test_bounds_and_areas_define_where_to_compare(roads, existing, tmp_path):
    bounds = (X, Y - 10, X + 300, Y + 300)
    found = diff_roads(roads, existing, tmp_path / "a.gpkg", options=DiffOptions(bounds=bounds))
    assert found.length_km == pytest.approx({"new": 0, "doubtful": 0, "missing": 0.3, "matched": 0.3}, rel=1e-3)
    assert found.roads.left_out_km == pytest.approx(1.1, rel=1e-3)
    area = write(tmp_path / "area.fgb", [shapely.box(*bounds)], crs="EPSG:3857")
    same = diff_roads(roads, existing, tmp_path / "b.gpkg", options=DiffOptions(within=str(area)))
    assert same.length_km == pytest.approx(found.length_km, rel=1e-3)


def test_the_angle_decides_whether_crossing_roads_match(roads, existing, tmp_path):
    """The side road starts 3 m from the main road on the map, and stays within its buffer for 9 m."""
    strict, loose = (
        diff_roads(roads, existing, tmp_path / f"{angle}.gpkg", options=DiffOptions(angle_deg=angle, min_length_m=1))
        for angle in (30, 90)
    )
    assert loose.length_km["matched"] - strict.length_km["matched"] == pytest.approx(0.009, rel=1e-2)


def test_a_map_of_the_whole_world_is_clipped_before_it_is_reprojected(roads, tmp_path):
    # a quarter of the way around the equator from the central meridian of the UTM zone, where UTM is undefined
    world = gpd.GeoSeries([shapely.LineString([(10, -89), (11, -89.5)]), shapely.LineString([(-28, 0), (-27, 0)])])
    gpd.GeoDataFrame(geometry=world, crs="EPSG:4326").to_file(tmp_path / "world.gpkg")
    found = diff_roads(roads, tmp_path / "world.gpkg", tmp_path / "d.gpkg")
    assert found.pieces == {"new": 2, "doubtful": 0, "missing": 0, "matched": 0}
    assert found.existing.left_out_km == pytest.approx(55.9 + 111.3, rel=0.01)


def test_the_line_layers_of_a_file_are_read(roads, existing, tmp_path):
    """A GeoPackage with polygons and nodes as well as lines, as written by `extract`."""
    mixed = tmp_path / "mixed.gpkg"
    for layer, geometry in (("areas", shapely.box(X, Y, X + 9, Y + 9)), ("nodes", shapely.Point(X, Y))):
        gpd.GeoDataFrame(geometry=[geometry], crs=UTM).to_file(mixed, layer=layer)
    gpd.read_file(roads).to_file(mixed, layer="lines")
    found = diff_roads(mixed, existing, tmp_path / "d.gpkg")
    assert found.length_km == diff_roads(roads, existing, tmp_path / "e.gpkg").length_km


def test_without_road_lines_the_area_must_be_given(existing, tmp_path):
    nothing = write(tmp_path / "none.gpkg", [shapely.Point(X, Y)])
    with pytest.raises(RoadExtractError, match="contains no lines"):
        diff_roads(nothing, existing, tmp_path / "d.gpkg")
    bounds = (X - 500, Y - 500, X + 1500, Y + 500)
    found = diff_roads(nothing, existing, tmp_path / "d.gpkg", options=DiffOptions(bounds=bounds))
    assert found.pieces == {"new": 0, "doubtful": 0, "missing": 2, "matched": 0}


def test_the_command_prints_lengths_and_json(roads, existing, tmp_path, capsys):
    args = ["diff", str(roads), str(existing), str(tmp_path / "d.fgb")]
    assert run([*args, "--json", str(tmp_path / "d.json")]) == 0
    captured = capsys.readouterr()
    assert captured.out.splitlines()[0].split()[:4] == ["new", "0.795", "km", "2"]
    assert "1 of 4 geometries are not lines" in captured.err
    values = json.loads((tmp_path / "d.json").read_text())
    assert values["length_km"]["missing"] == pytest.approx(0.3, rel=1e-3)
    assert run([*args, "--json", "-", "--overwrite", "--buffer", "2"]) == 0
    assert json.loads(capsys.readouterr().out)["pieces"]["matched"] == 0


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--bounds", "1", "0", "0", "1"], "XMIN < XMAX"),
        (["--angle", "91"], "expected 0 to 90 deg"),
        (["--within", "{roads}"], "contains no polygons"),
        (["--within", "no.gpkg"], "no.gpkg: cannot be read"),
        (["--within", "no.gpkg", "--bounds", "0", "0", "1", "1"], "expected only one of them"),
    ],
)
def test_bad_options_give_one_error_message(roads, existing, tmp_path, capsys, args, words):
    args = [arg.format(roads=roads) for arg in args]
    assert run(["diff", str(roads), str(existing), str(tmp_path / "d.gpkg"), *args]) == 1
    assert words in capsys.readouterr().err
    assert not (tmp_path / "d.gpkg").exists()


def town(cols: int, rows: int) -> list[shapely.LineString]:
    """Streets every 100 m, cut at every crossing."""
    across = [at((100 * c, 100 * r), (100 * c + 100, 100 * r)) for c in range(cols) for r in range(rows + 1)]
    return across + [at((100 * c, 100 * r), (100 * c, 100 * r + 100)) for c in range(cols + 1) for r in range(rows)]


def test_a_tenth_removed_from_the_map_is_found_as_new(tmp_path):
    streets = town(20, 15)
    rng = np.random.default_rng(5)
    taken = rng.random(len(streets)) < 0.1
    roads = write(tmp_path / "r.gpkg", [shapely.affinity.translate(street, 2, -3) for street in streets])
    kept = write(tmp_path / "m.gpkg", [street for street, gone in zip(streets, taken, strict=True) if not gone])
    found = diff_roads(roads, kept, tmp_path / "d.gpkg")
    assert found.length_km["missing"] == 0
    assert found.length_km["new"] == pytest.approx(taken.sum() * 0.1, rel=0.05)


@pytest.mark.slow
def test_a_hundred_thousand_lines_match(tmp_path):
    streets = town(250, 200)
    roads = write(tmp_path / "r.fgb", [shapely.affinity.translate(street, 2, -3) for street in streets])
    found = diff_roads(roads, write(tmp_path / "m.fgb", streets), tmp_path / "d.fgb")
    assert found.pieces["matched"] == len(streets) > 100_000
    total = lengths_m(np.array(streets, object), gpd.GeoSeries(crs=UTM).crs.to_wkt()).sum() / 1000
    assert found.length_km["matched"] == pytest.approx(total, rel=1e-6)
