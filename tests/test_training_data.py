"""Scenes and labels of any kind become prepared scenes, from which windows are drawn."""

from __future__ import annotations

import logging
import zipfile
from pathlib import Path

import geopandas
import numpy as np
import pytest
import shapely
from affine import Affine
from pyproj import CRS

from road_extract.base.errors import InputError
from road_extract.base.grid import RasterGrid
from road_extract.base.windows import Window
from road_extract.io.vector import read_table
from road_extract.models.spec import ModelSpec
from road_extract.prediction.preprocess import fit_scaling, to_model_input
from road_extract.training.burning import RoadWidths, burn_roads
from road_extract.training.cells import choose_cells, count_cells, mark_cells
from road_extract.training.options import DataOptions
from road_extract.training.preparation import prepare_scenes
from road_extract.training.sampling import (
    ASPECT_SPREAD,
    SCALE_SPREAD,
    SCALES,
    SHEAR_SPREAD,
    SamplingOptions,
    WindowSampler,
    _crop,
    _grown,
    _random_warp,
    _warp,
    random_symmetry,
)
from road_extract.training.scenes import INVALID, ROAD, UNLABELLED, VALIDATION, PreparedScene, SceneEntry, open_prepared
from road_extract.training.sources import TrainingSource
from tests.helpers.input_kinds import raster
from tests.helpers.scenes import UTM

SPEC = ModelSpec("test")
NO_VALIDATION = DataOptions(validation_share=0.0)
UTM_CRS = "EPSG:32611"


@pytest.fixture
def folder(tmp_path, write_scene, rng):
    """Two scenes whose roads are bright lines; a quarter of the first is unlabelled."""
    folder = tmp_path / "data"
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True)
    for name in ("a.tif", "b.tif"):
        mask = np.zeros((1, 150, 120), np.uint8)
        mask[0, 70:78] = 1
        mask[0, :, 30:37] = 1
        image = np.repeat(mask * 150 + 50, 3, axis=0) + rng.integers(0, 30, (3, 150, 120), dtype=np.uint8)
        if name == "a.tif":
            mask[0, :75, :60] = 255
        write_scene(image, f"data/images/{name}")
        write_scene(mask, f"data/masks/{name}", nodata=255)
    return folder


@pytest.fixture
def prepared(folder, tmp_path):
    return prepare_scenes([TrainingSource(folder)], tmp_path / "prepared", NO_VALIDATION, SPEC)


def _lines(tmp_path, lines, name="roads.gpkg", crs=UTM_CRS, **columns):
    geopandas.GeoDataFrame(columns, geometry=lines, crs=UTM_CRS).to_crs(crs).to_file(tmp_path / name)
    return str(tmp_path / name)


def _scene(pixels, labels):
    return PreparedScene(SceneEntry("s", "g", 1.0), np.asarray(pixels, np.uint8), np.asarray(labels, np.uint8))


# --- preparation


def test_masks_become_labels_and_other_pixels_are_unlabelled(prepared):
    first, second = open_prepared(prepared)
    assert first.pixels.shape == (150, 120, 3)
    assert (np.asarray(first.labels[:75, :60]) == UNLABELLED).all()
    assert np.asarray(second.labels[70:78]).all()
    assert (np.asarray(second.labels) == ROAD).sum() == 8 * 120 + 142 * 7
    assert (np.asarray(second.pixels)[np.asarray(second.labels) == ROAD] >= 200).all()


def test_nodata_pixels_are_invalid_whatever_the_mask_says(tmp_path, folder, write_scene):
    valid = np.full((150, 120), 255, np.uint8)
    valid[:, 100:] = 0
    write_scene(np.full((3, 150, 120), 90, np.uint8), "data/images/b.tif", mask=valid)
    scene = open_prepared(prepare_scenes([TrainingSource(folder)], tmp_path / "p", NO_VALIDATION, SPEC))[1]
    assert (np.asarray(scene.labels[:, 100:]) == INVALID).all()
    assert not (np.asarray(scene.labels[:, :100]) == INVALID).any()


def test_a_dark_scene_is_normalized_for_training_as_for_inference(tmp_path, write_scene):
    for name in ("images", "masks"):
        (tmp_path / "data" / name).mkdir(parents=True)
    ramp = np.linspace(40, 140, 150 * 120).reshape(1, 150, 120).astype(np.uint8)
    scene = write_scene(np.repeat(ramp, 3, axis=0), "data/images/dark.tif")
    write_scene(np.ones((1, 150, 120), np.uint8), "data/masks/dark.tif", nodata=255)
    spec = ModelSpec("x", normalization="percentiles")
    source = [TrainingSource(scene.parents[1])]
    (found,) = open_prepared(prepare_scenes(source, tmp_path / "p", NO_VALIDATION, spec))
    pixels, valid = np.repeat(ramp, 3, axis=0).transpose(1, 2, 0), np.ones((150, 120), bool)
    expected = to_model_input(pixels, valid, fit_scaling(pixels, valid, "percentiles"), spec)
    for_training = (found.pixels / 255 - 0.5) / 0.25
    assert np.abs(for_training - expected).max() < 1.01 / 255 / 0.25
    (plain,) = open_prepared(prepare_scenes(source, tmp_path / "q", NO_VALIDATION, SPEC))
    assert np.array_equal(plain.pixels, pixels)


def test_windows_are_stretched_and_sheared_as_well_as_turned_and_scaled():
    matrices = np.stack([_random_warp(np.random.default_rng(seed)) for seed in range(400)])
    first, second = matrices[:, :, 0], matrices[:, :, 1]
    lengths = np.linalg.norm(first, axis=1), np.linalg.norm(second, axis=1)
    cosine = (first * second).sum(axis=1) / (lengths[0] * lengths[1])
    assert np.std(np.log(lengths[0] / lengths[1])) > ASPECT_SPREAD
    assert np.std(cosine) > SHEAR_SPREAD / 2
    scale = np.sqrt(np.abs(np.linalg.det(matrices)))
    assert SCALES[0] - 1e-9 <= scale.min() < scale.max() <= SCALES[1] + 1e-9
    assert np.std(np.log(scale)) > SCALE_SPREAD / 2


def test_scenes_are_resampled_to_the_models_gsd_with_their_masks(tmp_path, folder):
    scene = open_prepared(
        prepare_scenes([TrainingSource(folder)], tmp_path / "p", NO_VALIDATION, ModelSpec("x", gsd_m=2))
    )
    assert scene[1].labels.shape == (75, 60)
    assert np.asarray(scene[1].labels[36:38]).all()


def test_16_bit_and_grey_scenes_become_8_bit_in_every_band(tmp_path, write_scene):
    ramp = np.linspace(300, 4000, 150 * 120).reshape(1, 150, 120).astype(np.uint16)
    scene = write_scene(ramp, "grey.tif")
    roads = _lines(tmp_path, [shapely.LineString([UTM * (0, 75), UTM * (120, 75)])])
    data = DataOptions(roads=roads, validation_share=0.0)
    (found,) = open_prepared(prepare_scenes([TrainingSource(scene)], tmp_path / "p", data, SPEC))
    assert found.pixels.shape == (150, 120, 3)
    assert np.asarray(found.pixels).min() == 0
    assert np.asarray(found.pixels).max() == 255
    assert np.ptp(np.asarray(found.pixels), axis=-1).max() == 0


def test_a_scene_without_georeferencing_works_with_a_mask_but_not_with_vector_roads(tmp_path, write_scene, rng):
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    image = rng.integers(0, 255, (3, 40, 60), dtype=np.uint8)
    labels = rng.integers(0, 2, (1, 40, 60), dtype=np.uint8)
    for name, pixels in (("images/x.tif", image), ("masks/x.tif", labels)):
        with pytest.warns(Warning, match="no geotransform"):
            write_scene(pixels, name, crs=None, transform=Affine.identity())
    (found,) = open_prepared(prepare_scenes([TrainingSource(tmp_path)], tmp_path / "p", NO_VALIDATION, SPEC))
    assert np.array_equal(found.pixels, image.transpose(1, 2, 0))
    assert np.array_equal(found.labels, labels[0])
    data = DataOptions(roads=_lines(tmp_path, [shapely.LineString([(0, 0), (1, 1)])]), validation_share=0.0)
    with pytest.raises(InputError, match="has no georeferencing"):
        prepare_scenes([TrainingSource(tmp_path / "images" / "x.tif")], tmp_path / "p", data, SPEC)


def test_a_scene_without_labels_or_a_folder_without_scenes_is_an_input_error(tmp_path, folder):
    (folder / "masks" / "b.tif").unlink()
    with pytest.raises(InputError, match=r"its mask .* does not exist"):
        prepare_scenes([TrainingSource(folder)], tmp_path / "p", NO_VALIDATION, SPEC)
    with pytest.raises(InputError, match="it has no mask"):
        prepare_scenes([TrainingSource(folder / "images" / "a.tif")], tmp_path / "p", NO_VALIDATION, SPEC)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no scenes found"):
        prepare_scenes([TrainingSource(tmp_path / "empty")], tmp_path / "p", NO_VALIDATION, SPEC)
    with pytest.raises(InputError, match="does not exist"):
        prepare_scenes([TrainingSource(tmp_path / "nowhere")], tmp_path / "p", NO_VALIDATION, SPEC)


def test_a_prepared_folder_is_kept_until_something_it_depends_on_changes(tmp_path, folder, write_scene):
    said = []
    args = ([TrainingSource(folder)], tmp_path / "p", NO_VALIDATION, SPEC)
    for _ in range(2):
        prepare_scenes(*args, report=lambda *what: said.append(what))
    assert len(said) == 2  # two scenes, once
    write_scene(np.ones((1, 150, 120), np.uint8), "data/masks/b.tif", nodata=255)
    prepare_scenes(*args, report=lambda *what: said.append(what))
    assert len(said) == 4
    assert (np.asarray(open_prepared(tmp_path / "p")[1].labels) == ROAD).all()


# --- vector roads


def test_lines_are_rasterized_at_their_width_in_any_crs(tmp_path):
    line = shapely.LineString([UTM * (10, 50.5), UTM * (90, 50.5)])
    grid = RasterGrid(100, 100, UTM, _wkt(UTM_CRS))
    for crs in (UTM_CRS, "EPSG:4326", "EPSG:3857"):
        table = read_table(Path(_lines(tmp_path, [line], f"{crs[5:]}.gpkg", crs)))
        burnt = burn_roads(table, grid, RoadWidths(7.0))
        assert burnt[:, 50].sum() == 7
        assert burnt[47:54, 50].all()


def test_widths_come_from_an_attribute_with_or_without_unit_or_else_from_the_option(tmp_path):
    lines = [shapely.LineString([UTM * (0, row + 0.5), UTM * (100, row + 0.5)]) for row in (10, 30, 50, 70, 90)]
    widths = ["3", "5.0 m", None, "-2", "wide"]
    table = read_table(Path(_lines(tmp_path, lines, width=widths)))
    grid = RasterGrid(100, 100, UTM, _wkt(UTM_CRS))
    burnt = burn_roads(table, grid, RoadWidths(9.0, "width"))
    assert [int(burnt[row - 9 : row + 10, 50].sum()) for row in (10, 30, 50, 70, 90)] == [3, 5, 9, 9, 9]
    with pytest.raises(InputError, match="no attribute 'breadth'; their attributes are: width"):
        burn_roads(table, grid, RoadWidths(9.0, "breadth"))


def test_only_the_selected_roads_are_read(tmp_path):
    lines = [shapely.LineString([UTM * (0, row + 0.5), UTM * (100, row + 0.5)]) for row in (10, 30)]
    path = Path(_lines(tmp_path, lines, highway=["residential", None]))
    assert len(read_table(path, "highway IS NOT NULL").geometries) == 1
    with pytest.raises(InputError, match="cannot be read"):
        read_table(path, "nonsense = = 1")


def test_polygons_are_burned_unchanged_and_distant_roads_are_harmless(tmp_path):
    near = shapely.box(*(UTM * (20, 40)), *(UTM * (30, 20)))
    far = shapely.LineString([(-170, -80), (170, 85)])
    frame = geopandas.GeoDataFrame(geometry=[near], crs=UTM_CRS).to_crs("EPSG:4326")
    both = geopandas.GeoDataFrame(geometry=[*frame.geometry, far], crs="EPSG:4326")
    both.to_file(tmp_path / "r.geojson")
    burnt = burn_roads(read_table(tmp_path / "r.geojson"), RasterGrid(100, 100, UTM, _wkt(UTM_CRS)), RoadWidths(7.0))
    assert burnt.sum() == 200
    assert burnt[20:40, 20:30].all()


def test_ground_outside_the_area_is_unlabelled(tmp_path, write_scene):
    scene = write_scene(np.full((3, 100, 100), 9, np.uint8))
    area = shapely.box(*(UTM * (0, 100)), *(UTM * (40, 0)))
    geopandas.GeoDataFrame(geometry=[area], crs=UTM_CRS).to_crs("EPSG:4326").to_file(tmp_path / "area.geojson")
    roads = _lines(tmp_path, [shapely.LineString([UTM * (0, 50.5), UTM * (100, 50.5)])])
    data = DataOptions(roads=roads, area=str(tmp_path / "area.geojson"), validation_share=0.0)
    (found,) = open_prepared(prepare_scenes([TrainingSource(scene)], tmp_path / "p", data, SPEC))
    assert (np.asarray(found.labels[:, 41:]) == UNLABELLED).all()
    assert (np.asarray(found.labels[47:54, :39]) == ROAD).all()


# --- validation ground


def test_named_scenes_are_held_out_completely(tmp_path, folder):
    out = prepare_scenes([TrainingSource(folder)], tmp_path / "p", DataOptions(), SPEC, validation=["b"])
    first, second = open_prepared(out)
    assert not first.has_validation()
    assert second.has_validation()
    assert second.training_labelled_px() == 0
    road, counted = second.truth()
    assert counted.all()
    assert road.sum() == 8 * 120 + 142 * 7


def test_squares_are_held_out_and_never_trained_on(tmp_path, folder):
    data = DataOptions(validation_share=0.2, cell_m=30.0)
    out = prepare_scenes([TrainingSource(folder)], tmp_path / "p", data, SPEC)
    scenes = open_prepared(out)
    kept = sum(int(scene.truth()[1].sum()) for scene in scenes)
    assert 0.15 < kept / (2 * 150 * 120 - 75 * 60) < 0.35
    sampler = WindowSampler(out, SamplingOptions(32, 16, augment="none"))
    drawn = np.concatenate([sampler.draw(step)[1] for step in range(20)])
    assert (drawn <= INVALID).all()
    for scene in scenes:
        labels = np.asarray(scene.labels)
        assert scene.training_labelled_px() == int((labels <= ROAD).sum())
        rows, cols = np.nonzero(labels >= VALIDATION)
        if len(rows):  # whole map squares, not single pixels
            assert len(np.unique(np.stack([rows // 40, cols // 40]), axis=1)) < 30


def test_a_training_window_hides_the_labels_of_validation_ground():
    labels = np.array([[0, 1], [VALIDATION, VALIDATION + ROAD], [VALIDATION + INVALID, INVALID]])
    _, drawn = _crop(_scene(np.zeros((3, 2, 3)), labels), np.array([0, 0]), 3)
    assert drawn[:, :2].tolist() == [[0, ROAD], [UNLABELLED, UNLABELLED], [INVALID, INVALID]]


def test_scenes_that_overlap_agree_on_the_squares():
    whole = RasterGrid(90, 90, UTM, "crs")
    part = RasterGrid(50, 50, UTM * Affine.translation(20, 30), "crs")
    counts = {}
    count_cells("crs", whole, np.ones((90, 90), np.uint8), 16, counts)
    chosen = choose_cells(counts, 0.3, seed=1)
    one, other = np.ones((90, 90), np.uint8), np.ones((50, 50), np.uint8)
    mark_cells("crs", whole, one, 16, chosen)
    mark_cells("crs", part, other, 16, chosen)
    assert np.array_equal(one[30:80, 20:70], other)
    assert 0.3 <= (one >= VALIDATION).mean() < 0.4


def test_some_ground_is_always_left_for_training_and_validation_contains_road():
    counts = {("a", 0, 0): (100, 10), ("a", 1, 0): (100, 0), ("a", 2, 0): (100, 0)}
    for seed in range(20):
        assert choose_cells(counts, 0.5, seed) == set()  # the only road is needed for training
    counts[("a", 3, 0)] = (100, 5)
    for seed in range(20):
        chosen = choose_cells(counts, 0.1, seed)
        assert sum(counts[cell][1] > 0 for cell in chosen) == 1
    assert choose_cells(counts, 0.0, 0) == set()


def test_a_window_without_validation_ground_is_invalid_for_validation():
    labels = np.zeros((20, 40), np.uint8)
    labels[:, 30:] = VALIDATION + ROAD
    labels[0, 30:] = VALIDATION + INVALID
    scene = _scene(np.zeros((20, 40, 3)), labels)
    assert not scene.read(Window(0, 0, 20, 20))[1].any()
    assert scene.read(Window(20, 0, 20, 20))[1].sum() == 20 * 20 - 10


# --- windows


def test_the_same_seed_and_step_give_the_same_batch_whatever_came_before(prepared):
    first, second = (WindowSampler(prepared, SamplingOptions(32, 3, seed=1)) for _ in range(2))
    for step in range(3):
        first.draw(step)
    for one, other in zip(first.draw(7), second.draw(7), strict=True):
        assert np.array_equal(one, other)
    assert not np.array_equal(first.draw(7)[0], first.draw(8)[0])


@pytest.mark.parametrize("augment", ["full", "symmetries", "none"])
def test_windows_carry_their_labels(prepared, augment):
    sampler = WindowSampler(prepared, SamplingOptions(32, 8, augment=augment))
    images, labels = (np.concatenate(part) for part in zip(*(sampler.draw(step) for step in range(12)), strict=True))
    assert images.shape == (96, 32, 32, 3)
    assert labels.shape == (96, 32, 32)
    assert (labels == UNLABELLED).any()
    assert 0.1 < (labels == ROAD).mean() < 0.6  # drawn near roads
    light = images.mean(-1)
    contrast = [
        im[la == ROAD].mean() - im[la == 0].mean()
        for im, la in zip(light, labels, strict=True)
        if (la == ROAD).any() and (la == 0).any()
    ]
    assert np.mean(contrast) > 50  # bright where labelled as road: image and label were rotated together


def test_groups_get_their_shares_of_the_windows(tmp_path, write_scene):
    sources = []
    for name, value, share in (("one", 40, 3.0), ("two", 200, 1.0)):
        for part in ("images", "masks"):
            (tmp_path / name / part).mkdir(parents=True)
        write_scene(np.full((3, 64, 64), value, np.uint8), f"{name}/images/s.tif")
        write_scene(np.ones((1, 64, 64), np.uint8), f"{name}/masks/s.tif")
        sources.append(TrainingSource(tmp_path / name, share))
    out = prepare_scenes(sources, tmp_path / "p", NO_VALIDATION, SPEC)
    sampler = WindowSampler(out, SamplingOptions(32, 40, augment="none"))
    images = np.concatenate([sampler.draw(step)[0] for step in range(10)])
    assert 0.68 < (images[:, 0, 0, 0] == 40).mean() < 0.82


def test_scenes_with_almost_no_labels_are_an_error_not_an_endless_search(tmp_path, folder, write_scene):
    mask = np.full((1, 150, 120), 255, np.uint8)
    mask[0, 5:9, 5:9] = 1
    write_scene(mask, "data/masks/a.tif", nodata=255)
    (folder / "images" / "b.tif").unlink()
    out = prepare_scenes([TrainingSource(folder)], tmp_path / "p", NO_VALIDATION, SPEC)
    with pytest.raises(InputError, match="less than 30% labelled ground"):
        WindowSampler(out, SamplingOptions(32, 1)).draw(0)


def test_no_training_ground_is_an_input_error(tmp_path, folder):
    out = prepare_scenes([TrainingSource(folder)], tmp_path / "p", DataOptions(), SPEC, validation=["a", "b"])
    with pytest.raises(InputError, match="no scene has labelled pixels"):
        WindowSampler(out, SamplingOptions(32, 1))


@pytest.mark.parametrize("corner", [(10, 20), (-7, 3), (45, 50)])
def test_a_crop_keeps_pixels_and_what_lies_outside_is_invalid(rng, corner):
    scene = _scene(rng.integers(0, 255, (60, 70, 3)), rng.integers(0, 2, (60, 70)))
    image, labels = _crop(scene, np.array(corner), 24)
    for row in range(24):
        for col in range(24):
            r, c = row + corner[0], col + corner[1]
            if 0 <= r < 60 and 0 <= c < 70:
                assert (image[row, col] == scene.pixels[r, c]).all()
                assert labels[row, col] == scene.labels[r, c]
            else:
                assert labels[row, col] == INVALID


def test_warped_windows_are_in_the_right_place():
    """Pixel values are coordinates, so the formula of the warp, inverted by hand, gives the expected values."""
    rows, cols = np.indices((120, 120))
    scene = _scene(np.stack([rows, cols, rows], -1), (rows + cols) % 2)
    centre, scale, angle, size = np.array([60.0, 55.0]), 0.8, 0.4, 32
    reach = scale * size * (np.cos(angle) + np.sin(angle)) / 2
    matrix = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    image, labels = _warp(scene, centre, matrix, reach, size)
    offsets = np.moveaxis(np.indices((size, size)), 0, -1) + 0.5 - size / 2
    expected_row = centre[0] + scale * (np.cos(angle) * offsets[..., 0] - np.sin(angle) * offsets[..., 1]) - 0.5
    expected_col = centre[1] + scale * (np.sin(angle) * offsets[..., 0] + np.cos(angle) * offsets[..., 1]) - 0.5
    assert np.abs(image[..., 0] - expected_row).max() < 1
    assert np.abs(image[..., 1] - expected_col).max() < 1
    assert np.array_equal(labels, (np.round(expected_row) + np.round(expected_col)) % 2)


def test_a_warp_without_rotation_and_scaling_is_a_crop(rng):
    scene = _scene(rng.integers(0, 255, (90, 90, 3)), rng.integers(0, 3, (90, 90)))
    centre = np.array([40.0, 50.0])
    image, labels = _warp(scene, centre, np.eye(2), 16.0, 32)
    expected = _crop(scene, np.array([24, 34]), 32)
    assert np.array_equal(image, expected[0])
    assert np.array_equal(labels, expected[1])


def test_symmetries_are_the_eight_of_the_square_and_keep_image_and_labels_together():
    image = np.arange(16, dtype=np.uint8).reshape(4, 4, 1)
    seen = set()
    for seed in range(80):
        turned, labels = random_symmetry(image, image[..., 0], np.random.default_rng(seed))
        assert np.array_equal(turned[..., 0], labels)
        seen.add(turned.tobytes())
    assert len(seen) == 8


def _wkt(crs):
    return CRS(crs).to_wkt()


def test_a_scene_smaller_than_a_window_is_continued_by_reflection(rng):
    scene = _scene(rng.integers(0, 255, (20, 30, 3)), rng.integers(0, 2, (20, 30)))
    grown = _grown(scene, 64)
    assert grown.labels.shape == (64, 64)
    top, left = (64 - 20) // 2, (64 - 30) // 2
    assert np.array_equal(grown.pixels[top : top + 20, left : left + 30], scene.pixels)
    assert np.array_equal(grown.labels[top - 1, left : left + 30], scene.labels[0])
    assert np.array_equal(grown.pixels[top : top + 20, left + 30], scene.pixels[:, -1])
    assert _grown(grown, 64) is grown


# --- advice in errors works for training too


def _prepare(source, tmp_path, **data):
    return open_prepared(prepare_scenes([TrainingSource(source)], tmp_path / "p", DataOptions(**data), SPEC))


def _without_crs(tmp_path, geometry, name):
    geopandas.GeoDataFrame(geometry=[geometry], crs=UTM_CRS).to_file(tmp_path / name)
    (tmp_path / name).with_suffix(".prj").unlink()


def test_a_crs_can_be_given_to_scenes_masks_roads_and_areas(tmp_path, write_scene, rng):
    image = rng.integers(0, 255, (3, 40, 60), dtype=np.uint8)
    scene, line = (
        write_scene(image, "s.tif", crs=None),
        shapely.LineString([(665_000, 4_009_980), (665_060, 4_009_980)]),
    )
    area = shapely.box(665_000, 4_009_960, 665_030, 4_010_000)
    _without_crs(tmp_path, line, "roads.shp")
    _without_crs(tmp_path, area, "area.shp")
    given = {"roads": str(tmp_path / "roads.shp"), "validation_share": 0.0}
    with pytest.raises(InputError, match=r"if only its CRS is missing, name it \(--assume-crs"):
        _prepare(scene, tmp_path, roads=_lines(tmp_path, [line]))
    (found,) = _prepare(scene, tmp_path, **given, area=str(tmp_path / "area.shp"), assume_crs=UTM_CRS)
    assert (found.labels[17:23, :29] == ROAD).all()
    assert (found.labels[:, 31:] == UNLABELLED).all()


def test_a_crs_can_be_given_to_roads_of_a_scene_that_has_one(tmp_path, write_scene, rng):
    scene = write_scene(rng.integers(0, 255, (3, 40, 60), dtype=np.uint8), "s.tif")
    line = shapely.LineString([(665_000, 4_009_980), (665_060, 4_009_980)])
    _without_crs(tmp_path, line, "roads.shp")
    given = {"roads": str(tmp_path / "roads.shp"), "validation_share": 0.0}
    with pytest.raises(InputError, match="--assume-crs"):
        _prepare(scene, tmp_path, **given)
    (found,) = _prepare(scene, tmp_path, **given, assume_crs=UTM_CRS)
    assert (found.labels[17:23] == ROAD).all()


def test_bands_are_named_and_empty_pixels_marked(tmp_path, write_scene, rng):
    image = rng.integers(1, 255, (7, 90, 100), dtype=np.uint8)
    image[:, :50, :50] = 0
    scene = write_scene(image, "s.tif", photometric="MINISBLACK")
    line = shapely.LineString([(665_000, 4_009_980), (665_060, 4_009_980)])
    given = {"roads": _lines(tmp_path, [line]), "validation_share": 0.0}
    with pytest.raises(InputError, match="--bands 1,2,3"):
        _prepare(scene, tmp_path, **given)
    (found,) = _prepare(scene, tmp_path, **given, bands=(3, 2, 1), nodata="auto")
    assert (found.labels[:50, :50] == INVALID).all()
    assert np.array_equal(found.pixels[60:, 60:, 0], image[2, 60:, 60:])
    with pytest.raises(InputError, match="expected a number or auto"):
        DataOptions(nodata="black")


def test_one_of_several_rasters_is_chosen(tmp_path):
    line = shapely.LineString([(665_000, 4_009_980), (665_060, 4_009_980)])
    for table, more in (("first", {}), ("second", {"APPEND_SUBDATASET": "YES"})):
        pixels = np.full((3, 40, 60), 50 if table == "first" else 200, np.uint8)
        raster(tmp_path, "s.gpkg", pixels, "GPKG", RASTER_TABLE=table, **more)
    given = {"roads": _lines(tmp_path, [line]), "validation_share": 0.0}
    with pytest.raises(InputError, match="--subdataset: 1 first, 2 second") as error:
        _prepare(tmp_path / "s.gpkg", tmp_path, **given)
    (found,) = _prepare(tmp_path / "s.gpkg", tmp_path, **given, subdataset="second")
    assert (found.pixels == 200).all()
    name = str(error.value).partition("as in ")[2].partition(", or its number")[0]
    (found,) = _prepare(Path(name), tmp_path, **given)
    assert (found.pixels == 50).all()


def test_one_of_several_rasters_in_an_archive_is_named(tmp_path, write_scene, rng):
    image = rng.integers(1, 255, (3, 40, 60), dtype=np.uint8)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as target:
        for name in ("a.tif", "b.tif"):
            target.write(write_scene(image, name), name)
    line = shapely.LineString([(665_000, 4_009_980), (665_060, 4_009_980)])
    given = {"roads": _lines(tmp_path, [line]), "validation_share": 0.0}
    with pytest.raises(InputError, match="name one: ") as error:
        _prepare(tmp_path / "a.zip", tmp_path, **given)
    name = str(error.value).partition("name one: ")[2].split(", ")[1]
    (found,) = _prepare(Path(name), tmp_path, **given)
    assert np.array_equal(found.pixels, image.transpose(1, 2, 0))


def test_only_one_layer_of_the_roads_is_read_on_demand(tmp_path, write_scene, rng, caplog):
    caplog.set_level(logging.INFO)
    scene = write_scene(rng.integers(0, 255, (3, 40, 60), dtype=np.uint8), "s.tif")
    for layer, y in (("a", 4_009_990), ("b", 4_009_970)):
        line = shapely.LineString([(665_000, y), (665_060, y)])
        geopandas.GeoDataFrame(geometry=[line], crs=UTM_CRS).to_file(tmp_path / "r.gpkg", layer=layer)
    (found,) = _prepare(scene, tmp_path, roads=str(tmp_path / "r.gpkg"), layer="b", validation_share=0.0)
    assert not (found.labels[:20] == ROAD).any()
    assert (found.labels[28:32] == ROAD).all()
    assert "left out: a (use --layer to choose one)" in caplog.text
