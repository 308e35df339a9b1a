"""Peak memory and speed of `extract` on one scene or several, and the share of the time in which the model ran.

    python benchmarks/extract.py SCENE... [--out FOLDER]

Each scene runs in a process of its own; its peak memory is what the operating system counted (ru_maxrss, the figure of
/usr/bin/time -v).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray


class TimedBackend:
    """Passes everything on to a backend and counts the seconds it works."""

    def __init__(self, backend: Any) -> None:
        self._backend, self.seconds, self.windows = backend, 0.0, 0
        self.description = backend.description
        self.batch_size, self.in_flight = backend.batch_size, backend.in_flight

    def predict(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `Backend.predict`."""
        started = time.perf_counter()
        result: NDArray[np.float32] = self._backend.predict(batch)
        self.seconds += time.perf_counter() - started
        self.windows += len(batch)
        return result

    def close(self) -> None:
        """See `Backend.close`."""
        self._backend.close()


def run_child(scene: str, out: str) -> None:
    """Extract one scene in this process; prints JSON."""
    from road_extract import pipeline
    from road_extract.raster_io import Scene, SceneView

    timed: list[TimedBackend] = []
    open_backend = pipeline.open_backend

    def open_timed(*args: Any) -> TimedBackend:
        timed.append(TimedBackend(open_backend(*args)))
        return timed[0]

    pipeline.open_backend = open_timed  # type: ignore[assignment]
    stages: dict[str, list[float]] = {}
    started = time.perf_counter()
    done = pipeline.extract_roads(
        scene, out, overwrite=True,
        report=lambda progress: stages.setdefault(progress.stage, []).append(time.perf_counter() - started),
    )  # fmt: skip
    wall = time.perf_counter() - started
    with Scene(scene, SceneView(1.0)) as source:
        pixels = source.grid.height * source.grid.width
    print(json.dumps({
        "pixels": pixels, "wall_s": wall, "model_s": timed[0].seconds, "windows": timed[0].windows,
        "predict_s": stages["predict"][-1], "features": done.features, "backend": timed[0].description,
    }))  # fmt: skip


@click.command()
@click.argument("scenes", type=click.Path(exists=True), nargs=-1, required=True)
@click.option("--child", is_flag=True, hidden=True)
@click.option("--out", type=click.Path(path_type=Path), help="Keep the roads in this folder.")
def main(scenes: tuple[str, ...], child: bool, out: Path | None) -> None:
    """Measure SCENES one after the other."""
    if child:
        run_child(scenes[0], scenes[1])
        return
    first_peak = None
    with tempfile.TemporaryDirectory() as scratch:
        folder = out or Path(scratch)
        for scene in scenes:
            roads = folder / f"{Path(scene).stem}.gpkg"
            roads.touch()
            command = [sys.executable, __file__, "--child", scene, str(roads)]
            process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            assert process.stdout is not None
            found = json.loads(process.stdout.read().splitlines()[-1])
            _, _, usage = os.wait4(process.pid, 0)
            peak = usage.ru_maxrss * 1024 / 1e9
            first_peak = first_peak or peak
            print(
                f"{Path(scene).name}: {found['pixels'] / 1e6:.1f} Mpx, {found['windows']} windows, "
                f"{found['features']} polygons; peak {peak:.3f} GB ({peak / first_peak:.3f} of the first); "
                f"{found['wall_s']:.1f} s, {found['pixels'] / 1e6 / found['wall_s']:.3f} Mpx/s; "
                f"model {found['model_s']:.1f} s = {found['model_s'] / found['wall_s']:.1%} of it; "
                f"after the last window {found['wall_s'] - found['predict_s']:.1f} s; {found['backend']}",
                flush=True,
            )


if __name__ == "__main__":
    main()
