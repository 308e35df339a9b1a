"""Vector files: round trips with geopandas, RFC 7946, and files that are complete or absent."""

import json
import math
import resource
import subprocess
import sys
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pyarrow.parquet
import pyogrio
import pyproj
import pytest
import shapely
from rasterio.features import shapes
from rasterio.transform import Affine
from shapely.geometry import shape

from road_extract.base.errors import InputError, OutputError
from road_extract.base.features import Feature, LayerSchema
from road_extract.io.vector import (
    FORMATS,
    batches,
    check_format,
    check_output,
    read_area,
    read_geometries,
    write_features,
)
from road_extract.io.vector.batches import BATCH_FEATURES

SUFFIXES = list(FORMATS)
FIELDS = {"id": int, "area_m2": float, "paved": bool, "note": str}
UTM_33 = "EPSG:32633"
GEOD = pyproj.Geod(ellps="WGS84")


def wkt(crs: str) -> str:
    return pyproj.CRS(crs).to_wkt()


def schema(geometry_type: Any = "Polygon", crs: str = UTM_33, fields: dict[str, type] | None = None) -> LayerSchema:
    return LayerSchema("roads", geometry_type, wkt(crs), FIELDS if fields is None else fields)


def square(index: int) -> shapely.Polygon:
    x, y = 500_000.3 + 10 * index, 5_000_000.7
    return shapely.box(x, y, x + 5, y + 4)


def row(index: int) -> dict[str, int | float | bool | str | None]:
    return {"id": index, "area_m2": index / 3, "paved": index % 2 == 0, "note": f'Straße "{index}"\n'}


def squares(count: int) -> Iterator[Feature]:
    return (Feature(square(index), row(index)) for index in range(count))


def read(path: Path) -> geopandas.GeoDataFrame:
    layer = geopandas.read_parquet(path) if path.suffix == ".parquet" else geopandas.read_file(path)
    return layer.sort_values("id", ignore_index=True) if "id" in layer else layer


def write_geojson(folder: Path, geometries: Iterable[shapely.Geometry], crs: str) -> list[dict]:
    """The geometry members of a file."""
    path, geometries = folder / "x.geojson", list(geometries)
    features = [Feature(geometry, {}) for geometry in geometries]
    write_features(path, schema(geometries[0].geom_type, crs, {}), features)
    return [feature["geometry"] for feature in json.loads(path.read_text("utf-8"))["features"]]


def decimals(geometry: dict) -> np.ndarray:
    return shapely.get_coordinates(shape(geometry))


def geodesic_area(geometry: shapely.Geometry) -> float:
    return abs(GEOD.geometry_area_perimeter(shapely.orient_polygons(geometry))[0])


# ---- round trips


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    "geometry",
    [
        shapely.Polygon(square(0).exterior, [square(0).buffer(-1).exterior]),
        shapely.LineString([(500_000, 5_000_000), (500_100, 5_000_050), (500_050, 5_000_000)]),
        shapely.Point(500_000.25, 5_000_000.5),
    ],
    ids=lambda geometry: geometry.geom_type,
)
def test_geometries_round_trip(tmp_path: Path, suffix: str, geometry: shapely.Geometry) -> None:
    path = tmp_path / f"roads{suffix}"
    assert write_features(path, schema(geometry.geom_type), [Feature(geometry, row(0))]) == 1
    layer = read(path)
    assert layer.geom_type.tolist() == [geometry.geom_type]
    back = layer.to_crs(wkt(UTM_33)).geometry[0]
    if suffix == ".geojson":
        # 7 decimals of a degree are 1.1 cm at most.
        assert shapely.hausdorff_distance(back, geometry) < 0.011
    else:
        assert back == geometry


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_attributes_round_trip_with_their_types(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"roads{suffix}"
    count = BATCH_FEATURES + 3
    assert write_features(path, schema(), squares(count)) == count
    layer = read(path)
    assert list(layer.drop(columns="geometry").columns) == list(FIELDS)
    assert [layer[name].dtype.kind for name in FIELDS] in (["i", "f", "b", "O"], ["i", "f", "b", "T"])
    assert [dict(values) for values in layer[list(FIELDS)].to_dict("records")] == [row(i) for i in range(count)]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_missing_values_round_trip(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"roads{suffix}"
    empty = {**dict.fromkeys(FIELDS), "id": 1}
    write_features(path, schema(), [Feature(square(0), row(0)), Feature(square(1), empty)])
    assert read(path).isna().iloc[1].to_dict() == {**dict.fromkeys(FIELDS, True), "id": False, "geometry": False}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_large_integers_round_trip(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"roads{suffix}"
    extremes = [-(2**63), 2**63 - 1]
    write_features(path, schema(fields={"id": int}), [Feature(square(0), {"id": value}) for value in extremes])
    if suffix == ".geojson":
        # Readers may take large JSON numbers for floats (RFC 8259, section 6); the text is exact.
        features = json.loads(path.read_text())["features"]
        assert [feature["properties"]["id"] for feature in features] == extremes
    else:
        assert read(path)["id"].tolist() == extremes


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("crs", [UTM_33, "EPSG:4326", "EPSG:3006", "ESRI:54009"])
def test_the_crs_is_kept_except_by_geojson_and_x_comes_first(tmp_path: Path, suffix: str, crs: str) -> None:
    path = tmp_path / f"roads{suffix}"
    to_crs = pyproj.Transformer.from_crs("OGC:CRS84", crs, always_xy=True)
    polygon = shapely.transform(shapely.box(15, 60, 15.1, 60.2), to_crs.transform, interleaved=False)
    write_features(path, schema(crs=crs), [Feature(polygon, row(0))])
    layer = read(path)
    assert layer.crs.equals(pyproj.CRS("EPSG:4326" if suffix == ".geojson" else crs), ignore_axis_order=True)
    expected = shapely.box(15, 60, 15.1, 60.2) if suffix == ".geojson" else polygon
    assert layer.total_bounds == pytest.approx(expected.bounds, abs=1e-7)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_layer_may_be_empty(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"roads{suffix}"
    assert write_features(path, schema(), []) == 0
    layer = read(path)
    assert len(layer) == 0
    assert layer.crs.to_epsg() == (4326 if suffix == ".geojson" else 32633)
    if suffix != ".geojson":
        assert list(layer.drop(columns="geometry").columns) == list(FIELDS)
    if suffix != ".parquet":
        assert pyogrio.list_layers(path)[0][0] == "roads"


def test_geoparquet_names_its_geometry_as_version_1_1_asks(tmp_path: Path) -> None:
    write_features(tmp_path / "roads.parquet", schema(), squares(2))
    geo = json.loads(pyarrow.parquet.read_schema(tmp_path / "roads.parquet").metadata[b"geo"])
    column = geo["columns"][geo["primary_column"]]
    assert geo["version"] == "1.1.0"
    assert (column["encoding"], column["geometry_types"]) == ("WKB", ["Polygon"])
    assert pyproj.CRS.from_json_dict(column["crs"]).to_epsg() == 32633


@pytest.mark.parametrize("suffix", [".gpkg", ".fgb"])
def test_files_have_a_spatial_index(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"roads{suffix}"
    write_features(path, schema(), squares(50))
    assert pyogrio.read_info(path)["capabilities"]["fast_spatial_filter"]
    assert len(geopandas.read_file(path, bbox=square(7).bounds)) == 1


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_same_features_give_the_same_bytes(tmp_path: Path, suffix: str) -> None:
    paths = [tmp_path / f"{name}{suffix}" for name in ("a", "another_name")]
    for path in paths:
        write_features(path, schema(), squares(BATCH_FEATURES + 500))
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_a_geopackage_is_the_same_each_time(tmp_path: Path) -> None:
    """About one time in five, GDAL's change counter in the header differs by one."""
    contents = set()
    for _ in range(30):
        write_features(tmp_path / "a.gpkg", schema(), squares(3))
        contents.add((tmp_path / "a.gpkg").read_bytes())
    assert len(contents) == 1


# ---- RFC 7946


def test_geojson_has_no_crs_member_and_lonlat_of_seven_decimals(tmp_path: Path) -> None:
    (geometry,) = write_geojson(tmp_path, [square(0)], UTM_33)
    to_lonlat = pyproj.Transformer.from_crs(UTM_33, "OGC:CRS84", always_xy=True)
    expected = shapely.transform(square(0), to_lonlat.transform, interleaved=False)
    assert shape(geometry).normalize().equals_exact(expected.normalize(), 0.51e-7)
    assert (decimals(geometry) == np.round(decimals(geometry), 7)).all()
    assert set(json.loads((tmp_path / "x.geojson").read_text())) == {"type", "name", "features"}


@pytest.mark.parametrize("clockwise", [True, False])
def test_geojson_rings_follow_the_right_hand_rule(tmp_path: Path, clockwise: bool) -> None:
    ring = shapely.Polygon(square(0).exterior, [square(0).buffer(-1).exterior])
    (geometry,) = write_geojson(tmp_path, [shapely.orient_polygons(ring, exterior_cw=clockwise)], UTM_33)
    shell, hole = geometry["coordinates"]
    assert shapely.is_ccw(shapely.LinearRing(shell))
    assert not shapely.is_ccw(shapely.LinearRing(hole))


def test_geojson_lines_keep_their_direction_and_their_loops(tmp_path: Path) -> None:
    line = shapely.LineString([(15, 50), (15.2, 50), (15.1, 50.1), (15.1, 49.9)])
    (geometry,) = write_geojson(tmp_path, [line], "EPSG:4326")
    assert geometry == {"type": "LineString", "coordinates": [list(point) for point in line.coords]}


@pytest.mark.parametrize(
    ("crs", "polygon"),
    [
        ("EPSG:32660", shapely.box(800_000, 1000, 900_000, 5000)),
        ("EPSG:32601", shapely.box(100_000, 1000, 300_000, 5000)),
        ("EPSG:32601", shapely.box(100_000, 1000, 300_000, 5000) - shapely.box(110_000, 2000, 180_000, 3000)),
        ("EPSG:32601", shapely.box(100_000, 1000, 300_000, 5000) - shapely.box(200_000, 2000, 280_000, 3000)),
        ("EPSG:4326", shapely.box(179, -17, 181, -16) - shapely.box(180, -16.8, 180.5, -16.5)),
        ("EPSG:3832", shapely.box(3_338_000, 0, 3_342_000, 1000)),
    ],
)
def test_polygons_are_cut_at_the_antimeridian(tmp_path: Path, crs: str, polygon: shapely.Polygon) -> None:
    (geometry,) = write_geojson(tmp_path, [polygon], crs)
    back = shape(geometry)
    assert back.geom_type == "MultiPolygon"
    assert back.is_valid
    assert sorted(tuple(np.sign(part.bounds[::2])) for part in back.geoms) == [(-1, -1), (1, 1)]
    assert {-180.0, 180.0} <= set(decimals(geometry)[:, 0])
    to_lonlat = pyproj.Transformer.from_crs(crs, "OGC:CRS84", always_xy=True)
    # The geodesic oracle takes the shorter path between vertices, whatever their longitudes.
    uncut = shapely.transform(polygon, to_lonlat.transform, interleaved=False)
    rings = [geodesic_area(shapely.Polygon(ring)) for ring in (uncut.exterior, *uncut.interiors)]
    assert geodesic_area(back) == pytest.approx(rings[0] - sum(rings[1:]), rel=1e-4)


def test_lines_are_cut_at_the_antimeridian(tmp_path: Path) -> None:
    line = shapely.LineString([(179.5, 1), (-179.5, 2), (179.75, 2)])
    (geometry,) = write_geojson(tmp_path, [line], "EPSG:4326")
    assert geometry["type"] == "MultiLineString"
    parts: Any = [[[179.5, 1], [180, 1.5]], [[-180, 1.5], [-179.5, 2], [-180, 2]], [[180, 2], [179.75, 2]]]
    assert sorted(geometry["coordinates"]) == sorted(parts)


def test_a_loop_of_a_cut_line_stays_whole(tmp_path: Path) -> None:
    line = [[179.2, 0], [179.6, 0], [179.5, 0.5], [179.5, -0.5], [179.75, -0.5]]
    (geometry,) = write_geojson(tmp_path, [shapely.LineString([*line, (-179.75, -0.5)])], "EPSG:4326")
    assert geometry["coordinates"] == [[*line, [180, -0.5]], [[-180, -0.5], [-179.75, -0.5]]]


def test_geometries_entirely_beyond_the_antimeridian_are_moved(tmp_path: Path) -> None:
    assert write_geojson(tmp_path, [shapely.Point(190, 10)], "EPSG:4326")[0]["coordinates"] == [-170, 10]
    (polygon,) = write_geojson(tmp_path, [shapely.box(190, 0, 191, 1)], "EPSG:4326")
    assert (polygon["type"], shape(polygon).bounds) == ("Polygon", (-170, 0, -169, 1))
    (line,) = write_geojson(tmp_path, [shapely.LineString([(-190, 0), (-191, 1)])], "EPSG:4326")
    assert line == {"type": "LineString", "coordinates": [[170, 0], [169, 1]]}


@pytest.mark.parametrize(("crs", "pole"), [("EPSG:3413", 90), ("EPSG:3031", -90)])
def test_a_ring_round_a_pole_encloses_it(tmp_path: Path, crs: str, pole: int) -> None:
    ring = shapely.Point(0, 0).buffer(100_000, quad_segs=90) - shapely.Point(0, 0).buffer(50_000, quad_segs=90)
    disc, annulus = (shape(g) for g in write_geojson(tmp_path, [shapely.Polygon(ring.exterior), ring], crs))
    assert disc.is_valid
    assert annulus.is_valid
    assert disc.covers(shapely.Point(33, pole))
    assert not annulus.covers(shapely.Point(33, pole))
    assert annulus.bounds[::2] == (-180, 180)
    assert geodesic_area(annulus) / geodesic_area(disc) == pytest.approx(0.75, rel=0.01)


def touching_hole(angle_deg: float, size_m: float) -> shapely.Polygon:
    polygon = shapely.Polygon([(0, 0), (10, 0), (10, 10), (0, 10)], [[(0, 5), (3, 4), (3, 6)]])
    turned = shapely.affinity.rotate(polygon, angle_deg, origin=(0, 0))
    return shapely.affinity.affine_transform(turned, [size_m / 10, 0, 0, size_m / 10, 500_000, 5_000_000])


def stairs(pixel_m: float, angle_deg: float) -> list[shapely.Polygon]:
    mask = np.random.default_rng(0).random((61, 47)) < 0.55
    transform = Affine.translation(500_123.37, 5_012_345.61) * Affine.rotation(angle_deg)
    transform = transform * Affine.scale(pixel_m, -pixel_m)
    return [shape(found) for found, _ in shapes(mask.astype(np.uint8), mask=mask, transform=transform)]


@pytest.mark.parametrize(
    "polygons",
    [
        [touching_hole(angle, size) for angle in np.linspace(0, 90, 40) for size in (10, 1, 0.3)],
        stairs(0.3, 0),
        stairs(0.3, 17.3),
        stairs(0.01, 17.3),
    ],
    ids=["touching holes", "stairs", "turned stairs", "stairs of 1 cm"],
)
def test_geojson_polygons_stay_valid(tmp_path: Path, polygons: list[shapely.Polygon]) -> None:
    polygons = [polygon for polygon in polygons if polygon.is_valid]
    assert len(polygons) > 60
    geometries = write_geojson(tmp_path, polygons, UTM_33)
    back = [shape(geometry) for geometry in geometries if geometry]
    assert len(geometries) == len(polygons)
    assert [part.wkt for part in back if not part.is_valid] == []
    assert {part.geom_type for part in back} <= {"Polygon", "MultiPolygon"}
    to_utm = pyproj.Transformer.from_crs("OGC:CRS84", UTM_33, always_xy=True)
    area = sum(shapely.transform(part, to_utm.transform, interleaved=False).area for part in back)
    assert area == pytest.approx(sum(polygon.area for polygon in polygons), rel=0.05)


@pytest.mark.parametrize(
    "geometry", [shapely.box(500_000, 0, 500_000.001, 0.001), shapely.LineString([(500_000, 0), (500_000.001, 0)])]
)
def test_geometries_that_vanish_by_rounding_become_null(tmp_path: Path, geometry: shapely.Geometry) -> None:
    assert write_geojson(tmp_path, [geometry], UTM_33) == [None]


def test_geojson_is_strict_json(tmp_path: Path) -> None:
    path = tmp_path / "roads.geojson"
    rows = [{"id": 0, "area_m2": value, "paved": True, "note": "x"} for value in (math.nan, math.inf, 1)]
    write_features(path, schema(), [Feature(square(0), values) for values in rows])

    def refuse(name: str) -> None:
        raise AssertionError(name)

    features = json.loads(path.read_text(), parse_constant=refuse)["features"]
    assert [feature["properties"]["area_m2"] for feature in features] == [None, None, 1]


def test_a_place_outside_the_crs_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no longitude and latitude"):
        write_geojson(tmp_path, [shapely.box(1e30, 0, 2e30, 1e30)], UTM_33)
    assert list(tmp_path.iterdir()) == []


# ---- complete or absent


class UnknownError(Exception):
    """An error of unknown type."""


def failing(error: BaseException, count: int) -> Iterator[Feature]:
    yield from squares(count)
    raise error


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("old", [None, b"old"])
@pytest.mark.parametrize(
    "error",
    [UnknownError("x"), OSError("no such raster"), OutputError("other file"), RuntimeError("x"), KeyboardInterrupt()],
    ids=repr,
)
def test_an_error_in_the_features_propagates_and_nothing_changes(
    tmp_path: Path, suffix: str, old: bytes | None, error: BaseException
) -> None:
    path = tmp_path / f"roads{suffix}"
    if old is not None:
        path.write_bytes(old)
    with pytest.raises(type(error)) as caught:
        write_features(path, schema(), failing(error, 2 * BATCH_FEATURES + 1))
    assert caught.value is error
    assert list(tmp_path.iterdir()) == ([] if old is None else [path])
    assert old is None or path.read_bytes() == old


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """The kernel refuses to write beyond a limit, as with a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_full_disk_is_an_output_error_and_leaves_nothing(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"roads{suffix}"
    write_features(path, schema(), squares(6_000))
    size, old = path.stat().st_size, path.read_bytes()
    for limit in (1, size // 10, size // 2, size - 5000, size - 100, size - 1):
        with file_size_limit(limit), pytest.raises(OutputError, match="free space") as caught:
            write_features(path, schema(), squares(6_000))
        assert str(caught.value).startswith(f"{path}: cannot be written")
        assert "\n" not in str(caught.value)
        assert [*tmp_path.iterdir()] == [path]
    assert path.read_bytes() == old


@pytest.mark.parametrize("suffix", [".gpkg", ".fgb"])
def test_features_lost_by_the_driver_are_noticed(tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write_arrow = pyogrio.write_arrow

    def lose(reader: pyarrow.RecordBatchReader, *args: object, **options: object) -> None:
        write_arrow(reader.read_all().slice(0, 1), *args, **options)

    monkeypatch.setattr(pyogrio, "write_arrow", lose)
    with pytest.raises(OutputError, match="only 1 of 3 features"):
        write_features(tmp_path / f"roads{suffix}", schema(), squares(3))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_missing_folder_is_an_output_error(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(OutputError, match="nowhere"):
        write_features(tmp_path / "nowhere" / f"roads{suffix}", schema(), squares(1))


# ---- streaming


class Tracked(dict):
    """A dict that supports weak references."""


def tracked(count: int, shape: shapely.Geometry, peaks: list[int]) -> Iterator[Feature]:
    alive: weakref.WeakSet[Tracked] = weakref.WeakSet()

    class Row(Tracked):
        __hash__ = object.__hash__  # type: ignore[assignment]

    for index in range(count):
        values = Row(row(index))
        alive.add(values)
        peaks.append(len(alive))
        yield Feature(shape, values)
        del values


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_few_features_are_alive_at_a_time(tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "BATCH_FEATURES", 50)
    peaks: list[int] = []
    write_features(tmp_path / f"roads{suffix}", schema(), tracked(1000, square(0), peaks))
    assert 50 <= max(peaks) <= 2 * 50 + 2


def test_large_features_make_small_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disc = shapely.Point(500_000, 5_000_000).buffer(100, quad_segs=250)
    monkeypatch.setattr(batches, "BATCH_BYTES", 10 * 16 * 1000)
    peaks: list[int] = []
    write_features(tmp_path / "roads.gpkg", schema(), tracked(200, disc, peaks))
    assert 10 <= max(peaks) <= 22


# ---- refusals


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    ("feature", "message"),
    [
        (Feature(shapely.Point(0, 0), row(0)), "given a Point; expected a Polygon"),
        (Feature(shapely.Polygon(), row(0)), "an empty Polygon"),
        (Feature(square(0), {"id": 1}), "has the properties"),
        (Feature(square(0), {**row(0), "id": 1.5}), "type float; expected int"),
        (Feature(square(0), {**row(0), "id": True}), "type bool; expected int"),
        (Feature(square(0), {**row(0), "id": 2**63}), "64-bit integer"),
        (Feature(square(0), {**row(0), "area_m2": "3"}), "type str; expected float"),
        (Feature(square(0), {**row(0), "paved": 1}), "type int; expected bool"),
        (Feature(square(0), {**row(0), "note": 1}), "type int; expected str"),
    ],
)
def test_a_feature_that_does_not_fit_is_refused(tmp_path: Path, suffix: str, feature: Feature, message: str) -> None:
    with pytest.raises(InputError, match=message):
        write_features(tmp_path / f"roads{suffix}", schema(), [Feature(square(0), row(0)), feature])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (schema(fields={"Geometry": str}), "reserved"),
        (schema(fields={"fid": int}), "reserved"),
        (schema(fields={"tags": list}), "expected int, float, bool or str"),
        (LayerSchema("roads", "Polygon", "", {}), "not valid WKT"),
    ],
)
def test_a_schema_that_no_format_takes_is_refused(tmp_path: Path, layer: LayerSchema, message: str) -> None:
    with pytest.raises(InputError, match=message):
        write_features(tmp_path / "roads.gpkg", layer, [])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["roads.shp", "roads", ".gpkg", "roads.gpkg.zip"])
def test_unknown_suffixes_are_refused_with_the_known_ones(tmp_path: Path, name: str) -> None:
    for call in (check_format, lambda path: check_output(path, True), lambda path: write_features(path, schema(), [])):
        with pytest.raises(InputError, match=r"\.geojson, \.gpkg, \.fgb, \.parquet"):
            call(tmp_path / name)


def test_suffixes_may_be_in_capitals(tmp_path: Path) -> None:
    assert write_features(tmp_path / "ROADS.GeoJSON", schema(), squares(2)) == 2
    assert write_features(tmp_path / "ROADS.GPKG", schema(), squares(2)) == 2
    assert len(list(tmp_path.iterdir())) == 2


def test_check_output_refuses_before_any_work(tmp_path: Path) -> None:
    path = tmp_path / "roads.gpkg"
    check_output(path, False)
    assert list(tmp_path.iterdir()) == []
    path.write_bytes(b"old")
    check_output(path, True)
    with pytest.raises(InputError, match="already exists"):
        check_output(path, False)
    with pytest.raises(OutputError, match="does not exist"):
        check_output(tmp_path / "nowhere" / "roads.gpkg", False)


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="a folder in which nobody may create files")
def test_check_output_refuses_a_folder_that_cannot_be_written_to() -> None:
    with pytest.raises(OutputError, match="cannot write"):
        check_output(Path("/proc/self/roads.gpkg"), False)


# ---- areas


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_area_is_the_union_in_the_requested_crs(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"area{suffix}"
    write_features(path, schema(), squares(3))
    to_mercator = pyproj.Transformer.from_crs(UTM_33, "EPSG:3857", always_xy=True)
    expected = shapely.transform(
        shapely.union_all([square(i) for i in range(3)]), to_mercator.transform, interleaved=False
    )
    area = read_area(path, wkt("EPSG:3857"), near=expected.buffer(1000))
    assert area.symmetric_difference(expected).area < 0.02 * expected.area


def test_an_area_must_be_readable_and_have_polygons_and_a_crs(tmp_path: Path) -> None:
    (tmp_path / "text.gpkg").write_text("x")
    write_features(tmp_path / "points.gpkg", schema("Point", fields={}), [Feature(shapely.Point(0, 0), {})])
    geopandas.GeoDataFrame(geometry=[square(0)], crs=None).to_parquet(tmp_path / "bare.parquet")
    for name, message in [("text.gpkg", "cannot be read"), ("points.gpkg", "no polygon"), ("bare.parquet", "no CRS")]:
        with pytest.raises(InputError, match=message):
            read_area(tmp_path / name, wkt(UTM_33), near=square(0))


def test_an_area_is_cut_to_what_is_near_and_its_edges_follow_the_ground(tmp_path: Path) -> None:
    """The northern half of the world, around a scene at 45 degrees: a parallel is not a straight line in UTM."""
    half = shapely.box(-180, 45, 180, 90)
    geopandas.GeoDataFrame(geometry=[half], crs="EPSG:4326").to_file(tmp_path / "half.gpkg")
    to_utm = pyproj.Transformer.from_crs("EPSG:4326", UTM_33, always_xy=True)
    x, y = to_utm.transform(17.0, 45.0)
    near = shapely.box(x - 50_000, y - 20_000, x + 50_000, y + 20_000)
    area = read_area(tmp_path / "half.gpkg", wkt(UTM_33), near)
    for lon in (16.5, 17.0, 17.5):
        above, below = (shapely.Point(to_utm.transform(lon, lat)) for lat in (45.0002, 44.9998))  # 20 m
        assert area.contains(above)
        assert not area.contains(below)


def test_geometries_are_reprojected_and_empty_ones_dropped(tmp_path: Path) -> None:
    frame = geopandas.GeoDataFrame(geometry=[shapely.Point(15, 50), None, shapely.Polygon()], crs="EPSG:4326")
    frame.to_file(tmp_path / "some.gpkg")
    (point,) = read_geometries(tmp_path / "some.gpkg", wkt(UTM_33))
    assert (point.x, point.y) == pytest.approx((500_000, 5_538_630), abs=1)


def test_importing_is_cheap() -> None:
    heavy = "{'shapely', 'pyproj', 'pyogrio', 'pyarrow', 'geopandas', 'rasterio', 'numpy'}"
    code = f"import sys, road_extract.io.vector; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
