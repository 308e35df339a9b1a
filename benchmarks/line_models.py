"""Fit the logistic models for gaps and faint lines to probability rasters and masks of the same ground.

    python benchmarks/line_models.py --ground PROBABILITIES MASKS WEIGHT [--ground ...] [--faint SHARE]

PROBABILITIES and MASKS are folders of rasters with the same names; rasters without a mask are left out, so that several
folders of masks can share one folder of probabilities, as `benchmarks/score.py --keep` writes it. WEIGHT is the weight
of each observation from this ground. The result replaces ``road_extract/roads/network/weights.json``. Use ground that
the network was not trained on, and never the ground for which scores are reported. The calibration of the models is
printed from a cross-validation: each fifth of the scenes is assessed with models fitted to the others.

A line is correct if half of it lies within 5 m of a true road with the same direction. A bridge is correct if 70 % of
it does, or if its ends are connected by a true road that is not much longer.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import shapely
from scipy.sparse.csgraph import dijkstra

from road_extract import LineOptions, VectorizeOptions
from road_extract.base.arrays import BoolArray, Float64Array, Geometries, IntArray
from road_extract.base.geodesy import pixel_frame, pixel_size_m
from road_extract.base.grid import PixelFrame
from road_extract.io.raster import ProbabilityRaster, gdal_session
from road_extract.io.raster.on_grid import read_labels_on
from road_extract.metrics.graph import LineGraph, build_graph
from road_extract.metrics.matching import match_lines
from road_extract.pipeline.masking import MaskRun, road_threshold
from road_extract.pipeline.vectorizing import LINE_AREA_SHARE
from road_extract.roads.centrelines import trace_skeleton
from road_extract.roads.network import Evidence, trace_mask
from road_extract.roads.network.bridging import bridge_gaps, measure_all_gaps, meet_roads
from road_extract.roads.network.building import HOPELESS_SHARE
from road_extract.roads.network.cleaning import clean_graph
from road_extract.roads.network.graph import Graph
from road_extract.roads.network.line_features import measure_lines
from road_extract.roads.network.logistic import WEIGHTS, LogisticModel, fit_logistic
from road_extract.roads.network.moving import move_nodes
from road_extract.roads.network.shaping import axis_lines
from road_extract.roads.network.tracing import trace_graph
from road_extract.roads.network.worth import KINDS, line_kinds, prune

#: Signs of weights, without which noise in the data could make a longer, darker or more crooked gap more likely.
_NEVER_POSITIVE = (
    "length", "log_length", "turn", "turn_squared", "end_turn", "end_turn_squared", "side_askew", "far_turn",
    "far_side", "over_5", "over_10", "over_20", "over_40", "end_over_5", "end_over_10", "end_over_20", "end_over_40",
    "askew_far", "missing", "log_missing", "dark_far", "dark_end", "dark_far_end",
)  # fmt: skip
_NEVER_NEGATIVE = (
    "share", "share_low", "share_root", "contrast", "low_worth", "high_worth", "both_worth", "log_both",
)  # fmt: skip
_SIGNS = dict.fromkeys(_NEVER_POSITIVE, -1) | dict.fromkeys(_NEVER_NEGATIVE, 1)
#: The same for lines: a more probable line is never less likely.
_LINE_SIGNS = dict.fromkeys(("share", "level_low", "level_middle", "level_high", "clear", "log_length"), 1)
_NEAR_M, _SAME_WAY_DEG, _SNAP_M = 5.0, 40.0, 7.0
_FOLDS = 5
#: Longer lines count more, up to a limit.
_LINE_UNIT_M, _LINE_MAX_M = 30.0, 100.0


@dataclass(frozen=True, slots=True)
class Ground:
    """One scene: its lines before bridging, and the truth."""

    graph: Graph
    evidence: Evidence
    frame: PixelFrame
    truth: Geometries
    known: BoolArray
    weight: float
    number: int


@dataclass(frozen=True, slots=True)
class Observations:
    """Features with their labels, weights and scenes."""

    features: dict[str, Float64Array]
    right: BoolArray
    weight: Float64Array
    scene: IntArray

    def take(self, which: BoolArray) -> Observations:
        """A subset of the observations."""
        features = {name: values[which] for name, values in self.features.items()}
        return Observations(features, self.right[which], self.weight[which], self.scene[which])

    def fit(self, signs: Mapping[str, int]) -> LogisticModel:
        """Fit a model to all observations."""
        return fit_logistic(self.features, self.right, self.weight, signs)


def join(parts: list[Observations]) -> Observations:
    """Concatenate observations."""
    names = parts[0].features
    return Observations(
        {name: np.concatenate([part.features[name] for part in parts]) for name in names},
        np.concatenate([part.right for part in parts]),
        np.concatenate([part.weight for part in parts]),
        np.concatenate([part.scene for part in parts]),
    )


def read_ground(raster: Path, mask: Path, weight: float, number: int, faint: float | None) -> Ground:
    """Trace one scene as `vectorize` does, up to but excluding the bridging of gaps.

    Args:
        raster: Probabilities.
        mask: The truth.
        weight: Weight of each observation.
        number: Number of the scene.
        faint: Factor for the threshold from which lines are traced; None to use the probabilities only as a mask.
    """
    with gdal_session(), ProbabilityRaster(str(raster)) as source:
        options, frame, values = VectorizeOptions(geometry="lines"), pixel_frame(source.grid), None
        parts = [(probability, valid) for _, probability, valid in source.iter_strips()]
        values, valid = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        threshold = road_threshold(options, source)
        if faint is None:
            values = (values >= threshold).astype(np.float32)
        evidence = Evidence(lambda w: (values[w.slices], valid[w.slices]), threshold, faint is None)
        strips = MaskRun(options).iter_strips(source, "", LINE_AREA_SHARE, 1.0 if faint is None else faint)
        graph = trace_graph(trace_skeleton(strips, frame.pixel_size_m), frame)
        labels = read_labels_on(str(mask), source.grid)
        truth = trace_mask((labels == 1) & valid, pixel_size_m=pixel_size_m(source.grid)).lines
    graph = move_nodes(clean_graph(graph, LineOptions().spur_widths, frame.pixel_area_m2), frame)
    size = np.array(frame.pixel_size_m)
    truth = np.array(shapely.transform(truth, lambda xy: xy * size), dtype=object)
    return Ground(graph, evidence, frame, truth, valid & (labels <= 1), weight, number)


def observe_lines(ground: Ground, graph: Graph) -> tuple[Observations, IntArray]:
    """The detected lines of a graph where the truth is known, and the kind of each."""
    keep = ~graph.bridged & _is_known(ground, axis_lines(graph))
    lines = axis_lines(graph)[keep]
    features = {n: v[keep] for n, v in measure_lines(graph, ground.evidence.threshold).items()}
    weight = ground.weight * np.minimum(shapely.length(lines), _LINE_MAX_M) / _LINE_UNIT_M
    right = _share_near(lines, ground.truth) >= 0.5
    kinds = line_kinds(graph, ground.frame)[keep]
    return Observations(features, right, weight, np.full(len(lines), ground.number)), kinds


def hopeful(ground: Ground) -> Graph:
    """The lines of a scene between which gaps are bridged."""
    return prune(ground.graph, ground.evidence, ground.frame, HOPELESS_SHARE * LineOptions().min_worth)


def observe_gaps(ground: Ground) -> Observations:
    """The candidates for bridges where the truth is known."""
    graph = hopeful(ground)
    gaps = measure_all_gaps(graph, ground.evidence, ground.frame, LineOptions().max_gap_m)
    lines = shapely.linestrings(gaps.paths.xy)
    keep = _is_known(ground, lines) & ~meet_roads(graph, gaps.paths)
    near = _share_near(lines, ground.truth) >= 0.7
    right = near | _are_joined(gaps.paths.xy, build_graph(ground.truth))
    count = len(lines)
    seen = Observations(gaps.features, right, np.full(count, ground.weight), np.full(count, ground.number))
    return seen.take(keep)


def _is_known(ground: Ground, lines: Geometries) -> BoolArray:
    xy, line = shapely.get_coordinates(lines, return_index=True)
    pixels = np.floor(xy / np.array(ground.frame.pixel_size_m)).astype(np.int64)
    col, row = np.clip(pixels, 0, np.array(ground.frame.shape[::-1]) - 1).T
    unknown = np.bincount(line, ~ground.known[row, col], minlength=len(lines))
    return np.asarray(unknown == 0, np.bool_)


def _share_near(lines: Geometries, truth: Geometries, angle_deg: float | None = _SAME_WAY_DEG) -> Float64Array:
    near = match_lines(lines, truth, _NEAR_M, angle_deg)
    matched = np.bincount(near.line, near.stop_m - near.start_m, minlength=len(lines))
    return np.asarray(matched / np.maximum(shapely.length(lines), 0.1), np.float64)


def _are_joined(xy: Float64Array, truth: LineGraph) -> BoolArray:
    """Whether a true road that is not much longer connects both ends of a bridge, (bridges,)."""
    joined = np.zeros(len(xy), np.bool_)
    if not len(xy) or not len(truth.edges):
        return joined
    places = truth.locate(np.concatenate([xy[:, 0], xy[:, -1]]), _SNAP_M)
    links, rows = truth.with_places(places.only_found())
    row = np.full(2 * len(xy), -1)
    row[places.found] = rows
    start, end = row[: len(xy)], row[len(xy) :]
    both = (start >= 0) & (end >= 0)
    if both.any():
        limit = 1.3 * np.hypot(*np.diff(xy, axis=1)[..., ::1].T).sum(axis=0) + 10
        sources, index = np.unique(start[both], return_inverse=True)
        lengths = dijkstra(links, indices=sources, limit=float(limit.max()))
        joined[both] = lengths[index, end[both]] <= limit[both]
    return joined


def print_calibration(name: str, seen: Observations, signs: Mapping[str, int]) -> None:
    """Print the fraction of correct observations by predicted probability, with models fitted to the other scenes."""
    chance = np.zeros(len(seen.right))
    for fold in range(_FOLDS):
        test = seen.scene % _FOLDS == fold
        chance[test] = seen.take(~test).fit(signs)(seen.take(test).features)
    print(f"{name}: {len(chance)} observations, {seen.right.mean():.2f} of them right")
    for low in np.arange(0, 1, 0.1):
        part = (chance >= low) & (chance < low + 0.1)
        if part.any():
            right = np.average(seen.right[part], weights=seen.weight[part])
            print(f"  {low:.1f} to {low + 0.1:.1f}: {int(part.sum()):6d}, {right:.2f} right")


def fit_lines(grounds: list[Ground], make: Iterable[Callable[[Ground], Graph]], *, show: bool) -> dict[str, object]:
    """Fit a model for each kind of line, from several graphs of the same ground."""
    parts = [observe_lines(ground, of(ground)) for of in make for ground in grounds]
    seen, kinds = join([part for part, _ in parts]), np.concatenate([kinds for _, kinds in parts])
    for number, name in enumerate(KINDS):
        if show:
            print_calibration(name, seen.take(kinds == number), _LINE_SIGNS)
    return {name: seen.take(kinds == number).fit(_LINE_SIGNS).to_json() for number, name in enumerate(KINDS)}


def fit_gaps(grounds: Iterable[Ground], name: str, *, show: bool) -> dict[str, object]:
    """Fit the model for gaps of this name."""
    seen = join([observe_gaps(ground) for ground in grounds])
    if show:
        print_calibration(name, seen, _SIGNS)
    return {name: seen.fit(_SIGNS).to_json()}


def iter_grounds(folders: Iterable[tuple[Path, Path, float]], faint: float | None) -> Iterator[Ground]:
    """The scenes in folders of probabilities and masks with a weight, numbered consecutively."""
    number = 0
    for probabilities, masks, weight in folders:
        for raster in sorted(path for path in probabilities.glob("*.tif") if (masks / path.name).exists()):
            ground = read_ground(raster, masks / raster.name, weight, number, faint)
            if len(ground.graph) and len(ground.truth):
                yield ground
            number += 1


@click.command()
@click.option("--ground", "folders", type=(click.Path(path_type=Path, exists=True),) * 2 + (float,), multiple=True)
@click.option("--faint", default=LineOptions().faint, show_default=True)
def main(folders: tuple[tuple[Path, Path, float], ...], faint: float) -> None:
    """Fit the models to all --ground, and write them into the package."""
    grounds = list(iter_grounds(folders, faint))
    models: dict[str, object] = {}

    def use(**new: object) -> None:
        models.update(new)
        WEIGHTS.write_text(json.dumps(models, indent=1) + "\n", "utf-8")

    options = LineOptions(min_confidence=0.4)

    def plain(ground: Ground) -> Graph:
        return ground.graph

    def bridged(ground: Ground) -> Graph:
        return bridge_gaps(hopeful(ground), ground.evidence, ground.frame, options)

    # gaps depend on the worth of the lines that they join, and lines on their bridges: fit them in turn, twice
    use(**fit_lines(grounds, [plain], show=False))
    use(**fit_gaps(grounds, "gaps", show=False))
    use(**fit_lines(grounds, [plain, bridged], show=True))
    use(**fit_gaps(grounds, "gaps", show=True))
    use(**fit_gaps(iter_grounds(folders, None), "mask_gaps", show=True))


if __name__ == "__main__":
    main()
