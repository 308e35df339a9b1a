"""Labels connected groups."""

from __future__ import annotations

import numpy as np

from road_extract.base.arrays import IntArray

#: Up to this many members and links, plain Python is faster than importing SciPy.
_SMALL = 20_000


def label_groups(count: int, a: IntArray, b: IntArray) -> tuple[int, IntArray]:
    """The number of connected groups, and the group of each member, (count,), numbered in order of lowest members.

    Args:
        count: Number of members.
        a: One end of each link, (links,).
        b: The other end, (links,).
    """
    return _label_few(count, a, b) if count + len(a) <= _SMALL else _label_many(count, a, b)


def _label_many(count: int, a: IntArray, b: IntArray) -> tuple[int, IntArray]:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(a), bool), (a, b)), shape=(count, count))
    groups, group = connected_components(graph, directed=False)
    return int(groups), group.astype(np.int64)


def _label_few(count: int, a: IntArray, b: IntArray) -> tuple[int, IntArray]:
    """Union-find by lowest member: every member points to a lower one of its group, and the lowest to itself."""
    lower = list(range(count))

    def lowest(member: int) -> int:
        while lower[member] != member:
            lower[member] = lower[lower[member]]
            member = lower[member]
        return member

    for one, other in zip(a.tolist(), b.tolist(), strict=True):
        first, second = lowest(one), lowest(other)
        lower[max(first, second)] = min(first, second)
    roots, group = np.unique([lowest(member) for member in range(count)], return_inverse=True)
    return len(roots), group.astype(np.int64)
