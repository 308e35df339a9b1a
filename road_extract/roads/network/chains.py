"""Orders the members of chains: pixels along a path, or edges that meet where nothing branches off."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order

from road_extract.base.arrays import BoolArray, IntArray
from road_extract.roads.groups import label_groups


@dataclass(frozen=True, slots=True)
class Chains:
    """Vertices along their chains, chain after chain.

    Attributes:
        order: Vertices, each once, (vertices,).
        sizes: Number of vertices of each chain, (chains,).
        closed: Whether the last vertex of each chain is linked to its first, (chains,).
    """

    order: IntArray
    sizes: IntArray
    closed: BoolArray

    @property
    def starts(self) -> IntArray:
        """Where each chain starts in ``order``."""
        starts: IntArray = np.cumsum(self.sizes) - self.sizes
        return starts


def order_chains(count: int, a: IntArray, b: IntArray) -> Chains:
    """Order vertices, none of which has more than two links.

    A chain starts at its lower end. A closed chain starts at its lowest vertex and runs towards the lower neighbour.

    Args:
        count: Number of vertices.
        a: One end of each link, (links,).
        b: The other end, (links,).
    """
    chains, chain = label_groups(count, a, b)
    vertices = np.arange(count)
    start = np.full(chains, count)
    is_end = np.bincount(np.append(a, b), minlength=count) < 2
    np.minimum.at(start, chain[is_end], vertices[is_end])
    closed = start == count
    np.minimum.at(start, chain, np.where(closed[chain], vertices, count))
    keep = np.ones(len(a), bool)
    keep[_closing_links(a, b, start[closed])] = False
    links = (np.concatenate([a[keep], start]), np.concatenate([b[keep], np.full(chains, count)]))
    graph = coo_array((np.ones(len(links[0]), bool), links), shape=(count + 1, count + 1)).tocsr()
    # A search from an extra vertex that is linked to all starts visits each chain in order.
    met = breadth_first_order(graph, count, directed=False, return_predecessors=False)[1:].astype(np.int64)
    order = met[np.argsort(chain[met], kind="stable")]
    return Chains(order, np.bincount(chain, minlength=chains), closed)


def _closing_links(a: IntArray, b: IntArray, starts: IntArray) -> IntArray:
    """The link of each start that leads to its higher neighbour."""
    links, ends = np.tile(np.arange(len(a)), 2), np.append(a, b)
    at_start = np.isin(ends, starts)
    links, ends = links[at_start], ends[at_start]
    order = np.lexsort((a[links] + b[links], ends))
    closing: IntArray = links[order][1::2]
    return closing
