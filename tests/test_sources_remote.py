"""Scenes over HTTP and from S3: only the bytes that are needed, over unreliable connections."""

from __future__ import annotations

import json
import logging
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from rasterio.env import getenv

from road_extract.base.errors import InputError
from road_extract.base.windows import Window
from road_extract.cli import console, run
from road_extract.io import fetching
from road_extract.io.raster.opening import open_raster
from road_extract.io.raster.remote import remote_env
from road_extract.io.sources import expand_inputs
from tests.helpers.file_server import serve
from tests.helpers.s3 import put_object
from tests.helpers.scenes import UTM, roads_in


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(fetching, "WAITS_S", (0.01, 0.02, 0.04))
    monkeypatch.setenv("GDAL_HTTP_RETRY_DELAY", "0.01")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def log(tmp_path):
    return tmp_path / "requests"


@pytest.fixture(scope="module")
def noise(tmp_path_factory):
    """1100 x 1000 pixels of noise, which does not compress, so that byte counts are predictable."""
    folder = tmp_path_factory.mktemp("noise")
    pixels = np.random.default_rng(1).integers(0, 256, (3, 1100, 1000), dtype=np.uint8)
    profile = {"count": 3, "height": 1100, "width": 1000, "dtype": "uint8", "crs": "EPSG:32611", "transform": UTM}
    with rasterio.open(folder / "plain.tif", "w", driver="GTiff", **profile) as dataset:
        dataset.write(pixels)
    rasterio.shutil.copy(
        folder / "plain.tif", folder / "cog.tif", driver="COG", blocksize=128, compress="DEFLATE", level=1
    )
    return folder / "cog.tif"


@pytest.fixture
def cog(noise, tmp_path):
    """A copy of the scene, alone in a folder."""
    (tmp_path / "served").mkdir()
    return Path(shutil.copy(noise, tmp_path / "served"))


def read(path) -> np.ndarray:
    with rasterio.open(path) as dataset:
        return dataset.read(1)


def expected(cog) -> np.ndarray:
    """The prediction of the identity model."""
    return np.rint(read(cog) / np.float32(255) * 254).astype(np.uint8)


def test_a_quarter_of_a_scene_takes_about_a_quarter_of_its_bytes(cog, tmp_path, log, identity_model):
    bounds = ["--bounds", *map(str, (UTM.c, UTM.f - 550, UTM.c + 500, UTM.f))]
    with serve(cog.parent, log) as server:
        assert run(["predict", f"{server.url}/cog.tif", str(tmp_path / "remote.tif"), *bounds]) == 0
        # 5 x 4 of the 9 x 8 blocks are needed, and no overviews
        assert 0.15 < server.sent / cog.stat().st_size < 0.25
        assert all(request.range for request in server.requests if request.method == "GET")
    assert np.array_equal(read(tmp_path / "remote.tif"), expected(cog)[:550, :500])


FAILURES: dict[str, dict[int, int | str]] = {
    "unavailable": dict.fromkeys(range(0, 60, 4), 503),
    "too many requests": dict.fromkeys(range(1, 60, 5), 429),
    "cut": dict.fromkeys(range(1, 60, 7), "cut"),
    "dropped": dict.fromkeys(range(0, 60, 5), "drop"),
    "all of it": {n: (503, "cut", "drop")[n % 3] for n in range(0, 60, 4)},
    "for a while": dict.fromkeys(range(4, 12), 503),
}


@pytest.mark.parametrize("fail", FAILURES.values(), ids=FAILURES.keys())
def test_an_unreliable_server_gives_the_same_pixels(cog, tmp_path, log, identity_model, fail, capsys):
    with serve(cog.parent, log, fail) as server:
        assert run(["predict", f"{server.url}/cog.tif", str(tmp_path / "remote.tif")]) == 0
        assert server.sent < 3 * cog.stat().st_size
        assert len(server.requests) > min(fail)
    assert np.array_equal(read(tmp_path / "remote.tif"), expected(cog))
    assert "CPLE" not in capsys.readouterr().err


@pytest.mark.parametrize("lost", range(1, 5))
@pytest.mark.parametrize("how", ["cut", 503])
def test_no_mask_is_lost_with_a_part_of_the_header(tmp_path, write_scene, log, lost, how):
    """The header of the mask is at the end of the file; without it, GDAL treats all pixels as valid."""
    mask = np.ones((700, 600), np.bool_)
    mask[300:500, 100:400] = False
    blocks = {"tiled": True, "blockxsize": 64, "blockysize": 64, "compress": "deflate"}
    write_scene(np.arange(700 * 600, dtype=np.uint32).reshape(1, 700, 600), mask=mask, **blocks)
    with serve(tmp_path, log, {lost: how, lost + 1: how}) as server, open_raster(f"{server.url}/scene.tif") as dataset:
        assert np.array_equal(dataset.dataset_mask() > 0, mask)


def test_a_name_that_looks_like_a_message_is_not_one(tmp_path, rng, write_scene, log, caplog):
    pixels = rng.integers(0, 256, (3, 200, 200), dtype=np.uint8)
    write_scene(pixels, "HTTP_signature.tif", blockysize=200)
    with serve(tmp_path, log, {2: "cut"}) as server, open_raster(f"{server.url}/HTTP_signature.tif") as dataset:
        assert np.array_equal(dataset.read(), pixels)
    assert "IReadBlock failed" in caplog.text


def test_gdals_settings_reach_the_thread_that_reads(tmp_path, rng, write_scene, log, identity_model, monkeypatch):
    """One block, one request: only GDAL's own second try is left. The first look at a scene leaves blocks unread."""
    monkeypatch.setattr(fetching, "WAITS_S", ())
    write_scene(rng.integers(0, 256, (3, 1000, 200), dtype=np.uint8), blockysize=100)
    with serve(tmp_path, log) as server:
        assert run(["predict", f"{server.url}/scene.tif", str(tmp_path / "p.tif")]) == 0
        last = max(n for n, request in enumerate(server.requests) if request.sent > 16384)
    with serve(tmp_path, log, {last: 503}) as server:
        assert run(["predict", f"{server.url}/scene.tif", str(tmp_path / "q.tif")]) == 0
        assert len(server.requests) == last + 2


def test_what_the_user_has_set_stays(monkeypatch):
    monkeypatch.setenv("GDAL_HTTP_MAX_RETRY", "7")
    with rasterio.Env(GDAL_HTTP_CONNECTTIMEOUT="3"), remote_env():
        assert getenv()["GDAL_HTTP_CONNECTTIMEOUT"] == "3"
        assert "GDAL_HTTP_MAX_RETRY" not in getenv()
        assert getenv()["GDAL_HTTP_LOW_SPEED_TIME"] == "30"


def test_masks_beside_local_scenes_are_seen_after_a_remote_one(tmp_path, write_scene, log):
    scene = write_scene(np.full((1, 30, 20), 9, np.uint8))
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=False), rasterio.open(scene, "r+") as dataset:
        dataset.write_mask(np.zeros((30, 20), np.bool_))
    with serve(tmp_path, log) as server, rasterio.Env(), open_raster(f"{server.url}/scene.tif") as dataset:
        dataset.read()
        with open_raster(str(scene)) as local:
            assert not local.dataset_mask().any()


def test_a_mosaic_on_disk_of_remote_scenes(cog, tmp_path, log, identity_model):
    with serve(cog.parent, log, FAILURES["all of it"]) as server:
        rasterio.shutil.copy(cog, tmp_path / "m.vrt", driver="VRT")
        text = (
            (tmp_path / "m.vrt")
            .read_text()
            .replace('relativeToVRT="1">served/', f'relativeToVRT="0">/vsicurl/{server.url}/')
        )
        (tmp_path / "m.vrt").write_text(text)
        assert run(["predict", str(tmp_path / "m.vrt"), str(tmp_path / "remote.tif")]) == 0
        assert server.sent > cog.stat().st_size / 2
        (ref,) = expand_inputs([str(tmp_path / "m.vrt")])
        (facts,) = ref.identity()["files"].values()
        assert facts["size"] == cog.stat().st_size
    assert np.array_equal(read(tmp_path / "remote.tif"), expected(cog))


GONE = {
    "missing": ({}, "none.tif", "404"),
    "forbidden": ({-1: 403}, "cog.tif", "403"),
    "no raster": ({}, "a.txt.tif", "not recognized"),
}


@pytest.mark.parametrize(("fail", "name", "words"), GONE.values(), ids=GONE.keys())
@pytest.mark.parametrize("command", ["extract", "info"])
def test_permanent_errors_are_reported_at_once(
    cog, tmp_path, log, identity_model, monkeypatch, capsys, command, fail, name, words
):
    monkeypatch.setattr(fetching, "WAITS_S", (0.01, 60.0))
    (cog.parent / "a.txt.tif").write_text("no raster")
    out = {"extract": ["r.gpkg"], "info": ["--no-timing"]}[command]
    out = [str(tmp_path / arg) if "." in arg else arg for arg in out]
    started = time.monotonic()
    with serve(cog.parent, log, fail) as server:
        assert run([command, f"{server.url}/{name}", *out]) == 1
    assert time.monotonic() - started < 10
    shown = "".join(capsys.readouterr())
    assert words in shown
    assert shown.count("cannot be opened as a raster") == 1
    assert "Traceback" not in shown


def test_a_missing_server_is_reported_at_once(monkeypatch, capsys):
    monkeypatch.setattr(fetching, "WAITS_S", (60.0,))
    monkeypatch.delenv("GDAL_HTTP_RETRY_DELAY")
    started = time.monotonic()
    assert run(["info", "--no-timing", "http://127.0.0.1:1/x.tif"]) == 1
    assert time.monotonic() - started < 10
    assert "Could not connect" in capsys.readouterr().out


@pytest.mark.parametrize("how", [503, "cut", "drop"])
def test_a_server_that_keeps_failing_is_given_up(cog, tmp_path, log, identity_model, capsys, how):
    with serve(cog.parent, log, {-1: how}) as server:
        assert run(["predict", f"{server.url}/cog.tif", str(tmp_path / "p.tif")]) == 1
        assert len(server.requests) < 100
    err = capsys.readouterr().err
    assert err.count("Error: ") == 1
    assert err.count("trying again") == 3
    assert "given up after 4 attempts" in err
    assert not (tmp_path / "p.tif").exists()


def test_a_server_that_dies_midway_leaves_nothing_behind(cog, tmp_path, log, identity_model, capsys):
    with serve(cog.parent, log, dict.fromkeys(range(3, 300), "cut")) as server:
        assert run(["predict", f"{server.url}/cog.tif", str(tmp_path / "p.tif")]) == 1
    err = capsys.readouterr().err
    assert err.count("Error: ") == 1
    assert "its pixels cannot be read" in err
    assert "the network keeps failing" in err
    assert not list(tmp_path.glob("*p.*"))


# secrets


def test_no_secret_is_shown_or_written(write_scene, tmp_path, log, identity_model, monkeypatch, capsys, caplog):
    monkeypatch.setattr(console, "_json_out", None)  # restored at the end
    (tmp_path / "in").mkdir()
    write_scene(roads_in(300, 260), "in/scene.tif")
    out = tmp_path / "out"
    out.mkdir()
    with (
        serve(tmp_path / "in", log, {0: 503, 2: "cut", 3: "drop"}, allow="Basic dTpTRUNSRVQ=") as server,
        caplog.at_level(logging.DEBUG),
    ):
        url = server.url.replace("://", "://u:SECRET@") + "/scene.tif?X-Amz-Signature=SECRET"
        args = [url, str(out / "r.gpkg"), "--probability", str(out / "p.tif"), "--mask", str(out / "m.tif")]
        assert run(["extract", *args]) == 0
        assert run(["extract", *args, "--overwrite", "--progress", "json"]) == 0
        assert run(["extract", *args]) == 1  # exists
        assert run(["extract", url.replace("scene", "none"), str(out / "n.gpkg")]) == 1
        assert run(["info", url, "--no-timing"]) == 0
        assert run(["info", url, "--no-timing", "--json"]) == 0
        assert run(["info", url.replace("scene", "none"), "--no-timing"]) == 1
        (ref,) = expand_inputs([url])
        identity = ref.identity()
        assert identity["etag"]
        assert any("SECRET" in request.path for request in server.requests)
    captured = capsys.readouterr()
    assert "2 road polygons" in captured.out
    assert "trying again" in captured.err + caplog.text
    shown = captured.out + captured.err + caplog.text + ref.shown + ref.name + json.dumps(identity)
    assert "SECRET" not in shown
    assert sorted(path.name for path in out.iterdir()) == ["m.tif", "p.tif", "r.gpkg"]
    assert not any(b"SECRET" in path.read_bytes() for path in out.iterdir())


def test_the_identity_of_a_remote_scene_changes_with_it(cog, log):
    with serve(cog.parent, log, {0: 503, 3: "drop"}) as server:
        (ref,) = expand_inputs([f"{server.url}/cog.tif"])
        before = ref.identity()
        assert before["size"] == cog.stat().st_size
        assert before == ref.identity()
        assert server.sent < 20
        with (
            rasterio.Env(IGNORE_COG_LAYOUT_BREAK="YES"),
            rasterio.open(cog, "r+", IGNORE_COG_LAYOUT_BREAK="YES") as dataset,
        ):
            dataset.update_tags(x="1")
        assert ref.identity() != before
        cog.unlink()
        with pytest.raises(InputError, match="HTTP 404"):
            ref.identity()


def test_a_remote_file_that_changed_between_runs_is_read_again(tmp_path, write_scene, log, identity_model):
    """GDAL would continue with what it has cached."""
    with serve(tmp_path, log) as server:
        for value in (10, 200):
            write_scene(np.full((3, 90, 80), value, np.uint8))
            out = tmp_path / f"p{value}.tif"
            assert run(["predict", f"{server.url}/scene.tif", str(out)]) == 0
            assert read(out)[0, 0] == round(value / 255 * 254)


# S3


def test_a_scene_from_s3_with_credentials_from_the_environment(
    s3_env, cog, tmp_path, identity_model, monkeypatch, capsys
):
    put_object(f"http://{s3_env}/scenes/sub/cog.tif", cog.read_bytes())
    scene, out = "s3://scenes/sub/cog.tif", str(tmp_path / "remote.tif")
    assert run(["predict", scene, out]) == 1
    assert "AWS_SECRET_ACCESS_KEY" in capsys.readouterr().err
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "KEYNAME")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "SECRET")
    assert run(["predict", scene, out]) == 0
    assert run(["info", scene, "--no-timing"]) == 0
    assert np.array_equal(read(tmp_path / "remote.tif"), expected(cog))
    assert run(["info", "s3://scenes/none.tif", "--no-timing"]) == 1
    shown = "".join(capsys.readouterr())
    assert "s3://scenes/none.tif: cannot be opened" in shown
    assert "SECRET" not in shown
    assert "KEYNAME" not in shown


def test_the_identity_of_a_scene_on_s3_changes_with_it(s3_env, write_scene, rng, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "KEYNAME")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "SECRET")
    pixels = rng.integers(0, 9, (1, 600, 500), dtype=np.uint8)
    blocks = {"tiled": True, "blockxsize": 64, "blockysize": 64, "compress": "deflate"}
    (ref,) = expand_inputs(["s3://scenes/changing.tif"])
    found = []
    for value in (1, 1, 2):
        pixels[0, 200:230, 300:330] = value
        pixels[0, 200 : 200 + 3 * value, 300:330] = 7
        put_object(f"http://{s3_env}/scenes/changing.tif", write_scene(pixels, **blocks).read_bytes())
        found.append(ref.identity())
    assert found[0] == found[1] != found[2]
    with pytest.raises(InputError):
        expand_inputs(["s3://scenes/nothing.tif"])[0].identity()


def test_a_window_of_a_remote_scene_equals_that_on_disk(cog, log):
    from road_extract.io.raster import Scene, SceneView

    window = Window(100, 600, 500, 300)
    with serve(cog.parent, log, {2: "cut", 3: "cut"}) as server:
        for view in (SceneView(1.0), SceneView(3.0)):  # as it is, and resampled
            with Scene(f"{server.url}/cog.tif", view) as there, Scene(str(cog), view) as here:
                part = window if there.grid.width == 1000 else Window(10, 20, 300, 200)
                assert np.array_equal(there.read(part)[0], here.read(part)[0])


def test_no_secret_in_warnings_and_system_errors_is_shown(capsys):
    """Warnings and errors that do not come from our own errors."""
    console.Console("auto")
    logging.getLogger("road_extract").warning("%s: slow", "https://u:SECRET@h.org/x.tif")
    console.show_error("[Errno 2] No such file: 'https://h.org/x.tif?sig=SECRET'")
    err = capsys.readouterr().err
    assert "https://***@h.org/x.tif: slow" in err
    assert "SECRET" not in err
