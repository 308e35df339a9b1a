"""Finds the paths of bridges: smooth curves between two headings, bent towards high probability."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from road_extract.base.arrays import BoolArray, Float64Array, IntArray
from road_extract.base.grid import PixelFrame
from road_extract.roads.network.ends import to_unit
from road_extract.roads.network.evidence import Evidence

#: Points along each bridge.
SAMPLES = 24
#: Number of lanes: the curve itself, and parallel curves on both sides.
_LANES = 9
#: Offset of the outermost lane in the middle of a bridge, as a fraction of the length, but at most `_MAX_OFFSET_M`.
_OFFSET_SHARE = 0.3
_MAX_OFFSET_M = 15.0
#: The curve itself is used unless another path costs less than this fraction of its cost.
_CURVE_PREFERENCE = 0.8
#: Additional cost of a point with probability 0, compared with one at the threshold.
_DARK_COST = 3.0
#: Cost of changing to a neighbouring lane.
_LANE_CHANGE_COST = 0.5
#: Rounds of (1, 2, 1) / 4 that smooth the steps of a path.
_SMOOTHING_ROUNDS = 6
#: Distance from the axis of a bridge at which its surroundings are sampled, in metres.
_BESIDE_M = 11.0


@dataclass(frozen=True, slots=True)
class GapPaths:
    """Paths across gaps, one per row.

    Attributes:
        xy: Points at equal parameter steps from the start to the goal, in metres, (n, SAMPLES, 2).
        probability: Probability at these points, 0..1, (n, SAMPLES).
        beside: Mean probability on both sides of the inner points, (n,).
        valid: Whether all points have data, (n,).
    """

    xy: Float64Array
    probability: Float64Array
    beside: Float64Array
    valid: BoolArray

    def take(self, which: IntArray | BoolArray) -> GapPaths:
        """A subset of the rows."""
        return GapPaths(self.xy[which], self.probability[which], self.beside[which], self.valid[which])

    @property
    def length_m(self) -> Float64Array:
        """Length of each path, (n,)."""
        steps = np.diff(self.xy, axis=1)
        return np.asarray(np.hypot(steps[..., 0], steps[..., 1]).sum(axis=1), np.float64)


def find_gap_paths(
    start: tuple[Float64Array, Float64Array],
    goal: tuple[Float64Array, Float64Array],
    evidence: Evidence,
    frame: PixelFrame,
) -> GapPaths:
    """Find the path of least cost in a corridor around the curve from each start to its goal.

    The curve is a cubic Hermite spline. Other curves, the lanes, run beside it, with the largest offset in the middle.
    The path of least cost may change between neighbouring lanes (dynamic programming over the samples, for all bridges
    at once).

    Args:
        start: Positions in metres, and unit headings there, (n, 2) each.
        goal: Positions, and unit headings on arrival, (n, 2) each; a zero heading leaves the arrival free.
        evidence: The probability.
        frame: Pixel frame of the scene.
    """
    curve = hermite_curves(start, goal)
    normal = _normals(curve)
    lanes = curve[:, :, None, :] + _lane_offsets(curve)[..., None] * normal[:, :, None, :]
    probability, valid = evidence.sample(lanes, frame)
    share = np.minimum(probability / evidence.threshold, 1)
    lane = _choose_lanes(np.where(valid, 1 + _DARK_COST * (1 - share), 1e6))
    row, column = np.arange(len(curve))[:, None], np.arange(SAMPLES)[None]
    xy = _smooth(lanes[row, column, lane])
    sides = np.stack([xy + _BESIDE_M * normal, xy - _BESIDE_M * normal], axis=2)[:, SAMPLES // 4 : -SAMPLES // 4]
    beside, _ = evidence.sample(sides, frame)
    known = np.asarray(valid[row, column, lane].all(axis=1), np.bool_)
    return GapPaths(xy, probability[row, column, lane], beside.mean(axis=(1, 2)), known)


def hermite_curves(start: tuple[Float64Array, Float64Array], goal: tuple[Float64Array, Float64Array]) -> Float64Array:
    """Cubic Hermite splines, (n, SAMPLES, 2).

    The tangents are as long as the chord if the headings agree with it, and shorter the more they differ, so that no
    curve forms a loop.
    """
    chord = goal[0] - start[0]
    length, direction = np.hypot(*chord.T)[:, None], to_unit(chord)
    tangents = []
    for heading in (start[1], goal[1]):
        agreement = np.maximum((heading * direction).sum(axis=1, keepdims=True), 0)
        tangents.append(heading * agreement * length)
    open_ = ~goal[1].any(axis=1, keepdims=True)
    tangents[1] = np.where(open_, chord, tangents[1])
    t = np.linspace(0, 1, SAMPLES)[None, :, None]
    parts = ((2 * t**3 - 3 * t**2 + 1), (t**3 - 2 * t**2 + t), (-2 * t**3 + 3 * t**2), (t**3 - t**2))
    values = (start[0], tangents[0], goal[0], tangents[1])
    return np.asarray(sum(part * value[:, None, :] for part, value in zip(parts, values, strict=True)), np.float64)


def _normals(curve: Float64Array) -> Float64Array:
    """Unit normals of curves, (n, SAMPLES, 2)."""
    along = np.gradient(curve, axis=1)
    across = np.stack([-along[..., 1], along[..., 0]], axis=-1)
    norm = np.maximum(np.hypot(across[..., 0], across[..., 1]), 1e-12)
    return np.asarray(across / norm[..., None], np.float64)


def _lane_offsets(curve: Float64Array) -> Float64Array:
    """Offset of each lane from the curve at each sample, in metres, (n, SAMPLES, _LANES)."""
    chord = curve[:, -1] - curve[:, 0]
    most = np.minimum(_OFFSET_SHARE * np.hypot(*chord.T), _MAX_OFFSET_M)
    t = np.linspace(0, 1, SAMPLES)
    return np.asarray(most[:, None, None] * (4 * t * (1 - t))[:, None] * np.linspace(-1, 1, _LANES), np.float64)


def _choose_lanes(cost: Float64Array) -> IntArray:
    """The lane at each sample, (n, SAMPLES), from costs (n, SAMPLES, _LANES); the middle one if about as cheap."""
    lane, total = _cheapest_lanes(cost)
    middle = cost[:, :, _LANES // 2].sum(axis=1)
    lane[total > _CURVE_PREFERENCE * middle] = _LANES // 2
    return lane


def _cheapest_lanes(cost: Float64Array) -> tuple[IntArray, Float64Array]:
    """The lane of the cheapest path at each sample, (n, SAMPLES), and its cost, (n,)."""
    count, samples, lanes = cost.shape
    change = _LANE_CHANGE_COST * np.abs(np.arange(-1, 2))
    total = cost[:, 0]
    came_from = np.zeros((count, samples, lanes), np.int64)
    for sample in range(1, samples):
        padded = np.pad(total, ((0, 0), (1, 1)), constant_values=np.inf)
        options = np.stack([padded[:, k : k + lanes] + change[k] for k in range(3)])
        best = options.argmin(axis=0)
        came_from[:, sample] = np.arange(lanes) + best - 1
        total = options.min(axis=0) + cost[:, sample]
    lane = np.empty((count, samples), np.int64)
    lane[:, -1] = total.argmin(axis=1)
    for sample in range(samples - 1, 0, -1):
        lane[:, sample - 1] = came_from[np.arange(count), sample, lane[:, sample]]
    return lane, total.min(axis=1)


def _smooth(xy: Float64Array) -> Float64Array:
    """Apply binomial smoothing to each path, keeping its ends, (n, SAMPLES, 2)."""
    xy = xy.copy()
    for _ in range(_SMOOTHING_ROUNDS):
        xy[:, 1:-1] = 0.5 * xy[:, 1:-1] + 0.25 * (xy[:, :-2] + xy[:, 2:])
    return xy
