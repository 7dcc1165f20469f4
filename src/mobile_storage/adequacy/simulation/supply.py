"""Load that a network serves while some of its elements have failed.

A state is the set of faults that are not repaired yet, with the switching times that have passed
since each. Zones are connected components of a graph with nodes and branches as vertices. Where
capacities bind, `fairness` divides the power among the loads.
"""

from __future__ import annotations

import itertools
import math
import threading
from collections.abc import Collection, Iterable
from dataclasses import dataclass

import networkx as nx
import numpy as np

from mobile_storage.adequacy.analytic.network import Branch, CommonMode, Element, Network
from mobile_storage.adequacy.checks import require_numbers
from mobile_storage.adequacy.simulation.fairness import fed_part

__all__ = ["FaultOutcome", "StandingFault", "Supply"]


@dataclass(frozen=True)
class FaultOutcome:
    """Ties and devices that did not work when a fault happened.

    Attributes
    ----------
    probability : float
        Probability of this outcome, given the fault.
    stuck_ties : frozenset of str
        Ties that did not close when they should.
    also_tripped : frozenset of str
        Nodes and branches that tripped because a device did not clear the fault.
    """

    probability: float
    stuck_ties: frozenset[str]
    also_tripped: frozenset[str]


@dataclass(frozen=True, order=True)
class StandingFault:
    """A fault that is not repaired yet.

    Attributes
    ----------
    component : int
        Position of the failed component in `Supply.components`.
    passed : int
        Number of the times in `Supply.switching_times` that have passed.
    outcome : int
        Position of the outcome in `Supply.outcomes`.
    """

    component: int
    passed: int
    outcome: int


class Supply:
    """States of a network and the load served in each, computed when a state first occurs.

    Parameters
    ----------
    network : Network
    levels : ndarray, shape (levels,)
        Total loads that occur, in units of power.

    Attributes
    ----------
    components : tuple of Node, Branch or CommonMode
        Everything that can fail.
    switching_times : tuple of tuple of float
        For each component, ascending times at which its fault is isolated and ties are closed, h
        after the fault.
    outcomes : tuple of tuple of FaultOutcome
        Possible outcomes of a fault of each component.
    """

    def __init__(self, network: Network, levels: np.ndarray) -> None:
        self.network = network
        self._levels = require_numbers("levels", levels, least=0.0, shape=("levels",))
        self._ties = tuple(b for b in network.branches if b.normally_open)
        self._closed = tuple(b for b in network.branches if not b.normally_open)
        self._source = {n.name: n.source_capacity for n in network.nodes if n.source_capacity > 0.0}
        load = np.array([point.load for point in network.load_points], dtype=float)
        self.shares = load / load.sum()
        self._tripped_with = self._zones({"breaker", "fuse"})
        self._isolated_with = self._zones({"breaker", "fuse", "disconnector"})
        self.components = tuple(c for c in network.failable if c.rate > 0.0)
        self.switching_times = tuple(
            tuple(sorted({c.switching, *(max(c.switching, t.switching) for t in self._ties)}))
            for c in self.components
        )
        self.outcomes = tuple(tuple(self._outcomes(c)) for c in self.components)
        self._lock = threading.Lock()
        self._number: dict[tuple[StandingFault, ...], int] = {}
        self._alike: dict[tuple[frozenset[str], frozenset[str]], int] = {}
        self._unfed: list[np.ndarray] = []
        self._reachable: list[np.ndarray] = []
        normal = {
            b.name: b.capacity if b.normal_capacity is None else b.normal_capacity
            for b in network.branches
        }
        self._append(self._unfed_at(frozenset(), self._closed, normal, helped=False), None)

    def state(self, faults: Iterable[StandingFault]) -> int:
        """Return the number of the state with these standing faults; 0 is the normal state."""
        faults = tuple(sorted(faults))
        if not faults:
            return 0
        with self._lock:
            if faults not in self._number:
                self._number[faults] = self._find(faults)
            return self._number[faults]

    def tables(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Unserved load in the states that have occurred, in units of power.

        Returns
        -------
        unfed, reachable : ndarray, shape (states, levels)
            Unserved load without storage, and the part of it that storage could serve if it were
            large enough. The latter is zero in the normal state, in which storage follows its
            schedule.
        unfed_at : ndarray, shape (states, levels, load points)
            Unserved load at each load point, without storage.
        """
        with self._lock:
            at = np.stack(self._unfed)
            return at.sum(axis=2), np.stack(self._reachable), at

    def _append(self, unfed: np.ndarray, helped: np.ndarray | None) -> int:
        self._unfed.append(unfed)
        total = unfed.sum(axis=1)
        self._reachable.append(np.zeros_like(total) if helped is None else total - helped)
        return len(self._unfed) - 1

    def _find(self, faults: tuple[StandingFault, ...]) -> int:
        dead: set[str] = set()
        for fault in faults:
            outcome = self.outcomes[fault.component][fault.outcome]
            zones = self._isolated_with if fault.passed else self._tripped_with
            dead |= self._zone(fault.component, zones)
            if not fault.passed:
                dead |= outcome.also_tripped
        live = self._live(dead)
        used = frozenset(
            tie.name
            for tie in self._ties
            if any(self._is_closed(tie, fault, live) for fault in faults)
        )
        alike = frozenset(dead), used
        if alike not in self._alike:
            capacity = {b.name: b.capacity for b in self.network.branches}
            branches = (*self._closed, *(tie for tie in self._ties if tie.name in used))
            unfed = self._unfed_at(alike[0], branches, capacity, helped=False)
            helped = None
            if self.network.storage_node not in (None, *dead):
                helped = self._unfed_at(alike[0], branches, capacity, helped=True).sum(axis=1)
            self._alike[alike] = self._append(unfed, helped)
        return self._alike[alike]

    def _is_closed(self, tie: Branch, fault: StandingFault, live: set[str]) -> bool:
        """Whether a tie has been closed because of a fault."""
        component = self.components[fault.component]
        works = tie.name not in self.outcomes[fault.component][fault.outcome].stuck_ties
        if tie.automatic and works:
            return fault.passed > 0 or not {tie.start, tie.end} <= live
        if not (tie.automatic or works) or fault.passed == 0:
            return False
        elapsed = self.switching_times[fault.component][fault.passed - 1]
        return elapsed >= max(component.switching, tie.switching)

    def _zones(self, devices: Collection[str]) -> dict[str, frozenset[str]]:
        """Return the zone of each node and branch if zones end at these devices."""
        graph = nx.Graph()
        graph.add_nodes_from(element.name for element in self.network.elements)
        for branch in self._closed:
            for node, device in _ends(branch):
                if device not in devices:
                    graph.add_edge(branch.name, node)
        return {
            name: zone for zone in map(frozenset, nx.connected_components(graph)) for name in zone
        }

    def _zone(self, component: int, zones: dict[str, frozenset[str]]) -> frozenset[str]:
        return frozenset().union(*(zones[n] for n in _elements(self.components[component])))

    def _live(self, dead: Collection[str]) -> set[str]:
        """Nodes that are fed before any tie is closed."""
        parts = nx.connected_components(self._graph(dead, self._closed))
        return set().union(*(part for part in parts if part & self._source.keys()))

    def _graph(self, dead: Collection[str], branches: Iterable[Branch]) -> nx.MultiGraph:
        graph = nx.MultiGraph()
        graph.add_nodes_from(n.name for n in self.network.nodes if n.name not in dead)
        for branch in branches:
            if branch.name not in dead and branch.start in graph and branch.end in graph:
                graph.add_edge(branch.start, branch.end, key=branch.name)
        return graph

    def _outcomes(self, component: Element) -> Iterable[FaultOutcome]:
        """Combinations of ties and devices that can fail when this component fails.

        A device at the edge of the trip zone must clear the fault if the system feeds it from
        behind. If it does not, the zone behind it trips as well.
        """
        success = {"fuse": self.network.fuse_success, "breaker": self.network.breaker_success}
        tripped = frozenset().union(*(self._tripped_with[n] for n in _elements(component)))
        live = self._live(tripped)
        uncertain: list[tuple[float, frozenset[str], frozenset[str]]] = [
            (tie.success, frozenset({tie.name}), frozenset())
            for tie in self._ties
            if tie.success < 1.0
        ]
        for branch in self._closed:
            ends = _ends(branch)
            for (node, device), (other, _) in (ends, ends[::-1]):
                feeder, behind = (other, branch.name) if node in tripped else (node, node)
                at_edge = (node in tripped) != (branch.name in tripped)
                if at_edge and feeder in live and success.get(device, 1.0) < 1.0:
                    uncertain.append((success[device], frozenset(), self._tripped_with[behind]))
        for works in itertools.product((True, False), repeat=len(uncertain)):
            failed = [item for ok, item in zip(works, uncertain, strict=True) if not ok]
            yield FaultOutcome(
                math.prod(
                    p if ok else 1.0 - p for ok, (p, _, _) in zip(works, uncertain, strict=True)
                ),
                frozenset().union(*(ties for _, ties, _ in failed)),
                frozenset().union(*(zone for _, _, zone in failed)),
            )

    def _unfed_at(
        self,
        dead: frozenset[str],
        branches: Iterable[Branch],
        capacity: dict[str, float],
        helped: bool,
    ) -> np.ndarray:
        """Unserved load at each load point, shape (levels, load points)."""
        graph = self._graph(dead, branches)
        source = {name: limit for name, limit in self._source.items() if name in graph}
        if helped and self.network.storage_node is not None:
            source[self.network.storage_node] = math.inf
        share = dict.fromkeys(graph, 0.0)
        for point, part in zip(self.network.load_points, self.shares, strict=True):
            if point.node in share:
                share[point.node] += part
        fed: dict[str, np.ndarray] = {}
        for part in nx.connected_components(graph):
            nodes = sorted(part)
            fed |= dict(
                zip(
                    nodes,
                    fed_part(
                        np.array([share[n] for n in nodes])[:, None] * self._levels,
                        np.array([source.get(n, 0.0) for n in nodes]),
                        [
                            (nodes.index(a), nodes.index(b), capacity[name])
                            for a, b, name in graph.edges(nodes, keys=True)
                        ],
                    ),
                    strict=True,
                )
            )
        none = np.zeros(len(self._levels))
        missing = 1.0 - np.stack([fed.get(p.node, none) for p in self.network.load_points], axis=1)
        return missing * self.shares * self._levels[:, None]


def _ends(branch: Branch) -> tuple[tuple[str, str], tuple[str, str]]:
    return (branch.start, branch.from_device), (branch.end, branch.to_device)


def _elements(component: Element) -> tuple[str, ...]:
    return component.elements if isinstance(component, CommonMode) else (component.name,)
