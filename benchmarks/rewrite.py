"""Does the inference form of the network pay off? Compares it with the form built by Keras, both in OpenVINO.

    python benchmarks/rewrite.py SCENE [--rounds 3]

Each round runs every network in every precision on the same windows, with two requests of two windows in flight.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import click
import numpy as np
import openvino
from numpy.typing import NDArray
from precisions import read_tiles

from road_extract.models import shipped_model
from road_extract.models.backends import export_network
from road_extract.models.backends.openvino import build_int8, build_openvino

BATCH, REQUESTS, SECONDS = 2, 2, 4.0


def convert_keras(model: Path) -> Any:
    """Convert the network with OpenVINO's own converter, which also folds batch norms."""
    with tempfile.TemporaryDirectory() as folder:
        export_network("savedmodel", model, Path(folder))
        network = openvino.convert_model(folder)
        network.reshape([BATCH, *list(network.input().partial_shape)[1:]])
        return network


class Runner:
    """A compiled network."""

    def __init__(self, network: Any, precision: str) -> None:
        settings = {"PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_PRECISION_HINT": precision}
        compiled = openvino.Core().compile_model(network, "CPU", settings)
        self._requests = [compiled.create_infer_request() for _ in range(REQUESTS)]

    def predict(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the probabilities of a batch, (windows, pixels)."""
        return np.array(self._requests[0].infer({0: batch})[0]).reshape(len(batch), -1)

    def rate(self, batches: list[NDArray[np.float32]]) -> float:
        """Measure windows per second."""
        stop = time.perf_counter() + SECONDS

        def work(request: Any) -> int:
            done = 0
            while time.perf_counter() < stop:
                request.infer({0: batches[done % len(batches)]}, share_inputs=True)
                done += 1
            return done * BATCH

        started = time.perf_counter()
        with ThreadPoolExecutor(REQUESTS) as pool:
            return sum(pool.map(work, self._requests)) / (time.perf_counter() - started)


@click.command()
@click.argument("scene", type=click.Path(path_type=Path, exists=True))
@click.option("--rounds", default=3, show_default=True)
def main(scene: Path, rounds: int) -> None:
    """Time both forms on windows from SCENE."""
    model = shipped_model()
    tiles = read_tiles(scene, model)
    batches = [tiles[i : i + BATCH] for i in range(0, len(tiles), BATCH)]
    keras, ours = convert_keras(model), build_openvino(model, BATCH)
    runners = {
        ("built by Keras", "float32"): Runner(keras, "f32"),
        ("inference form", "float32"): Runner(ours, "f32"),
        ("built by Keras", "bfloat16"): Runner(keras, "bf16"),
        ("inference form", "bfloat16"): Runner(ours, "bf16"),
        ("inference form", "int8"): Runner(build_int8(model, BATCH), "bf16"),
    }
    exact = runners["built by Keras", "float32"].predict(batches[0])
    rates: dict[tuple[str, str], list[float]] = {key: [] for key in runners}
    for _ in range(rounds):
        for key, runner in runners.items():
            rates[key].append(runner.rate(batches))
    print("| network | precision | windows/s, median (range) | maximum difference |\n|---|---|---|---|")
    for (form, precision), found in rates.items():
        gap = np.abs(runners[form, precision].predict(batches[0]) - exact).max()
        spread = f"{statistics.median(found):.1f} ({min(found):.1f} to {max(found):.1f})"
        print(f"| {form} | {precision} | {spread} | {gap:.2g} |")
    for precision in ("float32", "bfloat16"):
        pairs = zip(rates["inference form", precision], rates["built by Keras", precision], strict=True)
        print(f"inference form / built by Keras, {precision}: {statistics.median(a / b for a, b in pairs):.2f}")


if __name__ == "__main__":
    main()
