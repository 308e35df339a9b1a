"""Batches in this process, with a fast model."""

from __future__ import annotations

import json
import logging
import os

import numpy as np
import pytest
import rasterio

from road_extract import BatchOptions, Outputs, PredictOptions, VectorizeOptions, extract_batch, extract_roads
from road_extract.base.errors import InputError, OutputError
from road_extract.base.version import __version__
from road_extract.batch import predict_portion
from road_extract.batch.stores.lock import locked
from road_extract.cli import run
from tests.helpers.backends import PositionBackend, use_backend
from tests.helpers.scenes import UTM, roads_in, tree

#: Two shards.
LONG = (60, 8448)


@pytest.fixture
def model(identity_model, monkeypatch):
    """Fast, and counts the windows of the shards."""
    use_backend(monkeypatch, PositionBackend)
    return identity_model


@pytest.fixture
def made(monkeypatch):
    """The shards that were predicted."""
    from road_extract.batch import shards, tasks

    found = []
    original = shards.predict_shard

    def predict_shard(scene, index, out, fingerprint, report):
        original(scene, index, out, fingerprint, report)
        found.append((os.path.basename(scene.path), index))

    monkeypatch.setattr(tasks, "predict_shard", predict_shard)
    return found


def test_a_scene_gets_the_same_bytes_as_from_extract(write_scene, tmp_path, model, made):
    scene = write_scene(roads_in(*LONG), "a.b.tif")
    batch = BatchOptions(formats="geojson,gpkg", keep_probability=True, keep_mask=True, keep_nodes=True)
    both = VectorizeOptions(geometry="both")
    done = extract_batch([str(scene)], tmp_path / "out", vectorize=both, batch=batch)
    (tmp_path / "one").mkdir()
    one = tmp_path / "one" / "a.b"
    for suffix in (".geojson", ".gpkg"):
        outputs = Outputs(f"{one}{suffix}", f"{one}_probability.tif", f"{one}_mask.tif", f"{one}_nodes.geojson")
        extract_roads(scene, outputs, vectorize=both, overwrite=True)
    assert made == [("a.b.tif", 0), ("a.b.tif", 1)]
    found = tree(tmp_path / "out")
    expected = {f"a.b/{name}": data for name, data in tree(tmp_path / "one").items()}
    assert found.keys() - expected.keys() == {"a.b/a.b.json", "a.b/a.b.stac.json", "collection.json"}
    assert {name: found[name] for name in expected} == expected
    (result,) = done.scenes
    assert (done.complete, result.state) == (True, "done")
    features = json.loads((tmp_path / "one" / "a.b.geojson").read_text())["features"]
    assert result.polygons == len(features) > 0


def test_unchanged_scenes_are_kept_and_changed_ones_redone(write_scene, tmp_path, model, made):
    scene = write_scene(roads_in(300, 260))
    out = tmp_path / "out"

    def states(**options):
        return [scene.state for scene in extract_batch([str(scene)], out, **options).scenes]

    assert states() == ["done"]
    before = tree(out)
    assert states() == ["kept"]
    assert states(predict=PredictOptions(threads=1, batch_size=3)) == ["kept"]  # these do not change a bit
    assert states(vectorize=VectorizeOptions(min_area_m2=500)) == ["done"]
    assert states(predict=PredictOptions(overlap_px=14)) == ["done"]
    assert states() == ["done"]
    assert tree(out) == before
    assert states(batch=BatchOptions(resume=False)) == ["done"]
    assert tree(out) == before
    count = len(made)
    write_scene(roads_in(310, 260))
    assert states() == ["done"]
    (model / "weights.npz").write_bytes(b"other")
    assert states() == ["done"]
    assert len(made) == count + 2
    (out / "scene" / "scene.gpkg").unlink()
    assert states() == ["done"]
    assert (out / "scene" / "scene.gpkg").exists()


def test_another_version_is_another_fingerprint(write_scene, tmp_path, model, monkeypatch):
    from road_extract.batch import fingerprint

    scene = write_scene(roads_in(300, 260))
    extract_batch([str(scene)], tmp_path / "out")
    monkeypatch.setattr(fingerprint, "__version__", "99")
    assert extract_batch([str(scene)], tmp_path / "out").scenes[0].state == "done"


def test_a_batch_resumes_after_the_last_finished_shard(write_scene, tmp_path, model, made, monkeypatch):
    scene = write_scene(roads_in(*LONG))
    extract_batch([str(scene)], tmp_path / "whole")
    del made[:]
    calls = []

    def interrupt(progress):
        calls.append(progress)
        if progress.stage == "shards":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        extract_batch([str(scene)], tmp_path / "out", report=interrupt)
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["scenes"][0]["state"] == "not finished"
    assert not (tmp_path / "out" / "scene").exists()
    assert made == [("scene.tif", 0)]
    extract_batch([str(scene)], tmp_path / "out")
    assert made == [("scene.tif", 0), ("scene.tif", 1)]
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")


def test_a_damaged_shard_is_not_joined_and_a_partly_written_one_is_redone(write_scene, tmp_path, model, made):
    scene = write_scene(roads_in(*LONG))
    assert predict_portion([str(scene)], tmp_path / "out", 0, 1).made == 2
    first, _ = sorted((tmp_path / "out").rglob("000*.tif"))
    first.with_name(".0001.tmp-1-00.tif").write_bytes(b"half")
    first.write_bytes(first.read_bytes()[:300])
    del made[:]
    assert extract_batch([str(scene)], tmp_path / "out").complete
    assert made == [("scene.tif", 0)]
    assert not list((tmp_path / "out").rglob("*tmp*"))


def test_portions_share_the_shards_and_the_batch_only_joins_them(write_scene, tmp_path, model, made):
    scenes = [str(write_scene(roads_in(*LONG), "a.tif")), str(write_scene(roads_in(200, 300), "b.tif"))]
    extract_batch(scenes, tmp_path / "whole")
    for index, count in ((2, 1), (0, 1), (1, 1), (1, 0)):
        assert predict_portion(scenes, tmp_path / "out", index, 3).made == count
    del made[:]
    assert extract_batch(scenes, tmp_path / "out").complete
    assert made == []
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")
    with pytest.raises(InputError, match="expected 0 to 2"):
        predict_portion(scenes, tmp_path / "out", 3, 3)


def test_a_portion_reports_what_failed(write_scene, tmp_path, model, capsys):
    scenes = [str(write_scene(roads_in(60, 60), "a.tif")), str(tmp_path / "none.tif")]
    assert run(["shard", *scenes, "--out", str(tmp_path / "out"), "--index", "0", "--of", "1"]) == 1
    captured = capsys.readouterr()
    assert captured.out == f"1 shards made in {tmp_path / 'out'}\n"
    assert "none: " in captured.err
    assert "none.tif" in captured.err


@pytest.fixture
def zoo(write_scene, tmp_path):
    """Good scenes, and every kind of bad one."""
    rng = np.random.default_rng(1)
    write_scene(roads_in(300, 260), "good.tif")
    write_scene(rng.integers(0, 255, (3, 900, 300), dtype=np.uint8), "corrupt.tif")
    (tmp_path / "corrupt.tif").write_bytes((tmp_path / "corrupt.tif").read_bytes()[:400_000])
    (tmp_path / "empty.tif").write_bytes(b"")
    (tmp_path / "text.tif").write_text("not a raster at all\n" * 50)
    write_scene(roads_in(100, 120), "no_crs.tif", crs=None)
    (tmp_path / "sub").mkdir()
    write_scene(roads_in(250, 280), "sub/good.tif")
    (tmp_path / "gone.tif").symlink_to(tmp_path / "nowhere.tif")
    # an existing file that even root cannot read
    (tmp_path / "unreadable.tif").symlink_to("/proc/self/mem")
    names = ("corrupt.tif", "empty.tif", "text.tif", "gone.tif", "unreadable.tif", "no_crs.tif", "good.tif")
    return [str(tmp_path / name) for name in (*names, "sub/good.tif")]


BAD = {
    "corrupt": "damaged, cut short",
    "empty": "cannot be opened as a raster",
    "text": "cannot be opened as a raster",
    "no_crs": "has no CRS",
    "gone": "cannot be opened as a raster",
    "unreadable": "cannot be opened as a raster",
}


def test_bad_scenes_are_explained_and_the_good_ones_done(zoo, tmp_path, model, capsys):
    assert run(["batch", *zoo, "--out", str(tmp_path / "out")]) == 1
    captured = capsys.readouterr()
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["counts"] == {"done": 2, "kept": 0, "failed": 6, "not finished": 0}
    assert not summary["complete"]
    found = {scene["name"]: scene for scene in summary["scenes"]}
    for name, words in BAD.items():
        assert found[name]["state"] == "failed"
        assert words in found[name]["error"]
        assert words in captured.out
        assert not (tmp_path / "out" / name).exists()
    good = [name for name in found if name.startswith("good")]
    assert len(good) == 2
    assert all((tmp_path / "out" / name / f"{name}.gpkg").exists() for name in good)
    assert "2 done, 6 failed" in captured.out
    assert "Traceback" not in captured.err


def test_a_repaired_scene_is_processed_the_next_time(zoo, write_scene, tmp_path, model):
    extract_batch(zoo, tmp_path / "out")
    write_scene(roads_in(100, 120), "no_crs.tif")
    done = extract_batch(zoo, tmp_path / "out")
    assert [scene.state for scene in done.scenes] == ["failed"] * 5 + ["done", "kept", "kept"]


def test_fail_fast_starts_nothing_after_the_first_failure(zoo, tmp_path, model):
    done = extract_batch(zoo[5:], tmp_path / "out", batch=BatchOptions(fail_fast=True))
    assert [scene.state for scene in done.scenes] == ["failed"] + ["not finished"] * 2
    assert not done.complete


def test_an_unexpected_error_fails_only_its_scene(write_scene, tmp_path, model, monkeypatch):
    from road_extract.batch import planning, shards

    original = shards.plan_scene

    def plan_scene(path, *args):
        if path.endswith("bad.tif"):
            raise ZeroDivisionError("by https://user:secret@example.com/x?sig=abc")
        return original(path, *args)

    monkeypatch.setattr(planning, "plan_scene", plan_scene)
    scenes = [str(write_scene(roads_in(60, 60), name)) for name in ("bad.tif", "good.tif")]
    done = extract_batch(scenes, tmp_path / "out")
    assert [scene.state for scene in done.scenes] == ["failed", "done"]
    assert "ZeroDivisionError" in done.scenes[0].error
    assert "secret" not in done.scenes[0].error
    assert "abc" not in done.scenes[0].error


def test_two_runs_in_one_folder_are_refused(write_scene, tmp_path, model):
    scene, out = str(write_scene(roads_in(60, 60))), tmp_path / "out"
    extract_batch([scene], out)
    with locked(out / ".road-extract" / "lock", out), pytest.raises(InputError, match="is in use by another run"):
        extract_batch([scene], out)
    with locked(out / ".road-extract" / "lock", out, shared=True):
        assert predict_portion([scene], out, 0, 1).errors == {}
        with pytest.raises(InputError, match="is in use by another run"):
            extract_batch([scene], out)
    assert extract_batch([scene], out).complete


def test_a_folder_with_other_files_is_refused(write_scene, tmp_path, model):
    scene = str(write_scene(roads_in(60, 60)))
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InputError, match="not created by a batch"):
        extract_batch([scene], tmp_path)
    assert sorted(tmp_path.rglob("*")) == before


def test_tags_of_osm_files_belong_to_what_a_scene_is_made_from(write_scene, tmp_path, model):
    scene, out = write_scene(roads_in(300, 260), "a.tif"), tmp_path / "out"
    rules = tmp_path / "tags.json"
    lines = VectorizeOptions(geometry="lines")

    def states(tags=None):
        batch = BatchOptions(formats="gpkg,osm", osm_tags=tags)
        return [scene.state for scene in extract_batch([str(scene)], out, vectorize=lines, batch=batch).scenes]

    assert states() == ["done"]
    plain = (out / "a" / "a.osm").read_text()
    rules.write_text('{"surface": "unpaved"}')
    assert states(str(rules)) == ["done"]
    tagged = plain.replace("</way>", '<tag k="surface" v="unpaved"/>\n</way>')
    assert (out / "a" / "a.osm").read_text() == tagged != plain
    assert states(str(rules)) == ["kept"]
    assert states("surface==unpaved") == ["kept"]  # the same rules, said in another way
    rules.write_text('{"surface": "paved"}')
    assert states(str(rules)) == ["done"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"formats": "shp"}, "known vector format"),
        ({"formats": "osm"}, "can only contain lines"),
        ({"formats": "gpkg,gpkg"}, "distinct format names"),
        ({"keep_nodes": True}, "polygons have no nodes"),
        ({"shard_px": 100}, "at least 4096"),
    ],
)
def test_wrong_options_are_reported_before_any_work(write_scene, tmp_path, model, options, words):
    with pytest.raises(InputError, match=words):
        extract_batch([str(write_scene(roads_in(60, 60)))], tmp_path / "out", batch=BatchOptions(**options))
    assert not (tmp_path / "out").exists()


def test_an_invalid_model_stops_the_batch_at_once(write_scene, tmp_path, model):
    scene = str(write_scene(roads_in(60, 60)))
    with pytest.raises(InputError, match=r"has no spec\.json"):
        extract_batch([scene], tmp_path / "out", predict=PredictOptions(model=str(tmp_path)))


def test_an_unwritable_output_stops_the_batch(write_scene, tmp_path, model, monkeypatch):
    """The next scene would fail too, so the batch stops, reports what is missing, and can be resumed."""
    from road_extract.batch import tasks

    scenes = [str(write_scene(roads_in(60, 60), name)) for name in ("a.tif", "b.tif")]
    with monkeypatch.context() as patch:

        def fail(*args):
            raise OutputError("the disk is full")

        patch.setattr(tasks, "predict_shard", fail)
        done = extract_batch(scenes, tmp_path / "out")
    assert [scene.state for scene in done.scenes] == ["failed", "not finished"]
    assert (done.complete, done.error) == (False, "the disk is full")
    assert extract_batch(scenes, tmp_path / "out").complete


def test_the_record_tells_how_it_was_made(write_scene, tmp_path, model):
    scene = write_scene(roads_in(*LONG), compress="deflate")
    with rasterio.open(scene, "r+") as dataset:
        dataset.update_tags(TIFFTAG_DATETIME="2021:06:01 10:11:12")
    extract_batch([str(scene)], tmp_path / "out", predict=PredictOptions(overlap_px=14))
    record = json.loads((tmp_path / "out" / "scene" / "scene.json").read_text())
    made = record["made"]
    assert made["input"]["path"] == str(scene)
    assert made["input"]["identity"]["size"] == scene.stat().st_size
    assert made["options"]["predict"]["overlap_px"] == 14
    assert made["backend"] == "position"
    assert len(made["model"]["sha256"]) == 64
    assert made["versions"]["road-extract"] == __version__
    assert (made["grid"]["height"], made["grid"]["width"]) == LONG
    assert made["grid"]["transform"] == list(UTM[:6])
    assert made["shards"] == 2
    assert made["windows"]["computed"] == made["windows"]["plan"] + 1
    assert made["counts"]["polygons"] > 0
    assert made["outputs"].keys() == {"scene.gpkg"}
    assert made["outputs"]["scene.gpkg"]["bytes"] == (tmp_path / "out" / "scene" / "scene.gpkg").stat().st_size
    assert record["run"]["seconds"].keys() == {"shards", "finish"}
    assert record["run"]["by"] == "one process"


def test_the_stac_item_is_valid(write_scene, tmp_path, model):
    scene = write_scene(roads_in(300, 260))
    with rasterio.open(scene, "r+") as dataset:
        dataset.update_tags(TIFFTAG_DATETIME="2021:06:01 10:11:12")
    extract_batch([str(scene)], tmp_path / "out", batch=BatchOptions(keep_probability=True))
    item = json.loads((tmp_path / "out" / "scene" / "scene.stac.json").read_text())
    assert (item["type"], item["stac_version"], item["id"]) == ("Feature", "1.1.0", "scene")
    assert item["properties"]["datetime"] == "2021-06-01T10:11:12Z"
    assert item["properties"]["proj:code"] == "EPSG:32611"
    assert item["properties"]["proj:shape"] == [300, 260]
    assert item["geometry"]["type"] == "Polygon"
    west, south, east, north = item["bbox"]
    with rasterio.open(scene) as dataset:
        box = rasterio.warp.transform_bounds(dataset.crs, "OGC:CRS84", *dataset.bounds)
    assert (west, south, east, north) == pytest.approx(box, abs=2e-7)
    assert item["assets"].keys() == {"roads.gpkg", "probability.tif", "record"}
    for asset in item["assets"].values():
        assert (tmp_path / "out" / "scene" / asset["href"]).is_file()
    assert item["assets"]["roads.gpkg"]["file:checksum"].startswith("1220")
    assert item["links"][-1] == {"rel": "derived_from", "href": str(scene)}


def test_a_scene_without_valid_pixels_gives_a_remark(write_scene, tmp_path, model, caplog):
    scene = write_scene(np.zeros((3, 60, 60), np.uint8), nodata=0)
    with caplog.at_level(logging.WARNING, "road_extract"):
        extract_batch([str(scene)], tmp_path / "out")
    assert "scene: the scene has no valid pixels" in caplog.text
    made = json.loads((tmp_path / "out" / "scene" / "scene.json").read_text())["made"]
    assert "the scene has no valid pixels" in made["remarks"][-1]


def test_an_interrupt_says_how_to_resume(write_scene, tmp_path, model, monkeypatch, capsys):
    from road_extract.batch import tasks

    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(tasks, "predict_shard", interrupt)
    assert run(["batch", str(write_scene(roads_in(60, 60))), "--out", str(tmp_path / "out")]) == 130
    assert "run the same command again to resume" in capsys.readouterr().err


def test_two_bars_show_all_scenes_and_the_current_one(monkeypatch, capsys):
    from road_extract.base.progress import Progress
    from road_extract.cli.console import Console

    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    console = Console("auto")
    console.report(Progress("scenes", 1, 4, "scenes"))
    console.report(Progress("predict", 50, 100, "windows", "town"))
    console.result("done")
    captured = capsys.readouterr()
    _, shown = captured.err.rsplit("\r", 1)[0].rsplit("scenes     25%", 1)
    upper, lower = shown.split("\n", 1)
    assert "1/4 scenes" in upper
    assert lower.startswith("predict    50%")
    assert "50/100 windows" in lower
    assert "town" in lower
    assert captured.out == "done\n"


def test_partial_outputs_of_a_dead_worker_are_not_published(write_scene, tmp_path, model):
    """As if the first attempt to finish the scene had been killed: a second one takes its place."""
    scene = write_scene(roads_in(300, 260))
    extract_batch([str(scene)], tmp_path / "whole")

    def leave(progress):
        if progress.stage == "shards":
            (place,) = (tmp_path / "out" / ".road-extract" / "work" / "scene").iterdir()
            (place.parent / "ready-1-00").mkdir()
            (place.parent / "ready-1-00" / ".scene.tmp-1-00.gpkg").write_bytes(b"half")

    assert extract_batch([str(scene)], tmp_path / "out", report=leave).complete
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")


def test_outputs_have_the_permissions_of_a_plain_folder(write_scene, tmp_path, model):
    extract_batch([str(write_scene(roads_in(60, 60)))], tmp_path / "out")
    (tmp_path / "plain").mkdir()
    assert (tmp_path / "out" / "scene").stat().st_mode == (tmp_path / "plain").stat().st_mode
