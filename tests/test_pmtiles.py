"""PMTiles, read by an independent reader: the package pmtiles for archives, GDAL's MVT driver for tiles."""

from __future__ import annotations

import gzip
import math
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely
from pmtiles.reader import MmapSource, Reader, all_tiles
from pmtiles.tile import Compression, TileType
from pyproj import Transformer

from road_extract import BatchOptions, VectorizeOptions, extract_batch, extract_roads
from road_extract.base.errors import InputError
from road_extract.base.features import LayerSchema
from road_extract.cli import run
from road_extract.io.vector import write_features
from tests.helpers.review import CRS_WKT, LEFT, TOP, four_lines, line_feature
from tests.helpers.scenes import roads_in

CIRCLE_M = 40_075_016.68557849


def read_archive(path: Path):
    """Header, metadata and the tiles by (zoom, column, row)."""
    with path.open("rb") as file:
        source = MmapSource(file)
        reader = Reader(source)
        return reader.header(), reader.metadata(), dict(all_tiles(source))


def read_tile(data: bytes, place: tuple[int, int, int], layer: str, folder: Path):
    """The features of a tile, in Web Mercator."""
    zoom, col, row = place
    folder = folder / f"{zoom}" / f"{col}"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{row}.pbf"
    path.write_bytes(gzip.decompress(data))
    frame = pyogrio.read_dataframe(f"MVT:{path}", layer=layer)
    side = CIRCLE_M / 2**zoom
    corner = -CIRCLE_M / 2 + col * side, CIRCLE_M / 2 - row * side

    def place_points(points):
        return points if abs(points).max() > 1e5 else np.array(corner) + points * [side / 4096, -side / 4096]

    return frame.set_geometry(shapely.transform(frame.geometry.to_numpy(), place_points))


@pytest.fixture
def scene(write_scene):
    return write_scene(roads_in(300, 260))


def test_roads_are_in_the_tiles_with_their_attributes(scene, tmp_path, identity_model):
    for suffix in ("pmtiles", "gpkg"):
        extract_roads(scene, tmp_path / f"r.{suffix}", vectorize=VectorizeOptions(geometry="lines"))
    header, metadata, tiles = read_archive(tmp_path / "r.pmtiles")
    assert header["tile_type"] == TileType.MVT
    assert header["tile_compression"] == Compression.GZIP
    (layer,) = metadata["vector_layers"]
    assert layer["id"] == metadata["name"] == "road_lines"
    expected = pyogrio.read_dataframe(tmp_path / "r.gpkg").to_crs(3857)
    assert set(expected.columns) - {"geometry"} == layer["fields"].keys() | {"confidence"}  # no gap, no confidence
    deepest = {place: data for place, data in tiles.items() if place[0] == header["max_zoom"]}
    found = [read_tile(data, place, "road_lines", tmp_path) for place, data in deepest.items()]
    rows = {row.id: row for frame in found for row in frame.itertuples()}
    assert rows.keys() == set(expected.id)
    for known in expected.itertuples():
        assert rows[known.id].probability == pytest.approx(known.probability)
        parts = [row.geometry for frame in found for row in frame.itertuples() if row.id == known.id]
        assert shapely.hausdorff_distance(shapely.union_all(parts), known.geometry) < 1


@pytest.mark.parametrize(("pixel_m", "zoom"), [(0.05, 16), (0.3, 16), (1.0, 15), (10.0, 11), (1000.0, 8), (None, 16)])
def test_the_zoom_levels_follow_the_pixels_of_the_scene(tmp_path, pixel_m, zoom):
    lines = [line_feature(1, [(0, 0), (5_000, 5_000)])]
    fields = {name: type(value) for name, value in lines[0].properties.items()} | {"confidence": float}
    schema = LayerSchema("road_lines", "LineString", CRS_WKT, fields, pixel_m=pixel_m)
    write_features(tmp_path / "r.pmtiles", schema, lines)
    header, _, tiles = read_archive(tmp_path / "r.pmtiles")
    assert (header["min_zoom"], header["max_zoom"]) == (zoom - 8, zoom)
    assert {place[0] for place in tiles} == set(range(zoom - 8, zoom + 1))
    if pixel_m is not None and zoom < 16:
        assert CIRCLE_M / 2**zoom / 4096 <= pixel_m / 2  # a unit of a tile on the ground


def test_the_tiles_are_where_the_roads_are(tmp_path):
    path = tmp_path / "r.pmtiles"
    fields = {name: type(value) for name, value in line_feature(1, [(0, 0), (9, 9)]).properties.items()}
    schema = LayerSchema("road_lines", "LineString", CRS_WKT, fields | {"confidence": float}, pixel_m=1.0)
    write_features(path, schema, [line_feature(1, [(0, 0), (100, 100)])])
    header, _, _ = read_archive(path)
    lon, lat = Transformer.from_crs(32611, 4326, always_xy=True).transform([LEFT, LEFT + 100], [TOP, TOP - 100])
    bounds = [header[f"{name}_e7"] / 1e7 for name in ("min_lon", "min_lat", "max_lon", "max_lat")]
    assert bounds == pytest.approx([min(lon), min(lat), max(lon), max(lat)], abs=1e-5)
    col = math.floor((min(lon) + 180) / 360 * 2 ** header["max_zoom"])
    with path.open("rb") as file:
        row = math.floor((1 - math.asinh(math.tan(math.radians(max(lat)))) / math.pi) / 2 * 2 ** header["max_zoom"])
        assert Reader(MmapSource(file)).get(header["max_zoom"], col, row)


def test_an_empty_result_is_an_archive_without_tiles(write_scene, tmp_path, identity_model):
    scene = write_scene(np.zeros((3, 300, 260), np.uint8))
    assert run(["extract", str(scene), str(tmp_path / "r.pmtiles")]) == 0
    header, _, tiles = read_archive(tmp_path / "r.pmtiles")
    assert (header["tile_type"], tiles) == (TileType.MVT, {})


def test_polygons_and_lines_are_two_archives(scene, tmp_path, identity_model):
    extract_roads(scene, tmp_path / "r.pmtiles", vectorize=VectorizeOptions(geometry="both"))
    names = [read_archive(tmp_path / f"{name}.pmtiles")[1]["vector_layers"][0]["id"] for name in ("r", "r_lines")]
    assert names == ["roads", "road_lines"]
    assert sorted(path.name for path in tmp_path.glob("*r*.*tiles*")) == ["r.pmtiles", "r_lines.pmtiles"]


def test_a_batch_writes_tiles_of_scenes_and_of_all_of_them(write_scene, tmp_path, identity_model):
    write_scene(roads_in(300, 260), "a.tif")
    options = BatchOptions(formats="pmtiles,gpkg", merge=str(tmp_path / "all.pmtiles"))
    assert extract_batch([str(tmp_path / "a.tif")], tmp_path / "out", batch=options).complete
    for path in (tmp_path / "out" / "a" / "a.pmtiles", tmp_path / "all.pmtiles"):
        header, _, tiles = read_archive(path)
        assert (header["max_zoom"], bool(tiles)) == (15, True)


def test_roads_on_another_celestial_body_have_no_tiles(tmp_path):
    from road_extract.io.vector import check_crs

    moon = 'GEOGCS["Moon",DATUM["D_Moon",SPHEROID["Moon",1737400,0]],PRIMEM["Reference",0],UNIT["degree",0.0174532925]]'
    with pytest.raises(InputError, match="longitude and latitude"):
        check_crs(tmp_path / "r.pmtiles", moon)


def test_a_tile_file_that_was_cut_short_is_noticed(tmp_path, monkeypatch):
    from road_extract.base.errors import OutputError
    from road_extract.io.vector import tables

    original = tables._write_gdal

    def cut_short(path, *args, **options):
        count = original(path, *args, **options)
        path.write_bytes(path.read_bytes()[:-10])
        return count

    monkeypatch.setattr(tables, "_write_gdal", cut_short)
    lines = [line_feature(1, [(0, 0), (100, 100)])]
    fields = {name: type(value) for name, value in lines[0].properties.items()} | {"confidence": float}
    with pytest.raises(OutputError, match="only some of the tiles were written"):
        write_features(
            tmp_path / "r.pmtiles", LayerSchema("road_lines", "LineString", CRS_WKT, fields, pixel_m=1.0), lines
        )
    assert list(tmp_path.iterdir()) == []


def test_tiles_cannot_be_reviewed(tmp_path, scene):
    from road_extract import write_report

    four_lines(tmp_path / "r.gpkg")
    with pytest.raises(InputError, match="no permanent ids"):
        write_report(scene, tmp_path / "r.pmtiles", tmp_path / "p.html")
