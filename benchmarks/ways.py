"""Several methods of getting from a scene or mask to roads, each timed in a process of its own. Prints JSON.

    python benchmarks/ways.py NAME FILE [ARGUMENT ...]

- script SCENE ROWS: a straightforward script: rasterio windows, Keras `predict` tile by tile in float32, the whole
  probability in one array, `rasterio.features.shapes`; on the first ROWS rows. Start-up is not counted.
- onnx SCENE ROWS: the same with ONNX Runtime in float32, like QGIS plugins (on our lighter form of the network).
- ours SCENE PRECISION [MODEL]: `extract_roads`, including imports and start-up.
- threads SCENE PRECISION: the same, with the CPU time of each thread (Linux).
- bare SCENE PRECISION WINDOWS [MODEL]: only our backend, on random windows of the scene held in memory. This is the
  limit.
- trivial SCENE: `extract_roads` with the real model on the first windows, then with one that takes bright pixels for
  roads. This gives the memory use of a whole run in little time.
- vectorize MASK: `vectorize_roads` to polygons, including imports.
- shapes MASK: `rasterio.features.shapes` on the whole array; polygons are counted but not written.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import numpy as np

from road_extract.base.arrays import Float32Array

TILE, STRIDE = 224, 192
#: Number of windows that `trivial` runs through the real model.
REAL_WINDOWS = 200


def script(scene: str, rows: str) -> dict[str, float]:
    """Run Keras in float32, tile by tile."""
    from road_extract.models import load_model, shipped_model

    network = load_model(shipped_model())
    network.predict(np.zeros((1, TILE, TILE, 3), np.float32), verbose=0)
    return _straightforward(scene, int(rows), lambda tile: network.predict(tile, verbose=0)[..., 0])


def onnx(scene: str, rows: str) -> dict[str, float]:
    """Run ONNX Runtime in float32, tile by tile."""
    from road_extract.models import shipped_model
    from road_extract.models.backends import open_backend

    with closing(open_backend("onnxruntime", shipped_model(), 1, "float32")) as backend:
        return _straightforward(scene, int(rows), backend.predict)


def _straightforward(scene: str, rows: int, predict: Any) -> dict[str, float]:
    import rasterio
    from rasterio.features import shapes
    from rasterio.windows import Window

    from road_extract.models import read_spec, shipped_model

    spec = read_spec(shipped_model())
    mean, std = np.array(spec.mean, np.float32), np.array(spec.std, np.float32)
    started = time.perf_counter()
    with rasterio.open(scene) as dataset:
        rows = min(rows, dataset.height)
        total, count = (np.zeros((rows, dataset.width), np.float32) for _ in range(2))
        windows = 0
        for row in origins(rows):
            for col in origins(dataset.width):
                pixels = dataset.read((1, 2, 3), window=Window(col, row, TILE, TILE)).transpose(1, 2, 0)
                tile = (pixels.astype(np.float32) / 255 - mean) / std
                place = np.s_[row : row + TILE, col : col + TILE]
                total[place] += predict(tile[None].astype(np.float32))[0]
                count[place] += 1
                windows += 1
        mask = (total / count >= spec.threshold).astype(np.uint8)
        polygons = sum(1 for _ in shapes(mask, mask=mask == 1, transform=dataset.transform))
    return {"seconds": time.perf_counter() - started, "windows": windows, "features": polygons}


def origins(length: int) -> list[int]:
    """List the offsets of windows; the last window is shifted inward."""
    return sorted({*range(0, max(1, length - TILE), STRIDE), max(0, length - TILE)})


class TimedBackend:
    """Forwards calls to a backend and records when it was busy."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend
        self.batch_size, self.in_flight = backend.batch_size, backend.in_flight
        self.description = backend.description
        self.spans: list[tuple[float, float]] = []

    def predict(self, batch: Float32Array) -> Float32Array:
        """See `Backend.predict`."""
        started = time.perf_counter()
        result: Float32Array = self._backend.predict(batch)
        self.spans.append((started, time.perf_counter()))
        return result

    def close(self) -> None:
        """See `Backend.close`."""
        self._backend.close()


class TrivialBackend(TimedBackend):
    """Uses the real model for some windows, then takes bright pixels for roads."""

    def predict(self, batch: Float32Array) -> Float32Array:
        """See `Backend.predict`."""
        if len(self.spans) * self.batch_size < REAL_WINDOWS:
            return super().predict(batch)
        bright: Float32Array = np.clip(batch[..., 0] * np.float32(0.5) - np.float32(0.2), 0, 1)
        return bright


def ours(scene: str, precision: str, model: str = "standard") -> dict[str, Any]:
    """Run all of `extract`, and measure where its time goes."""
    return _extract(scene, precision, TimedBackend, model)


def threads(scene: str, precision: str) -> dict[str, Any]:
    """Run `ours`, and measure the CPU seconds of each thread. Threads of libraries have no name here."""
    names: dict[int, str] = {}
    used: dict[int, float] = {}
    tick = os.sysconf("SC_CLK_TCK")
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.1):  # for a thread that has ended, the last reading counts
            names.update((thread.native_id or 0, thread.name) for thread in threading.enumerate())
            for task in Path("/proc/self/task").iterdir():
                with suppress(OSError):
                    fields = (task / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
                    used[int(task.name)] = (int(fields[11]) + int(fields[12])) / tick

    watcher = threading.Thread(target=watch, name="watch")
    watcher.start()
    try:
        found = ours(scene, precision)
    finally:
        ended.set()
        watcher.join()
    most = sorted(used, key=lambda task: -used[task])
    return {**found, "threads": [(names.get(task, "library"), used[task]) for task in most if used[task] >= 0.05]}


def trivial(scene: str) -> dict[str, Any]:
    """Run `extract` with a model that takes almost no time."""
    return _extract(scene, "auto", TrivialBackend)


def _extract(scene: str, precision: str, kind: type[TimedBackend], model: str = "standard") -> dict[str, Any]:
    started = time.perf_counter()
    from road_extract import PredictOptions, extract_roads
    from road_extract.models.backends import open_backend
    from road_extract.pipeline import setup

    opened: list[TimedBackend] = []

    def open_timed(**given: Any) -> TimedBackend:
        opened.append(kind(open_backend(**given)))
        return opened[0]

    vars(setup)["open_backend"] = open_timed
    with tempfile.TemporaryDirectory() as folder:
        last: dict[str, int] = {}
        done = extract_roads(
            scene, f"{folder}/roads.gpkg", predict=PredictOptions(model=model, precision=precision),
            report=lambda progress: last.__setitem__(progress.stage, progress.done),
        )  # fmt: skip
        ended = time.perf_counter()
    spans = opened[0].spans
    first, end = spans[0][0], max(end for _, end in spans)
    busy = busy_seconds(spans, opened[0].in_flight)
    return {
        "seconds": ended - started, "windows": last["predict"], "features": done.features,
        "start_s": first - started, "predict_s": end - first, "busy_s": busy, "after_s": ended - end,
        "backend": opened[0].description,
    }  # fmt: skip


def busy_seconds(spans: list[tuple[float, float]], in_flight: int) -> float:
    """Compute how long a backend was fully used; partial use counts in proportion, and extra calls only wait."""
    events = sorted([(start, 1) for start, _ in spans] + [(end, -1) for _, end in spans])
    busy, calls, before = 0.0, 0, events[0][0]
    for moment, change in events:
        busy += (moment - before) * min(calls, in_flight) / in_flight
        calls, before = calls + change, moment
    return busy


def bare(scene: str, precision: str, windows: str, model: str = "standard") -> dict[str, Any]:
    """Run the backend on a number of windows, cycling through 64 different ones."""
    import rasterio
    from rasterio.windows import Window

    from road_extract.models import find_model, read_spec
    from road_extract.models.backends import open_backend

    folder = find_model(model)
    spec, rng = read_spec(folder), np.random.default_rng(0)
    with rasterio.open(scene) as dataset:
        corners = rng.integers(0, (dataset.height - TILE, dataset.width - TILE), (64, 2)).tolist()
        pixels = np.stack([dataset.read((1, 2, 3), window=Window(c, r, TILE, TILE)) for r, c in corners])
    tiles = (pixels.transpose(0, 2, 3, 1) / np.float32(255) - np.array(spec.mean, np.float32)) / np.array(
        spec.std, np.float32
    )
    with closing(open_backend("auto", folder, None, precision)) as backend:
        size = backend.batch_size
        batches = [np.ascontiguousarray(tiles[i : i + size], np.float32) for i in range(0, 64, size)]
        turns = [batches[i % len(batches)] for i in range(-(-int(windows) // size))]
        with ThreadPoolExecutor(backend.in_flight) as pool:
            list(pool.map(backend.predict, batches[: 2 * backend.in_flight]))
            started, processor = time.perf_counter(), time.process_time()
            done = sum(pool.map(lambda batch: len(backend.predict(batch)), turns))
            seconds, used = time.perf_counter() - started, time.process_time() - processor
        return {"seconds": seconds, "cpu_s": used, "windows": done, "features": 0, "backend": backend.description}


def vectorize(mask: str) -> dict[str, float]:
    """Run `vectorize_roads` to a GeoPackage."""
    started = time.perf_counter()
    from road_extract import vectorize_roads

    with tempfile.TemporaryDirectory() as folder:
        done = vectorize_roads(mask, f"{folder}/roads.gpkg")
    return {"seconds": time.perf_counter() - started, "windows": 0, "features": done.features}


def shapes(mask: str) -> dict[str, float]:
    """Run `rasterio.features.shapes` on the whole array, without writing."""
    import rasterio
    from rasterio import features

    started = time.perf_counter()
    with rasterio.open(mask) as dataset:
        road = dataset.read(1) == 1
        count = sum(1 for _ in features.shapes(road.astype(np.uint8), mask=road, transform=dataset.transform))
    return {"seconds": time.perf_counter() - started, "windows": 0, "features": count}


WAYS = {way.__name__: way for way in (script, onnx, ours, threads, bare, trivial, vectorize, shapes)}

if __name__ == "__main__":
    found = WAYS[sys.argv[1]](*sys.argv[2:])
    usage = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({"cpu_s": usage.ru_utime + usage.ru_stime, **found}))
