"""One layer over all scenes: roads are joined across borders, and overlapping areas count once."""

from __future__ import annotations

import json
import shutil

import geopandas
import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine

from road_extract import BatchOptions, PredictOptions, VectorizeOptions, extract_batch, extract_roads
from road_extract.base.errors import InputError
from road_extract.batch.merging import group_scenes, read_grid
from road_extract.io.raster import plan_mosaic
from tests.helpers.backends import IdentityBackend, use_backend
from tests.helpers.scenes import UTM, roads_in

#: Two layers in one file.
BOTH = VectorizeOptions(geometry="both")
PLAIN = PredictOptions(native_gsd=True)


@pytest.fixture
def model(identity_model, monkeypatch):
    use_backend(monkeypatch, IdentityBackend)


@pytest.fixture
def cut(write_scene):
    """Write parts of one image as separate scenes."""

    def cut(pixels, *boxes, **profile):
        paths = []
        for number, (top, left, bottom, right) in enumerate(boxes):
            transform = UTM * Affine.translation(left, top)
            part = pixels[:, top:bottom, left:right]
            paths.append(str(write_scene(part, f"part{number}.tif", transform=transform, **profile)))
        return paths

    return cut


def merge(inputs, tmp_path, name="roads.gpkg", formats="gpkg"):
    batch = BatchOptions(formats=formats, merge=str(tmp_path / name))
    done = extract_batch(inputs, tmp_path / "out", vectorize=BOTH, predict=PLAIN, batch=batch)
    assert done.complete, done.error
    return done


def layers(path):
    return [geopandas.read_file(path, layer=name) for name in ("roads", "road_lines")]


@pytest.mark.parametrize(
    "boxes",
    [
        [(0, 0, 300, 150), (0, 150, 300, 260)],
        [(0, 0, 110, 260), (110, 0, 300, 130), (110, 130, 300, 260)],
        [(0, 0, 300, 180), (0, 90, 300, 260)],  # half of it covered twice
        [(0, 0, 200, 200), (50, 0, 300, 200), (0, 60, 200, 260), (50, 60, 300, 260)],
        [(0, 0, 300, 260), (100, 100, 200, 200)],  # one inside the other
    ],
)
def test_the_parts_of_a_scene_give_the_roads_of_the_whole_byte_for_byte(cut, write_scene, tmp_path, model, boxes):
    """This model treats each pixel separately, so overlapping scenes agree and any difference comes from merging."""
    pixels = roads_in(300, 260)
    merge(cut(pixels, *boxes), tmp_path)
    extract_roads(write_scene(pixels), tmp_path / "whole.gpkg", predict=PLAIN, vectorize=BOTH)
    assert (tmp_path / "roads.gpkg").read_bytes() == (tmp_path / "whole.gpkg").read_bytes()


def test_where_scenes_disagree_the_one_in_which_a_pixel_lies_deeper_wins(write_scene, tmp_path, model):
    """The left scene sees road everywhere, the right one nowhere; they share 100 columns."""
    left, right = np.full((3, 200, 200), 230, np.uint8), np.full((3, 200, 200), 20, np.uint8)
    a = write_scene(left, "a.tif")
    b = write_scene(right, "b.tif", transform=UTM * Affine.translation(100, 0))
    merge([str(a), str(b)], tmp_path)
    (polygon,) = layers(tmp_path / "roads.gpkg")[0].geometry
    # columns 100 to 149 lie deeper in the left one; the two corners of the overlap are equally deep in both
    x0, _ = UTM * (0, 0)
    middle = polygon.intersection(shapely.box(x0, UTM.f - 101, x0 + 300, UTM.f - 99))
    assert middle.bounds[2] - x0 == pytest.approx(150, abs=1.5)


def test_where_one_scene_has_no_data_the_other_is_used(write_scene, tmp_path, model):
    valid = np.full((200, 200), 255, np.uint8)
    valid[50:150, 50:150] = 0
    hole = write_scene(np.full((3, 200, 200), 20, np.uint8), "a.tif", mask=valid)
    road = write_scene(np.full((3, 200, 200), 230, np.uint8), "b.tif", transform=UTM * Affine.translation(60, 0))
    merge([str(hole), str(road)], tmp_path)
    roads = layers(tmp_path / "roads.gpkg")[0].union_all()
    x, y = UTM * (100, 100)
    assert roads.contains(shapely.Point(x, y))


def test_a_gap_is_bridged_across_a_border(cut, tmp_path, model):
    pixels = np.full((3, 200, 400), 20, np.uint8)
    pixels[:, 96:104] = 230
    pixels[:, 96:104, 190:205] = 60  # hardly anything where the scenes meet
    merge(cut(pixels, (0, 0, 200, 200), (0, 200, 200, 400)), tmp_path)
    _, lines = layers(tmp_path / "roads.gpkg")
    assert lines.bridged.any()
    assert lines.component.nunique() == 1
    assert lines.length.sum() == pytest.approx(400, abs=12)


def test_scenes_in_several_crss_are_merged_without_duplicates(write_scene, tmp_path, model):
    pixels = roads_in(300, 260)
    here = write_scene(pixels, "here.tif")
    with rasterio.open(here) as source:
        transform, width, height = rasterio.warp.calculate_default_transform(
            source.crs, "EPSG:4326", source.width, source.height, *source.bounds
        )
        profile = source.profile | {"crs": "EPSG:4326", "transform": transform, "width": width, "height": height}
        with rasterio.open(tmp_path / "there.tif", "w", **profile | {"nodata": 0}) as target:
            rasterio.warp.reproject(rasterio.band(source, (1, 2, 3)), rasterio.band(target, (1, 2, 3)), dst_nodata=0)
    extract_roads(here, tmp_path / "one.gpkg", predict=PLAIN, vectorize=BOTH)
    merge([str(here), str(tmp_path / "there.tif")], tmp_path)
    one, both = (layers(tmp_path / name)[0] for name in ("one.gpkg", "roads.gpkg"))
    assert both.crs.to_epsg() == 32611  # that of the first; they form one mosaic
    assert both.union_all().area == pytest.approx(one.union_all().area, rel=0.05)
    assert both.area.sum() == pytest.approx(both.union_all().area, rel=1e-6)


def test_distant_scenes_are_numbered_consecutively_and_share_a_crs(write_scene, tmp_path, model):
    pixels = roads_in(300, 260)
    a = write_scene(pixels, "a.tif")
    b = write_scene(pixels, "b.tif", crs="EPSG:32612", transform=UTM)
    merge([str(a), str(b)], tmp_path)
    roads, lines = layers(tmp_path / "roads.gpkg")
    one, one_lines = layers(tmp_path / "out" / "a" / "a.gpkg")
    assert len(roads) == 2 * len(one)
    assert list(roads.id) == list(range(1, len(roads) + 1))
    assert roads.crs.to_authority() == ("OGC", "CRS84")
    assert list(lines.id) == list(range(1, len(lines) + 1))
    assert lines.component.nunique() == 2 * one_lines.component.nunique()
    first, second = (
        set(part.from_node) | set(part.to_node) for part in (lines[: len(one_lines)], lines[len(one_lines) :])
    )
    assert not first & second
    assert roads.area_m2.sum() == pytest.approx(2 * one.area_m2.sum(), rel=1e-3)


def test_only_touching_scenes_are_joined(write_scene, tmp_path):
    def place(name, col, row):
        pixels = np.zeros((1, 50, 50), np.uint8)
        return write_scene(pixels, name, transform=UTM * Affine.translation(col, row), nodata=255)

    a, far, b = place("a.tif", 0, 0), place("far.tif", 500, 500), place("b.tif", 50, 20)
    c = place("c.tif", 95, 60)
    assert group_scenes([a, far, b, c]) == [[a, b, c], [far]]
    assert read_grid(a).height == 50


def test_a_mosaic_keeps_the_pixels_of_the_first_scene(write_scene, tmp_path):
    paths = [
        write_scene(np.zeros((1, 40, 50), np.uint8), "a.tif", nodata=255),
        write_scene(
            np.zeros((1, 40, 50), np.uint8), "b.tif", transform=UTM * Affine.translation(-30.3, 10), nodata=255
        ),
    ]
    grid = plan_mosaic([read_grid(path) for path in paths])
    assert ~grid.transform * (UTM.c, UTM.f) == pytest.approx((31, 0), abs=1e-6)
    assert (grid.height, grid.width) == (50, 81)


def test_the_merged_layer_has_its_record_and_is_made_only_once(cut, tmp_path, model, monkeypatch):
    paths = cut(roads_in(300, 260), (0, 0, 300, 150), (0, 150, 300, 260))
    for name in (".roads.tmp-1-00.gpkg", ".roads.stac.tmp-1-00.json"):  # from a killed run
        (tmp_path / name).write_bytes(b"half")
    merge(paths, tmp_path)
    assert not list(tmp_path.rglob("*.tmp-*"))
    record = json.loads((tmp_path / "roads.json").read_text())
    assert record["made"]["scenes"].keys() == {"part0", "part1"}
    assert record["made"]["outputs"].keys() == {"roads.gpkg"}
    item = json.loads((tmp_path / "roads.stac.json").read_text())
    assert {link["href"] for link in item["links"]} == set(paths)
    before = (tmp_path / "roads.gpkg").stat().st_mtime_ns
    merge(paths, tmp_path)
    assert (tmp_path / "roads.gpkg").stat().st_mtime_ns == before
    assert sorted(path.name for path in (tmp_path / "out" / ".road-extract").iterdir()) == ["lock"]
    data = (tmp_path / "roads.gpkg").read_bytes()
    (tmp_path / "roads.gpkg").unlink()
    merge(paths, tmp_path)
    assert (tmp_path / "roads.gpkg").read_bytes() == data


def test_failed_scenes_are_left_out_and_reported(cut, tmp_path, model):
    paths = cut(roads_in(300, 260), (0, 0, 300, 150), (0, 150, 300, 260))
    (tmp_path / "bad.tif").write_text("no raster")
    done = extract_batch(
        [*paths, str(tmp_path / "bad.tif")], tmp_path / "out", batch=BatchOptions(merge=str(tmp_path / "roads.gpkg"))
    )
    assert not done.complete
    assert done.merged == tmp_path / "roads.gpkg"
    record = json.loads((tmp_path / "roads.json").read_text())
    assert record["made"]["scenes"].keys() == {"part0", "part1"}


def test_a_file_not_created_by_a_batch_is_not_overwritten(cut, tmp_path, model):
    (path,) = cut(roads_in(300, 260), (0, 0, 300, 260))
    (tmp_path / "roads.gpkg").write_bytes(b"mine")
    done = extract_batch([path], tmp_path / "out", batch=BatchOptions(merge=str(tmp_path / "roads.gpkg")))
    assert "already exists" in done.error
    assert (tmp_path / "roads.gpkg").read_bytes() == b"mine"
    with pytest.raises(InputError, match="merged roads can only be written to"):
        extract_batch(
            [path],
            tmp_path / "out",
            batch=BatchOptions(merge=str(tmp_path / "roads.osm")),
            vectorize=VectorizeOptions(geometry="lines"),
        )


def test_lines_next_to_polygons_in_other_formats(cut, tmp_path, model):
    paths = cut(roads_in(300, 260), (0, 0, 300, 150), (0, 150, 300, 260))
    merge(paths, tmp_path, "roads.fgb", formats="fgb")
    assert len(geopandas.read_file(tmp_path / "roads.fgb")) == 2
    assert len(geopandas.read_file(tmp_path / "roads_lines.fgb")) == 4
    shutil.rmtree(tmp_path / "out")
