from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from road_extract.metrics.raster import LEVELS, RoadCounts, score_roads
from road_extract.models import build_resunet, logits_model
from road_extract.training.calibrating import Calibration, common_level, fit_calibration, reliability


def _counts(slope: float, offset: float, pixels: int = 1000) -> RoadCounts:
    """Counts of a model whose true probability is another function of its logit."""
    logits = special.logit(np.clip(np.arange(LEVELS), 0.5, 253.5) / 254)
    share = special.expit(slope * logits + offset)
    road = np.rint(share * pixels).astype(np.int64)
    return RoadCounts(road, pixels - road, road, road)


def test_a_calibration_is_found_again():
    found = fit_calibration({"a": _counts(0.7, 1.5), "b": _counts(0.7, 1.5, pixels=20)})
    assert found.slope == pytest.approx(0.7, abs=0.02)
    assert found.offset == pytest.approx(1.5, abs=0.05)


def test_groups_weigh_the_same_however_large_they_are():
    large, small = _counts(1, 2, pixels=100_000), _counts(1, -2, pixels=100)
    found = fit_calibration({"large": large, "small": small})
    assert found.offset == pytest.approx(0, abs=0.05)


def test_without_validation_road_nothing_is_calibrated():
    nothing = RoadCounts(*np.zeros((4, LEVELS), np.int64))
    assert fit_calibration({"empty": nothing}) == Calibration()


def test_a_calibrated_model_is_reliable():
    counts = _counts(0.6, 1.0)
    raw = reliability(counts, Calibration())
    calibrated = reliability(counts, fit_calibration({"a": counts}))
    assert max(abs(mean - share) for mean, share, _ in raw) > 0.1
    assert max(abs(mean - share) for mean, share, _ in calibrated) < 0.02
    assert sum(pixels for _, _, pixels in calibrated) == LEVELS * 1000


def test_the_common_level_spares_the_group_that_loses_most():
    counts = {"high": _two_levels(low=100, high=200), "low": _two_levels(low=40, high=120)}
    best = {group: score_roads(part).best for group, part in counts.items()}
    level = common_level(counts)
    assert best["low"] < level < best["high"] or level in best.values()
    losses = [max(score_roads(c).f1.max() - score_roads(c).f1[n] for c in counts.values()) for n in range(1, LEVELS)]
    assert losses[level - 1] == min(losses)


def _two_levels(low: int, high: int) -> RoadCounts:
    road, ground = np.zeros(LEVELS, np.int64), np.zeros(LEVELS, np.int64)
    road[low : high + 1], ground[: low + 30] = 10, 50
    return RoadCounts(road, ground, road, road)


def test_a_calibration_is_folded_into_the_last_convolution_and_taken_out_again():
    model = logits_model(build_resunet((8, 8, 3), (2, 2, 2, 2)))
    head = model.get_layer("head_conv")
    head.weights[0].assign(np.random.default_rng(1).normal(size=head.weights[0].shape))
    image = np.random.default_rng(0).normal(size=(1, 8, 8, 3)).astype(np.float32)
    before = np.asarray(model(image, training=False))
    with Calibration(0.5, 2.0).folded_into(model):
        assert np.asarray(model(image, training=False)) == pytest.approx(0.5 * before + 2, abs=1e-5)
    assert np.array_equal(np.asarray(model(image, training=False)), before)
    assert Calibration(0.5, 2.0).level(127) == pytest.approx(special.expit(0.5 * special.logit(127 / 254) + 2))
