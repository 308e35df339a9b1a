"""Logistic models, and the lines that they drop."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from road_extract.base.grid import PixelFrame
from road_extract.base.options import LineOptions
from road_extract.base.windows import Window
from road_extract.roads.masks.strips import MaskStrip
from road_extract.roads.network import Evidence, RoadNetwork, trace_network
from road_extract.roads.network.graph import Graph
from road_extract.roads.network.logistic import LogisticModel, fit_logistic, read_model
from tests.helpers.lines import draw, to_byte


def trace(chance: np.ndarray, **options: float) -> RoadNetwork:
    chance = chance.astype(np.float32)
    valid = np.ones(chance.shape, bool)

    def read(window: Window) -> tuple[np.ndarray, np.ndarray]:
        return chance[window.slices], valid[window.slices]

    strip = MaskStrip(0, chance >= 0.25, valid, to_byte(chance))
    chosen = LineOptions(max_gap_m=0, min_length_m=0, **options)
    return trace_network([strip], PixelFrame(*chance.shape), chosen, 1.0, Evidence(read, 0.5, is_mask=False))


def test_a_model_is_the_logistic_function_of_its_weighted_features():
    model = LogisticModel(0.5, {"a": 2.0, "b": -1.0})
    features = {"a": np.array([0.0, 1.0]), "b": np.array([0.0, 3.0]), "unused": np.array([9.0, 9.0])}
    assert model(features) == pytest.approx([1 / (1 + np.exp(-0.5)), 1 / (1 + np.exp(0.5))])


def test_a_fit_recovers_the_weights_that_generated_the_data():
    rng = np.random.default_rng(1)
    features = {"a": rng.normal(size=20_000), "b": 10 * rng.normal(size=20_000)}
    truth = LogisticModel(-1.0, {"a": 1.5, "b": 0.2})
    model = fit_logistic(features, rng.random(20_000) < truth(features))
    assert model.bias == pytest.approx(-1.0, abs=0.1)
    assert dict(model.weights) == pytest.approx(dict(truth.weights), rel=0.1)


def test_observations_count_according_to_their_weight():
    features = {"a": np.array([0.0, 0.0, 1.0, 1.0])}
    right = np.array([True, False, True, False])
    model = fit_logistic(features, right, np.array([30.0, 10.0, 10.0, 30.0]) * 100)
    assert model(features)[[0, 2]] == pytest.approx([0.75, 0.25], abs=0.01)


def test_a_weight_with_the_wrong_sign_is_zero_and_the_others_are_fitted_without_it():
    rng = np.random.default_rng(2)
    features = {"a": rng.normal(size=5_000), "b": rng.normal(size=5_000)}
    right = rng.random(5_000) < LogisticModel(0.3, {"a": 1.0, "b": -0.5})(features)
    model = fit_logistic(features, right, signs={"a": 1, "b": 1})
    assert model.weights["b"] == 0
    assert model.weights["a"] == pytest.approx(fit_logistic({"a": features["a"]}, right).weights["a"])
    assert fit_logistic(features, right, signs={"a": 1, "b": -1}) == fit_logistic(features, right)


def test_the_shipped_models_never_prefer_longer_darker_or_more_crooked_gaps():
    gaps, mask_gaps = read_model("gaps").weights, read_model("mask_gaps").weights
    for name in ("length", "log_length", "turn", "end_turn", "far_turn", "far_side", "over_10", "end_over_40"):
        assert gaps[name] <= 0
        assert mask_gaps[name] <= 0
    assert min(gaps[name] for name in ("share", "share_low", "share_root", "contrast", "low_worth", "log_both")) >= 0
    assert max(gaps[name] for name in ("missing", "log_missing", "dark_far", "dark_end", "dark_far_end")) <= 0


@pytest.mark.parametrize("name", ["gaps", "mask_gaps", "link", "stub", "loose"])
def test_shipped_models_are_complete(name):
    model = read_model(name)
    assert np.isfinite([model.bias, *model.weights.values()]).all()


def test_an_isolated_dash_is_dropped_and_a_road_kept():
    road, dash = draw(160, 300, (0, 30.5, 300, 30.5)), draw(160, 300, (150, 120.5, 162, 120.5), width=5)
    chance = np.where(road, 0.9, np.where(dash, 0.35, 0.02))
    assert len(trace(chance, min_worth=0.0)) == 2
    left = trace(chance, min_worth=0.5)
    assert len(left) == 1
    assert shapely.length(left.lines[0]) > 250


def test_a_faint_road_between_two_clear_ones_is_kept_and_the_same_stub_in_the_woods_is_not():
    """What a line connects counts: both faint lines have the same length and probability."""
    clear = draw(300, 300, (0, 60.5, 300, 60.5), (0, 160.5, 300, 160.5))
    link, stub = draw(300, 300, (100.5, 60, 100.5, 160)), draw(300, 300, (200.5, 160, 200.5, 260))
    network = trace(np.where(clear, 0.95, np.where(link | stub, 0.45, 0.02)), min_worth=0.3)
    assert sorted(np.rint(shapely.length(network.lines))) == pytest.approx([100, 100, 100, 200, 200], abs=2)
    assert not network.dead_end.any()


def test_gaps_are_bridged_between_lines_that_may_be_roads_only(monkeypatch):
    """Noise in a faint mask is dropped first, because each of its dead ends would take time."""
    seen: list[Graph] = []

    def bridge_nothing(graph: Graph, *_: object) -> Graph:
        seen.append(graph)
        return graph

    monkeypatch.setattr("road_extract.roads.network.building.bridge_gaps", bridge_nothing)
    road, dash = draw(160, 300, (0, 30.5, 200, 30.5)), draw(160, 300, (150, 120.5, 162, 120.5), width=5)
    chance = np.where(road, 0.9, np.where(dash, 0.3, 0.02))
    trace(chance, min_worth=0.3)
    trace(chance, min_worth=0.0)
    assert [len(graph) for graph in seen] == [1, 2]


def test_a_faint_stretch_between_clear_ones_is_part_of_the_road():
    x = np.arange(300)
    chance = np.where(draw(60, 300, (0, 30.5, 300, 30.5)), np.where((x > 120) & (x < 170), 0.3, 0.9), 0.02)
    network = trace(chance, min_worth=0.25)
    assert len(network) == 1
    assert not network.bridged.any()
    assert network.probability_min[0] == pytest.approx(0.3, abs=0.01)
