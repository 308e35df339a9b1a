"""What a batch costs in a bucket: bytes and requests against a folder, and the time to resume from a listing.

    python benchmarks/storage.py compare SCENE...
    python benchmarks/storage.py resume [--shards 100] [--latency-ms 20]

The bucket is that of moto, an S3 server on this machine, behind a gateway that counts requests and can make them wait.
Run from the root of the repository, with the test dependencies installed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from road_extract import BatchOptions, PredictOptions, VectorizeOptions, extract_batch
from road_extract.base.options import LineOptions
from road_extract.batch import predict_portion
from road_extract.batch.layout import Layout
from road_extract.batch.planning import Recipe, missing_shards, plan
from road_extract.batch.results import SceneResult
from road_extract.batch.stores import open_store
from road_extract.batch.tasks import Products
from road_extract.io.sources import expand_inputs
from road_extract.pipeline import setup
from tests.helpers.backends import PositionBackend, fake_opener, write_model
from tests.helpers.gateway import Gateway, gateway
from tests.helpers.s3 import put_object
from tests.helpers.scenes import roads_in, write_geotiff
from tests.helpers.stores import free_port, s3_settings


@click.group()
def main() -> None:
    """Measure batches in buckets."""


@contextmanager
def counted_s3(folder: Path) -> Iterator[Gateway]:
    """An S3 server with the bucket ``roads``; the environment of this process points to it."""
    port = free_port()
    command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
        try:
            put_object(f"http://127.0.0.1:{port}/roads", b"")
            with gateway(f"127.0.0.1:{port}", folder / "requests") as server:
                os.environ.update(s3_settings(server.address), no_proxy="127.0.0.1")
                yield server
        finally:
            child.kill()


def describe(server: Gateway) -> str:
    """Count the requests so far, and forget them."""
    methods = Counter(request["method"] for request in server.requests)
    received, sent = (sum(request[part] for request in server.requests) for part in ("received", "sent"))
    server.forget()
    return (
        f"{methods.total()} requests ({', '.join(f'{count} {name}' for name, count in sorted(methods.items()))}), "
        f"{received:,} bytes up, {sent:,} bytes down"
    )


@main.command(hidden=True)
@click.argument("out")
@click.argument("scenes", nargs=-1)
def once(out: str, scenes: tuple[str, ...]) -> None:
    """Run one batch, and print what it wrote to disk."""
    done = extract_batch(list(scenes), out, batch=BatchOptions(keep_probability=True))
    assert done.complete, done.to_text()
    counters = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    print(json.dumps({"written": int(counters["wchar"])}))


@main.command()
@click.argument("scenes", nargs=-1, required=True)
def compare(scenes: tuple[str, ...]) -> None:
    """Count what a batch of SCENES with probability rasters writes, to a folder and to a bucket."""
    with tempfile.TemporaryDirectory() as folder, counted_s3(Path(folder)) as server:
        for place in (f"{folder}/out", "s3://roads/out"):
            for turn in ("first run", "nothing to do"):
                started = time.perf_counter()
                command = [sys.executable, __file__, "once", place, *scenes]
                said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
                seconds, written = time.perf_counter() - started, json.loads(said.splitlines()[-1])["written"]
                network = f"; {describe(server)}" if "://" in place else ""
                print(f"{place}, {turn}: {seconds:.1f} s, {written:,} bytes written to disk{network}", flush=True)
        sizes = [path.stat().st_size for path in Path(folder, "out").rglob("*") if path.is_file()]
        print(f"results: {len(sizes)} files, {sum(sizes):,} bytes")


@main.command()
@click.option("--shards", default=100, show_default=True)
@click.option("--latency-ms", default=20, show_default=True, help="Of each request, in the last turn.")
def resume(shards: int, latency_ms: int) -> None:
    """Time finding out that all shards of a scene are finished, in a folder and in a bucket."""
    with tempfile.TemporaryDirectory() as folder, counted_s3(Path(folder)) as server:
        model = write_model(Path(folder, "model"))
        setup.open_backend = fake_opener(PositionBackend)
        scene = write_geotiff(Path(folder, "scene.tif"), roads_in(60, 4224 * shards))
        predict, batch = PredictOptions(model=str(model), native_gsd=True), BatchOptions()
        recipe = Recipe(predict, batch.shard_px, Products(VectorizeOptions(), LineOptions(), batch, False))
        for place, wait_ms in ((f"{folder}/out", 0), ("s3://roads/out", 0), ("s3://roads/out", latency_ms)):
            if not wait_ms:
                predict_portion([str(scene)], place, 0, 1, predict=predict, batch=batch)
            (ref,) = expand_inputs([str(scene)])
            planned = plan(ref, recipe, SceneResult(ref.name, ref.shown))
            server.fail(*([{"path": "roads", "wait": wait_ms / 1000}] if wait_ms else []))
            server.forget()
            started = time.perf_counter()
            missing = missing_shards(planned, Layout(open_store(place)))
            seconds = time.perf_counter() - started
            count = len(planned.scene.cores)
            assert not missing
            said = f"; {describe(server)}; each takes {wait_ms} ms longer" if "://" in place else ""
            print(f"{place.partition(folder)[2] or place}: {count} shards found in {seconds:.3f} s{said}", flush=True)


if __name__ == "__main__":
    main()
