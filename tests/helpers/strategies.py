"""Hypothesis strategies."""

from __future__ import annotations

from hypothesis import strategies as st

from road_extract.base.windows import TilePlan

sizes = st.integers(1, 60)


@st.composite
def plans(draw: st.DrawFn) -> TilePlan:
    size = draw(st.integers(4, 24))
    overlap = draw(st.integers(0, size // 2))
    shift = draw(st.integers(0, size - overlap - 1))
    return TilePlan(draw(sizes), draw(sizes), size, overlap, shift)
