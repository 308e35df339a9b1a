"""Whole runs in separate processes: many workers, kills, full disks. All give the result of one uninterrupted run."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from road_extract.batch.stores.lock import locked
from tests.helpers.backends import write_model
from tests.helpers.paths import REPOSITORY, SAMPLES
from tests.helpers.processes import is_alive
from tests.helpers.scenes import roads_in, tree

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="signals differ")]

DRIVER = REPOSITORY / "tests" / "helpers" / "batch_driver.py"


class Driver:
    """Starts `road-extract batch` with the fast model on some scenes."""

    def __init__(self, folder: Path, scenes: list[str]) -> None:
        self.model = write_model(folder / "position")
        self.scenes = scenes

    def start(self, out: Path, *options: str, delay_s: float = 0.0, limit: int | None = None) -> subprocess.Popen[str]:
        command = [sys.executable, DRIVER, str(delay_s), "batch", *self.scenes, "--out", out, "--model", self.model]

        def set_limit() -> None:
            import resource

            if limit is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

        return subprocess.Popen(
            [*map(str, command), "--geometry", "both", "--merge", str(out.parent / "merged.gpkg"), *options],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, preexec_fn=set_limit,
            env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        )  # fmt: skip

    def run(self, out: Path, *options: str, **settings) -> tuple[int, str]:
        process = self.start(out, *options, **settings)
        said, _ = process.communicate(timeout=600)
        return process.returncode, said


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    """Two scenes, one with four shards and one with a single shard."""
    import rasterio

    from tests.helpers.scenes import UTM

    folder = tmp_path_factory.mktemp("batch")
    rng = np.random.default_rng(7)
    scenes = []
    for name, shape in (("long", (150, 17_000)), ("small", (160, 200))):
        pixels = roads_in(*shape)
        pixels[:, ::40] = rng.integers(0, 256, pixels[:, ::40].shape, dtype=np.uint8)
        path = folder / f"{name}.tif"
        with rasterio.open(
            path, "w", driver="GTiff", count=3, height=shape[0], width=shape[1], dtype="uint8", crs="EPSG:32611",
            transform=UTM, compress="deflate",
        ) as dataset:  # fmt: skip
            dataset.write(pixels)
        scenes.append(str(path))
    return Driver(folder, scenes)


@pytest.fixture(scope="module")
def unbroken(driver, tmp_path_factory):
    """The result of one uninterrupted process."""
    out = tmp_path_factory.mktemp("unbroken") / "out"
    code, said = driver.run(out)
    assert code == 0, said
    assert json.loads((out / "long" / "long.json").read_text())["made"]["shards"] == 4
    return tree(out.parent)


@pytest.mark.parametrize("options", [("--jobs", "2"), *(("--dask", "local", "--jobs", n) for n in ("1", "2", "4"))],
                         ids=" ".join)  # fmt: skip
def test_any_number_of_workers_gives_the_same_bytes(driver, unbroken, tmp_path, options):
    if "--dask" in options:
        pytest.importorskip("distributed")
    code, said = driver.run(tmp_path / "out", *options)
    assert code == 0, said
    assert tree(tmp_path) == unbroken
    by = json.loads((tmp_path / "out" / "long" / "long.json").read_text())["run"]["by"]
    assert by == ("dask local" if "--dask" in options else "2 processes")


@pytest.mark.parametrize("seed", range(2))
def test_after_ten_kills_at_random_moments_the_result_is_that_of_an_uninterrupted_run(driver, unbroken, tmp_path, seed):
    """Twenty kills in total, each so early that the next run still has something to do."""
    moments, out = random.Random(seed), tmp_path / "out"
    options: tuple[str, ...] = ("--jobs", "2") if seed else ()
    killed = 0
    while killed < 10:
        process = driver.start(out, *options, delay_s=0.01)
        time.sleep(moments.uniform(0.2, 3.5))
        over = process.poll() is not None
        process.kill()
        process.communicate()
        if over:  # it finished before the kill: start over
            options = (*[option for option in options if option != "--restart"], "--restart")
        else:
            options = tuple(option for option in options if option != "--restart")
            killed += 1
    code, said = driver.run(out, *options)
    assert code == 0, said
    assert tree(out.parent) == unbroken


def test_a_kill_in_the_middle_loses_no_finished_shard(driver, unbroken, tmp_path):
    out = tmp_path / "out"
    process = driver.start(out, delay_s=0.03)
    shards = out / ".road-extract" / "work" / "long"
    wait_for(lambda: len(list(shards.glob("*/0*.tif"))) >= 2)
    process.kill()
    process.communicate()
    kept = {path: path.stat().st_mtime_ns for path in shards.glob("*/0*.tif")}
    process = driver.start(out, delay_s=0.03)
    wait_for(lambda: len(list(shards.glob("*/0*.tif"))) > len(kept))
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    said, _ = process.communicate(timeout=600)
    assert process.returncode == 0, said
    assert f"resumed, {len(kept)} of 4 shards are finished" in said
    assert tree(out.parent) == unbroken


def test_the_lock_is_released_when_a_run_is_killed(driver, tmp_path):
    out = tmp_path / "out"
    process = driver.start(out, delay_s=0.05)
    wait_for(lambda: list((out / ".road-extract" / "work").glob("long/*/*")))
    code, said = driver.run(out)
    assert code == 1
    assert "is in use by another run" in said
    process.kill()
    process.communicate()
    with locked(out / ".road-extract" / "lock", out):
        pass


def test_a_killed_dask_worker_is_replaced_and_its_shard_redone(driver, unbroken, tmp_path):
    pytest.importorskip("distributed")
    out = tmp_path / "out"
    process = driver.start(out, "--dask", "local", "--jobs", "2", delay_s=0.03)
    halves = out / ".road-extract" / "work" / "long"
    wait_for(lambda: list(halves.glob("*/.0*.tmp-*")))
    half = next(halves.glob("*/.0*.tmp-*"))
    worker = int(half.name.split(".tmp-")[1].split("-")[0])  # the name contains the process id of its writer
    assert worker != process.pid
    os.kill(worker, signal.SIGKILL)
    said, _ = process.communicate(timeout=600)
    assert process.returncode == 0, said
    assert tree(out.parent) == unbroken


def test_with_an_existing_scheduler_too(driver, unbroken, tmp_path):
    """As on a cluster: the workers were started separately, and keep running after the batch."""
    pytest.importorskip("distributed")
    with dask_cluster() as (cluster, address):
        code, said = driver.run(tmp_path / "out", "--dask", address)
        assert code == 0, said
        assert tree(tmp_path) == unbroken
        assert cluster.poll() is None


def test_a_full_disk_gives_one_error_message_and_the_batch_resumes_when_there_is_room(driver, unbroken, tmp_path):
    """A file size limit stands in for a full disk: the raster of the long scene exceeds it."""
    out = tmp_path / "out"
    size = len(unbroken["out/long/long_probability.tif"])
    code, said = driver.run(out, limit=int(size * 0.6))
    assert code == 1
    assert said.count("Error: ") == 1
    assert "cannot be written" in said
    assert "Traceback" not in said
    assert not (out / "long").exists()
    assert not list(out.rglob("*.tmp-*"))
    summary = json.loads((out / "summary.json").read_text())
    assert [scene["state"] for scene in summary["scenes"]] == ["failed", "not finished"]
    code, said = driver.run(out)
    assert code == 0, said
    assert "resumed, 4 of 4 shards are finished" in said
    assert tree(out.parent) == unbroken


def test_a_tiny_file_system_fills_up(driver, unbroken, tmp_path):
    place = tmp_path / "tiny"
    place.mkdir()
    # the outputs alone would just fit, but not together with the shards
    size = sum(len(data) for name, data in unbroken.items() if name.startswith("out/long/"))
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", place]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("needs the right to mount a file system")
    try:
        code, said = driver.run(place / "out")
        assert code == 1
        assert said.count("Error: ") == 1, said
        assert "Traceback" not in said
        assert not (place / "out" / "long").exists()
        assert not list(place.rglob("*.tmp-*"))
        subprocess.run(["mount", "-o", "remount,size=50m", place], check=True)
        code, said = driver.run(place / "out")
        assert code == 0, said
        assert tree(place) == unbroken
    finally:
        subprocess.run(["umount", place], check=True)


def test_an_interrupt_stops_all_processes_and_says_how_to_resume(driver, tmp_path):
    out = tmp_path / "out"
    process = driver.start(out, "--jobs", "2", delay_s=0.05)
    wait_for(lambda: list((out / ".road-extract" / "work").glob("long/*/.0*")))
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "run the same command again to resume" in said
    assert "Traceback" not in said
    assert not (out / "long").exists()
    states = [scene["state"] for scene in json.loads((out / "summary.json").read_text())["scenes"]]
    assert states == ["not finished", "not finished"]


def wait_for(condition) -> None:
    deadline = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_the_real_model_in_two_processes_gives_the_same_as_extract(tmp_path):
    sample = SAMPLES / "vegas_utm.tif"
    command = [sys.executable, "-m", "road_extract"]
    extract = [*command, "extract", sample, tmp_path / "one.gpkg", "--probability", tmp_path / "one.tif"]
    batch = [*command, "batch", sample, SAMPLES / "vegas_pan.tif", "--out", tmp_path / "out", "--keep-probability"]
    subprocess.run(extract, cwd=REPOSITORY, check=True)
    subprocess.run([*batch, "--jobs", "2"], cwd=REPOSITORY, check=True)
    folder = tmp_path / "out" / "vegas_utm"
    assert (folder / "vegas_utm.gpkg").read_bytes() == (tmp_path / "one.gpkg").read_bytes()
    assert (folder / "vegas_utm_probability.tif").read_bytes() == (tmp_path / "one.tif").read_bytes()
    assert (tmp_path / "out" / "vegas_pan" / "vegas_pan.gpkg").exists()


def test_json_progress_prints_only_json_lines_with_many_processes_too(driver, tmp_path):
    command = [sys.executable, DRIVER, "0", "batch", *driver.scenes, "--out", tmp_path / "out", "--model", driver.model]
    done = subprocess.run(
        [*map(str, command), "--jobs", "2", "--progress", "json"], capture_output=True, text=True, check=True,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
    )  # fmt: skip
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert events[-1]["event"] == "result"
    assert events[-1]["complete"]
    scenes = [event["done"] for event in events if event.get("stage") == "scenes"]
    assert (scenes[0], scenes[-1]) == (0, 2)
    shards = [event["done"] for event in events if event.get("stage") == "shards" and event["scene"] == "long"]
    assert shards == sorted(set(shards))  # some may be skipped: at most ten per second are shown
    assert shards[-1] == 4


def test_a_killed_run_leaves_no_dask_worker_behind(driver, tmp_path):
    pytest.importorskip("distributed")
    out = tmp_path / "out"
    process = driver.start(out, "--dask", "local", "--jobs", "1", delay_s=0.05)
    halves = out / ".road-extract" / "work" / "long"
    wait_for(lambda: list(halves.glob("*/.0*.tmp-*")))
    worker = int(next(halves.glob("*/.0*.tmp-*")).name.split(".tmp-")[1].split("-")[0])
    process.kill()
    process.communicate()
    wait_for(lambda: not is_alive(worker))


def test_losing_the_scheduler_gives_one_error_message_and_keeps_finished_work(driver, unbroken, tmp_path):
    pytest.importorskip("distributed")
    out = tmp_path / "out"
    with dask_cluster(delay_s=0.1) as (cluster, address):
        process = driver.start(out, "--dask", address)
        wait_for(lambda: list((out / ".road-extract" / "work").glob("long/*/.0*.tmp-*")))
        cluster.kill()
        said, _ = process.communicate(timeout=600)
    assert process.returncode == 1
    assert said.count("Error: ") == 1
    assert "the Dask scheduler is gone" in said
    assert "Traceback" not in said
    code, said = driver.run(out)
    assert code == 0, said
    assert tree(out.parent) == unbroken


@contextmanager
def dask_cluster(delay_s: float = 0.0):
    """Start two workers in a separate process; return the process and the scheduler's address."""
    command = [sys.executable, str(REPOSITORY / "tests" / "helpers" / "dask_cluster.py"), str(delay_s)]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True, env=environment
    ) as cluster:
        try:
            assert cluster.stdout is not None
            yield cluster, cluster.stdout.readline().strip()
        finally:
            cluster.communicate("", timeout=120)
