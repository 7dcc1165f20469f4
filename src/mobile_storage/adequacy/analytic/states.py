"""Load that a network can serve in a given state: zones of a fault, limits of what is left."""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterator

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from mobile_storage.adequacy.analytic.network import DEVICES, PROTECTIVE, Network
from mobile_storage.adequacy.analytic.supply import supply_limits

__all__ = ["States"]


class States:
    """A network as arrays. Its elements are numbered: nodes first, then branches.

    Attributes
    ----------
    number : dict
        Number of each element by its name.
    shares : ndarray, shape (load points,)
        Share of each load point in the total load.
    trip_zone, isolated_zone : ndarray of int, shape (elements,)
        Number of the zone of each element. Elements of one trip zone are joined without a breaker
        or fuse in between, those of one isolated zone without any device in between.
    ties : ndarray of bool, shape (branches,)
        Whether the branch is normally open.
    automatic : ndarray of bool, shape (branches,)
        Whether the branch is a tie that closes at once.
    closing_time : ndarray, shape (branches,)
        Least time until a tie is closed by hand, h.
    """

    def __init__(self, network: Network) -> None:
        nodes, branches, points = network.nodes, network.branches, network.load_points
        self.network = network
        names = [element.name for element in network.elements]
        self.number = {name: i for i, name in enumerate(names)}
        self.shares = np.array([point.load for point in points], dtype=float)
        self.shares /= self.shares.sum()
        self.ties = np.array([b.normally_open for b in branches], dtype=bool)
        self.automatic = np.array([b.automatic for b in branches], dtype=bool)
        self.closing_time = np.array([b.switching for b in branches], dtype=float)
        self.trip_zone = self._zones(PROTECTIVE)
        self.isolated_zone = self._zones(DEVICES - {""})
        self._start = np.array([self.number[b.start] for b in branches], dtype=int)
        self._end = np.array([self.number[b.end] for b in branches], dtype=int)
        self._capacity = np.array([b.capacity for b in branches], dtype=float)
        self._normal_capacity = np.array(
            [b.capacity if b.normal_capacity is None else b.normal_capacity for b in branches],
            dtype=float,
        )
        self._sources = np.array([node.source_capacity for node in nodes], dtype=float)
        self._point_node = np.array([self.number[point.node] for point in points], dtype=int)
        self._cache: dict[tuple[bytes, bytes], np.ndarray] = {}

    def _zones(self, devices: Collection[str]) -> np.ndarray:
        """Number of the zone of each element if zones end at these devices."""
        joined = [
            (self.number[branch.name], self.number[node])
            for branch in self.network.branches
            if not branch.normally_open
            for node, device in ((branch.start, branch.from_device), (branch.end, branch.to_device))
            if device not in devices
        ]
        return _parts(len(self.number), np.array(joined, dtype=int).reshape(-1, 2))

    def zone(self, faults: Collection[int], zones: np.ndarray) -> np.ndarray:
        """Mask of the elements in the zones of the faults."""
        return np.isin(zones, zones[list(faults)])

    def is_end(self, zones: tuple[int, int]) -> bool:
        """Whether both zones are dead ends.

        A zone is a dead end if it has at most one neighbour, ties included, and neither a source
        nor storage. `zones` are the numbers of a trip zone and of an isolated zone.
        """
        feeding = self._sources > 0.0
        if self.network.storage_node is not None:
            feeding[self.number[self.network.storage_node]] = True
        nodes = len(feeding)
        for zone, all_zones in zip(zones, (self.trip_zone, self.isolated_zone), strict=True):
            inside = all_zones == zone
            bodies = np.arange(nodes, len(inside))
            links = sum(
                np.count_nonzero(inside[bodies] != inside[ends])
                for ends in (self._start, self._end)
            )
            if links > 1 or (feeding & inside[:nodes]).any():
                return False
        return True

    def regions(self, faults: Collection[int]) -> frozenset[int]:
        """Regions in which these faults have consequences.

        A region is a part of the network that is connected, ties included, without passing through
        a source without limit. Such a source feeds each region independently of the others.
        """
        unlimited = np.flatnonzero(np.isinf(self._sources))
        bodies = np.arange(len(self._sources), len(self.number))
        joined = np.concatenate(
            [np.column_stack((bodies, ends)) for ends in (self._start, self._end)]
        )
        region = _parts(len(self.number), joined[~np.isin(joined[:, 1], unlimited)])
        touched = self.zone(faults, self.trip_zone)
        if touched[unlimited].any():
            return frozenset(region.tolist())
        return frozenset(region[touched].tolist())

    def _usable(self, dead: np.ndarray, ties: np.ndarray) -> np.ndarray:
        """Mask of the branches that can carry power: closed, and not dead, nor are their ends."""
        nodes = len(self._sources)
        return (~self.ties | ties) & ~(dead[nodes:] | dead[self._start] | dead[self._end])

    def _live(self, dead: np.ndarray) -> np.ndarray:
        """Mask of the nodes that a source feeds before any tie closes."""
        usable = self._usable(dead, np.zeros_like(self.ties))
        pairs = np.column_stack((self._start, self._end))[usable]
        parts = _parts(len(self._sources), pairs)
        alive = ~dead[: len(self._sources)]
        return alive & np.isin(parts, parts[alive & (self._sources > 0.0)])

    def called_at_once(self, dead: np.ndarray) -> np.ndarray:
        """Mask of the automatic ties that have no supply at one end, and so close at once."""
        live = self._live(dead)
        return self.automatic & ~(live[self._start] & live[self._end])

    def trips(self, faults: Collection[int]) -> Iterator[tuple[float, tuple[str, ...], np.ndarray]]:
        """Yield the combinations of devices that clear the fault or fail to.

        A device at the edge of the trip zone must clear the fault if a source feeds it from behind.

        Yields
        ------
        chance : float
            Probability of the combination, above zero.
        uncleared : tuple of str
            Branches whose device fails.
        dead : ndarray of bool, shape (elements,)
            What trips.
        """
        zones = self.trip_zone
        dead = self.zone(faults, zones)
        success = {
            "fuse": self.network.fuse_success,
            "breaker": self.network.breaker_success,
        }
        tested = []
        if min(success.values()) < 1.0:
            live = self._live(dead)
            for branch in itertools.filterfalse(lambda b: b.normally_open, self.network.branches):
                body = self.number[branch.name]
                start, end = self.number[branch.start], self.number[branch.end]
                for here, there, device in (
                    (start, end, branch.from_device),
                    (end, start, branch.to_device),
                ):
                    if success.get(device, 1.0) == 1.0 or dead[here] == dead[body]:
                        continue
                    behind, feeder = (body, there) if dead[here] else (here, here)
                    if live[feeder]:
                        tested.append((branch.name, zones[behind], success[device]))
        for works in itertools.product((True, False), repeat=len(tested)):
            chance = math.prod(
                p if ok else 1 - p for ok, (_, _, p) in zip(works, tested, strict=True)
            )
            failed = [device for ok, device in zip(works, tested, strict=True) if not ok]
            if chance > 0.0:
                more = np.isin(zones, [zone for _, zone, _ in failed])
                yield chance, tuple(name for name, _, _ in failed), dead | more

    def limits(self, dead: np.ndarray, ties: np.ndarray) -> np.ndarray:
        """Total load up to which each load point is served in full.

        Parameters
        ----------
        dead : ndarray of bool, shape (elements,)
            Elements that cannot be used.
        ties : ndarray of bool, shape (branches,)
            Normally open branches that are closed where that helps.

        Returns
        -------
        ndarray, shape (2, load points)
            First without storage, then with unlimited storage at its node.
        """
        key = dead.tobytes(), ties.tobytes()
        if key not in self._cache:
            self._cache[key] = self._limits(dead, ties, self._capacity)
        return self._cache[key]

    def normal_limits(self) -> np.ndarray:
        """As `limits`, while nothing has failed: normal capacities, all ties open."""
        none = np.zeros(len(self.number), dtype=bool)
        return self._limits(none, np.zeros_like(self.ties), self._normal_capacity)

    def _limits(self, dead: np.ndarray, ties: np.ndarray, capacity: np.ndarray) -> np.ndarray:
        nodes = len(self._sources)
        usable = self._usable(dead, ties)
        pairs = np.column_stack((self._start, self._end))
        # Nodes that are joined without limit count as one node.
        group = _parts(nodes, pairs[usable & np.isinf(capacity)])
        count = group.max() + 1
        limited = usable & np.isfinite(capacity)
        arcs = [
            (int(group[start]), int(group[end]), float(limit))
            for (start, end), limit in zip(pairs[limited], capacity[limited], strict=True)
        ]
        alive = ~dead[:nodes]
        sources = np.bincount(group, np.where(alive, self._sources, 0.0), count)
        on = alive[self._point_node]
        point_group = group[self._point_node]
        shares = np.bincount(point_group[on], self.shares[on], count)

        def at_points(sources: np.ndarray) -> np.ndarray:
            return np.where(on, supply_limits(shares, sources, arcs)[point_group], 0.0)

        without = at_points(sources)
        storage = self.network.storage_node
        if storage is None or dead[self.number[storage]]:
            return np.stack((without, without))
        helped = sources.copy()
        helped[group[self.number[storage]]] = math.inf
        return np.stack((without, at_points(helped)))


def _parts(count: int, pairs: np.ndarray) -> np.ndarray:
    """Number of the connected part of each of `count` vertices, with edges of shape (n, 2)."""
    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    return connected_components(graph, directed=False)[1]
