"""Our `extract` against other ways to do the same, side by side in one run.

    python benchmarks/rivals.py SCENE [--part 0.25] [--skip NAME ...]

SCENE is an RGB raster in the model's GSD, 8-bit (benchmarks/mosaic.py makes large ones). Each way runs in a process
of its own:

- script: what a straightforward script does: rasterio windows, Keras' `predict` tile by tile in float32, the whole
  probability in one array, `rasterio.features.shapes`.
- onnx: the same, tile by tile through ONNX Runtime in float32, as QGIS plugins do (on our lighter inference form).
- ours: `extract_roads`, in every precision.
- bare: our backend alone on as many windows in memory, with nothing read, blended or written: the limit.

The slow ways may run on the first rows only (--part) and are scaled to the whole by their windows.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import click
import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.features import shapes
from rasterio.windows import Window

TILE, STRIDE = 224, 192


def straightforward(scene: str, part: float, predict: Any) -> dict[str, float]:
    """Windows one by one, everything in memory, polygons by `shapes`; start-up is not counted."""
    started = time.perf_counter()
    with rasterio.open(scene) as dataset:
        height = max(TILE, int(dataset.height * part))
        total, count = (np.zeros((height, dataset.width), np.float32) for _ in range(2))
        windows = 0
        for row in origins(height):
            for col in origins(dataset.width):
                pixels = dataset.read((1, 2, 3), window=Window(col, row, TILE, TILE)).transpose(1, 2, 0)
                tile = ((pixels.astype(np.float32) / 255 - 0.5) / 0.25)[None]
                place = np.s_[row : row + TILE, col : col + TILE]
                total[place] += predict(tile)[0]
                count[place] += 1
                windows += 1
        mask = (total / count >= 0.3).astype(np.uint8)
        polygons = sum(1 for _ in shapes(mask, mask=mask == 1, transform=dataset.transform))
    return {"seconds": time.perf_counter() - started, "windows": windows, "polygons": polygons}


def origins(length: int) -> list[int]:
    """Where windows begin; the last one is shifted inward."""
    return sorted({*range(0, max(1, length - TILE), STRIDE), max(0, length - TILE)})


def run_script(scene: str, part: float) -> dict[str, float]:
    """Keras in float32, tile by tile."""
    from road_extract.model import load_model, shipped_model

    network = load_model(shipped_model())
    network.predict(np.zeros((1, TILE, TILE, 3), np.float32), verbose=0)
    return straightforward(scene, part, lambda tile: network.predict(tile, verbose=0)[..., 0])


def run_onnx(scene: str, part: float) -> dict[str, float]:
    """ONNX Runtime in float32, tile by tile."""
    from road_extract.backends import open_backend
    from road_extract.model import shipped_model

    with closing(open_backend("onnxruntime", shipped_model(), 1, "float32")) as backend:
        return straightforward(scene, part, backend.predict)


def run_ours(scene: str, precision: str) -> dict[str, float]:
    """The whole of `extract`, imports and start-up counted."""
    started = time.perf_counter()
    from road_extract import PredictOptions, extract_roads

    with tempfile.TemporaryDirectory() as folder:
        last: dict[str, int] = {}
        done = extract_roads(
            scene, f"{folder}/roads.gpkg", predict=PredictOptions(precision=precision),
            report=lambda progress: last.__setitem__(progress.stage, progress.done),
        )  # fmt: skip
        seconds = time.perf_counter() - started
    return {"seconds": seconds, "windows": last["predict"], "polygons": done.features}


def run_bare(scene: str, precision: str) -> dict[str, float]:
    """The backend on real tiles that lie in memory, as many as `extract` runs."""
    from road_extract import PredictOptions
    from road_extract.backends import open_backend
    from road_extract.model import shipped_model

    with rasterio.open(scene) as dataset:
        windows = len(origins(dataset.height)) * len(origins(dataset.width))
        pixels: NDArray[Any] = dataset.read((1, 2, 3), window=Window(0, 0, TILE, TILE)).transpose(1, 2, 0)
    with closing(open_backend("auto", shipped_model(), PredictOptions().batch_size, precision)) as backend:
        batch = np.stack([(pixels.astype(np.float32) / 255 - 0.5) / 0.25] * backend.batch_size)
        backend.predict(batch)
        started = time.perf_counter()
        with ThreadPoolExecutor(backend.in_flight) as pool:
            runs = list(pool.map(lambda _: backend.predict(batch)[0, 0, 0], range(-(-windows // backend.batch_size))))
        return {"seconds": time.perf_counter() - started, "windows": len(runs) * backend.batch_size, "polygons": 0}


WAYS = {
    "script": lambda scene, part: run_script(scene, part),
    "onnx": lambda scene, part: run_onnx(scene, part),
    **{f"ours {p}": (lambda scene, part, p=p: run_ours(scene, p)) for p in ("float32", "bfloat16", "int8")},
    **{f"bare {p}": (lambda scene, part, p=p: run_bare(scene, p)) for p in ("float32", "bfloat16", "int8")},
}


@click.command()
@click.argument("scene", type=click.Path(exists=True))
@click.option("--part", default=1.0, show_default=True, help="Share of the scene's rows that the slow ways run on.")
@click.option("--skip", multiple=True, help="A way to leave out; repeatable.")
@click.option("--child", hidden=True)
def main(scene: str, part: float, skip: tuple[str, ...], child: str | None) -> None:
    """Time every way on SCENE and print the table."""
    if child:
        print(json.dumps(WAYS[child](scene, part)))
        return
    found = {}
    for way in WAYS:
        if not way.startswith(skip or ("-",)):
            command = [sys.executable, __file__, scene, "--part", str(part), "--child", way]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            found[way] = json.loads(done.stdout.splitlines()[-1])
    windows = next(values["windows"] for way, values in found.items() if way.startswith("ours"))
    whole = {way: values["seconds"] * windows / values["windows"] for way, values in found.items()}
    slowest = whole.get("script", max(whole.values()))
    print(f"| way | windows/s | seconds for all {windows} windows | times as fast as the script |\n|---|---|---|---|")
    for way, seconds in whole.items():
        print(f"| {way} | {windows / seconds:.2f} | {seconds:.1f} | {slowest / seconds:.1f} |")
    for precision in ("float32", "bfloat16", "int8"):
        if f"ours {precision}" in whole and f"bare {precision}" in whole:
            print(f"ours / bare, {precision}: {whole[f'bare {precision}'] / whole[f'ours {precision}']:.3f}")


if __name__ == "__main__":
    main()
