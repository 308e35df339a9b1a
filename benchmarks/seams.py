"""Seam proof: how much the probability changes if only the positions of the windows change.

    python benchmarks/seams.py SCENE [--size 1000] [--shift 40 ...] [--overlap 32 ...] [--model MODEL]

For each overlap, the same scene is run with the origin of the window plan shifted by several offsets. In the interior
(at least one tile away from the edges), the probabilities for any two shifts should agree; the difference is the seam
error. The table also shows the figures for hard crops (no blending: each pixel from the window whose centre is nearest)
and the difference from a dense reference (half overlap).
"""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import click
import numpy as np

from road_extract.base.arrays import Float32Array
from road_extract.base.options import PredictOptions
from road_extract.base.windows import TilePlan, Window
from road_extract.models import read_spec, shipped_model
from road_extract.models.backends import Backend, open_backend
from road_extract.models.spec import ModelSpec
from road_extract.pipeline.setup import open_scene
from road_extract.prediction.blending import iter_blended
from road_extract.prediction.preprocess import Scaling, pad_to, to_model_input

#: Multiples of 8, the network's stride. Other shifts also change the phase of its subsampling, which is not a seam; for
#: example, --shift 3 --shift 13 --shift 26 shows the effect.
SHIFTS_PX = (40, 80, 120)
OVERLAPS_PX = (0, 14, 32, 64, 96)


class Runner:
    """One scene in memory, one model."""

    def __init__(self, scene: Path, size: int, model: Path) -> None:
        self.spec: ModelSpec = read_spec(model)
        self.backend: Backend = open_backend("auto", model, 4)
        with open_scene(scene, PredictOptions(model=str(model))) as setup:
            self.scaling: Scaling = setup.scaling
            rows, cols = min(size, setup.source.grid.height), min(size, setup.source.grid.width)
            self.pixels, self.valid = setup.source.read(Window(0, 0, cols, rows))

    def plan(self, overlap: int, shift: int) -> TilePlan:
        """Plan the windows of the scene."""
        rows, cols = self.valid.shape
        return TilePlan(rows, cols, self.spec.tile_size_px, overlap, shift)

    def tiles(self, plan: TilePlan) -> list[tuple[Window, Float32Array]]:
        """Predict every window."""
        found, windows = [], list(plan)
        for start in range(0, len(windows), 4):
            part = windows[start : start + 4]
            batch = np.zeros((4, plan.size_px, plan.size_px, len(self.spec.bands)), np.float32)
            for slot, w in zip(batch, part, strict=False):
                tile = to_model_input(self.pixels[w.slices], self.valid[w.slices], self.scaling, self.spec)
                slot[:] = pad_to(tile, plan.size_px)
            found += list(zip(part, self.backend.predict(batch), strict=False))
        return found


def blend(plan: TilePlan, tiles: list[tuple[Window, Float32Array]]) -> Float32Array:
    """Blend windows in the same way as `predict`."""
    return np.concatenate([strip.probability for strip in iter_blended(plan, tiles)])


def hard_crop(plan: TilePlan, tiles: list[tuple[Window, Float32Array]]) -> Float32Array:
    """Take each pixel from the window whose centre is nearest."""
    out = np.zeros((plan.height, plan.width), np.float32)
    best = np.full(out.shape, -1.0)
    row, col = np.indices((plan.size_px, plan.size_px))
    depth = np.minimum(np.minimum(row, row[::-1]), np.minimum(col, col[:, ::-1])).astype(float)
    for window, probability in tiles:
        place = window.slices
        deeper = depth > best[place]
        out[place][deeper], best[place][deeper] = probability[deeper], depth[deeper]
    return out


def differences(maps: list[Float32Array], margin: int, threshold: float) -> tuple[float, float, float, float]:
    """Return maximum, 99.9th percentile and mean of |dp| over all pairs of shifts, and the share of flipped pixels."""
    inner = [m[margin:-margin, margin:-margin] for m in maps]
    gaps = np.concatenate([np.abs(a - b).ravel() for a, b in combinations(inner, 2)])
    flips = sum(int(((a >= threshold) != (b >= threshold)).sum()) for a, b in combinations(inner, 2))
    roads = sum(int(((a >= threshold) | (b >= threshold)).sum()) for a, b in combinations(inner, 2))
    return float(gaps.max()), float(np.quantile(gaps, 0.999)), float(gaps.mean()), flips / max(roads, 1)


@click.command()
@click.argument("scene", type=click.Path(path_type=Path, exists=True))
@click.option("--size", default=1000, show_default=True, help="Rows and columns of the part of the scene to use [px].")
@click.option("--model", type=click.Path(path_type=Path), help="Model folder (default: the shipped model).")
@click.option("--shift", "shifts", type=int, multiple=True, default=SHIFTS_PX, show_default=True,
              help="Shift of the plan's origin, in addition to 0; repeatable [px].")  # fmt: skip
@click.option("--overlap", "overlaps", type=int, multiple=True, default=OVERLAPS_PX, show_default=True,
              help="Overlap of the windows; repeatable [px].")  # fmt: skip
def main(scene: Path, size: int, model: Path | None, shifts: tuple[int, ...], overlaps: tuple[int, ...]) -> None:
    """Print the seam table."""
    shifts = (0, *shifts)
    runner = Runner(scene, size, model or shipped_model())
    threshold, margin = runner.spec.threshold, runner.spec.tile_size_px
    dense_plan = runner.plan(margin // 2, 0)
    dense = blend(dense_plan, runner.tiles(dense_plan))
    rows, cols = runner.valid.shape
    print(f"{scene.name}, {rows} x {cols} px, threshold {threshold:.3f}, shifts {shifts}")
    print(runner.backend.description)
    print("| overlap | windows per Mpx | joined by | max | 99.9 % | mean | mask flips | mean to dense |")
    print("|---|---|---|---|---|---|---|---|")
    for overlap in overlaps:
        plans = [runner.plan(overlap, shift) for shift in shifts]
        tiles = [runner.tiles(plan) for plan in plans]
        cost = 1e6 / plans[0].stride_px ** 2
        for name, join in (("hard crop", hard_crop), ("blending", blend)):
            maps = [join(plan, found) for plan, found in zip(plans, tiles, strict=True)]
            largest, high, mean, flips = differences(maps, margin, threshold)
            inner = np.s_[margin:-margin, margin:-margin]
            to_dense = float(np.mean([np.abs(m[inner] - dense[inner]).mean() for m in maps]))
            print(
                f"| {overlap} | {cost:.1f} | {name} | {largest:.3f} | {high:.3f} | {mean:.4f} | {flips:.2%} "
                f"| {to_dense:.4f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
