from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from road_extract.base.arrays import Float32Array
from road_extract.base.errors import BackendError
from road_extract.base.windows import TilePlan, Window
from road_extract.prediction.blending import iter_blended, taper_profile, window_weights
from tests.helpers.strategies import plans

Tiles = list[tuple[Window, Float32Array | None]]


def random_tiles(plan: TilePlan, seed: int, skip: float = 0.1) -> Tiles:
    rng = np.random.default_rng(seed)
    shape = (plan.size_px, plan.size_px)
    return [(w, None if rng.random() < skip else rng.random(shape, dtype=np.float32)) for w in plan]


def blend_whole(plan: TilePlan, tiles: Tiles) -> Float32Array:
    """The oracle: two planes of the size of the scene, without strips."""
    padded = (max(plan.height, plan.size_px), max(plan.width, plan.size_px))
    total, weight = np.zeros(padded, np.float32), np.zeros(padded, np.float32)
    for window, probability in tiles:
        place = np.s_[window.row_off : window.row_end, window.col_off : window.col_end]
        weight[place] += window_weights(plan, window)
        if probability is not None:
            total[place] += window_weights(plan, window) * probability
    return (total / weight)[: plan.height, : plan.width]


def stack(plan: TilePlan, tiles: Iterator[tuple[Window, Float32Array | None]] | Tiles, core: Window) -> Float32Array:
    row, parts = core.row_off, []
    for strip in iter_blended(plan, tiles, core):
        assert strip.row_off == row
        row += len(strip.probability)
        parts.append(strip.probability)
    return np.concatenate(parts)


@given(plans(), st.integers(0, 2**32 - 1))
def test_strips_equal_the_whole_bit_for_bit(plan: TilePlan, seed: int) -> None:
    tiles = random_tiles(plan, seed)
    blended = stack(plan, tiles, Window(0, 0, plan.width, plan.height))
    assert np.array_equal(blended, blend_whole(plan, tiles))


@given(plans(), st.integers(0, 2**32 - 1), st.data())
def test_shards_equal_the_whole_bit_for_bit(plan: TilePlan, seed: int, data: st.DataObject) -> None:
    tiles = dict(random_tiles(plan, seed))
    whole = blend_whole(plan, list(tiles.items()))
    size = data.draw(st.integers(1, 40))
    for row in range(0, plan.height, size):
        for col in range(0, plan.width, size):
            core = Window(col, row, min(size, plan.width - col), min(size, plan.height - row))
            shard = stack(plan, [(window, tiles[window]) for window in plan.touching(core)], core)
            assert np.array_equal(shard, whole[row : core.row_end, col : core.col_end])


@given(plans(), st.floats(0, 1, width=32))
def test_a_constant_stays_what_it_is(plan: TilePlan, value: float) -> None:
    tiles = [(window, np.full((plan.size_px, plan.size_px), value, np.float32)) for window in plan]
    blended = stack(plan, tiles, Window(0, 0, plan.width, plan.height))
    assert np.allclose(blended, value, rtol=1e-6, atol=1e-9)


@given(plans())
def test_no_pixel_has_weight_zero(plan: TilePlan) -> None:
    assert all(window_weights(plan, window).min() > 0 for window in plan)


@given(st.integers(1, 112))
def test_the_ramps_of_two_neighbours_add_up_to_one(overlap: int) -> None:
    profile = taper_profile(224, overlap)
    assert np.allclose(profile[-overlap:] + profile[:overlap], 1, atol=1e-6)


def test_sides_on_the_edge_of_the_scene_are_not_tapered() -> None:
    plan = TilePlan(40, 40, 16, 8)
    assert window_weights(plan, plan[0])[0, 0] == 1
    assert window_weights(plan, plan[-1])[-1, -1] == 1
    assert window_weights(plan, plan[0])[-1, 0] < 0.05


def test_a_skipped_window_counts_as_zero_with_its_weight() -> None:
    plan = TilePlan(8, 12, 8, 4)
    tiles: Tiles = [(plan[0], np.ones((8, 8), np.float32)), (plan[1], None)]
    row = stack(plan, tiles, Window(0, 0, 12, 8))[0]
    assert np.array_equal(row[:4], np.ones(4, np.float32))
    assert np.array_equal(row[8:], np.zeros(4, np.float32))
    assert (np.diff(row[3:9]) < 0).all()


def test_a_missing_tile_is_an_error() -> None:
    plan = TilePlan(40, 40, 16, 8)
    tiles = random_tiles(plan, 0)
    with pytest.raises(BackendError, match="not covered by any tile"):
        list(iter_blended(plan, tiles[:-1]))
