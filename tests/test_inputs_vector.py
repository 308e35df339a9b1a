"""Vector files as people have them: layers, features, CRSs, and what is refused with which sentence."""

from __future__ import annotations

import gzip
import json
import logging
import shutil
import zipfile
from pathlib import Path

import geopandas
import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from affine import Affine
from pyproj import CRS

from road_extract.base.errors import InputError, OutputError
from road_extract.base.features import Feature, LayerSchema
from road_extract.base.files import space_advice
from road_extract.base.geodesy import area_m2, bring_near, lengths_m, unwrap
from road_extract.base.options import DiffOptions, EvaluateOptions
from road_extract.evaluation import evaluate
from road_extract.evaluation.diff import diff_roads
from road_extract.io.vector import Selection, read_area, read_roads, read_table, unique_names, write_features
from road_extract.pipeline.flow import vectorize_roads

LONLAT = "EPSG:4326"


def line(number: int = 0, lon: float = 25.0, lat: float = 60.0) -> shapely.LineString:
    """300 m to the east, each 500 m north of the one before."""
    return shapely.LineString([(lon, lat + number * 0.0045), (lon + 0.0054, lat + number * 0.0045)])


def write(path: Path, geometries, crs=LONLAT, layer=None, append=False, **columns) -> Path:
    frame = geopandas.GeoDataFrame(columns, geometry=list(geometries), crs=crs)
    driver = "OpenFileGDB" if path.suffix == ".gdb" else None
    pyogrio.write_dataframe(frame, path, layer=layer, append=append, driver=driver)
    return path


def write_kml(path: Path, folders: dict[str, list[shapely.LineString]]) -> Path:
    def placemark(geometry: shapely.LineString) -> str:
        places = " ".join(f"{x},{y}" for x, y in geometry.coords)
        return f"<Placemark><LineString><coordinates>{places}</coordinates></LineString></Placemark>"

    inside = "".join(
        f"<Folder><name>{name}</name>{''.join(map(placemark, lines))}</Folder>" for name, lines in folders.items()
    )
    path.write_text(f'<kml xmlns="http://www.opengis.net/kml/2.2"><Document>{inside}</Document></kml>')
    return path


def write_gpx(path: Path, lines: list[shapely.LineString]) -> Path:
    def track(geometry: shapely.LineString) -> str:
        points = "".join(f'<trkpt lat="{y}" lon="{x}"/>' for x, y in geometry.coords)
        return f"<trk><trkseg>{points}</trkseg></trk>"

    head = '<gpx version="1.1" creator="test" xmlns="http://www.topografix.com/GPX/1/1">'
    path.write_text(head + "".join(map(track, lines)) + "</gpx>")
    return path


def write_osm(path: Path, ways: list[tuple[shapely.LineString, dict[str, str]]], sign: int = 1, shuffle=False) -> Path:
    nodes, found = [], []
    for number, (geometry, tags) in enumerate(ways, 1):
        refs = []
        for x, y in geometry.coords:
            refs.append(sign * (len(nodes) + 1))
            nodes.append(f'<node id="{refs[-1]}" lat="{y:.7f}" lon="{x:.7f}"/>')
        inside = "".join(f'<nd ref="{ref}"/>' for ref in refs)
        texts = "".join(f'<tag k="{key}" v="{value}"/>' for key, value in tags.items())
        found.append(f'<way id="{sign * number}">{inside}{texts}</way>')
    nodes = nodes[::-1] if shuffle else nodes
    path.write_text(f'<osm version="0.6">{"".join(nodes)}{"".join(found)}</osm>')
    return path


LINES = [line(number) for number in range(4)]


@pytest.fixture
def roads(tmp_path):
    return write(tmp_path / "roads.gpkg", LINES, layer="roads")


def compare(roads: Path, existing: Path, tmp_path: Path, **options):
    out = tmp_path / "difference.gpkg"
    return diff_roads(roads, existing, out, options=DiffOptions(**options), overwrite=True)


def km(found) -> tuple[float, float, float]:
    return tuple(round(found.length_km[status], 2) for status in ("new", "matched", "missing"))


SAME = (0.0, 1.21, 0.0)


# layers


def test_all_folders_of_a_kml_are_read(roads, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    path = write_kml(tmp_path / "two.kml", {"north": LINES[:2], "south": LINES[2:]})
    assert km(compare(roads, path, tmp_path)) == SAME
    assert "read from north, south" in caplog.text
    assert km(compare(roads, path, tmp_path, layer="north")) == (0.6, 0.6, 0.0)


def test_tracks_of_a_gpx_are_read_though_its_routes_are_empty(roads, tmp_path):
    assert km(compare(roads, write_gpx(tmp_path / "t.gpx", LINES), tmp_path)) == SAME


def test_all_layers_of_lines_are_read_and_the_others_are_named(roads, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    path = write(tmp_path / "layers.gpkg", [shapely.Point(25, 60)], layer="pts")
    write(path, LINES[:1], layer="major", name=["A"])
    write(path, LINES[1:], layer="minor", Name=[1, 2, 3])
    assert km(compare(roads, path, tmp_path)) == SAME
    assert "read from major, minor; left out: pts (use --layer to choose one)" in caplog.text
    table = read_table(path)
    assert table.fields == {"name": str}
    assert [row["name"] for row in table.rows] == ["A", "1", "2", "3"]
    assert len(read_table(path, selection=Selection("minor")).rows) == 3
    with pytest.raises(InputError, match="has no layer 'x'; its layers: pts, major, minor"):
        read_table(path, selection=Selection("x"))


def test_layers_in_several_crss_are_brought_together(tmp_path):
    path = write(tmp_path / "two.gpkg", LINES[:2], layer="a")
    moved = geopandas.GeoSeries(LINES[2:], crs=LONLAT).to_crs("EPSG:32635")
    write(path, moved, "EPSG:32635", layer="b")
    assert shapely.equals_exact(read_table(path).geometries, LINES, 1e-7).all()


def test_all_layers_of_polygons_are_an_area(tmp_path):
    path = write(tmp_path / "a.gpkg", [shapely.box(25, 60, 25.1, 60.1)], layer="a")
    write(path, [shapely.box(25.1, 60, 25.2, 60.1)], layer="b")
    area = read_area(path, CRS(LONLAT).to_wkt(), shapely.box(24, 59, 26, 61))
    assert area.area == pytest.approx(0.02, rel=1e-4)


@pytest.mark.parametrize("name", ["r.zip", "deep.zip"])
def test_zipped_shapefiles(roads, tmp_path, name):
    write(tmp_path / "r.shp", LINES)
    with zipfile.ZipFile(tmp_path / name, "w") as archive:
        for part in tmp_path.glob("r.*"):
            if part.suffix != ".zip":
                archive.write(part, f"{'some/folder/' if name == 'deep.zip' else ''}{part.name}")
    assert km(compare(roads, tmp_path / name, tmp_path)) == SAME
    assert evaluate(roads, tmp_path / name).lines.wiedemann_completeness == pytest.approx(1)


@pytest.mark.parametrize("kind", ["kml", "gpx", "gdb"])
def test_any_format_can_be_evaluated(roads, tmp_path, kind):
    path = tmp_path / f"t.{kind}"
    if kind == "kml":
        write_kml(path, {"a": LINES[:1], "b": LINES[1:]})
    elif kind == "gpx":
        write_gpx(path, LINES)
    else:
        write(path, LINES, layer="x")
    assert evaluate(roads, path).lines.wiedemann_completeness == pytest.approx(1)


# OpenStreetMap


def test_of_openstreetmap_the_roads_are_taken(roads, tmp_path):
    kinds = [{"highway": "residential"}, {"railway": "rail"}, {"highway": "footway"}, {"waterway": "river"}]
    path = write_osm(tmp_path / "map.osm", list(zip(LINES, kinds, strict=True)))
    found = compare(roads, path, tmp_path)
    assert km(found) == (0.0, 0.3, 0.0)
    assert round(found.length_km["doubtful"], 2) == 0.9  # along a railway, a path and a shore
    found = compare(roads, path, tmp_path, where="highway IS NOT NULL")
    assert (km(found), round(found.length_km["doubtful"], 2)) == ((0.0, 0.6, 0.0), 0.6)


@pytest.mark.parametrize(("sign", "shuffle"), [(-1, False), (1, True), (-1, True)])
def test_ids_of_any_sign_in_any_order(roads, tmp_path, sign, shuffle):
    ways = [(geometry, {"highway": "road"}) for geometry in LINES]
    assert km(compare(roads, write_osm(tmp_path / "m.osm", ways, sign, shuffle), tmp_path)) == SAME


def test_a_compressed_map(roads, tmp_path):
    path = write_osm(tmp_path / "m.osm", [(geometry, {"highway": "road"}) for geometry in LINES])
    (tmp_path / "m.osm.gz").write_bytes(gzip.compress(path.read_bytes()))
    assert km(compare(roads, tmp_path / "m.osm.gz", tmp_path)) == SAME


def test_the_programs_own_osm_can_be_read_back(tmp_path):
    mask = np.zeros((200, 300), np.uint8)
    mask[90:100, 20:280] = 1
    profile = {"crs": "EPSG:32635", "transform": Affine(1, 0, 500_000, 0, -1, 6_650_000), "dtype": "uint8", "count": 1}
    with rasterio.open(tmp_path / "m.tif", "w", driver="GTiff", height=200, width=300, **profile) as dataset:
        dataset.write(mask, 1)
    from road_extract.base.options import VectorizeOptions

    for name in ("own.osm", "own.geojson"):
        vectorize_roads(tmp_path / "m.tif", tmp_path / name, options=VectorizeOptions(geometry="lines"))
    found = compare(tmp_path / "own.osm", tmp_path / "own.geojson", tmp_path)
    assert found.length_km["matched"] == pytest.approx(0.26, abs=0.01)
    assert found.length_km["new"] == found.length_km["missing"] == 0


# attributes


@pytest.mark.parametrize("name", ["Id", "STATUS", "Length_M", "fixme", "NAME", "fid", "Probability"])
def test_attributes_whose_names_collide_get_others(tmp_path, name):
    ours = write(tmp_path / "a.gpkg", LINES[:2], layer="a", name=["x", "y"])
    theirs = tmp_path / "b.geojson"
    features = [
        {"type": "Feature", "properties": {name: f"v{number}"}, "geometry": json.loads(shapely.to_geojson(geometry))}
        for number, geometry in enumerate(LINES)
    ]
    theirs.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    for suffix in ("gpkg", "geojson", "fgb", "parquet"):
        out = tmp_path / f"d.{suffix}"
        found = diff_roads(ours, theirs, out, options=DiffOptions(bounds=(24, 59, 26, 61)))
        assert found.length_km["missing"] == pytest.approx(0.6, abs=0.01)
        read = geopandas.read_parquet(out) if suffix == "parquet" else geopandas.read_file(out)
        if name != "fid":  # which databases keep for themselves
            wanted = name if name == "fixme" else f"{name}_2"
            assert {"v2", "v3"} == set(read.loc[read.status == "missing", wanted])


def test_two_columns_of_one_name_are_both_kept():
    """Found by mutating the table of a shapefile."""
    from road_extract.io.vector.reading import _to_table

    frame = geopandas.GeoDataFrame({"a": ["x"], "b": ["y"]}, geometry=LINES[:1], crs=LONLAT)
    frame.columns = ["a", "a", "geometry"]
    assert _to_table(Path("a"), frame, CRS(LONLAT).to_wkt()).rows == [{"a": "x", "a_2": "y"}]


def test_a_text_that_is_not_utf_8_is_one_sentence(tmp_path):
    """Found by mutating a GeoParquet file."""
    path = tmp_path / "a.parquet"
    geopandas.GeoDataFrame({"a": ["zzzz"]}, geometry=LINES[:1], crs=LONLAT).to_parquet(path, compression=None)
    path.write_bytes(path.read_bytes().replace(b"zzzz", b"zzz\xe2"))
    with pytest.raises(InputError, match="cannot be read as vector data"):
        read_table(path)


def test_unique_names():
    assert unique_names(["name", "NAME", "Name_2", "id"], ["ID"]) == ["name", "NAME_2", "Name_2_2", "id_2"]


def test_a_schema_whose_names_differ_in_case_alone_is_refused(tmp_path):
    schema = LayerSchema("a", "LineString", CRS(LONLAT).to_wkt(), {"a": int, "A": int})
    with pytest.raises(InputError, match="differ only in case"):
        write_features(tmp_path / "a.gpkg", schema, [])


def test_a_huge_number_becomes_text(tmp_path):
    path = tmp_path / "a.parquet"
    geopandas.GeoDataFrame({"big": np.array([2**63], np.uint64)}, geometry=LINES[:1], crs=LONLAT).to_parquet(path)
    assert read_table(path).rows == [{"big": str(2**63)}]


@pytest.mark.parametrize(
    ("error", "blames"),
    [
        (OSError(28, "No space left on device"), True),
        (RuntimeError("database or disk is full"), True),
        (RuntimeError("Cannot create field Id. A field with the same name already exists."), False),
        (RuntimeError("Error creating Transformer from CRS"), False),
        (PermissionError(13, "Permission denied"), False),
        (ValueError("tile arrays larger than 2GB"), False),
    ],
)
def test_only_errors_of_space_blame_the_disk(error, blames):
    assert ("free space" in space_advice(Path("/a/b.gpkg"), error)) == blames


# coordinates and CRSs


METRES = [shapely.LineString([(382_000 + 100 * n, 6_672_000), (382_000 + 100 * n, 6_672_300)]) for n in range(3)]


@pytest.fixture
def metres_without_crs(tmp_path):
    """UTM 35N, which a GeoJSON cannot say."""
    path = tmp_path / "metres.geojson"
    features = [{"type": "Feature", "properties": {}, "geometry": json.loads(shapely.to_geojson(g))} for g in METRES]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def test_metres_that_call_themselves_degrees_are_refused_with_advice_that_works(metres_without_crs, tmp_path):
    right = write(tmp_path / "right.gpkg", METRES, "EPSG:32635")
    for pair in ((metres_without_crs, right), (right, metres_without_crs)):
        with pytest.raises(InputError, match=r"are not degrees.*--assume-crs EPSG"):
            compare(pair[0], pair[1], tmp_path)
        with pytest.raises(InputError, match="are not degrees"):
            evaluate(*pair)
        assert km(compare(pair[0], pair[1], tmp_path, assume_crs="EPSG:32635")) == (0.0, 0.9, 0.0)
        found = evaluate(*pair, options=EvaluateOptions(assume_crs="EPSG:32635"))
        assert found.lines.wiedemann_completeness == pytest.approx(1)


def test_a_shapefile_without_a_crs_is_refused_with_advice_that_works(tmp_path):
    write(tmp_path / "s.shp", METRES, "EPSG:32635")
    (tmp_path / "s.prj").unlink()
    with pytest.raises(InputError, match=r"has no CRS; specify it \(--assume-crs EPSG"):
        read_table(tmp_path / "s.shp")
    assert len(read_table(tmp_path / "s.shp", selection=Selection(assume_crs="EPSG:32635")).rows) == 3


@pytest.mark.parametrize("crs", ["EPSG:32635+5773", "EPSG:4979"])
def test_heights_of_a_crs_do_not_matter(tmp_path, crs):
    geometries = METRES if "32635" in crs else LINES
    frame = geopandas.GeoDataFrame(geometry=shapely.force_3d(np.array(geometries), 7.0), crs=crs)
    frame.to_parquet(tmp_path / "a.parquet")
    assert not shapely.has_z(read_table(tmp_path / "a.parquet").geometries).any()
    assert CRS(read_table(tmp_path / "a.parquet").crs).to_epsg() == (32635 if "32635" in crs else 4326)


def test_broken_geometries_are_left_out_and_counted(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    path = tmp_path / "a.geojson"
    shapes = [
        {"type": "LineString", "coordinates": [[25, 60], [25.0054, 60]]},
        {"type": "LineString", "coordinates": []},
        None,
        {"type": "Polygon", "coordinates": [[[25, 60], [26, 60]]]},
    ]
    features = [{"type": "Feature", "properties": {}, "geometry": shape} for shape in shapes]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    assert len(read_table(path).geometries) == 1
    assert "have no usable geometry" in caplog.text


def test_grads_are_angles():
    """A grad is 0.9 degrees."""
    paris = CRS("EPSG:4807").to_wkt()  # NTF (Paris), in grads
    greenwich = CRS("EPSG:4275").to_wkt()  # the same datum in degrees
    box = shapely.box(1, 50, 1.1, 50.1)
    in_degrees = shapely.transform(box, lambda xy: xy * 0.9)
    assert area_m2(box, paris) == pytest.approx(area_m2(in_degrees, greenwich), rel=1e-9)


def test_other_units_of_length_are_read_by_their_unit():
    feet = CRS("EPSG:2225").to_wkt()  # California, US survey feet
    (length,) = lengths_m(np.array([shapely.LineString([(6e6, 2e6), (6e6 + 5280, 2e6)])]), feet)
    assert length == pytest.approx(1609.35, abs=1)


# longitudes


def test_longitudes_from_0_to_360_are_the_same_places(tmp_path):
    west = [shapely.transform(geometry, lambda xy: xy - np.array([95, 0])) for geometry in LINES]
    east = [shapely.transform(geometry, lambda xy: xy + np.array([360, 0])) for geometry in west]
    pairs = [write(tmp_path / "w.gpkg", west), write(tmp_path / "e.gpkg", east)]
    for pair in (pairs, pairs[::-1]):
        assert km(compare(pair[0], pair[1], tmp_path)) == SAME
        assert evaluate(*pair).lines.wiedemann_completeness == pytest.approx(1)


def test_lines_across_the_antimeridian_match_however_they_are_written(tmp_path):
    whole = shapely.LineString([(179.998, 0), (180.002, 0)])
    cut = shapely.MultiLineString([[(179.998, 0), (180, 0)], [(-180, 0), (-179.998, 0)]])
    jump = shapely.LineString([(179.998, 0), (-179.998, 0)])
    paths = [write(tmp_path / f"{n}.gpkg", [g]) for n, g in enumerate((whole, cut, jump))]
    for ours in paths:
        for theirs in paths:
            found = compare(ours, theirs, tmp_path)
            assert found.length_km["matched"] == pytest.approx(0.445, abs=0.01)
            assert found.length_km["new"] + found.length_km["missing"] < 1e-6


def test_a_map_of_cables_round_the_world_is_compared_with_itself(tmp_path):
    jump = shapely.LineString([(140, 35), (179, 40), (-179, 41), (-125, 45)])
    path = write(tmp_path / "cables.gpkg", [jump, shapely.LineString([(-10, 50), (-70, 40)]), LINES[0]])
    found = compare(path, path, tmp_path)
    assert found.length_km["new"] + found.length_km["missing"] < 1
    assert found.length_km["matched"] > 10_000


@pytest.mark.parametrize("shift", [0, 360, -360])
def test_unwrapped_longitudes_lie_around_the_middle(shift):
    crs = CRS(LONLAT).to_wkt()
    geometries = np.array([shapely.Point(179 + shift, 0), shapely.LineString([(179.5, 1), (-179.5, 1)])], dtype=object)
    points = shapely.get_coordinates(unwrap(geometries, crs))
    assert points[:, 0].max() - points[:, 0].min() == pytest.approx(1.5)
    assert unwrap(np.array([shapely.box(-180, -90, 180, 90)]), crs)[0].area == 360 * 180


def test_what_lies_near_is_brought_near():
    crs, utm = CRS(LONLAT).to_wkt(), CRS("EPSG:32601").to_wkt()
    lines = np.array(
        [shapely.LineString([(180.5, 1), (180.6, 1)]), shapely.LineString([(10, 1), (11, 1)])], dtype=object
    )
    moved, near = bring_near(lines, crs, shapely.box(-180, 0, -179, 2), crs)
    assert near.tolist() == [True, False]
    assert moved[0].bounds[0] == pytest.approx(-179.5)
    assert bring_near(lines, crs, shapely.box(150_000, 50_000, 300_000, 200_000), utm)[1].tolist() == [True, False]


# other worlds


def test_another_world_stays_in_its_crs_or_is_refused_before_the_work(tmp_path):
    datum = 'DATUM["D_Mars_2000",SPHEROID["Mars_2000_IAU_IAG",3396190,169.894447223612]]'
    mars = f'GEOGCS["Mars 2000",{datum},PRIMEM["Reference_Meridian",0],UNIT["degree",0.0174532925199433]]'
    mask = np.zeros((100, 100), np.uint8)
    mask[40:60] = 1
    with rasterio.open(tmp_path / "m.tif", "w", driver="GTiff", height=100, width=100, dtype="uint8", count=1, crs=mars,
                       transform=Affine(1e-4, 0, 10, 0, -1e-4, 5)) as dataset:  # fmt: skip
        dataset.write(mask, 1)
    with pytest.raises(InputError, match=r"hold longitude and latitude.*another celestial body.*such as \.gpkg"):
        vectorize_roads(tmp_path / "m.tif", tmp_path / "m.geojson")
    assert vectorize_roads(tmp_path / "m.tif", tmp_path / "m.gpkg").polygons == 1


# what is refused


@pytest.mark.parametrize("content", [b"", b"no map", b'{"type": "FeatureCollection"', b"\x00" * 100])
@pytest.mark.parametrize("suffix", ["geojson", "gpkg", "shp", "kml", "parquet", "osm", "zip", "fgb"])
def test_what_cannot_be_read_is_one_sentence(tmp_path, content, suffix):
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(content)
    with pytest.raises(InputError) as error:
        read_table(path)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


def test_a_table_without_geometries_is_one_sentence(tmp_path):
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="holds no geometries"):
        read_table(tmp_path / "a.csv")


def test_a_geodatabase_is_a_file(roads, tmp_path):
    write(tmp_path / "x.gdb", LINES, layer="x")
    assert read_roads(tmp_path / "x.gdb", CRS(LONLAT).to_wkt())[0]
    shutil.make_archive(str(tmp_path / "y"), "zip", tmp_path, "x.gdb")
    assert km(compare(roads, tmp_path / "y.zip", tmp_path)) == SAME


def test_a_write_that_fails_says_why(tmp_path, monkeypatch):
    def fail(*args, **options):
        raise RuntimeError("Cannot create field Id. A field with the same name already exists.")

    monkeypatch.setattr(pyogrio, "write_arrow", fail)
    schema = LayerSchema("a", "LineString", CRS(LONLAT).to_wkt(), {"a": int})
    with pytest.raises(OutputError) as error:
        write_features(tmp_path / "a.gpkg", schema, [Feature(LINES[0], {"a": 1})])
    assert "space" not in str(error.value)
