"""Joins edges that meet where nothing branches off, so that only junctions and ends remain as nodes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from road_extract.base.arrays import BoolArray, IntArray, ranges
from road_extract.roads.network.chains import Chains, order_chains
from road_extract.roads.network.graph import Graph, Points


def dissolve_nodes(graph: Graph) -> Graph:
    """Join the two edges at each node of degree two. Bridges are never joined with detected edges.

    A ring without junctions keeps one node. Nodes that have lost all edges stay in the list.
    """
    joins = _joining_nodes(graph)
    if not joins.any():
        return graph
    # Edges and joining nodes are links of chains: edge, node, edge, ..., edge; of rings: edge, node, ..., edge, node.
    edges, ends = len(graph), np.append(graph.start, graph.end)
    element = edges + np.cumsum(joins) - 1
    at_join = joins[ends]
    chains = order_chains(edges + int(joins.sum()), np.tile(np.arange(edges), 2)[at_join], element[ends[at_join]])
    return _concatenate(graph, chains, np.flatnonzero(joins))


def _joining_nodes(graph: Graph) -> BoolArray:
    """Whether each node has degree two and its two edges differ and are both detected, (nodes,)."""
    joins: BoolArray = graph.degree == 2
    joins[graph.start[graph.start == graph.end]] = False
    joins[graph.start[graph.bridged]] = joins[graph.end[graph.bridged]] = False
    return joins


def _concatenate(graph: Graph, chains: Chains, joins: IntArray) -> Graph:
    """Make one edge of each chain of edges (numbers below ``len(graph)``) and joining nodes (numbers above)."""
    order, last = chains.order, chains.starts + chains.sizes - 1
    is_edge = order < len(graph)
    node = np.full(len(order), -1)
    node[~is_edge] = joins[order[~is_edge] - len(graph)]
    backward = _runs_backward(graph, chains, node)
    offset, count = node.copy(), np.ones(len(order), np.int64)
    edge, turned = order[is_edge], backward[is_edge]
    count[is_edge] = graph.sizes[edge]
    offset[is_edge] = len(graph.nodes) + graph.offsets[edge] + np.where(turned, graph.sizes[edge] - 1, 0)
    count[last[chains.closed]] = 0  # the node that a ring keeps is not one of its points
    index = np.repeat(offset, count) + ranges(np.zeros_like(count), count) * np.repeat(np.where(backward, -1, 1), count)
    first_edge, last_edge = chains.starts, last - chains.closed
    return replace(
        graph,
        start=np.where(backward, _of(graph.end, order), _of(graph.start, order))[first_edge],
        end=np.where(backward, _of(graph.start, order), _of(graph.end, order))[last_edge],
        sizes=np.add.reduceat(count, chains.starts),
        points=Points.concatenate([graph.nodes, graph.points]).take(index),
        bridged=graph.bridged[order[first_edge]],
        confidence=graph.confidence[order[first_edge]],
    )


def _of(ends: IntArray, order: IntArray) -> IntArray:
    """The end of each edge in a chain; arbitrary for joining nodes."""
    return ends[np.minimum(order, len(ends) - 1)]


def _runs_backward(graph: Graph, chains: Chains, node: IntArray) -> BoolArray:
    """Whether to reverse an edge in a chain, because its start is not the node before it, or its end not the next one.

    ``node`` is -1 for edges, (chain members,).
    """
    before, after = np.roll(node, 1), np.roll(node, -1)
    before[chains.starts] = after[chains.starts + chains.sizes - 1] = -1
    start, end = _of(graph.start, chains.order), _of(graph.end, chains.order)
    turned = np.where(before >= 0, start != before, (after >= 0) & (end != after))
    backward: BoolArray = turned & (node < 0)
    return backward
