"""Batches of remote scenes: over unreliable connections, from catalogues, without revealing credentials."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from road_extract import BatchOptions, PredictOptions, extract_batch
from road_extract.batch.shards import plan_scene
from road_extract.batch.stores import open_store
from road_extract.batch.tasks import ShardTask
from road_extract.cli import run
from road_extract.io import fetching
from tests.helpers.backends import PositionBackend, use_backend
from tests.helpers.file_server import serve
from tests.helpers.s3 import put_object
from tests.helpers.scenes import roads_in, tree


@pytest.fixture(autouse=True)
def _quick(monkeypatch, identity_model):
    monkeypatch.setattr(fetching, "WAITS_S", (0.01, 0.02, 0.04))
    monkeypatch.setenv("GDAL_HTTP_RETRY_DELAY", "0.01")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    use_backend(monkeypatch, PositionBackend)


@pytest.fixture
def served(write_scene, tmp_path):
    """A folder with two scenes of the same name in subfolders."""
    for folder in ("north", "south"):
        (tmp_path / "served" / folder).mkdir(parents=True)
    write_scene(roads_in(300, 260), "served/north/town.tif", tiled=True, blockxsize=64, blockysize=64)
    write_scene(roads_in(250, 280), "served/south/town.tif", tiled=True, blockxsize=64, blockysize=64)
    return tmp_path / "served"


def pixels(out: Path) -> dict[str, bytes]:
    """The probability rasters, by the folder of their scene."""
    found = {}
    for path in out.glob("*/*_probability.tif"):
        record = json.loads((path.parent / f"{path.parent.name}.json").read_text())
        found["north" if "north" in record["made"]["input"]["path"] else "south"] = path.read_bytes()
    return found


KEEP = BatchOptions(keep_probability=True)


FAILURES = dict(zip(range(1, 40, 3), [503, "cut", "drop", 429] * 4, strict=False))


@pytest.mark.parametrize("fail", [{}, FAILURES], ids=["well", "failing"])
def test_scenes_over_http_give_the_same_as_on_disk(served, tmp_path, fail):
    extract_batch([str(served / "*" / "*.tif")], tmp_path / "local", batch=KEEP)
    with serve(served, tmp_path / "log", fail) as server:
        urls = [f"{server.url}/{folder}/town.tif" for folder in ("north", "south")]
        done = extract_batch(urls, tmp_path / "out", batch=KEEP)
        assert done.complete, done.to_text()
        assert pixels(tmp_path / "out") == pixels(tmp_path / "local")
        assert len(pixels(tmp_path / "out")) == 2
        again = extract_batch(urls, tmp_path / "out", batch=KEEP)
    assert [scene.state for scene in again.scenes] == ["kept", "kept"]


def test_a_catalogue_names_the_scenes(served, tmp_path):
    items = [
        {"type": "Feature", "stac_version": "1.0.0", "id": folder, "geometry": None, "links": [],
         "properties": {"datetime": "2021-06-01T00:00:00Z"},
         "assets": {"picture": {"href": f"{folder}/town.tif"}, "thumbnail": {"href": "small.png"}}}
        for folder in ("north", "south")
    ]  # fmt: skip
    (served / "items.json").write_text(json.dumps({"type": "FeatureCollection", "features": items}))
    with serve(served, tmp_path / "log") as server:
        options = BatchOptions(asset="picture", keep_probability=True)
        done = extract_batch([f"{server.url}/items.json"], tmp_path / "out", batch=options)
    assert done.complete, done.to_text()
    extract_batch([str(served / "*" / "*.tif")], tmp_path / "local", batch=KEEP)
    assert pixels(tmp_path / "out") == pixels(tmp_path / "local")


def test_no_secret_is_written_printed_or_sent_to_workers(served, tmp_path, capsys, caplog):
    place = "/north/town.tif?sig=s3cret&X-Amz-Signature=s3cret"
    with serve(served, tmp_path / "log") as server, caplog.at_level(logging.DEBUG, "road_extract"):
        good = server.url.replace("http://", "http://me:s3cret@") + place
        bad = good.replace("town", "gone")
        assert run(["batch", good, bad, "--out", str(tmp_path / "out"), "--merge", str(tmp_path / "all.gpkg")]) == 1
        assert tree(tmp_path / "out").keys() >= {"town/town.json", "town/town.stac.json"}
        planned = plan_scene(f"/vsicurl/{good}", PredictOptions(), 4096, shown="shown")
    assert "s3cret" in (tmp_path / "log").read_text()  # it was used
    captured = capsys.readouterr()
    texts = [captured.out, captured.err, caplog.text, repr(ShardTask(planned, 0, open_store(tmp_path), "x", "f"))]
    for path in tmp_path.rglob("*"):
        if path.is_file() and path != tmp_path / "log":
            texts.append(path.read_bytes().decode("latin-1"))
    assert not [text for text in texts if "s3cret" in text]
    assert "gone" in captured.out


@pytest.mark.slow
def test_scenes_from_s3_with_credentials_from_the_environment(s3_env, served, tmp_path, monkeypatch):
    for folder in ("north", "south"):
        put_object(f"http://{s3_env}/scenes/{folder}/town.tif", (served / folder / "town.tif").read_bytes())
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "KEYNAME")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret")
    scenes = [f"s3://scenes/{folder}/town.tif" for folder in ("north", "south")]
    done = extract_batch(scenes, tmp_path / "out", batch=KEEP)
    assert done.complete, done.to_text()
    extract_batch([str(served / "*" / "*.tif")], tmp_path / "local", batch=KEEP)
    assert pixels(tmp_path / "out") == pixels(tmp_path / "local")
    assert [scene.state for scene in extract_batch(scenes, tmp_path / "out", batch=KEEP).scenes] == ["kept", "kept"]
    written = b"".join(path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert b"KEYNAME" not in written
    assert b"s3cret" not in written
