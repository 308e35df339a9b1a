"""The cost of batches: shards, workers, the loss of a worker, a scheduler, and network traffic.

    python benchmarks/batch.py overhead
    python benchmarks/batch.py speed MOSAIC [--turns N]
    python benchmarks/batch.py recovery MOSAIC
    python benchmarks/batch.py scheduler
    python benchmarks/batch.py network SCENE

MOSAIC is one scene of several shards, such as those created by benchmarks/mosaic.py. Run from the root of the
repository.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from itertools import product
from pathlib import Path

import click
import rasterio
import rasterio.shutil

from road_extract.base.options import PredictOptions
from road_extract.base.progress import Report
from road_extract.base.windows import TilePlan
from road_extract.batch.shards import count_windows, plan_cores, plan_scene
from road_extract.batch.stores import open_store
from road_extract.batch.tasks import ShardTask

WAYS = {
    "one process": (),
    "--jobs 2": ("--jobs", "2"),
    "--dask local --jobs 2": ("--dask", "local", "--jobs", "2"),
}


@click.group()
def main() -> None:
    """Measure the cost of batches."""


@main.command()
def overhead() -> None:
    """Compare the number of windows in all shards with that in the plan, without running the model."""
    for side, shard_px in product((9_000, 20_000, 100_000), (4096, 8192, 16384)):
        plan = TilePlan(side, side)
        cores = [core for row in plan_cores(plan, shard_px) for core in row]
        windows = count_windows(plan, cores)
        print(
            f"{side:,} x {side:,} px, shards of at least {shard_px} px: {len(cores)} shards, {windows:,} windows for "
            f"the {len(plan):,} of the plan: {windows / len(plan) - 1:.2%} more"
        )


@main.command()
@click.argument("mosaic")
@click.option("--turns", default=2, show_default=True, help="Number of times to run each configuration, in turn.")
def speed(mosaic: str, turns: int) -> None:
    """Time MOSAIC in one process, in two processes, and on two Dask workers with one thread each."""
    with rasterio.open(mosaic) as dataset:
        megapixels = dataset.height * dataset.width / 1e6
    print(f"{megapixels:.1f} Mpx, {len(plan_scene(mosaic, PredictOptions(), 4096).cores)} shards")
    hashes = set()
    for turn, (way, options) in product(range(turns), WAYS.items()):
        with tempfile.TemporaryDirectory() as folder:
            before = cpu_s()
            started = time.perf_counter()
            process = start(mosaic, folder, *options)
            said, _ = process.communicate()
            wall = time.perf_counter() - started
            assert process.returncode == 0, said
            record = read_record(folder)
            hashes.add(json.dumps(record["made"]["outputs"], sort_keys=True))
            print(
                f"turn {turn + 1}, {way}: {wall:.1f} s, {megapixels / wall:.3f} Mpx/s; {cpu_s() - before:.1f} s of "
                f"CPU time; shards {record['run']['seconds']['shards']} s, final step "
                f"{record['run']['seconds']['finish']} s; {record['made']['backend']}",
                flush=True,
            )
    print("all outputs are identical" if len(hashes) == 1 else "OUTPUTS DIFFER")


@main.command()
@click.argument("mosaic")
def recovery(mosaic: str) -> None:
    """Time MOSAIC on two Dask workers, once undisturbed and once with one of them killed during its first shard."""
    options = WAYS["--dask local --jobs 2"]
    times = {}
    for kill in (False, True):
        with tempfile.TemporaryDirectory() as folder:
            started = time.perf_counter()
            process = start(mosaic, folder, *options)
            lost = kill_a_worker(Path(folder)) if kill else 0.0
            said, _ = process.communicate()
            assert process.returncode == 0, said
            times[kill] = time.perf_counter() - started
            print(
                f"{'one killed' if kill else 'undisturbed'}: {times[kill]:.1f} s"
                + (f"; {lost:.1f} s of work on its shard were lost" if kill else ""),
                flush=True,
            )
    print(f"losing the worker cost {times[True] - times[False]:.1f} s")


def kill_a_worker(folder: Path) -> float:
    """Kill the worker of a shard five seconds after it starts to write its file; return those seconds."""
    while not (halves := list(folder.glob("out/.road-extract/work/*/*/.0*.tmp-*"))):
        time.sleep(0.01)
    time.sleep(5)
    os.kill(int(halves[0].name.split(".tmp-")[1].split("-")[0]), signal.SIGKILL)
    return 5.0


def do_nothing(task: ShardTask, report: Report) -> float:
    """Process a shard in no time."""
    return 0.0


@main.command()
@click.option("--shards", default=2000, show_default=True)
def scheduler(shards: int) -> None:
    """Time empty shards on two local Dask workers and in two processes."""
    from road_extract.batch.pools.dask import DaskPool
    from road_extract.batch.pools.processes import ProcessPool

    scene = plan_scene("sample_tiles/vegas_utm.tif", PredictOptions(), 4096)
    for name, pool in (("dask", DaskPool(None, 2)), ("processes", ProcessPool(2))):
        for warm_up in (True, False):
            started = time.perf_counter()
            count, pending = (20 if warm_up else shards), 0
            for index in range(count):
                if pending == 2:
                    pool.next_outcome()
                    pending -= 1
                pool.submit(
                    f"scene/{index}", do_nothing, ShardTask(scene, index, open_store("."), "x.tif", "fingerprint")
                )
                pending += 1
            for _ in range(pending):
                pool.next_outcome()
        seconds = time.perf_counter() - started
        print(f"{name}: {shards} empty shards in {seconds:.2f} s: {seconds / shards * 1e3:.2f} ms each")
        pool.close()


@main.command()
@click.argument("scene", type=click.Path(path_type=Path, exists=True))
def network(scene: Path) -> None:
    """Count the bytes read over HTTP for all of SCENE, and for its middle quarter (--bounds)."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from tests.helpers.file_server import serve

    with tempfile.TemporaryDirectory() as folder:
        cog = Path(folder) / "served" / "scene.tif"
        cog.parent.mkdir()
        with rasterio.open(scene) as dataset:
            profile = {"driver": "COG", "compress": "DEFLATE", "predictor": "YES", "blocksize": 512}
            rasterio.shutil.copy(dataset, cog, **profile)
            west, south, east, north = dataset.bounds
        width, height = east - west, north - south
        box = (west + width / 4, south + height / 4, east - width / 4, north - height / 4)
        for name, bounds in (("whole", ()), ("middle quarter", ("--bounds", *map(str, box)))):
            with serve(cog.parent, Path(folder) / "log") as server:
                process = start(f"{server.url}/scene.tif", f"{folder}/{len(bounds)}", *bounds)
                said, _ = process.communicate()
                assert process.returncode == 0, said
                size = cog.stat().st_size
                print(
                    f"{name}: {server.sent:,} bytes in {len(server.requests)} requests, the file has {size:,}: "
                    f"{server.sent / size:.1%}"
                )


def start(scene: str, folder: str, *options: str) -> subprocess.Popen[str]:
    """Start a batch of one scene in a separate process."""
    command = [sys.executable, "-m", "road_extract", "batch", scene, "--out", f"{folder}/out", *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def read_record(folder: str) -> dict[str, dict[str, dict[str, float]]]:
    """Read the record of the only scene."""
    (path,) = (path for path in Path(folder).glob("out/*/*.json") if not path.name.endswith(".stac.json"))
    found: dict[str, dict[str, dict[str, float]]] = json.loads(path.read_text())
    return found


def cpu_s() -> float:
    """Return the CPU time of all finished child processes."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
