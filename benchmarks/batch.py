"""What batches cost: shards, workers, a worker's death, a scheduler, and bytes over the network.

    python benchmarks/batch.py overhead
    python benchmarks/batch.py speed MOSAIC [--turns N]
    python benchmarks/batch.py recovery MOSAIC
    python benchmarks/batch.py scheduler
    python benchmarks/batch.py network SCENE

MOSAIC is one scene of several shards, such as benchmarks/mosaic.py makes. Run from the repository's root.
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
from road_extract.batch.tasks import ShardTask

WAYS = {
    "one process": (),
    "--jobs 2": ("--jobs", "2"),
    "--dask local --jobs 2": ("--dask", "local", "--jobs", "2"),
}


@click.group()
def main() -> None:
    """Benchmarks of batches."""


@main.command()
def overhead() -> None:
    """Windows that all shards compute against those of the plan: arithmetic, no model."""
    for side, shard_px in product((9_000, 20_000, 100_000), (4096, 8192, 16384)):
        plan = TilePlan(side, side)
        cores = [core for row in plan_cores(plan, shard_px) for core in row]
        windows = count_windows(plan, cores)
        print(
            f"{side:,} x {side:,} px, shards of at least {shard_px} px: {len(cores)} shards, {windows:,} windows for "
            f"the plan's {len(plan):,}: {windows / len(plan) - 1:.2%} more"
        )


@main.command()
@click.argument("mosaic")
@click.option("--turns", default=2, show_default=True, help="Times each way runs, in turns.")
def speed(mosaic: str, turns: int) -> None:
    """Time MOSAIC in one process, in two, and by two Dask workers of one thread each."""
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
                f"processor; shards {record['run']['seconds']['shards']} s, the end "
                f"{record['run']['seconds']['finish']} s; {record['made']['backend']}",
                flush=True,
            )
    print("all gave the same bytes" if len(hashes) == 1 else "THEY DIFFER")


@main.command()
@click.argument("mosaic")
def recovery(mosaic: str) -> None:
    """Time MOSAIC by two Dask workers, undisturbed, and with one killed in the middle of its first shard."""
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
    print(f"the death cost {times[True] - times[False]:.1f} s")


def kill_a_worker(folder: Path) -> float:
    """Kill who works on a shard, five seconds after its file began; returns those seconds."""
    while not (halves := list(folder.glob("out/.road-extract/work/*/*/.0*.tmp-*"))):
        time.sleep(0.01)
    time.sleep(5)
    os.kill(int(halves[0].name.split(".tmp-")[1].split("-")[0]), signal.SIGKILL)
    return 5.0


def work_of_nothing(task: ShardTask, report: Report) -> float:
    """A shard that takes no time."""
    return 0.0


@main.command()
@click.option("--shards", default=2000, show_default=True)
def scheduler(shards: int) -> None:
    """Time shards that take no time, through two local Dask workers and through two processes."""
    from road_extract.batch.pools.dask import DaskPool
    from road_extract.batch.pools.processes import ProcessPool

    scene = plan_scene("sample_tiles/vegas_utm.tif", PredictOptions(), 4096)
    for name, pool in (("dask", DaskPool(None, 2)), ("processes", ProcessPool(2))):
        for warm_up in (True, False):
            started = time.perf_counter()
            count, flying = (20 if warm_up else shards), 0
            for index in range(count):
                if flying == 2:
                    pool.next_outcome()
                    flying -= 1
                pool.submit(f"scene/{index}", work_of_nothing, ShardTask(scene, index, Path("x.tif"), "fingerprint"))
                flying += 1
            for _ in range(flying):
                pool.next_outcome()
        seconds = time.perf_counter() - started
        print(f"{name}: {shards} shards of no work in {seconds:.2f} s: {seconds / shards * 1e3:.2f} ms each")
        pool.close()


@main.command()
@click.argument("scene", type=click.Path(path_type=Path, exists=True))
def network(scene: Path) -> None:
    """Count the bytes that a quarter of SCENE takes over HTTP, by --bounds, from its middle."""
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
        for name, bounds in (("whole", ()), ("a quarter, from the middle", ("--bounds", *map(str, box)))):
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
    """A batch of one scene in a process of its own."""
    command = [sys.executable, "-m", "road_extract", "batch", scene, "--out", f"{folder}/out", *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def read_record(folder: str) -> dict[str, dict[str, dict[str, float]]]:
    """The record of the one scene."""
    (path,) = (path for path in Path(folder).glob("out/*/*.json") if not path.name.endswith(".stac.json"))
    found: dict[str, dict[str, dict[str, float]]] = json.loads(path.read_text())
    return found


def cpu_s() -> float:
    """Processor time of all children that ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
