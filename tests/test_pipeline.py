"""The whole flow with a backend that returns its input: bright pixels are road."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace

import geopandas
import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from road_extract import Outputs, PredictOptions, VectorizeOptions, extract_roads, predict_probability, vectorize_roads
from road_extract.base.errors import BackendError, InputError, OutputError
from road_extract.base.grid import RasterGrid
from road_extract.base.windows import TilePlan, Window
from road_extract.io.raster import ProbabilityRaster, Scene, SceneView, sink
from road_extract.models.spec import ModelSpec
from road_extract.pipeline import flow, setup
from road_extract.prediction.inference import Inference, iter_probability
from road_extract.prediction.preprocess import Scaling, fit_scaling
from tests.helpers.backends import IdentityBackend, use_backend
from tests.helpers.scenes import UTM, roads_in

EXACT = VectorizeOptions(min_area_m2=0, min_hole_m2=0, simplify_m=0)


def read_probability(path) -> np.ndarray:
    with rasterio.open(path) as dataset:
        stored = dataset.read(1)
        return np.where(stored == 255, np.nan, stored * dataset.scales[0])


@pytest.mark.parametrize("shape", [(500, 300), (224, 224), (90, 400), (50, 60), (1, 1), (225, 1000)])
@pytest.mark.parametrize("overlap", [0, 14, 32, 112])
def test_with_an_identity_backend_output_equals_input(write_scene, tmp_path, identity_model, rng, shape, overlap):
    pixels = rng.integers(0, 256, (3, *shape), dtype=np.uint8)
    path = predict_probability(
        write_scene(pixels), tmp_path / "p.tif", options=PredictOptions(overlap_px=overlap, batch_size=3)
    )
    assert np.abs(read_probability(path) - pixels[0] / 255).max() <= 0.5 / 254 + 1e-6
    with rasterio.open(path) as dataset:
        assert dataset.transform == UTM
        assert dataset.crs.to_epsg() == 32611


class ArraySource:
    """A scene in memory."""

    def __init__(self, pixels: np.ndarray, valid: np.ndarray) -> None:
        self.pixels, self.valid = pixels, valid
        self.reads = 0
        self.grid = RasterGrid(len(valid), valid.shape[1], Affine.identity(), "")

    def read(self, window: Window):
        self.reads += 1
        place = np.s_[window.row_off : window.row_end, window.col_off : window.col_end]
        return self.pixels[place], self.valid[place]


class PositionBackend(IdentityBackend):
    """Like a network, its output depends on the position of a pixel in its tile."""

    def __init__(self, batch_size: int, in_flight: int) -> None:
        self.batch_size, self.in_flight = batch_size, in_flight

    def predict(self, batch: np.ndarray) -> np.ndarray:
        rows, cols = np.indices(batch.shape[1:3])
        return np.float32(0.5) * batch[..., 0] + np.float32(0.5) * ((rows * 7 + cols) % 11 / 10).astype(np.float32)


@settings(max_examples=40)
@given(st.integers(1, 70), st.integers(1, 70), st.integers(0, 8), st.integers(5, 40), st.integers(1, 5), st.data())
def test_shards_equal_the_whole_scene_bit_for_bit(rows, cols, overlap, shard, batch_size, data):
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    pixels = rng.integers(0, 256, (rows, cols, 3), dtype=np.uint8)
    valid = rng.random((rows, cols)) < data.draw(st.sampled_from([0.02, 0.5, 1.0]))
    spec = ModelSpec("m", mean=(0.0,) * 3, std=(1.0,) * 3, tile_size_px=16)
    plan = TilePlan(rows, cols, 16, overlap)

    def run(core: Window | None, batch_size: int) -> tuple[np.ndarray, np.ndarray]:
        backend = PositionBackend(batch_size, in_flight=batch_size)
        inference = Inference(backend, spec, Scaling((0.0,) * 3, (255.0,) * 3))
        strips = list(iter_probability(ArraySource(pixels, valid), plan, inference, core))
        return np.concatenate([p for p, _ in strips]), np.concatenate([v for _, v in strips])

    whole, whole_valid = run(None, 1)
    assert np.array_equal(whole_valid, valid)
    for row in range(0, rows, shard):
        for col in range(0, cols, shard):
            core = Window(col, row, min(shard, cols - col), min(shard, rows - row))
            place = np.s_[row : core.row_end, col : core.col_end]
            part, part_valid = run(core, batch_size)
            assert np.array_equal(part, whole[place])
            assert np.array_equal(part_valid, valid[place])


def test_invalid_pixels_are_nodata_everywhere_and_never_a_road(write_scene, tmp_path, identity_model):
    pixels = roads_in(300, 400)
    hole = np.zeros((300, 400), bool)
    hole[80:140, 150:260] = True
    pixels[:, hole] = 255  # as bright as a road
    scene = write_scene(pixels, mask=~hole)
    done = extract_roads(
        scene, Outputs(tmp_path / "r.gpkg", probability=tmp_path / "p.tif", mask=tmp_path / "m.tif"), vectorize=EXACT
    )
    assert np.array_equal(np.isnan(read_probability(tmp_path / "p.tif")), hole)
    with rasterio.open(tmp_path / "m.tif") as dataset:
        mask = dataset.read(1)
    assert np.array_equal(mask == 255, hole)
    assert np.array_equal(mask == 1, (pixels[0] == 230) & ~hole)
    outline = shapely.box(*(UTM * (150, 140)), *(UTM * (260, 80)))
    roads = geopandas.read_file(done.path)
    assert roads.intersection(outline).area.sum() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("angle", [0, 25])
def test_polygons_lie_where_the_roads_are_with_their_area_and_probability(write_scene, tmp_path, identity_model, angle):
    pixels = roads_in(300, 400)
    transform = UTM * Affine.rotation(angle)
    scene = write_scene(pixels, transform=transform)
    extract_roads(scene, tmp_path / "r.gpkg", vectorize=EXACT)
    roads = geopandas.read_file(tmp_path / "r.gpkg").set_index("id")
    assert roads.crs.to_epsg() == 32611
    cross, block = roads.loc[1], roads.loc[2]
    corners = [transform * corner for corner in ((3, 280), (15, 280), (15, 295), (3, 295))]
    assert block.geometry.symmetric_difference(shapely.Polygon(corners)).area == pytest.approx(0, abs=1e-4)
    assert cross.geometry.area == pytest.approx(400 * 8 + 300 * 6 - 48, abs=1e-3)
    # the UTM scale there is 0.99993: geodesic areas are larger by its square
    assert block.area_m2 == pytest.approx(180 * 1.0001, rel=2e-4)
    assert block.probability == pytest.approx(230 / 255, abs=0.003)


def test_geographic_scenes_are_measured_in_metres(write_scene, tmp_path, identity_model):
    """About 0.56 x 1.11 m pixels at 60 degrees north, resampled to 1 m."""
    pixels = roads_in(300, 600)
    transform = Affine(1e-5, 0, 25.0, 0, -1e-5, 60.0)
    scene = write_scene(pixels, crs="EPSG:4326", transform=transform)
    extract_roads(scene, tmp_path / "r.geojson", vectorize=VectorizeOptions(min_area_m2=0, simplify_m=0))
    roads = geopandas.read_file(tmp_path / "r.geojson")
    pixel_m2 = 0.5577 * 1.1141
    assert roads.area_m2.sum() == pytest.approx((pixels[0] == 230).sum() * pixel_m2, rel=0.05)
    assert roads.total_bounds == pytest.approx((25.0, 59.997, 25.006, 60.0), abs=2e-4)


def test_small_roads_are_dropped_and_small_holes_filled_by_area(write_scene, tmp_path, identity_model):
    pixels = np.full((3, 200, 200), 20, np.uint8)
    pixels[:, 10:18, 10:18] = 230  # 64 px
    pixels[:, 50:100, 50:100] = 230
    pixels[:, 60:65, 60:65] = 20  # a hole of 25 px
    pixels[:, 80:90, 80:90] = 20  # a hole of 100 px
    transform = Affine(0.5, 0, 665000, 0, -0.5, 4010000)  # a pixel is a quarter of a square metre
    scene = write_scene(pixels, transform=transform)
    options = VectorizeOptions(min_area_m2=16.5, min_hole_m2=6.5, simplify_m=0)
    extract_roads(scene, tmp_path / "r.gpkg", predict=PredictOptions(native_gsd=True), vectorize=options)
    roads = geopandas.read_file(tmp_path / "r.gpkg")
    assert len(roads) == 1
    assert roads.area.sum() == pytest.approx((2500 - 100) / 4)


def test_extract_equals_predict_then_vectorize(write_scene, tmp_path, identity_model):
    scene = write_scene(roads_in(400, 300))
    extract_roads(scene, Outputs(tmp_path / "a.geojson", probability=tmp_path / "a.tif"))
    predict_probability(scene, tmp_path / "b.tif")
    vectorize_roads(tmp_path / "b.tif", tmp_path / "b.geojson")
    assert (tmp_path / "a.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()
    assert (tmp_path / "a.geojson").read_bytes() == (tmp_path / "b.geojson").read_bytes().replace(b'"b"', b'"a"')


def test_the_threshold_is_the_models_unless_asked(write_scene, tmp_path, identity_model):
    pixels = np.full((3, 60, 60), 20, np.uint8)
    pixels[:, 10:30, 10:30] = 100
    pixels[:, 40:50, 40:50] = 200
    scene = write_scene(pixels)
    assert extract_roads(scene, tmp_path / "a.gpkg", vectorize=EXACT).features == 1
    low = VectorizeOptions(threshold=0.3, min_area_m2=0)
    assert extract_roads(scene, tmp_path / "b.gpkg", vectorize=low).features == 2


def test_16_bit_scenes_are_scaled_once_for_all_windows(write_scene, tmp_path, identity_model, rng):
    """One corner is brighter than the rest; if windows were scaled separately, this difference would disappear."""
    pixels = rng.integers(1000, 1100, (1, 500, 500), dtype=np.uint16)
    pixels[:, :200, :200] += 3000
    path = predict_probability(write_scene(pixels), tmp_path / "p.tif")
    probability = read_probability(path)
    low, high = np.percentile(pixels, (2, 98))
    assert np.abs(probability - np.clip((pixels[0] - low) / (high - low), 0, 1)).max() < 0.005
    with rasterio.open(path) as dataset:
        assert '"low": [10' in dataset.tags()["ROAD_EXTRACT_SCALING"]


def test_part_of_a_scene_by_bounds_or_area_of_interest(write_scene, tmp_path, identity_model):
    scene = write_scene(roads_in(300, 400))
    xmin, ymax = UTM * (100, 50)
    box = (xmin, ymax - 150, xmin + 200, ymax)
    by_bounds = predict_probability(scene, tmp_path / "b.tif", options=PredictOptions(bounds=box))
    with rasterio.open(by_bounds) as dataset:
        assert dataset.shape == (150, 200)
        assert tuple(dataset.bounds) == pytest.approx(box)
    area = geopandas.GeoDataFrame(geometry=[shapely.box(*box)], crs="EPSG:32611").to_crs("EPSG:4326")
    area.to_file(tmp_path / "area.geojson")
    options = PredictOptions(aoi=str(tmp_path / "area.geojson"))
    by_area = read_probability(predict_probability(scene, tmp_path / "a.tif", options=options))
    valid = np.zeros((300, 400), bool)
    valid[50:200, 100:300] = True
    assert np.array_equal(~np.isnan(by_area), valid)


@pytest.mark.parametrize("name", ["r.geojson", "r.gpkg", "r.fgb", "r.parquet"])
def test_a_scene_without_roads_gives_an_empty_layer(write_scene, tmp_path, identity_model, name):
    scene = write_scene(np.zeros((3, 60, 60), np.uint8))
    assert extract_roads(scene, tmp_path / name).features == 0
    read = geopandas.read_parquet if name.endswith("parquet") else geopandas.read_file
    assert len(read(tmp_path / name)) == 0


def test_outputs_are_checked_before_any_work(write_scene, tmp_path, identity_model, monkeypatch):
    scene = write_scene(roads_in(60, 60))
    monkeypatch.setattr(flow, "open_scene", lambda scene, options: pytest.fail("work began"))
    (tmp_path / "there.gpkg").write_bytes(b"old")
    with pytest.raises(InputError, match="already exists"):
        extract_roads(scene, tmp_path / "there.gpkg")
    with pytest.raises(InputError, match="known vector format"):
        extract_roads(scene, tmp_path / "r.shp")
    with pytest.raises(OutputError, match="does not exist"):
        extract_roads(scene, tmp_path / "none" / "r.gpkg")
    with pytest.raises(InputError, match="is both an input and an output"):
        extract_roads(scene, Outputs(tmp_path / "r.gpkg", probability=scene), overwrite=True)
    with pytest.raises(InputError, match="same name"):
        extract_roads(scene, Outputs(tmp_path / "r.gpkg", probability=tmp_path / "x.tif", mask=tmp_path / "x.tif"))
    assert (tmp_path / "there.gpkg").read_bytes() == b"old"


@pytest.mark.parametrize("stage", ["predict", "vectorize"])
def test_any_interruption_leaves_nothing_behind(write_scene, tmp_path, identity_model, stage):
    scene = write_scene(roads_in(700, 300))
    before = sorted(tmp_path.rglob("*"))

    def interrupt(progress):
        if progress.stage == stage:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        extract_roads(
            scene,
            Outputs(tmp_path / "r.gpkg", probability=tmp_path / "p.tif", mask=tmp_path / "m.tif"),
            report=interrupt,
        )
    assert sorted(tmp_path.rglob("*")) == before


def test_damage_in_the_middle_of_a_scene_leaves_nothing_behind(write_scene, tmp_path, identity_model, rng):
    scene = write_scene(rng.integers(0, 255, (3, 900, 300), dtype=np.uint8))
    scene.write_bytes(scene.read_bytes()[:500_000])
    with pytest.raises(InputError, match="damaged, cut short"):
        extract_roads(scene, Outputs(tmp_path / "r.gpkg", probability=tmp_path / "p.tif"))
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == [scene.name]


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 700))
def test_features_do_not_depend_on_the_strips_they_are_read_in(write_scene, tmp_path, identity_model, strip_rows):
    from road_extract.io.raster import probability
    from road_extract.roads.masks import cleaning

    scene = write_scene(roads_in(700, 300))
    if not (tmp_path / "p.tif").exists():
        predict_probability(scene, tmp_path / "p.tif")
        vectorize_roads(tmp_path / "p.tif", tmp_path / "r.geojson")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(probability, "STRIP_PX", 300 * strip_rows)
        patch.setattr(cleaning, "_WORKING_ROWS", 1 + strip_rows // 2)
        patch.setattr(cleaning, "_WORKING_PX", 1)
        (tmp_path / "again").mkdir(exist_ok=True)
        vectorize_roads(tmp_path / "p.tif", tmp_path / "again" / "r.geojson", overwrite=True)
    assert (tmp_path / "again" / "r.geojson").read_bytes() == (tmp_path / "r.geojson").read_bytes()


@pytest.mark.parametrize("overviews", [False, True])
def test_shards_of_a_resampled_scene_equal_the_whole_bit_for_bit(write_scene, rng, overviews):
    """0.3 m pixels and a 1 m model, including files with overviews that GDAL would read."""
    pixels = rng.integers(0, 256, (3, 900, 700), dtype=np.uint8)
    path = write_scene(
        pixels, transform=Affine(0.3, 0, 665000, 0, -0.3, 4010000), tiled=True, blockxsize=64, blockysize=64
    )
    if overviews:
        with rasterio.open(path, "r+") as dataset:
            dataset.build_overviews([2, 4], rasterio.enums.Resampling.nearest)
    spec = ModelSpec("m", mean=(0.0,) * 3, std=(1.0,) * 3, tile_size_px=64)
    inference = Inference(PositionBackend(4, 2), spec, Scaling((0.0,) * 3, (255.0,) * 3))

    def run(core: Window | None) -> np.ndarray:
        with Scene(str(path), SceneView(1.0)) as scene:
            plan = TilePlan(scene.grid.height, scene.grid.width, 64, 16)
            return np.concatenate([p for p, _ in iter_probability(scene, plan, inference, core)])

    whole = run(None)
    assert whole.shape == (270, 210)
    for core in (Window(0, 0, 100, 70), Window(37, 51, 120, 199), Window(209, 269, 1, 1)):
        place = np.s_[core.row_off : core.row_end, core.col_off : core.col_end]
        assert np.array_equal(run(core), whole[place])


def test_downsampling_never_reads_overviews(write_scene, rng):
    pixels = rng.integers(0, 256, (1, 400, 400), dtype=np.uint8)
    path = write_scene(pixels, transform=Affine(0.25, 0, 665000, 0, -0.25, 4010000))
    with rasterio.open(path, "r+") as dataset:
        dataset.build_overviews([2, 4], rasterio.enums.Resampling.nearest)
    with Scene(str(path), SceneView(1.0)) as scene:
        read, _ = scene.read(Window(10, 10, 60, 60))
    means = pixels[0].reshape(100, 4, 100, 4).mean(axis=(1, 3))[10:70, 10:70]
    assert np.abs(read[..., 0] - means).max() <= 0.51


def test_if_one_output_fails_none_appears(write_scene, tmp_path, identity_model, monkeypatch):
    scene = write_scene(roads_in(300, 260))
    before = sorted(tmp_path.rglob("*"))

    check = sink._check_written

    def fail_at_the_mask(path, overviews):
        if ".m.tmp-" in path.name:
            raise OutputError("the mask could not be finished")
        check(path, overviews)

    monkeypatch.setattr(sink, "_check_written", fail_at_the_mask)
    with pytest.raises(OutputError, match="the mask"):
        extract_roads(scene, Outputs(tmp_path / "r.gpkg", mask=tmp_path / "m.tif"))
    assert sorted(tmp_path.rglob("*")) == before


class SlowBackend(IdentityBackend):
    def predict(self, batch: np.ndarray) -> np.ndarray:
        time.sleep(0.05)
        return super().predict(batch)


def test_stopping_does_not_wait_for_a_whole_row_of_windows():
    """A row of 400 windows takes 5 s here; in a wide scene with a real model, it takes minutes."""
    pixels, valid = np.zeros((40, 6400, 3), np.uint8), np.ones((40, 6400), bool)
    spec = ModelSpec("m", mean=(0.0,) * 3, std=(1.0,) * 3, tile_size_px=16)
    inference = Inference(SlowBackend(), spec, Scaling((0.0,) * 3, (255.0,) * 3))
    strips = iter_probability(ArraySource(pixels, valid), TilePlan(40, 6400, 16, 0), inference)
    next(strips)
    started = time.monotonic()
    strips.close()
    assert time.monotonic() - started < 2


def test_bounds_on_a_rotated_grid_are_the_requested_rectangle(write_scene, tmp_path, identity_model):
    transform = UTM * Affine.rotation(45)
    scene = write_scene(roads_in(400, 400), transform=transform)
    x, y = transform * (200, 200)
    options = PredictOptions(bounds=(x - 50, y - 50, x + 50, y + 50))
    probability = read_probability(predict_probability(scene, tmp_path / "p.tif", options=options))
    assert (~np.isnan(probability)).sum() == pytest.approx(100 * 100, rel=0.02)


def test_a_scene_without_valid_pixels_gives_a_warning(write_scene, tmp_path, identity_model, caplog):
    scene = write_scene(np.zeros((3, 60, 60), np.uint8), nodata=0)
    assert extract_roads(scene, tmp_path / "r.gpkg").features == 0
    assert "no valid pixels" in caplog.text


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_options_must_be_finite(value):
    with pytest.raises(InputError, match="finite"):
        VectorizeOptions(min_area_m2=value)
    with pytest.raises(InputError, match="finite"):
        PredictOptions(bounds=(0, 0, value, 1))


class FailingBackend(IdentityBackend):
    def predict(self, batch: np.ndarray) -> np.ndarray:
        raise BackendError("the model broke")


def test_no_thread_keeps_reading_after_an_error_even_if_the_error_is_kept():
    """A stored error keeps the frames of its traceback alive, but the scene must be closed all the same."""
    pixels, valid = np.zeros((640, 640, 3), np.uint8), np.ones((640, 640), bool)
    spec = ModelSpec("m", mean=(0.0,) * 3, std=(1.0,) * 3, tile_size_px=16)
    inference = Inference(FailingBackend(), spec, Scaling((0.0,) * 3, (255.0,) * 3))
    before = threading.active_count()
    with pytest.raises(BackendError, match="the model broke") as kept:
        list(iter_probability(ArraySource(pixels, valid), TilePlan(640, 640, 16, 0), inference))
    assert kept.value.__traceback__ is not None
    assert threading.active_count() == before


class CountingBackend(PositionBackend):
    """Counts the tiles it receives, except for padding of the last batch: real tiles are never all zero."""

    def __init__(self, batch_size: int, in_flight: int) -> None:
        super().__init__(batch_size, in_flight)
        self.counts: list[int] = []  # list.append is thread-safe

    def predict(self, batch: np.ndarray) -> np.ndarray:
        self.counts.append(int(batch.any(axis=(1, 2, 3)).sum()))
        return super().predict(batch)


@pytest.mark.parametrize("batch_size", [1, 3])
def test_windows_without_a_valid_pixel_never_reach_the_model_and_change_nothing(rng, batch_size):
    """A strip of data across an otherwise empty scene."""
    rows, cols = 300, 400
    pixels = rng.integers(1, 256, (rows, cols, 3), dtype=np.uint8)
    row, col = np.indices((rows, cols))
    valid = np.abs(row - col) < 7
    spec, scaling = ModelSpec("m", mean=(0.0,) * 3, std=(1.0,) * 3, tile_size_px=16), Scaling((0.0,) * 3, (255.0,) * 3)
    plan = TilePlan(rows, cols, 16, 4)

    def run(valid: np.ndarray) -> tuple[np.ndarray, int]:
        backend = CountingBackend(batch_size, 2)
        strips = list(iter_probability(ArraySource(pixels, valid), plan, Inference(backend, spec, scaling)))
        return np.concatenate([strip for strip, _ in strips]), sum(backend.counts)

    found, windows = run(valid)
    expected, all_windows = run(np.ones_like(valid))
    touched = sum(1 for w in plan if valid[w.row_off : w.row_end, w.col_off : w.col_end].any())
    assert all_windows == len(plan)
    assert windows == touched < len(plan) / 5
    assert np.array_equal(found[valid], expected[valid])


class OneBadRead(ArraySource):
    def read(self, window: Window):
        if self.reads == 50:
            raise InputError("the scene broke")
        return super().read(window)


class OneBadBatch(SlowBackend):
    def predict(self, batch: np.ndarray) -> np.ndarray:
        if batch[0, 0, 0, 0] > 0:
            raise BackendError("the model broke")
        return super().predict(batch)


@pytest.mark.parametrize("stage", ["reading", "model", "writing", "progress"])
def test_an_error_in_any_stage_stops_all_stages_and_keeps_its_message(stage):
    """Without the error, the scene would take 20 s: 1600 windows with a slow model."""
    pixels, valid = np.zeros((640, 640, 3), np.uint8), np.ones((640, 640), bool)
    if stage == "model":
        pixels[16:32] = 255
    source = OneBadRead(pixels, valid) if stage == "reading" else ArraySource(pixels, valid)
    backend = OneBadBatch() if stage == "model" else SlowBackend()
    spec = ModelSpec("m", mean=(0.0,) * 3, std=(1.0,) * 3, tile_size_px=16)
    inference = Inference(backend, spec, Scaling((0.0,) * 3, (255.0,) * 3))

    def report(progress):
        if stage == "progress" and progress.done == 45:
            raise OSError("the terminal broke")

    def run() -> None:
        strips = iter_probability(source, TilePlan(640, 640, 16, 0), inference, report=report)
        with closing(strips):
            for _ in strips:
                if stage == "writing":
                    raise OutputError("the disk broke")

    before, started = threading.active_count(), time.monotonic()
    message = {"reading": "scene", "model": "model", "writing": "disk", "progress": "terminal"}[stage]
    with pytest.raises((InputError, OutputError, BackendError, OSError), match=f"the {message} broke"):
        run()
    assert time.monotonic() - started < 5
    assert threading.active_count() <= before
    reads = source.reads
    time.sleep(0.2)
    assert source.reads == reads  # reading has stopped


def test_every_option_reaches_the_runtime_in_its_place(write_scene, tmp_path, identity_model, monkeypatch):
    seen = {}

    def open_fake(**given):
        seen.update(given)
        return IdentityBackend()

    monkeypatch.setattr(setup, "open_backend", open_fake)
    options = PredictOptions(backend="onnxruntime", precision="float32", threads=3, batch_size=5, tta="d4")
    predict_probability(write_scene(roads_in(60, 60)), tmp_path / "p.tif", options=options)
    assert seen == {
        "name": "onnxruntime", "model": identity_model, "batch_size": 5, "precision": "float32", "threads": 3,
        "tta": "d4",
    }  # fmt: skip


class ClosingBackend(IdentityBackend):
    closed = False

    def close(self) -> None:
        self.closed = True


def test_a_loaded_backend_serves_many_scenes_and_stays_open(write_scene, tmp_path, identity_model, monkeypatch):
    monkeypatch.setattr(setup, "open_backend", lambda **given: pytest.fail("a backend was loaded"))
    backend = ClosingBackend()
    for name in ("a", "b"):
        scene = write_scene(roads_in(60, 60), f"{name}.tif")
        predict_probability(scene, tmp_path / f"{name}_p.tif", backend=backend)
    assert not backend.closed
    use_backend(monkeypatch, lambda: backend)
    predict_probability(scene, tmp_path / "c.tif")
    assert backend.closed


def test_no_overviews_are_built_for_a_raster_that_is_not_kept(write_scene, tmp_path, identity_model, monkeypatch):
    scene, made = write_scene(roads_in(700, 900)), []
    monkeypatch.setattr("road_extract.io.raster.sink._build_overviews", lambda *args: made.append(args))
    extract_roads(scene, tmp_path / "a.geojson")
    assert not made
    monkeypatch.undo()
    monkeypatch.setattr(setup, "shipped_model", lambda: identity_model)
    use_backend(monkeypatch, IdentityBackend)
    extract_roads(scene, Outputs(tmp_path / "b.geojson", probability=tmp_path / "b.tif"))
    with rasterio.open(tmp_path / "b.tif") as dataset:
        assert dataset.overviews(1)


def test_a_raster_may_be_closed_while_another_thread_reads_it(write_scene, rng):
    """After an error, the thread that reads ahead stops a little later; the process must survive that."""
    path = write_scene(rng.integers(0, 2, (1, 2000, 2000), dtype=np.uint8), compress="deflate")

    def read(raster: ProbabilityRaster) -> None:
        while True:
            list(raster.iter_strips())

    with ThreadPoolExecutor() as pool:
        for _ in range(20):
            raster = ProbabilityRaster(str(path))
            reading = pool.submit(read, raster)
            time.sleep(0.01)
            raster.close()
            error = reading.exception(10)
            assert isinstance(error, InputError)
            assert "closed" in str(error)


def test_a_part_of_a_normalized_scene_is_predicted_as_in_the_whole(identity_model, write_scene, tmp_path):
    """Brightness rises to the right: a part that were normalized by itself would come out otherwise."""
    spec = replace(ModelSpec.from_json((identity_model / "spec.json").read_text()), normalization="percentiles")
    (identity_model / "spec.json").write_text(spec.to_json())
    ramp = np.broadcast_to(np.linspace(20, 220, 400).astype(np.uint8), (3, 260, 400))
    scene = write_scene(ramp)
    with rasterio.open(scene) as dataset:
        left, top = dataset.transform * (300, 0)
        right, bottom = dataset.transform * (400, 260)
    whole, part = tmp_path / "whole.tif", tmp_path / "part.tif"
    predict_probability(scene, whole)
    bounds = (min(left, right), min(top, bottom), max(left, right), max(top, bottom))
    predict_probability(scene, part, options=PredictOptions(bounds=bounds))
    with rasterio.open(whole) as a, rasterio.open(part) as b:
        assert a.tags()["ROAD_EXTRACT_SCALING"] == b.tags()["ROAD_EXTRACT_SCALING"]
        assert np.array_equal(a.read(1)[:, 300:], b.read(1))
        pixels = ramp.transpose(1, 2, 0)
        assert json.loads(a.tags()["ROAD_EXTRACT_SCALING"])["low"] == pytest.approx(
            fit_scaling(pixels, np.ones(pixels.shape[:2], bool), "percentiles").low
        )
