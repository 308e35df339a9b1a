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


def test_a_faint_stretch_between_clear_ones_is_part_of_the_road():
    x = np.arange(300)
    chance = np.where(draw(60, 300, (0, 30.5, 300, 30.5)), np.where((x > 120) & (x < 170), 0.3, 0.9), 0.02)
    network = trace(chance, min_worth=0.25)
    assert len(network) == 1
    assert not network.bridged.any()
    assert network.probability_min[0] == pytest.approx(0.3, abs=0.01)
