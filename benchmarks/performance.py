"""The table in docs/performance.md: every figure and its competitors, measured in the same run.

    python benchmarks/performance.py SCENE... [--grid ROWS COLS] [--rounds 3] [--rows 600] [--only speed ...]

The scenes have the same pixel size and CRS, lie side by side and fill a rectangle. With --grid, they only need to have
the same size and are placed side by side. They are in a folder images/ with other scenes of the same kind, next to a
folder masks/ with their road masks. The benchmark combines them into one tiled, losslessly compressed GeoTIFF. --only
selects sections:

- speed: `extract` in each --model and --precision, compared with a straightforward script, ONNX Runtime tile by tile
  (both with the standard model), and the bare backend. Each round runs all of them in turn; the slow ones run on --rows
  rows, scaled by windows.
- vectorize: a mask of 30,000 x 30,000 px, compared with whole-array `rasterio.features.shapes` and
  `gdal_polygonize.py`.
- memory: peak memory of `extract` and `vectorize` at 40,000 x 4,000 and 40,000 x 40,000 px.
- start: `road-extract --help`, and one small tile from the prompt to GeoJSON.

Ratios are medians over the rounds, with the range in brackets. Peak memory is measured by the operating system
(ru_maxrss, as in /usr/bin/time -v). Steal is the share of CPU time that the host of a virtual machine gave to others
during a run. Runs with more than 5 % are marked with *, because they say more about the host than about the program.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import click
from mosaic import build_grid, build_mosaic
from rasterio.shutil import copy
from ways import origins

from road_extract.models import SHIPPED_MODELS

ROOT = Path(__file__).parents[1]
PRECISIONS = ("int8", "bfloat16")
#: Targets for `extract` with 8-bit integers: how many times as fast as the straightforward script, for each model and
#: kind of processor.
TARGETS = {
    ("standard", "matrix units"): 22,
    ("fast", "matrix units"): 60,
    ("standard", "AVX2"): 5,
    ("fast", "AVX2"): 15,
}
#: Target for `extract` compared with the bare backend.
BARE_TARGET = 0.92
#: Share of stolen CPU time above which a run is marked.
STEAL_MARK = 0.05
#: Kinds of processors by their multiplication units, best first, as in the tables of docs/performance.md.
KINDS = (
    ("matrix units", ("amx_int8", "amx_bf16")),
    ("VNNI", ("avx512_vnni", "avx_vnni")),
    ("AVX-512", ("avx512f",)),
    ("AVX2", ("avx2",)),
)


def run(*command: str | Path) -> dict[str, Any]:
    """Run a command and return the JSON it prints, if any, with its wall time, CPU time, peak memory and steal."""
    started, before = time.perf_counter(), processor_times()
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    lines = process.stdout.read().splitlines()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise click.ClickException(f"{' '.join(map(str, command))} failed")
    found = {"seconds": time.perf_counter() - started, "cpu_s": usage.ru_utime + usage.ru_stime}
    if lines and lines[-1].startswith("{"):
        found |= json.loads(lines[-1])
    return found | {"peak_gb": usage.ru_maxrss * 1024 / 1e9, "steal": steal_since(before)}


def processor_times() -> tuple[int, int]:
    """Return stolen and total CPU time since boot, in kernel ticks, or zeros if they are unknown."""
    try:
        ticks = [int(part) for part in Path("/proc/stat").read_text(encoding="utf-8").split("\n")[0].split()[1:9]]
    except OSError:
        return 0, 0
    return ticks[7], sum(ticks)


def steal_since(before: tuple[int, int]) -> float:
    """Return the share of CPU time that was stolen since then."""
    stolen, total = (now - then for now, then in zip(processor_times(), before, strict=True))
    return stolen / total if total else 0.0


def steal(runs: Sequence[dict[str, Any]]) -> str:
    """Format the largest share of stolen time, with a mark if it is large."""
    most = max(each["steal"] for each in runs)
    return f"{most:.1%}{' *' if most > STEAL_MARK else ''}"


def way(name: str, *arguments: str | Path | int) -> dict[str, Any]:
    """Run one of the methods in `ways`."""
    return run(sys.executable, Path(__file__).with_name("ways.py"), name, *map(str, arguments))


def row(*cells: str) -> None:
    """Print one row of a table."""
    print("| " + " | ".join(cells) + " |", flush=True)


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Format the median and range."""
    text = f"{statistics.median(values):.{digits}f}"
    return text if len(values) == 1 else f"{text} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def measure_speed(
    scenes: list[Path],
    size: tuple[int, int] | None,
    folder: Path,
    rounds: int,
    rows: int,
    choices: Sequence[tuple[str, str]],
) -> None:
    """Compare `extract`, in each choice of model and precision, with its competitors."""
    scene, mosaic = folder / "scene.tif", folder / "scene.vrt"
    height, width = build_grid(scenes, mosaic, *size) if size else build_mosaic(scenes, mosaic)
    copy(mosaic, scene, driver="GTiff", tiled=True, compress="deflate", predictor=2)
    windows = len(origins(height)) * len(origins(width))
    print(f"\nspeed: a scene of {height:,} x {width:,} px = {height * width / 1e6:.1f} Mpx, {windows} windows\n")
    kinds: dict[str, Callable[[], dict[str, Any]]] = {}
    for model, precision in choices:
        name = f"{model}, {precision}"
        kinds[f"ours, {name}"] = partial(way, "ours", scene, precision, model)
        kinds[f"bare backend, {name}"] = partial(way, "bare", scene, precision, windows, model)
    if rows:
        kinds["onnxruntime tile by tile"] = lambda: way("onnx", scene, rows)
        kinds["straightforward script"] = lambda: way("script", scene, rows)
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in kinds}
    for _ in range(rounds):
        for name, measure in kinds.items():
            found[name].append(measure())
    rates = {name: [each["windows"] / each["seconds"] for each in runs] for name, runs in found.items()}
    row("method", "windows/s", "CPU s per window", "peak GB", "steal")
    row("---", "---", "---", "---", "---")
    for name, runs in found.items():
        used = [each["cpu_s"] / each["windows"] for each in runs]
        peak = f"{max(each['peak_gb'] for each in runs):.2f}"
        row(name, spread(rates[name], 1), spread(used, 3), peak, steal(runs))
    print()
    row("speed ratio", "measured", "target")
    row("---", "---", "---")
    for model, precision in choices:
        name = f"{model}, {precision}"
        for rival, least in (
            ("straightforward script", TARGETS.get((model, kind_of_processor())) if precision == "int8" else None),
            ("onnxruntime tile by tile", None),
            (f"bare backend, {name}", BARE_TARGET),
        ):
            if rival not in rates:
                continue
            ratios = [a / b for a, b in zip(rates[f"ours, {name}"], rates[rival], strict=True)]
            row(f"ours, {name} / {rival}", spread(ratios), f">= {least}" if least else "")
    print()
    row("where our time goes", "before the first window", "windows", "share of the model", "after the last window")
    row("---", "---", "---", "---", "---")
    for model, precision in choices:
        runs = found[f"ours, {model}, {precision}"]
        middle = sorted(runs, key=lambda each: each["seconds"])[len(runs) // 2]
        times = [f"{middle[part]:.2f} s" for part in ("start_s", "predict_s", "after_s")]
        times.insert(2, f"{middle['busy_s'] / middle['predict_s']:.1%}")
        row(f"{model}, {middle['backend']}: {middle['seconds']:.1f} s", *times)


def measure_vectorize(masks: list[Path], folder: Path, rounds: int, side: int) -> None:
    """Compare `vectorize` with its competitors."""
    mask = folder / "mask.vrt"
    build_grid(masks, mask, side, side)
    print(f"\nvectorize: a mask of {side:,} x {side:,} px = {side**2 / 1e6:,.0f} Mpx\n")
    kinds: dict[str, Callable[[], dict[str, Any]]] = {
        "ours, to a GeoPackage": lambda: way("vectorize", mask),
        "rasterio.features.shapes, not written": lambda: way("shapes", mask),
    }
    polygonize = shutil.which("gdal_polygonize.py") or shutil.which("gdal_polygonize")
    if polygonize:
        out = folder / "polygonize.gpkg"

        def run_polygonize() -> dict[str, Any]:
            out.unlink(missing_ok=True)
            # the mask prevents it from tracing the background
            return run(polygonize, "-q", mask, "-mask", mask, "-f", "GPKG", out, "roads")

        kinds["gdal_polygonize, to a GeoPackage"] = run_polygonize
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in kinds}
    for _ in range(rounds):
        for name, measure in kinds.items():
            found[name].append(measure())
    row("method", "seconds", "CPU s", "peak GB", "polygons", "steal")
    row("---", "---", "---", "---", "---", "---")
    for name, runs in found.items():
        row(
            name, spread([each["seconds"] for each in runs], 1), spread([each["cpu_s"] for each in runs], 1),
            f"{max(each['peak_gb'] for each in runs):.2f}", f"{runs[0].get('features', '')}",
            steal(runs),
        )  # fmt: skip
    if not polygonize:
        print("\ngdal_polygonize is not installed (Debian: gdal-bin and python3-gdal)")


def measure_memory(images: list[Path], masks: list[Path], folder: Path, width: int) -> None:
    """Measure peak memory at two heights."""
    print(f"\nmemory: {width:,} columns; `extract` with the real model on the first windows, then a trivial one\n")
    row("", "rows", "peak GB", "times the lower one", "seconds", "features")
    row("---", "---", "---", "---", "---", "---")
    for name, sources in (("extract", images), ("vectorize", masks)):
        first = 0.0
        for height in (width // 10, width):
            scene = folder / f"{name}_{height}.vrt"
            build_grid(sources, scene, height, width)
            found = way("trivial" if name == "extract" else "vectorize", scene)
            first = first or found["peak_gb"]
            row(
                name, f"{height:,}", f"{found['peak_gb']:.3f}", f"{found['peak_gb'] / first:.3f}",
                f"{found['seconds']:.0f}", f"{found['features']:,}",
            )  # fmt: skip


def measure_start(folder: Path, rounds: int) -> None:
    """Measure start-up as the user experiences it."""
    program = Path(sys.executable).with_name("road-extract")
    tile, out = ROOT / "sample_tiles" / "vegas_utm.tif", folder / "roads.geojson"
    extract = (program, "extract", tile, out, "--overwrite", "--progress", "none")
    run(*extract)  # fills the cache
    print("\nstart-up\n")
    row("", "seconds", "CPU s", "target", "steal")
    row("---", "---", "---", "---", "---")
    for name, command, target in (
        ("`road-extract --help`", (program, "--help"), "<= 0.3"),
        ("`road-extract extract`, one small tile, from prompt to GeoJSON", extract, "about 1, not counting the model"),
    ):
        runs = [run(*command) for _ in range(2 * rounds + 1)]
        seconds, used = ([each[part] for each in runs] for part in ("seconds", "cpu_s"))
        row(name, spread(seconds), spread(used), target, steal(runs))
    found = [way("ours", tile, "auto") for _ in range(rounds)]
    model = [each["predict_s"] for each in found]
    row("the model's share of the last row: its windows", spread(model), "", "", steal(found))


def processor() -> str:
    """Name the processor and its relevant instruction sets."""
    facts = _facts()
    flags = _flags(facts)
    limit = os.environ.get("ONEDNN_MAX_CPU_ISA")
    shown = f"kind: {kind_of_processor()}" + (" (set by ONEDNN_MAX_CPU_ISA)" if limit else "")
    wanted = ("amx_bf16", "amx_int8", "avx512_bf16", "avx512_vnni", "avx_vnni", "avx512f", "avx2", "asimd")
    known = ", ".join(flag for flag in wanted if flag in flags)
    name = facts.get("model name", platform.processor())
    return f"{name} (family {facts.get('cpu family')}, model {facts.get('model')}; {known}; {shown})"


def kind_of_processor() -> str:
    """Name the kind of processor in the tables of docs/performance.md."""
    if os.environ.get("ONEDNN_MAX_CPU_ISA", "").upper() == "AVX2":
        return "AVX2"
    flags = _flags(_facts())
    return next((name for name, names in KINDS if not flags.isdisjoint(names)), "other")


def _facts() -> dict[str, str]:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n\n")[0]
    except OSError:
        return {}
    return dict(re.findall(r"(.+?)\s*: (.*)", text))


def _flags(facts: dict[str, str]) -> set[str]:
    return set(facts.get("flags", facts.get("Features", "")).split())


SECTIONS = ("speed", "vectorize", "memory", "start")


@click.command()
@click.argument("scenes", type=click.Path(path_type=Path, exists=True), nargs=-1, required=True)
@click.option("--grid", type=(int, int), help="Rows and columns to fill with the scenes [px].")
@click.option("--rounds", default=3, show_default=True, help="Number of times to measure each method.")
@click.option(
    "--rows",
    default=600,
    show_default=True,
    help="Rows of the scene that the slow methods process [px]; 0 skips them.",
)
@click.option(
    "--precision",
    "precisions",
    multiple=True,
    default=PRECISIONS,
    show_default=True,
    help="Precision of `extract` and the bare backend; repeatable.",
)
@click.option(
    "--model",
    "models",
    multiple=True,
    default=SHIPPED_MODELS,
    show_default=True,
    help="Model of `extract` and the bare backend; repeatable.",
)
@click.option("--side", default=30_000, show_default=True, help="Side of the mask for `vectorize` [px].")
@click.option("--width", default=40_000, show_default=True, help="Width of the scenes for `memory` [px].")
@click.option("--only", type=click.Choice(SECTIONS), multiple=True, help="Section to run; repeatable.")
def main(
    scenes: tuple[Path, ...], grid: tuple[int, int] | None, rounds: int, rows: int, only: tuple[str, ...],
    precisions: tuple[str, ...], models: tuple[str, ...], **sizes: int,
) -> None:  # fmt: skip
    """Print the table for SCENES."""
    images = sorted(scenes[0].parent.glob("*.tif"))
    masks = sorted((scenes[0].parents[1] / "masks").glob("*.tif"))
    chosen = only or SECTIONS
    print(f"{date.today()}, {os.cpu_count()} cores of {processor()}, Python {platform.python_version()}")
    print(f"load before: {', '.join(f'{load:.1f}' for load in os.getloadavg())}")
    before = processor_times()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if "speed" in chosen:
            measure_speed(list(scenes), grid, folder, rounds, rows, list(product(models, precisions)))
        if "vectorize" in chosen:
            measure_vectorize(masks, folder, rounds, sizes["side"])
        if "memory" in chosen:
            measure_memory(images, masks, folder, sizes["width"])
        if "start" in chosen:
            measure_start(folder, rounds)
    print(f"\nload at the end: {', '.join(f'{load:.1f}' for load in os.getloadavg())}")
    print(f"steal over all: {steal_since(before):.1%}")


if __name__ == "__main__":
    main()
