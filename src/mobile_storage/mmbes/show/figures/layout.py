"""Where the elements of a radial network stand in its one-line diagram.

Closed branches form trees below the sources. Every load, the storage and every end of a tie take a
column of their own below their busbar; a busbar spans the columns below it. A tie between
neighbours can be drawn straight, any other goes round at the foot. So nothing crosses but such
ties, and any radial network can be drawn.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import networkx as nx
import numpy as np

from mobile_storage.adequacy.analytic.network import Branch, Network

__all__ = ["Layout", "layout", "other_end", "straight_ties", "tie_columns"]


@dataclass(frozen=True)
class Layout:
    """Where things are.

    Attributes
    ----------
    span : dict
        Of each node: first and last column of its busbar.
    depth : dict
        Of each node: levels below its source.
    below : dict
        What hangs below each node: ``(kind, name, column)``, kind one of ``branch``, ``load``,
        ``storage``, ``tie``.
    columns : int
    """

    span: dict[str, tuple[float, float]]
    depth: dict[str, int]
    below: dict[str, list[tuple[str, str, float]]]
    columns: int


def layout(network: Network) -> Layout:
    """Columns and levels of a radial network."""
    graph = nx.MultiGraph()
    graph.add_nodes_from(node.name for node in network.nodes)
    for branch in network.branches:
        if not branch.normally_open:
            graph.add_edge(branch.start, branch.end, key=branch.name)
    span: dict[str, tuple[float, float]] = {}
    depth: dict[str, int] = {}
    below: dict[str, list[tuple[str, str, float]]] = {}
    columns = 0

    def place(node: str, level: int) -> float:
        """Columns of a node and all below it; the middle of its busbar."""
        nonlocal columns
        depth[node] = level
        hanging: list[tuple[str, str, float]] = []
        for kind, name in _hanging(network, node, graph, depth):
            if kind == "branch":
                branch = next(b for b in network.branches if b.name == name)
                hanging.append((kind, name, place(other_end(branch, node), level + 1)))
            else:
                hanging.append((kind, name, float(columns)))
                columns += 1
        if not hanging:
            hanging.append(("end", node, float(columns)))
            columns += 1
        span[node] = hanging[0][2], hanging[-1][2]
        below[node] = [item for item in hanging if item[0] != "end"]
        return float(np.mean(span[node]))

    feeding = {node.name for node in network.nodes if node.source_capacity > 0}
    for node in network.nodes:
        if node.name in feeding and graph.degree(node.name):
            place(node.name, 0)
    # What hangs on ties alone stands beside what it is tied to.
    for node in network.nodes:
        if node.name not in depth:
            place(node.name, _beside(network, node.name, depth))
    return Layout(span, depth, below, columns)


def _beside(network: Network, node: str, depth: Mapping[str, int]) -> int:
    """Level of the first placed node that a node is tied to; the top without any."""
    for branch in network.branches:
        if _at(branch, node) and other_end(branch, node) in depth:
            return depth[other_end(branch, node)]
    return 0


def tie_columns(plan: Layout) -> dict[str, list[float]]:
    """Columns of the two ends of each tie."""
    ends: dict[str, list[float]] = {}
    for hanging in plan.below.values():
        for kind, name, column in hanging:
            if kind == "tie":
                ends.setdefault(name, []).append(column)
    return ends


def straight_ties(network: Network, plan: Layout) -> dict[str, tuple[float, float]]:
    """Ties between neighbours on a level, and the columns of their ends.

    Nothing may stand between the ends but the ends of ties that are straight themselves.
    """
    ends = tie_columns(plan)
    free: set[float] = set()
    places = {}
    ties = [b for b in network.branches if b.normally_open]
    for tie in sorted(ties, key=lambda b: np.ptp(ends[b.name])):
        first, last = sorted(ends[tie.name])
        between = set(np.arange(first + 1, last))
        if plan.depth[tie.start] == plan.depth[tie.end] and between <= free:
            places[tie.name] = first, last
            free |= {first, last}
    return places


def _hanging(
    network: Network, node: str, graph: nx.MultiGraph, placed: Collection[str]
) -> Iterator[tuple[str, str]]:
    """What hangs below a node from left to right: what is tied to its left first, and so on."""
    open_here = [b for b in network.branches if b.normally_open and _at(b, node)]
    ties = {branch.name: other_end(branch, node) for branch in open_here}
    back = [name for name, other in ties.items() if other in placed]
    # The last that was placed is the nearest.
    order = list(placed)
    yield from (("tie", n) for n in sorted(back, key=lambda n: -order.index(ties[n])))
    yield from (("load", point.name) for point in network.load_points if point.node == node)
    below = [(other, name) for _, other, name in graph.edges(node, keys=True)]
    trees = graph.subgraph(set(graph) - {node})

    def side(branch: tuple[str, str]) -> int:
        """0: tied to something on the left, 1: to nothing, 2: to something that is to come."""
        inside = nx.node_connected_component(trees, branch[0])
        tied = [
            {b.start, b.end} - inside
            for b in network.branches
            if b.normally_open and (b.start in inside) != (b.end in inside)
        ]
        if not tied:
            return 1
        return 0 if any(other & set(placed) for other in tied) else 2

    below = [branch for branch in below if branch[0] not in placed]
    yield from (("branch", name) for _, name in sorted(below, key=side))
    if network.storage_node == node:
        yield "storage", node
    ahead = [name for name in ties if name not in back]
    # What hangs on ties alone comes last of all: such ties go round, the others should not.
    yield from (("tie", n) for n in sorted(ahead, key=lambda n: graph.degree(ties[n]) > 0))


def _at(branch: Branch, node: str) -> bool:
    return node in (branch.start, branch.end)


def other_end(branch: Branch, node: str) -> str:
    """Where a branch leads from one of its nodes."""
    return branch.end if branch.start == node else branch.start
