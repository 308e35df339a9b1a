"""Blends overlapping probabilities into one raster, row by row: weighted sums, divided by the sum of the weights.

It needs memory for one row of windows: two float32 planes of tile size x width of the core.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from road_extract.base.arrays import Float32Array
from road_extract.base.errors import BackendError
from road_extract.base.windows import TilePlan, Window


@dataclass(frozen=True, slots=True)
class ProbabilityStrip:
    """Finished rows of the blended raster.

    Attributes:
        row_off: First row in the scene.
        probability: (rows, cols) float32, 0..1, with the columns of the core.
    """

    row_off: int
    probability: Float32Array


def taper_profile(size_px: int, overlap_px: int) -> Float32Array:
    """Weights along one axis: a smooth ramp over the overlap at each end, and 1 between them.

    The raised cosine r = sin^2, sampled at half pixels (Harris 1978, the Tukey window), steepened to
    r^2 / (r^2 + (1 - r)^2): no weight is 0, the ramps of two neighbours add up to 1, and the outermost pixels, where
    the network sees padding, hardly count.

    Args:
        size_px: Length.
        overlap_px: Length of each ramp, at most half of size_px.

    Returns:
        (size_px,) float32, each in 0 < w <= 1.
    """
    weights = np.ones(size_px, np.float32)
    if overlap_px:
        cosine = np.sin(np.pi / 2 * (np.arange(overlap_px) + 0.5) / overlap_px) ** 2
        ramp = cosine**2 / (cosine**2 + (1 - cosine) ** 2)
        weights[:overlap_px] = ramp
        weights[-overlap_px:] = ramp[::-1]
    return weights


def window_weights(plan: TilePlan, window: Window) -> Float32Array:
    """Blend weights of a window of a plan, (size, size) float32. Sides on the scene's edge are not tapered."""
    rows = window.row_off == 0, window.row_off + plan.size_px >= plan.height
    cols = window.col_off == 0, window.col_off + plan.size_px >= plan.width
    return _weights(plan.size_px, plan.overlap_px, rows, cols)


@lru_cache(maxsize=16)  # a plan needs nine: corners, sides, interior
def _weights(size_px: int, overlap_px: int, rows: tuple[bool, bool], cols: tuple[bool, bool]) -> Float32Array:
    along_rows, along_cols = (_profile(size_px, overlap_px, *ends) for ends in (rows, cols))
    weights = along_rows[:, None] * along_cols[None, :]
    weights.flags.writeable = False  # one array for all windows
    return weights


def _profile(size_px: int, overlap_px: int, is_first: bool, is_last: bool) -> Float32Array:
    weights = taper_profile(size_px, overlap_px)
    half = size_px // 2
    if is_first:
        weights[:half] = 1
    if is_last:
        weights[half:] = 1
    return weights


def iter_blended(
    plan: TilePlan, tiles: Iterable[tuple[Window, Float32Array | None]], core: Window | None = None
) -> Iterator[ProbabilityStrip]:
    """Blend tiles into strips that no later tile can touch.

    Every pixel is summed in the order of the plan, so strips, shards and the whole raster agree bit for bit.

    Args:
        plan: The scene's plan.
        tiles: ``plan.touching(core)`` in that order, each with its probabilities (size, size), or None for a window
            without valid pixels, which counts as 0 with its weight.
        core: Part to blend; the whole scene by default.

    Yields:
        Strips from the core's first row to its last.

    Raises:
        BackendError: If a pixel of the core is not covered by a tile.
    """
    blender = _StripBlender(plan, core or Window(0, 0, plan.width, plan.height))
    for window, probability in tiles:
        if (strip := blender.advance(window.row_off)) is not None:
            yield strip
        blender.add(window, probability)
    if (strip := blender.advance(blender.core.row_end)) is not None:
        yield strip


class _StripBlender:
    def __init__(self, plan: TilePlan, core: Window) -> None:
        self.core = core
        self._plan = plan
        self._row = core.row_off  # scene row of the planes' first row
        self._sum = np.zeros((plan.size_px, core.width), np.float32)
        self._weight = np.zeros_like(self._sum)

    def add(self, window: Window, probability: Float32Array | None) -> None:
        rest = Window(self.core.col_off, self._row, self.core.width, self.core.row_end - self._row)
        shared = window.intersection(rest)
        if shared is None:
            return
        plane, tile = shared.slices_in(rest), shared.slices_in(window)
        weights = window_weights(self._plan, window)[tile]
        self._weight[plane] += weights
        if probability is not None:
            self._sum[plane] += weights * probability[tile]

    def advance(self, row: int) -> ProbabilityStrip | None:
        """Finish all rows above ``row``."""
        rows = min(row, self.core.row_end) - self._row
        if rows <= 0:
            return None
        weight = self._weight[:rows]
        if rows > len(weight) or not weight.all():
            raise BackendError(
                "blending: a pixel is not covered by any tile; tiles must come in the order of the plan, without gaps"
            )
        strip = ProbabilityStrip(self._row, self._sum[:rows] / weight)
        for plane in (self._sum, self._weight):
            plane[: len(plane) - rows] = plane[rows:].copy()
            plane[len(plane) - rows :] = 0
        self._row += rows
        return strip
