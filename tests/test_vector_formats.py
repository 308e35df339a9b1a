"""Vector files and streams as other programs see them: validators, GDAL 3.6, geopandas and Arrow."""

import json
import re
import sqlite3
from pathlib import Path

import geopandas
import geoparquet_validator
import numpy as np
import pandas
import pandas.testing
import pyarrow
import pyarrow.parquet
import pyogrio
import pytest
import shapely

import road_extract
from road_extract import InputError, LineOptions, VectorizeOptions, extract_arrow, vectorize_arrow, vectorize_roads
from road_extract.base.features import Feature, LayerSchema
from road_extract.base.grid import RasterGrid
from road_extract.io.raster import open_probability_sink
from road_extract.io.vector import FORMATS, write_features
from tests.helpers.gdal import needs_gdal, run_gdal, validate
from tests.helpers.scenes import UTM

CRS = geopandas.GeoSeries(crs="EPSG:32611").crs.to_wkt()
MADE = {"version": "1.2", "model": "standard sha256:00ff", "threshold": "0.3"}
TAGS = {"ROAD_EXTRACT_VERSION": "1.2", "ROAD_EXTRACT_MODEL": MADE["model"], "ROAD_EXTRACT_THRESHOLD": "0.25"}


def schema() -> LayerSchema:
    return LayerSchema("roads", "Polygon", CRS, {"id": int, "probability": float, "name": str}, MADE)


def scattered(count: int, seed: int = 0) -> list[Feature]:
    places = np.random.default_rng(seed).uniform((600_000, 4_000_000), (700_000, 4_100_000), (count, 2))
    boxes = shapely.box(*places.T, *(places + 9.5).T)
    return [Feature(box, {"id": n, "probability": n / count, "name": None}) for n, box in enumerate(boxes, 1)]


@pytest.fixture
def raster(tmp_path: Path) -> Path:
    """A cross of two roads."""
    rows = np.zeros((200, 260), np.uint8)
    rows[95:103], rows[:, 120:128] = 240, 240
    with open_probability_sink(tmp_path / "p.tif", RasterGrid(*rows.shape, UTM, CRS), TAGS) as sink:
        sink.write(rows)
    return tmp_path / "p.tif"


# ---- GeoParquet


@pytest.mark.parametrize("count", [0, 1, 9_999, 35_000])
def test_geoparquet_passes_an_independent_validator(tmp_path, count):
    path = tmp_path / "r.parquet"
    write_features(path, schema(), scattered(count))
    found = geoparquet_validator.check(str(path))
    assert [test for test in found["outcomes"] if test["status"] == "fail"] == []
    assert found["version"] == "1.1.0"
    passed = {test["id"] for test in found["outcomes"] if test["status"] == "pass"}
    assert {"/conf/core/geo-metadata", "/conf/core/crs-projjson", "/conf/covering/bbox-paths"} <= passed


def test_row_groups_hold_ten_thousand_rows_and_more(tmp_path):
    write_features(tmp_path / "r.parquet", schema(), scattered(35_000))
    found = pyarrow.parquet.read_metadata(tmp_path / "r.parquet")
    sizes = [found.row_group(n).num_rows for n in range(found.num_row_groups)]
    assert sum(sizes) == 35_000
    assert len(sizes) > 1
    assert min(sizes) >= 10_000


def test_rows_lie_along_a_hilbert_curve(tmp_path):
    """geopandas computes the curve from the geometries, which are boxes: their middles are those of their bounds."""
    write_features(tmp_path / "r.parquet", schema(), scattered(12_000))
    frame = geopandas.read_parquet(tmp_path / "r.parquet")
    assert sorted(frame["id"]) == list(range(1, 12_001))
    assert frame.geometry.hilbert_distance().is_monotonic_increasing


def test_geopandas_reads_a_box_and_little_else(tmp_path):
    path, features = tmp_path / "r.parquet", scattered(60_000)
    write_features(path, schema(), features)
    box = (600_000, 4_000_000, 605_000, 4_005_000)
    frame = geopandas.read_parquet(path, bbox=box)
    assert list(frame.columns) == ["geometry", "id", "probability", "name"]
    expected = [row.properties["id"] for row in features if row.geometry.intersects(shapely.box(*box))]
    assert sorted(frame["id"]) == expected
    assert len(expected) > 100
    metadata = pyarrow.parquet.read_metadata(path)
    groups = [metadata.row_group(n) for n in range(metadata.num_row_groups)]
    assert not any(group.column(0).is_stats_set for group in groups)  # bytes of geometries have no useful order
    lows = [group.column(group.num_columns - 4).statistics.min for group in groups]
    assert sum(low < box[2] for low in lows) < len(groups)  # statistics show that others hold nothing of it


def test_a_field_may_be_called_bbox(tmp_path):
    layer = LayerSchema("roads", "Polygon", CRS, {"bbox": str})
    write_features(tmp_path / "r.parquet", layer, [Feature(shapely.box(0, 0, 1, 1), {"bbox": "mine"})])
    assert geopandas.read_parquet(tmp_path / "r.parquet")["bbox"].tolist() == ["mine"]
    assert not geoparquet_validator.failed(geoparquet_validator.check(str(tmp_path / "r.parquet")))


# ---- GeoPackage


@needs_gdal
def test_geopackages_pass_the_validator_of_gdal(tmp_path, raster):
    vectorize_roads(raster, tmp_path / "r.gpkg", options=VectorizeOptions(geometry="both"))
    write_features(tmp_path / "many.gpkg", schema(), scattered(5_000))
    for name in ("r.gpkg", "many.gpkg"):
        said = validate("validate_gpkg", "-v", tmp_path / name)
        assert not re.search("(?i)warning|error|fail", said), said


@needs_gdal
@pytest.mark.parametrize("suffix", [".gpkg", ".fgb", ".geojson"])
def test_gdal_3_6_opens_files_without_a_warning(tmp_path, raster, suffix):
    path = vectorize_roads(raster, tmp_path / f"r{suffix}").path
    said = run_gdal("ogrinfo", "-al", "-so", path)
    assert "Feature Count: 1" in said
    assert not re.search("(?i)warning|error|partially", said), said


def test_geopackages_are_of_version_1_3(tmp_path):
    """GDAL 3.6, in QGIS 3.22 of Debian 12, warns about newer ones."""
    write_features(tmp_path / "r.gpkg", schema(), scattered(3))
    with sqlite3.connect(tmp_path / "r.gpkg") as database:
        assert database.execute("PRAGMA application_id").fetchone() == (0x47504B47,)
        assert database.execute("PRAGMA user_version").fetchone() == (10300,)
    database.close()


# ---- how the roads were made


def made_of(path: Path) -> dict[str, str]:
    if path.suffix == ".geojson":
        return json.loads(path.read_text())["road_extract"]
    if path.suffix == ".parquet":
        return json.loads(pyarrow.parquet.read_schema(path).metadata[b"road_extract"])
    found = pyogrio.read_info(path)["layer_metadata"]
    return {name.removeprefix("road_extract_"): value for name, value in found.items()}


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("geometry", ["polygons", "lines"])
def test_every_file_says_with_which_version_model_and_threshold_it_was_made(tmp_path, raster, suffix, geometry):
    done = vectorize_roads(raster, tmp_path / f"r{suffix}", options=VectorizeOptions(geometry=geometry))
    expected = {"version": road_extract.__version__, "model": MADE["model"], "threshold": "0.25"}
    assert made_of(Path(done.path)) == expected


@pytest.mark.parametrize("suffix", FORMATS)
def test_the_same_roads_with_metadata_give_the_same_bytes(tmp_path, suffix):
    contents = set()
    for name in ("a", "b"):
        write_features(tmp_path / f"{name}{suffix}", schema(), scattered(2_500))
        contents.add((tmp_path / f"{name}{suffix}").read_bytes())
    assert len(contents) == 1


@needs_gdal
def test_gdal_3_6_shows_the_metadata_of_a_geopackage(tmp_path):
    write_features(tmp_path / "r.gpkg", schema(), scattered(3))
    assert "road_extract_model=standard sha256:00ff" in run_gdal("ogrinfo", "-so", tmp_path / "r.gpkg", "roads")


# ---- GeoJSON


def test_coordinates_print_with_seven_decimals_at_most(tmp_path):
    write_features(tmp_path / "r.geojson", schema(), scattered(5_000))
    text = (tmp_path / "r.geojson").read_text()
    numbers = re.findall(r"-?\d+\.(\d+)(?=[,\]])", "".join(re.findall(r'"coordinates":\S+', text)))
    assert len(numbers) == 50_000
    assert max(map(len, numbers)) == 7


# ---- OpenStreetMap


def test_a_log_line_says_that_osm_files_are_empty_for_qgis(tmp_path, raster, caplog):
    caplog.set_level("INFO")
    done = vectorize_roads(raster, tmp_path / "r.osm", options=VectorizeOptions(geometry="lines"))
    assert done.lines > 0
    assert "QGIS and ogr2ogr show them empty" in caplog.text


@needs_gdal
def test_gdal_indeed_finds_no_road_in_an_osm_file(tmp_path, raster):
    vectorize_roads(raster, tmp_path / "r.osm", options=VectorizeOptions(geometry="lines"))
    said = run_gdal("ogrinfo", "-al", tmp_path / "r.osm")
    assert "Layer name: lines" in said
    assert "OGRFeature" not in said


# ---- Arrow


@pytest.mark.parametrize("geometry", ["polygons", "lines"])
def test_a_stream_gives_the_roads_of_the_file(tmp_path, raster, geometry):
    options, lines = VectorizeOptions(geometry=geometry), LineOptions(min_length_m=5)
    path = vectorize_roads(raster, tmp_path / "r.gpkg", options=options, lines=lines).path
    expected = geopandas.read_file(path)
    found = geopandas.GeoDataFrame.from_arrow(vectorize_arrow(raster, options=options, lines=lines))
    assert found.crs == expected.crs
    assert found.geometry.geom_equals_exact(expected.geometry, 0).all()
    pandas.testing.assert_frame_equal(found.drop(columns="geometry"), expected.drop(columns="geometry"))
    frame = vectorize_arrow(raster, options=options, lines=lines).to_geodataframe()
    assert frame.equals(found)


def test_a_stream_says_how_it_was_made_and_is_geoarrow(raster):
    reader = pyarrow.RecordBatchReader.from_stream(vectorize_arrow(raster))
    assert reader.schema.metadata[b"road_extract:model"] == MADE["model"].encode()
    field = reader.schema.field("geometry")
    assert field.metadata[b"ARROW:extension:name"] == b"geoarrow.wkb"
    assert reader.read_all().num_rows == 1


def test_a_stream_is_read_once_and_may_be_left_unread(raster):
    with vectorize_arrow(raster) as roads:
        pass
    with pytest.raises(InputError, match="only once"):
        roads.to_geodataframe()
    with vectorize_arrow(raster) as roads:
        assert len(roads.to_geodataframe()) == 1
        with pytest.raises(InputError, match="only once"):
            pyarrow.RecordBatchReader.from_stream(roads)
    with pytest.raises(InputError, match="one geometry"):
        vectorize_arrow(raster, options=VectorizeOptions(geometry="both"))


def test_a_damaged_raster_is_an_input_error_in_the_middle_of_a_stream(tmp_path, raster):
    content = bytearray(raster.read_bytes())
    content[-400:] = bytes(400)
    (tmp_path / "d.tif").write_bytes(content)
    with pytest.raises(InputError, match=r"d\.tif"):
        vectorize_arrow(tmp_path / "d.tif").to_geodataframe()


def test_a_scene_becomes_a_stream_and_leaves_no_file(tmp_path, write_scene, identity_model, monkeypatch):
    pixels = np.zeros((3, 240, 240), np.uint8)
    pixels[:, 100:110] = 255
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    roads = extract_arrow(write_scene(pixels))
    assert list((tmp_path / "tmp").iterdir())
    assert len(roads.to_geodataframe()) == 1
    del roads
    assert list((tmp_path / "tmp").iterdir()) == []
