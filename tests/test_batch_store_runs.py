"""Whole runs with results in S3, in processes that are killed or interrupted: the result is that of one run on disk."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from road_extract.io.objects import Bucket
from tests.helpers.backends import write_model
from tests.helpers.paths import REPOSITORY
from tests.helpers.scenes import roads_in, tree, write_geotiff
from tests.helpers.stores import objects, open_uploads

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="signals differ")]

DRIVER = REPOSITORY / "tests" / "helpers" / "batch_driver.py"
LEASE_S = 3.0


@pytest.fixture
def scene(tmp_path):
    """A scene of four shards."""
    return write_geotiff(tmp_path / "long.tif", roads_in(150, 17_000))


@pytest.fixture
def start(tmp_path, scene):
    """Start `road-extract batch` on the scene."""
    model = write_model(tmp_path / "position")
    started: list[subprocess.Popen[str]] = []

    def start(out, *options, delay_s=0.0) -> subprocess.Popen[str]:
        command = [sys.executable, DRIVER, delay_s, "batch", scene, "--out", out, "--model", model, *options]
        process = subprocess.Popen(
            [*map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env=os.environ | {"PYTHONPATH": str(REPOSITORY), "TEST_LEASE_S": str(LEASE_S)},
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture
def finish(start):
    """Run it to its end."""

    def finish(*arguments, **settings) -> tuple[int, str]:
        process = start(*arguments, **settings)
        said, _ = process.communicate(timeout=300)
        return process.returncode, said

    return finish


def wait_for(condition) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def expected(finish, tmp_path):
    code, said = finish(tmp_path / "local")
    assert code == 0, said
    return tree(tmp_path / "local")


@pytest.mark.parametrize("options", [("--jobs", "2"), ("--dask", "local", "--jobs", "2")], ids=" ".join)
def test_any_kind_of_worker_gives_the_same_bytes(s3_url, finish, expected, options):
    if "--dask" in options:
        pytest.importorskip("distributed")
    code, said = finish(s3_url, *options)
    assert code == 0, said
    assert objects(s3_url) == expected


def test_after_kills_at_random_moments_the_result_is_that_of_an_uninterrupted_run(s3, s3_url, start, finish, expected):
    moments, killed = random.Random(3), 0
    while killed < 5:
        process = start(s3_url, *(("--jobs", "2") if killed % 2 else ()), delay_s=0.02)
        time.sleep(moments.uniform(1.0, 5.0))
        if process.poll() is not None:
            break
        process.kill()
        process.communicate()
        killed += 1
        assert open_uploads(s3) == 0
    assert killed
    code, said = finish(s3_url)
    assert code == 0, said
    assert objects(s3_url) == expected


def test_a_second_run_is_refused_while_the_first_lives_and_goes_on_after_its_death(s3_url, start, finish, expected):
    first = start(s3_url, delay_s=0.5)
    wait_for(lambda: any(name.endswith("0000.tif") for name in Bucket.at(s3_url).list_all()))
    code, said = finish(s3_url)
    assert code == 1
    assert said.count("Error: ") == 1
    assert f"{s3_url}: is in use by another run (process {first.pid} on" in said
    first.kill()
    first.communicate()
    code, said = finish(s3_url)
    assert code == 0, said
    assert "waiting up to" in said
    assert "of 4 shards are finished" in said
    assert objects(s3_url) == expected


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_releases_the_lease_and_says_how_to_resume(s3_url, start, finish, expected, number):
    process = start(s3_url, "--jobs", "2", delay_s=0.05)
    wait_for(lambda: any(name.endswith(".tif") for name in Bucket.at(s3_url).list_all()))
    process.send_signal(number)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "run the same command again to resume" in said
    assert "Traceback" not in said
    assert json.loads(Bucket.at(s3_url).read(".road-extract/lock").data) == {"owner": None}
    code, said = finish(s3_url)
    assert code == 0, said
    assert "waiting up to" not in said
    assert objects(s3_url) == expected


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_upload_that_is_interrupted_leaves_nothing(s3, s3_url, s3_gateway, start, finish, expected, number):
    """In the middle of the upload of a shard, in one request."""
    s3_gateway.fail({"path": r"0001\.tif", "method": "PUT", "wait": 3, "times": 1})
    process = start(s3_url)
    wait_for(lambda: any(name.endswith("0000.tif") for name in Bucket.at(s3_url).list_all()))
    time.sleep(0.7)
    process.send_signal(number)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == (130 if number == signal.SIGINT else -9), said
    time.sleep(3)  # the gateway held the request for as long: now it has gone through, or never will
    assert open_uploads(s3) == 0
    code, said = finish(s3_url)
    assert code == 0, said
    assert objects(s3_url) == expected


def test_a_multipart_upload_is_aborted_at_an_interrupt(s3, s3_url, s3_gateway, tmp_path):
    """As for objects beyond the largest single request."""
    script = tmp_path / "upload.py"
    script.write_text(
        "import os, pathlib, signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell in the background has it ignored\n"
        "from road_extract.io.objects import bucket\n"
        "bucket.SINGLE_BYTES, bucket.PART_BYTES = 1, 5 * 2**20\n"
        "file = pathlib.Path(sys.argv[1]); file.write_bytes(os.urandom(2**20) * 60)\n"
        "bucket.Bucket.at(sys.argv[2]).upload(file, 'big')\n"
    )
    s3_gateway.fail({"path": "partNumber", "method": "PUT", "wait": 1})
    command = [sys.executable, str(script), str(tmp_path / "big"), s3_url]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True,
                          env=os.environ | {"PYTHONPATH": str(REPOSITORY)}) as process:  # fmt: skip
        wait_for(lambda: open_uploads(s3) == 1)
        time.sleep(1.5)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode != 0
    assert open_uploads(s3) == 0
    assert Bucket.at(s3_url).list_all() == {}
