"""A radially operated network as data: what can fail, what switches it, what it feeds.

Devices sit at the ends of branches, between the branch and its node. After a fault

- each ``breaker`` and ``fuse`` next to the fault opens at once. The trip zone is everything that
  closed branches join to the fault without a breaker or fuse in between;
- any device, a ``disconnector`` too, can be opened within the switching time. The isolated zone is
  everything that is joined to the fault without any device in between;
- a normally open branch (a tie) is closed within the switching time of the fault, or within its own
  if that is longer. An `automatic` tie is closed at once.

How to describe some special elements:

- A breaker that can fail is a branch in series with the device. If its failure is a short circuit
  (active failure), the branch has no device on the side where the fault is felt. If it only opens
  (passive failure), the branch has breakers at both ends.
- An element that is replaced has the replacement time as its repair time.
- A spur without a breaker is a branch without a device at the joint. Its faults trip the line until
  they are isolated.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

import networkx as nx

from mobile_storage.adequacy import HOURS_PER_YEAR
from mobile_storage.adequacy.analytic.repair import LAWS
from mobile_storage.adequacy.checks import require_number

__all__ = ["Branch", "CommonMode", "Element", "LoadPoint", "Network", "Node"]

#: Devices that clear a fault at once.
PROTECTIVE = frozenset({"breaker", "fuse"})
#: All that can stand at the end of a branch.
DEVICES = frozenset({"breaker", "fuse", "disconnector", ""})


@dataclass(frozen=True)
class Node:
    """A busbar, a source or a joint.

    Attributes
    ----------
    name : str
        Unique among nodes, branches and common modes.
    rate : float
        Frequency of failures, 1/yr; the unavailability is ``rate * repair / 8760``.
    repair : float
        Mean time from the fault to the end of its repair, h.
    switching : float
        Time from the fault until it is isolated and ties are closed, h.
    source_capacity : float
        Power that it can feed in from outside: 0 for a node without a source, ``inf`` for a source
        without limit.
    law : str
        ``exponential`` or ``fixed``: law of the repair time.
    """

    name: str
    rate: float = 0.0
    repair: float = 0.0
    switching: float = 0.0
    source_capacity: float = 0.0
    law: str = "exponential"


@dataclass(frozen=True)
class Branch:
    """A line, a cable, a transformer or a switch between two nodes.

    Attributes
    ----------
    name, rate, repair, law
        As for `Node`.
    switching : float
        As for `Node`. For a tie, whose faults trip nothing, it is the least time until the tie is
        closed, h.
    start, end : str
        Names of its nodes. The order only says which device is at which node.
    from_device, to_device : str
        Device at the start and at the end: ``breaker``, ``fuse``, ``disconnector`` or none (empty).
    capacity : float
        Power that it can carry after a fault, in either direction: for a transformer with its
        overload factor, for a tie the transfer limit.
    normal_capacity : float or None
        Power that it can carry while nothing has failed; `capacity` if not given.
    normally_open : bool
        Whether it is a tie. A tie is open at both ends while nothing has failed, so a fault on it
        trips nothing.
    automatic : bool
        Whether the tie closes at once where that feeds something without supply outside the trip
        zone.
    success : float
        Chance that a tie closes when it should, drawn once for each fault. If an automatic tie does
        not close, it is closed by hand after switching. Any other tie stays open until the repair.
    """

    name: str
    start: str
    end: str
    rate: float = 0.0
    repair: float = 0.0
    switching: float = 0.0
    from_device: str = ""
    to_device: str = ""
    capacity: float = math.inf
    normal_capacity: float | None = None
    normally_open: bool = False
    automatic: bool = False
    success: float = 1.0
    law: str = "exponential"


@dataclass(frozen=True)
class LoadPoint:
    """A load, which moves in proportion to the total load.

    Attributes
    ----------
    name : str
        Unique among load points.
    node : str
        Where it is connected.
    load : float
        Average power. For contingencies only its share in the sum of all loads matters.
    customers : float
        Number of customers.
    """

    name: str
    node: str
    load: float
    customers: float = 1.0


@dataclass(frozen=True)
class CommonMode:
    """A cause that takes out several elements together, in addition to their own failures.

    Attributes
    ----------
    name, rate, repair, switching, law
        As for `Node`.
    elements : tuple of str
        Names of the nodes and branches that fail.
    """

    name: str
    elements: tuple[str, ...]
    rate: float
    repair: float
    switching: float = 0.0
    law: str = "exponential"


#: Everything that can fail.
Element = Node | Branch | CommonMode


@dataclass(frozen=True)
class Network:
    """A network, checked when it is made.

    Attributes
    ----------
    nodes, branches, load_points, common_modes : tuple
    storage_node : str or None
        Name of the node where storage is connected.
    fuse_success, breaker_success : float
        Chance that a fuse or breaker clears a fault. If it does not, the next ones behind it do.
    radial : bool
        Whether closed loops, and several sources that feed the same part, are refused. If they are
        allowed, power takes any way that capacities permit, and each breaker at the edge of a
        fault's zone opens.

    Raises
    ------
    ValueError
        If a name is not unique or not known, a number is outside its range, a load point has no
        source while nothing has failed, or the network is not radial though it should be.
    """

    nodes: tuple[Node, ...]
    branches: tuple[Branch, ...]
    load_points: tuple[LoadPoint, ...]
    common_modes: tuple[CommonMode, ...] = ()
    storage_node: str | None = None
    fuse_success: float = 1.0
    breaker_success: float = 1.0
    radial: bool = True

    @property
    def elements(self) -> tuple[Node | Branch, ...]:
        """Nodes, then branches."""
        return (*self.nodes, *self.branches)

    @property
    def failable(self) -> tuple[Element, ...]:
        """Nodes, branches, then common modes."""
        return (*self.nodes, *self.branches, *self.common_modes)

    def __post_init__(self) -> None:
        _check_unique("element", [element.name for element in self.failable])
        _check_unique("load point", [point.name for point in self.load_points])
        for element in self.failable:
            _check_outages(element)
        known = {node.name for node in self.nodes}
        for node in self.nodes:
            _check_range(f"source_capacity of {node.name}", node.source_capacity, math.inf)
        for branch in self.branches:
            _check_branch(branch, known)
        for point in self.load_points:
            _check_known(f"load point {point.name}", point.node, known)
            _check_range(f"load of {point.name}", point.load)
            _check_range(f"customers of {point.name}", point.customers)
        if not sum(point.load for point in self.load_points) > 0.0:
            raise ValueError("the load points have no load: at least one needs a positive load")
        if self.storage_node is not None:
            _check_known("storage", self.storage_node, known)
        known |= {branch.name for branch in self.branches}
        for mode in self.common_modes:
            if not mode.elements:
                raise ValueError(f"common mode {mode.name} takes out nothing: it needs elements")
            for name in mode.elements:
                _check_known(f"common mode {mode.name}", name, known)
        _check_range("fuse_success", self.fuse_success, 1.0)
        _check_range("breaker_success", self.breaker_success, 1.0)
        self._check_supply()

    def _check_supply(self) -> None:
        closed = [branch for branch in self.branches if not branch.normally_open]
        graph = nx.Graph()
        graph.add_nodes_from(node.name for node in self.nodes)
        graph.add_edges_from((branch.start, branch.end) for branch in closed)
        loaded = {point.node for point in self.load_points}
        sources = {node.name for node in self.nodes if node.source_capacity > 0.0}
        for part in nx.connected_components(graph):
            here = sorted(sources & part)
            if loaded & part and not here:
                raise ValueError(
                    f"no source feeds the load at {min(loaded & part)} while nothing has failed"
                )
            if self.radial and len(here) > 1:
                raise ValueError(
                    f"sources {here[0]} and {here[1]} feed the same part: open a branch between "
                    "them, or set radial to False"
                )
            if self.radial and sum(branch.start in part for branch in closed) >= len(part):
                raise ValueError(
                    f"the closed branches around {min(part)} form a loop: open one of them, or set "
                    "radial to False"
                )


def _check_unique(kind: str, names: list[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ValueError(f"{kind} {twice[0]!r} is there more than once: names must be unique")


def _check_known(what: str, name: str, known: set[str]) -> None:
    if name not in known:
        raise ValueError(f"{what} names {name!r}, which the network does not have")


def _check_range(what: str, value: float, highest: float | None = None) -> None:
    """Refuse a value outside [0, highest]; without a highest value, refuse an infinite one."""
    most = math.inf if highest is None else highest
    require_number(what, value, least=0.0, most=most, infinite=highest == math.inf)


def _check_outages(element: Element) -> None:
    for field in ("rate", "repair", "switching"):
        _check_range(f"{field} of {element.name}", getattr(element, field))
    if element.law not in LAWS:
        raise ValueError(f"law of {element.name} is {element.law!r}: it must be one of {_or(LAWS)}")
    if element.rate > 0.0 and element.repair == 0.0:
        raise ValueError(f"{element.name} fails but has no repair time: it must be above 0 h")
    if element.rate * element.repair >= HOURS_PER_YEAR:
        raise ValueError(
            f"{element.name} would be out all year: rate times repair time is "
            f"{element.rate * element.repair:g} h/yr and must be below {HOURS_PER_YEAR:g}"
        )


def _check_branch(branch: Branch, nodes: set[str]) -> None:
    for end in (branch.start, branch.end):
        _check_known(f"branch {branch.name}", end, nodes)
    if branch.start == branch.end:
        raise ValueError(f"branch {branch.name} starts and ends at {branch.start!r}")
    for device in (branch.from_device, branch.to_device):
        if device not in DEVICES:
            raise ValueError(
                f"device {device!r} of branch {branch.name} is unknown: {_or(DEVICES)}"
            )
    _check_range(f"capacity of {branch.name}", branch.capacity, math.inf)
    if branch.normal_capacity is not None:
        _check_range(f"normal_capacity of {branch.name}", branch.normal_capacity, math.inf)
    _check_range(f"success of {branch.name}", branch.success, 1.0)
    if not branch.normally_open and (branch.automatic or branch.success != 1.0):
        raise ValueError(
            f"branch {branch.name} is closed: only a tie can close by itself or fail to"
        )


def _or(values: Collection[str]) -> str:
    return " or ".join(sorted(repr(value) for value in values))
