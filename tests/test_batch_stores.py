"""Batches and single outputs in buckets: the same promises and the same bytes as in a folder."""

from __future__ import annotations

import json
import logging
import os
import sys

import pytest

from road_extract import (
    BatchOptions,
    Outputs,
    VectorizeOptions,
    extract_batch,
    extract_roads,
    predict_probability,
    vectorize_roads,
)
from road_extract.base.errors import InputError, OutputError
from road_extract.batch import predict_portion
from road_extract.batch.stores import open_store
from road_extract.cli import run
from road_extract.io.objects import Bucket, hold_lease
from road_extract.io.objects import lease as lease_module
from tests.helpers.backends import PositionBackend, use_backend
from tests.helpers.s3 import put_object
from tests.helpers.scenes import roads_in, tree
from tests.helpers.stores import (
    ACCOUNT,
    KEY,
    azure_settings,
    clear_environment,
    google_settings,
    objects,
    open_uploads,
)

pytestmark = pytest.mark.slow

#: Two shards.
LONG = (60, 8448)
BOTH = VectorizeOptions(geometry="both")


@pytest.fixture(autouse=True)
def _model(identity_model, monkeypatch):
    use_backend(monkeypatch, PositionBackend)
    # for tests that leave a lease behind
    monkeypatch.setattr(lease_module, "LEASE_S", 2.0)
    monkeypatch.setattr(lease_module, "BEAT_S", 0.5)


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


@pytest.fixture
def scenes(write_scene):
    """A scene of two shards, and a small one that overlaps it."""
    return [str(write_scene(roads_in(*LONG), "long.tif")), str(write_scene(roads_in(70, 90), "small.tif"))]


def test_a_batch_in_a_bucket_holds_the_same_bytes_as_one_in_a_folder(bucket_url, scenes, tmp_path, made):
    def options(place):
        return BatchOptions(formats="gpkg,geojson", keep_mask=True, keep_nodes=True, merge=f"{place}/all/roads.gpkg")

    (tmp_path / "all").mkdir()
    local = extract_batch(scenes, tmp_path / "out", vectorize=BOTH, batch=options(tmp_path))
    assert local.complete, local.to_text()
    done = extract_batch(scenes, f"{bucket_url}/out", vectorize=BOTH, batch=options(bucket_url))
    assert done.complete, done.to_text()
    assert done.merged == f"{bucket_url}/all/roads.gpkg"
    expected = {name: data for name, data in tree(tmp_path).items() if name.startswith(("out/", "all/"))}
    assert objects(bucket_url) == expected
    assert len(expected) == 2 * 8 + 4
    summary = json.loads(Bucket.at(bucket_url).read("out/summary.json").data)
    assert summary["complete"]
    count = len(made)
    again = extract_batch(scenes, f"{bucket_url}/out", vectorize=BOTH, batch=options(bucket_url))
    assert [scene.state for scene in again.scenes] == ["kept", "kept"]
    assert len(made) == count
    assert objects(bucket_url) == expected


def test_changed_options_replace_the_result_and_what_is_no_longer_made_is_removed(bucket_url, scenes, tmp_path):
    extract_batch(scenes, bucket_url, batch=BatchOptions(formats="gpkg", keep_probability=True))
    done = extract_batch(scenes, bucket_url, batch=BatchOptions(formats="fgb"))
    assert [scene.state for scene in done.scenes] == ["done", "done"]
    extract_batch(scenes, tmp_path / "out", batch=BatchOptions(formats="fgb"))
    assert objects(bucket_url) == tree(tmp_path / "out")
    Bucket.at(bucket_url).delete(["long/long.fgb"])
    again = extract_batch(scenes, bucket_url, batch=BatchOptions(formats="fgb"))
    assert [scene.state for scene in again.scenes] == ["done", "kept"]
    assert objects(bucket_url) == tree(tmp_path / "out")


def test_a_batch_resumes_with_the_shards_that_are_there(bucket_url, scenes, tmp_path, made):
    def interrupt(progress):
        if progress.stage == "shards":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        extract_batch(scenes[:1], bucket_url, report=interrupt)
    assert made == [("long.tif", 0)]
    names = list(objects(bucket_url))
    assert [name.rpartition("/")[2] for name in names] == ["0000.tif"]
    done = extract_batch(scenes[:1], bucket_url)
    assert done.complete, done.to_text()
    assert made == [("long.tif", 0), ("long.tif", 1)]
    extract_batch(scenes[:1], tmp_path / "out")
    assert objects(bucket_url) == tree(tmp_path / "out")


def test_an_object_that_is_not_this_shard_is_not_used(bucket_url, scenes, tmp_path, made):
    assert predict_portion(scenes[:1], bucket_url, 0, 1).made == 2
    bucket = Bucket.at(bucket_url)
    first = min(name for name in bucket.list_all() if name.endswith(".tif"))
    bucket.write(first, b"half")  # without a mark
    bucket.write(f"{first.rsplit('/', 2)[0]}/other/0000.tif", b"of another fingerprint")
    del made[:]
    assert extract_batch(scenes[:1], bucket_url).complete
    assert made == [("long.tif", 0)]
    extract_batch(scenes[:1], tmp_path / "out")
    assert objects(bucket_url) == tree(tmp_path / "out")


def test_portions_share_the_shards_and_the_batch_only_joins_them(s3_url, scenes, tmp_path, made):
    for index, count in ((2, 1), (0, 1), (1, 1), (1, 0)):
        assert predict_portion(scenes, s3_url, index, 3).made == count
    del made[:]
    assert extract_batch(scenes, s3_url).complete
    assert made == []
    extract_batch(scenes, tmp_path / "out")
    assert objects(s3_url) == tree(tmp_path / "out")


def test_two_runs_on_one_prefix_are_refused(bucket_url, scenes, made):
    store = open_store(bucket_url)
    extract_batch(scenes[1:], bucket_url)
    with store.claim(".road-extract/lock"):
        for function in (lambda: extract_batch(scenes, bucket_url), lambda: predict_portion(scenes, bucket_url, 0, 1)):
            with pytest.raises(InputError, match=r"is in use by another run \(process \d+ on .*\); wait until it ends"):
                function()
    with store.claim(".road-extract/lock", shared=True):
        assert predict_portion(scenes[1:], bucket_url, 0, 1).errors == {}
        with pytest.raises(InputError, match="is in use by another run"):
            extract_batch(scenes, bucket_url)
    assert extract_batch(scenes, bucket_url).complete


def test_a_run_whose_lease_was_taken_over_stops_and_publishes_nothing(s3_url, scenes, monkeypatch, tmp_path):
    """As if its machine had slept: it does not renew its lease, another run takes over, and it wakes up."""
    monkeypatch.setattr(lease_module.Lease, "_beat", lambda self: None)
    taken = []

    def wake_up_late(progress):
        if progress.stage == "shards" and not taken:
            taken.append(hold_lease(Bucket.at(s3_url), ".road-extract/lock", "other"))
            taken[0].__enter__()

    with pytest.raises(OutputError, match="another run has taken over"):
        extract_batch(scenes, s3_url, report=wake_up_late)
    assert not [name for name in Bucket.at(s3_url).list_all() if not name.startswith(".road-extract/")]
    taken[0].__exit__(None, None, None)
    assert extract_batch(scenes, s3_url).complete
    extract_batch(scenes, tmp_path / "out")
    assert objects(s3_url) == tree(tmp_path / "out")


def test_a_prefix_with_other_objects_is_refused(s3_url, scenes):
    Bucket.at(s3_url).write("mine.txt", b"mine")
    with pytest.raises(InputError, match=r"contains objects not created by a batch, such as mine\.txt"):
        extract_batch(scenes, s3_url)
    assert list(Bucket.at(s3_url).list_all()) == ["mine.txt"]


def test_failing_requests_change_nothing(s3_url, s3_gateway, scenes, tmp_path):
    s3_gateway.fail(
        *({"path": "roads", "method": method, "status": 503, "times": 6} for method in ("GET", "HEAD", "POST")),
        {"path": r"\.tif|gpkg", "method": "PUT", "status": 503, "times": 4},
        {"path": r"\.tif|gpkg", "method": "PUT", "drop": True, "times": 2},
    )
    done = extract_batch(scenes, s3_url)
    assert done.complete, done.to_text()
    extract_batch(scenes, tmp_path / "out")
    assert objects(s3_url) == tree(tmp_path / "out")
    assert sum(request["status"] in (0, 503) for request in s3_gateway.requests) > 12


def test_no_object_is_ever_half_written(s3, s3_url, s3_gateway, scenes, tmp_path, monkeypatch):
    """Every upload of a result fails for good: nothing appears, nothing stays behind, and the next run ends it."""
    from road_extract.io.objects import bucket as bucket_module

    monkeypatch.setattr(bucket_module, "_RETRIES", 1)
    s3_gateway.fail({"path": "ready-", "method": "PUT", "drop": True})
    done = extract_batch(scenes, s3_url)
    assert not done.complete
    assert "the store does not respond correctly" in done.error
    assert [scene.state for scene in done.scenes] == ["failed", "not finished"]
    assert [name.rpartition("/")[2] for name in objects(s3_url)] == ["0000.tif", "0001.tif"]
    assert open_uploads(s3) == 0
    s3_gateway.fail()
    assert extract_batch(scenes, s3_url).complete
    extract_batch(scenes, tmp_path / "out")
    assert objects(s3_url) == tree(tmp_path / "out")


def test_single_outputs_are_the_same_bytes_as_on_disk(bucket_url, scenes, tmp_path):
    bucket = Bucket.at(bucket_url)
    (tmp_path / "one").mkdir()
    for place in (f"{bucket_url}/one", str(tmp_path / "one")):
        outputs = Outputs(f"{place}/r.geojson", f"{place}/p.tif", f"{place}/m.tif", f"{place}/n.gpkg")
        done = extract_roads(scenes[0], outputs, vectorize=BOTH)
        assert [str(path) for path in (done.path, done.lines_path)] == [
            f"{place}/r{end}" for end in (".geojson", "_lines.geojson")
        ]
        assert str(predict_probability(scenes[1], f"{place}/q.tif")) == f"{place}/q.tif"
        vectorize_roads(f"{tmp_path}/one/q.tif" if place.startswith("/") else f"{place}/q.tif", f"{place}/v.gpkg")
    assert objects(f"{bucket_url}/one") == tree(tmp_path / "one")
    with pytest.raises(InputError, match=r"one/r\.geojson: already exists; choose another name or allow overwriting"):
        extract_roads(scenes[0], f"{bucket_url}/one/r.geojson")
    bucket.delete(["one/r.geojson"])
    with pytest.raises(InputError, match=r"one/r_lines\.geojson: already exists"):
        extract_roads(scenes[0], f"{bucket_url}/one/r.geojson", vectorize=BOTH)
    extract_roads(scenes[0], f"{bucket_url}/one/r.geojson", vectorize=BOTH, overwrite=True)
    assert objects(f"{bucket_url}/one") == tree(tmp_path / "one")


def test_an_output_that_appears_while_it_is_made_is_not_overwritten(s3_url, scenes):
    def appear(progress):
        Bucket.at(s3_url).write("r.geojson", b"mine")

    with pytest.raises(InputError, match=r"r\.geojson: already exists"):
        extract_roads(scenes[1], f"{s3_url}/r.geojson", report=appear)
    assert Bucket.at(s3_url).read("r.geojson").data == b"mine"


def test_wrong_single_outputs_are_one_sentence_with_the_place_that_was_given(s3_url, scenes, capsys):
    for out, words in (
        (f"{s3_url}/roads.xyz", "roads.xyz"),
        (f"{s3_url}/", "is a folder"),
        ("s3://nobody/roads.gpkg", "the bucket nobody does not exist"),
        ("ftp://host/roads.gpkg", "is not a location for outputs"),
    ):
        assert run(["extract", scenes[1], out]) == 1
        (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("Error")]
        assert words in line
        assert "/tmp" not in line
    assert Bucket.at(s3_url).list_all() == {}


def test_the_command_line_writes_to_buckets(s3_url, scenes, capsys):
    assert run(["shard", scenes[1], "--out", s3_url, "--index", "0", "--of", "1"]) == 0
    assert capsys.readouterr().out == f"1 shards made in {s3_url}\n"
    assert run(["batch", scenes[1], "--out", s3_url, "--merge", f"{s3_url}-all/roads.gpkg"]) == 0
    said = capsys.readouterr().out
    assert f"1 done; in {s3_url}\n" in said
    assert f"all scenes in one layer: {s3_url}-all/roads.gpkg" in said
    assert run(["predict", scenes[1], f"{s3_url}-all/p.tif"]) == 0
    assert capsys.readouterr().out == f"road probability in {s3_url}-all/p.tif\n"


def test_no_credential_is_written_printed_or_logged(bucket_url, scenes, capsys, caplog):
    with caplog.at_level(logging.DEBUG, "road_extract"):
        assert run(["batch", *scenes, "gone.tif", "--out", bucket_url, "--merge", f"{bucket_url}-all/x.gpkg"]) == 1
    captured = capsys.readouterr()
    texts = [captured.out, captured.err, caplog.text, repr(open_store(bucket_url))]
    bucket = Bucket.at(bucket_url)
    texts += [bucket.read(name).data.decode("latin-1") for name in bucket.list_all()]
    assert len(texts) > 8
    assert not [text for text in texts for secret in ("KEYNAME", "s3cret", KEY) if secret in text]


def test_without_obstore_one_sentence_names_the_extra(s3_url, scenes, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "obstore", None)
    for arguments in (["batch", scenes[1], "--out", s3_url], ["extract", scenes[1], f"{s3_url}/r.gpkg"]):
        assert run(arguments) == 1
        assert "pip install 'road-extract[cloud]'" in capsys.readouterr().err


def upload_scene(kind: str, request, monkeypatch, tmp_path, data: bytes) -> None:
    """Put `town.tif` into the bucket or container `scenes`, and point GDAL there."""
    clear_environment(monkeypatch, tmp_path)
    if kind == "az":
        settings = azure_settings(request.getfixturevalue("azurite"))
    else:
        put_object(f"http://{request.getfixturevalue('s3')}/scenes", b"")
        settings = google_settings(request.getfixturevalue("google"))
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "upload.tif").write_bytes(data)
    Bucket.at(f"{kind}://scenes/x").upload(tmp_path / "upload.tif", "town.tif")


@pytest.mark.parametrize("kind", ["gs", "az"])
def test_scenes_are_read_from_google_and_azure(kind, request, monkeypatch, write_scene, tmp_path):
    scene = write_scene(roads_in(300, 260), "town.tif", tiled=True, blockxsize=64, blockysize=64)
    upload_scene(kind, request, monkeypatch, tmp_path, scene.read_bytes())
    keep = BatchOptions(keep_probability=True)
    done = extract_batch([f"{kind}://scenes/x/town.tif"], tmp_path / "out", batch=keep)
    assert done.complete, done.to_text()
    extract_batch([str(scene)], tmp_path / "local", batch=keep)
    for name in ("town.gpkg", "town_probability.tif"):
        assert (tmp_path / "out/town" / name).read_bytes() == (tmp_path / "local/town" / name).read_bytes()
    again = extract_batch([f"{kind}://scenes/x/town.tif"], tmp_path / "out", batch=keep)
    assert [scene.state for scene in again.scenes] == ["kept"]
    gone = extract_batch([f"{kind}://scenes/x/gone.tif"], tmp_path / "out")
    assert [scene.state for scene in gone.scenes] == ["failed"]
    assert ACCOUNT not in gone.scenes[0].error
