"""Connected groups."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from road_extract.base.arrays import IntArray


def label_groups(count: int, a: IntArray, b: IntArray) -> tuple[int, IntArray]:
    """Number of connected groups, and the group of each member, (count,), numbered by their lowest members.

    Args:
        count: Members.
        a: One end of each link, (links,).
        b: The other one.
    """
    graph = coo_array((np.ones(len(a), bool), (a, b)), shape=(count, count))
    groups, group = connected_components(graph, directed=False)
    return int(groups), group.astype(np.int64)
