from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st

from road_extract import PredictOptions, extract_batch, predict_portion, predict_probability
from road_extract.base.errors import InputError
from road_extract.base.windows import TilePlan
from road_extract.batch import shards
from road_extract.batch.shards import count_windows, join_shards, plan_cores, plan_scene, predict_shard
from road_extract.batch.stores.folder import is_shard
from road_extract.io.raster import read_tags
from road_extract.pipeline import resources
from tests.helpers.backends import PositionBackend, use_backend


@given(st.integers(1, 3000), st.integers(1, 3000), st.integers(32, 900), st.integers(0, 32))
def test_cores_cover_the_scene_once_and_are_long_enough(height, width, shard_px, overlap):
    plan = TilePlan(height, width, 64, overlap)
    seen = np.zeros((height, width), np.uint8)
    for row in plan_cores(plan, shard_px):
        for core in row:
            seen[core.row_off : core.row_end, core.col_off : core.col_end] += 1
            assert core.height >= min(shard_px, height)
            assert core.width >= min(shard_px, width)
            assert core.height < 2 * shard_px + 3 * plan.stride_px
    assert seen.min() == seen.max() == 1


@given(st.integers(1, 9000), st.integers(1, 9000), st.integers(0, 112))
def test_a_cut_duplicates_only_one_row_or_column_of_windows(height, width, overlap):
    plan = TilePlan(height, width, 224, overlap)
    rows = plan_cores(plan, 1000)
    cores = [core for row in rows for core in row]
    doubled = (len(plan.row_offs) + len(rows) - 1) * (len(plan.col_offs) + len(rows[0]) - 1)
    assert count_windows(plan, cores) <= doubled
    if overlap:
        assert count_windows(plan, cores) == doubled


@pytest.fixture
def position(identity_model, monkeypatch):
    use_backend(monkeypatch, PositionBackend)
    yield
    shards.release_model()


@pytest.mark.parametrize("shard_px", [192, 384, 5000])
@pytest.mark.parametrize("gsd", [1.0, 0.8])
def test_joined_shards_are_byte_for_byte_the_raster_of_one_run(write_scene, tmp_path, position, rng, shard_px, gsd):
    pixels = rng.integers(0, 256, (3, 1100, 800), dtype=np.uint8)
    mask = np.full((1100, 800), 255, np.uint8)
    mask[300:500, 100:700] = 0
    scene = write_scene(pixels, mask=mask, transform=Affine(gsd, 0, 665000.25, 0, -gsd, 4010000.75))
    predict_probability(scene, tmp_path / "whole.tif")
    planned = plan_scene(str(scene), PredictOptions(), shard_px)
    files = [tmp_path / f"{index}.tif" for index in range(len(planned.cores))]
    for index in reversed(range(len(files))):
        predict_shard(planned, index, files[index], "of this")
    assert join_shards(planned, files, tmp_path / "joined.tif") == (True, "position")
    assert (len(files) > 1) == (shard_px < 500)
    assert (tmp_path / "joined.tif").read_bytes() == (tmp_path / "whole.tif").read_bytes()


def test_a_shard_is_identified_by_its_fingerprint(write_scene, tmp_path, position):
    planned = plan_scene(str(write_scene(np.zeros((3, 300, 300), np.uint8))), PredictOptions(), 4096)
    out = tmp_path / "s.tif"
    assert not is_shard(out, "a")
    predict_shard(planned, 0, out, "a")
    assert is_shard(out, "a")
    assert not is_shard(out, "b")
    out.write_bytes(out.read_bytes()[:100])
    assert not is_shard(out, "a")


def test_shards_of_different_backends_are_not_joined(write_scene, tmp_path, position, monkeypatch):
    planned = plan_scene(str(write_scene(np.zeros((3, 900, 300), np.uint8))), PredictOptions(), 384)
    files = [tmp_path / "0.tif", tmp_path / "1.tif"]
    predict_shard(planned, 0, files[0], "a")
    monkeypatch.setattr(PositionBackend, "description", "another")
    predict_shard(planned, 1, files[1], "a")
    with pytest.raises(InputError, match=r"different backends \(another; position\)"):
        join_shards(planned, files, tmp_path / "joined.tif")
    assert not (tmp_path / "joined.tif").exists()


@pytest.mark.parametrize("what", ["version", "model", "scene"])
def test_a_worker_that_has_another_version_model_or_scene_refuses(write_scene, tmp_path, position, what):
    from dataclasses import replace

    scene = write_scene(np.zeros((3, 300, 300), np.uint8))
    planned = plan_scene(str(scene), PredictOptions(), 4096)
    if what == "scene":
        write_scene(np.zeros((3, 300, 301), np.uint8))
    else:
        planned = replace(planned, **{what: "0"})  # type: ignore[arg-type]
    with pytest.raises(InputError, match="the run began"):
        predict_shard(planned, 0, tmp_path / "s.tif", "a")
    assert not (tmp_path / "s.tif").exists()


def test_the_model_is_loaded_once_for_all_shards(write_scene, tmp_path, position, monkeypatch):
    loaded = []

    def load() -> PositionBackend:
        loaded.append(PositionBackend())
        return loaded[-1]

    use_backend(monkeypatch, load)
    planned = plan_scene(str(write_scene(np.zeros((3, 900, 300), np.uint8))), PredictOptions(), 384)
    for index in range(2):
        predict_shard(planned, index, tmp_path / f"{index}.tif", "a")
    assert len(loaded) == 1


def test_the_raster_carries_no_trace_of_its_shards(write_scene, tmp_path, position):
    planned = plan_scene(str(write_scene(np.zeros((3, 900, 300), np.uint8))), PredictOptions(), 384)
    files = [tmp_path / "0.tif", tmp_path / "1.tif"]
    for index, path in enumerate(files):
        predict_shard(planned, index, path, "a")
    join_shards(planned, files, tmp_path / "joined.tif")
    assert "ROAD_EXTRACT_MODEL" in read_tags(str(tmp_path / "joined.tif"))
    assert "ROAD_EXTRACT_SHARD" not in read_tags(str(tmp_path / "joined.tif"))


def test_a_shard_that_needs_more_memory_than_there_is_is_refused(position, write_scene, rng, tmp_path, monkeypatch):
    scene = plan_scene(str(write_scene(rng.integers(0, 256, (3, 60, 70), dtype=np.uint8))), PredictOptions(), 5000)
    monkeypatch.setattr(resources, "total_memory", lambda: 10**8)
    with pytest.raises(InputError, match=r"of memory, but this machine has 0\.1 GB"):
        predict_shard(scene, 0, tmp_path / "s.tif", "f")
    assert not list(tmp_path.glob("s.tif"))


@pytest.mark.parametrize("portions", [False, True])
def test_a_batch_without_room_for_its_shards_is_refused(position, write_scene, rng, tmp_path, monkeypatch, portions):
    path = str(write_scene(rng.integers(0, 256, (3, 60, 70), dtype=np.uint8)))
    monkeypatch.setattr(resources, "free_bytes", lambda folder: 100)
    if portions:
        (error,) = predict_portion([path], tmp_path / "out", 0, 1).errors.values()
    else:
        error = extract_batch([path], tmp_path / "out").scenes[0].error
    assert "the probability raster may need 0.0 GB" in error
