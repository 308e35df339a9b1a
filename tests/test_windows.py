from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from road_extract.base.errors import InputError
from road_extract.base.windows import TilePlan, Window
from tests.helpers.strategies import plans


@given(plans())
def test_every_pixel_is_covered_and_windows_leave_the_scene_only_where_it_is_too_small(plan: TilePlan) -> None:
    count = np.zeros((plan.height, plan.width), int)
    for window in plan:
        assert (window.width, window.height) == (plan.size_px, plan.size_px)
        assert window.row_off == 0 or window.row_end <= plan.height
        assert window.col_off == 0 or window.col_end <= plan.width
        count[window.row_off : window.row_end, window.col_off : window.col_end] += 1
    assert count.min() >= 1


@given(plans())
def test_neighbours_share_at_least_the_overlap(plan: TilePlan) -> None:
    for offsets in (plan.row_offs, plan.col_offs):
        steps = np.diff(offsets)
        assert (steps > 0).all()
        assert (steps <= plan.size_px - plan.overlap_px).all()


@given(plans())
def test_a_plan_is_the_row_major_sequence_of_its_rows(plan: TilePlan) -> None:
    in_rows = [window for row in plan.rows() for window in row]
    assert in_rows == list(plan)
    assert len(plan) == len(in_rows)
    assert plan[-1] == in_rows[-1]
    assert list(plan[1:3]) == in_rows[1:3]


@given(plans(), st.data())
def test_touching_gives_the_windows_that_share_a_pixel_with_the_core(plan: TilePlan, data: st.DataObject) -> None:
    row, col = data.draw(st.integers(0, plan.height - 1)), data.draw(st.integers(0, plan.width - 1))
    core = Window(col, row, data.draw(st.integers(1, plan.width - col)), data.draw(st.integers(1, plan.height - row)))
    pixels = {(r, c) for r in range(core.row_off, core.row_end) for c in range(core.col_off, core.col_end)}

    def shares(w: Window) -> bool:
        return any(w.row_off <= r < w.row_end and w.col_off <= c < w.col_end for r, c in pixels)

    assert list(plan.touching(core)) == [window for window in plan if shares(window)]


def test_the_last_row_and_column_shift_inward() -> None:
    plan = TilePlan(height=500, width=224, size_px=224, overlap_px=24)
    assert plan.row_offs == (0, 200, 276)
    assert plan.col_offs == (0,)


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"height": 0, "width": 5}, "0 x 5"),
        ({"height": 300, "width": 300, "overlap_px": 113}, "overlap is 113"),
        ({"height": 300, "width": 300, "overlap_px": -1}, "overlap is -1"),
        ({"height": 300, "width": 300, "shift_px": 192}, "shift is 192"),
    ],
)
def test_impossible_plans_are_refused(kwargs: dict[str, int], words: str) -> None:
    with pytest.raises(InputError, match=words):
        TilePlan(**kwargs)


def test_an_empty_window_is_refused() -> None:
    with pytest.raises(InputError, match="0 x 3"):
        Window(0, 0, 3, 0)


windows = st.builds(Window, st.integers(-9, 9), st.integers(-9, 9), st.integers(1, 9), st.integers(1, 9))


@given(windows, windows)
def test_an_intersection_holds_the_pixels_of_both(one: Window, other: Window) -> None:
    def pixels(window: Window) -> set[tuple[int, int]]:
        rows, cols = window.slices
        return {(row, col) for row in range(rows.start, rows.stop) for col in range(cols.start, cols.stop)}

    shared = one.intersection(other)
    assert (set() if shared is None else pixels(shared)) == pixels(one) & pixels(other)
    if shared is not None:
        rows, cols = shared.slices_in(one)
        assert (rows.start + one.row_off, cols.start + one.col_off) == (shared.row_off, shared.col_off)
        assert (rows.stop - rows.start, cols.stop - cols.start) == (shared.height, shared.width)
