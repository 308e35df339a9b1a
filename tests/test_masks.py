from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from road_extract.base.errors import InputError
from road_extract.roads.masks import cleaning
from road_extract.roads.masks.cleaning import MaskStrip, iter_clean_strips


def cut(strip: MaskStrip, heights: list[int]) -> Iterator[MaskStrip]:
    """Split the strip into strips of the given heights, repeatedly."""
    row, turn = strip.row_off, 0
    while row < strip.row_end:
        height = heights[turn % len(heights)]
        yield strip.rows(row, row + height)
        row, turn = row + height, turn + 1


def joined(strips: Iterator[MaskStrip]) -> MaskStrip:
    parts = list(strips)
    ends = [0] + [part.row_end for part in parts]
    assert [part.row_off for part in parts] == ends[:-1]
    arrays: list[Any] = [np.concatenate([getattr(p, name) for p in parts]) for name in ("mask", "valid", "probability")]
    return MaskStrip(0, *arrays)


def scene(mask: NDArray[np.bool_], valid: NDArray[np.bool_] | None = None) -> MaskStrip:
    valid = np.ones_like(mask) if valid is None else valid
    return MaskStrip(0, mask & valid, valid, np.arange(mask.size, dtype=np.float32).reshape(mask.shape))


def cleaned_whole(strip: MaskStrip, min_road_px: int, min_hole_px: int) -> NDArray[np.bool_]:
    """The same on the whole array, component by component."""
    mask = strip.mask.copy()
    labels, count = ndimage.label(mask)
    for label in range(1, count + 1):
        if (labels == label).sum() < min_road_px:
            mask[labels == label] = False
    edge = np.pad(np.zeros(np.array(mask.shape) - 2 if min(mask.shape) > 2 else (0, 0), bool), 1, constant_values=True)
    edge = edge if edge.shape == mask.shape else np.ones_like(mask)
    labels, count = ndimage.label(~mask, np.ones((3, 3)))
    for label in range(1, count + 1):
        hole = labels == label
        if hole.sum() < min_hole_px and not (hole & (edge | ~strip.valid)).any():
            mask[hole] = True
    return mask


@st.composite
def scenes(draw: st.DrawFn) -> MaskStrip:
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    shape = draw(st.integers(1, 60)), draw(st.integers(1, 25))
    mask = rng.random(shape) < draw(st.sampled_from([0.02, 0.2, 0.45, 0.6, 0.75, 0.95]))
    return scene(mask, rng.random(shape) >= draw(st.sampled_from([0, 0.01, 0.1])))


@given(
    scenes(),
    st.lists(st.integers(1, 70), min_size=1, max_size=4),
    st.integers(0, 20) | st.just(10**6),
    st.integers(0, 20) | st.just(10**6),
    st.integers(1, 8),
)
def test_strips_equal_the_whole_array(
    whole: MaskStrip, heights: list[int], min_road_px: int, min_hole_px: int, working_rows: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        # Blocks only slightly higher than the halo, so that small scenes have many of them.
        patch.setattr(cleaning, "_WORKING_ROWS", working_rows)
        patch.setattr(cleaning, "_HALOS_PER_BLOCK", 0)
        result = joined(iter_clean_strips(cut(whole, heights), min_road_px, min_hole_px))
    np.testing.assert_array_equal(result.mask, cleaned_whole(whole, min_road_px, min_hole_px))
    np.testing.assert_array_equal(result.valid, whole.valid)
    np.testing.assert_array_equal(result.probability, whole.probability)


def test_output_strip_heights_do_not_depend_on_input_strip_heights() -> None:
    whole = scene(np.random.default_rng(0).random((3000, 5)) < 0.5)
    heights = [[s.row_off for s in iter_clean_strips(cut(whole, [h]), 4, 4)] for h in (1, 7, 3000)]
    assert heights[0] == heights[1] == heights[2] == [0, 1024, 2048]


def test_a_component_of_exactly_the_minimum_is_kept_and_one_pixel_less_is_dropped() -> None:
    mask = np.zeros((9, 9), bool)
    mask[1:4, 1] = True
    mask[5, 5:7] = True
    result = joined(iter_clean_strips(cut(scene(mask), [2]), 3, 0)).mask
    assert result[1:4, 1].all()
    assert result.sum() == 3


def test_road_is_4_connected_and_holes_are_8_connected() -> None:
    diagonal = np.eye(6, dtype=bool)
    assert not joined(iter_clean_strips(cut(scene(diagonal), [2]), 2, 0)).mask.any()
    holes = np.ones((6, 6), bool)
    holes[2, 2] = holes[3, 3] = False
    assert joined(iter_clean_strips(cut(scene(holes), [2]), 0, 3)).mask.all()
    np.testing.assert_array_equal(joined(iter_clean_strips(cut(scene(holes), [2]), 0, 2)).mask, holes)


@pytest.mark.parametrize("pixel", [(0, 3), (5, 3), (3, 0), (3, 5)])
def test_a_gap_at_the_scenes_edge_is_not_a_hole(pixel: tuple[int, int]) -> None:
    mask = np.ones((6, 6), bool)
    mask[pixel] = False
    np.testing.assert_array_equal(joined(iter_clean_strips(cut(scene(mask), [4]), 0, 9)).mask, mask)


def test_a_hole_with_nodata_is_kept() -> None:
    mask, valid = np.ones((6, 6), bool), np.ones((6, 6), bool)
    mask[2, 2] = valid[3, 3] = False
    result = joined(iter_clean_strips(cut(scene(mask, valid), [1]), 0, 9)).mask
    np.testing.assert_array_equal(result, mask & valid)


def test_roads_are_dropped_before_holes_are_filled() -> None:
    mask = np.ones((7, 7), bool)
    mask[2:5, 2:5] = False
    mask[3, 3] = True
    assert joined(iter_clean_strips(cut(scene(mask), [3]), 2, 10)).mask.all()
    assert not joined(iter_clean_strips(cut(scene(mask), [3]), 2, 9)).mask[3, 3]


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_probabilities_keep_their_type(dtype: type) -> None:
    mask = np.ones((4, 3), bool)
    strip = MaskStrip(0, mask, mask, np.ones((4, 3), dtype))
    assert joined(iter_clean_strips(cut(strip, [1]), 2, 2)).probability.dtype == dtype


def test_no_strips_give_no_strips() -> None:
    assert list(iter_clean_strips([], 5, 5)) == []


@pytest.mark.parametrize(("row_off", "width"), [(3, 5), (5, 5), (4, 6)])
def test_a_gap_an_overlap_or_another_width_is_refused(row_off: int, width: int) -> None:
    first, second = scene(np.ones((4, 5), bool)), scene(np.ones((4, width), bool))
    second = MaskStrip(row_off, second.mask, second.valid, second.probability)
    with pytest.raises(InputError, match="expected row 4, 5 columns"):
        list(iter_clean_strips([first, second], 2, 2))


def test_unequal_arrays_are_refused() -> None:
    with pytest.raises(InputError, match="expected the same"):
        MaskStrip(0, np.ones((2, 3), bool), np.ones((2, 3), bool), np.ones((2, 2), np.uint8))
