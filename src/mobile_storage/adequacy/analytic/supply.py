"""Total load up to which each load can be served, when all loads grow in proportion.

The loads are ``share_i * L``. The load that a network with capacities can serve is the smallest
cut, ``min over cuts of (capacity cut + L * shares cut)``, which is concave and piecewise linear in
L. The loads that a smallest cut leaves on the side of the sources form nested sets as L grows
(Gallo, Grigoriadis and Tarjan 1989). Each load therefore has one limit: it is served in full up to
the limit, and above it with what it had there. Serving ``share_i * min(L, limit_i)`` is possible
for all loads at once, adds up to the most that can be served, and curtails all loads in the same
proportion as far as the capacities allow (the lexicographically optimal flow: Megiddo 1974,
Fujishige 1980).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import networkx as nx
import numpy as np
from networkx.algorithms.flow import boykov_kolmogorov

from mobile_storage.adequacy.checks import require_arcs, require_numbers

__all__ = ["supply_limits"]

#: Two cuts are equal if their capacities differ by less than this part.
TOLERANCE = 1e-12

_SOURCE, _SINK = "source", "sink"


def supply_limits(
    shares: np.ndarray,
    sources: np.ndarray,
    arcs: Sequence[tuple[int, int, float]],
) -> np.ndarray:
    """Total load up to which the load at each node is served in full.

    Parameters
    ----------
    shares : ndarray, shape (nodes,)
        Share of each node in the total load.
    sources : ndarray, shape (nodes,)
        Power that each node can feed in; ``inf`` for a source without limit.
    arcs : sequence of (node, node, capacity)
        Connections with finite capacity that carry power in either direction.

    Returns
    -------
    ndarray, shape (nodes,)
        In units of power; 0 for nodes that no source reaches, ``inf`` for nodes without limit. The
        limit of a node without load has no meaning.

    Raises
    ------
    ValueError
        If a share, source or capacity is negative or not a number, or an arc ends at no node.
    """
    shares = require_numbers("shares", shares, least=0.0, shape=("nodes",))
    sources = require_numbers("sources", sources, least=0.0, infinite=True, shape=shares.shape)
    arcs = require_arcs(arcs, shares.size, infinite=False)
    unlimited = np.isinf(sources)
    limits = np.where(unlimited, math.inf, 0.0)
    graph = nx.DiGraph()
    graph.add_nodes_from((_SOURCE, _SINK))

    def vertex(node: int) -> int | str:
        return _SOURCE if unlimited[node] else node

    def join(tail: int | str, head: int | str, capacity: float) -> None:
        if graph.has_edge(tail, head):
            graph[tail][head]["capacity"] += capacity
        else:
            graph.add_edge(tail, head, capacity=capacity)

    for start, end, capacity in arcs:
        tail, head = vertex(start), vertex(end)
        if tail != head and capacity > 0.0:
            join(tail, head, capacity)
            join(head, tail, capacity)
    for node in np.flatnonzero((sources > 0.0) & ~unlimited):
        join(_SOURCE, int(node), float(sources[node]))
    fed = frozenset(nx.descendants(graph, _SOURCE))
    if fed:
        for cut, limit in _steps(graph, fed, shares):
            limits[list(cut)] = limit
    return limits


def _steps(
    graph: nx.DiGraph, fed: frozenset[int], shares: np.ndarray
) -> list[tuple[frozenset[int], float]]:
    """Sets of nodes with their limit: the breakpoints of the smallest cut, found by recursion.

    At the load where the values of two cuts are equal, either no cut is smaller, so the load is a
    breakpoint, or a third cut is smaller, which lies between them (Eisner and Severance 1976).
    """
    graph = graph.subgraph({*fed, _SOURCE, _SINK}).copy()
    loads = {node: float(shares[node]) for node in fed if shares[node] > 0.0}

    def smallest(load: float) -> frozenset[int]:
        for node, share in loads.items():
            graph.add_edge(node, _SINK, capacity=share * load)
        residual = boykov_kolmogorov(graph, _SOURCE, _SINK)
        # A capacity that only rounding leaves on a full edge is not used; `nx.minimum_cut` would.
        least = TOLERANCE * residual.graph["flow_value"]
        way = nx.DiGraph()
        way.add_node(_SINK)
        way.add_edges_from(
            (tail, head)
            for tail, head, data in residual.edges(data=True)
            if data["capacity"] - data["flow"] > least
        )
        return fed - nx.ancestors(way, _SINK)

    def line(side: frozenset[int]) -> tuple[float, float]:
        inside = {*side, _SOURCE}
        capacity = math.fsum(
            data["capacity"]
            for tail, head, data in graph.edges(inside, data=True)
            if head not in inside and head != _SINK
        )
        return capacity, math.fsum(loads.get(node, 0.0) for node in side)

    def between(low: frozenset[int], high: frozenset[int]) -> list[tuple[frozenset[int], float]]:
        (low_capacity, low_share), (high_capacity, high_share) = line(low), line(high)
        if low_share == high_share:
            return []
        load = (high_capacity - low_capacity) / (low_share - high_share)
        middle = smallest(load)
        capacity, share = line(middle)
        value = low_capacity + low_share * load
        if share in (low_share, high_share) or capacity + share * load >= value * (1 - TOLERANCE):
            return [(low - high, load)]
        return between(low, middle) + between(middle, high)

    return between(fed, smallest(math.inf))
