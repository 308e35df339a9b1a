from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from road_extract.roads import groups


@given(st.integers(1, 12).flatmap(lambda n: st.tuples(st.just(n), st.lists(st.tuples(*[st.integers(0, n - 1)] * 2)))))
def test_small_and_large_groupings_agree(graph):
    count, links = graph
    a, b = np.array(links, np.int64).reshape(-1, 2).T
    few, many = groups._label_few(count, a, b), groups._label_many(count, a, b)
    assert few[0] == many[0]
    assert np.array_equal(few[1], many[1])
