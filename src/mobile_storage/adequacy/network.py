"""A radially operated network as data: what can fail, what switches it, what it feeds.

Devices sit at the ends of branches, between the branch and its node. After a fault

- a ``breaker`` or a ``fuse`` opens at once: the trip zone is all that is joined to the fault over
  closed branches without one of them between;
- any device, a ``disconnector`` too, can be opened within the switching time: the isolated zone is
  all that is joined to the fault without any device between;
- a normally open branch (a tie) is closed within the switching time, an `automatic` one at once.

A breaker that can itself fail is a branch of its own in series with the device: without a device
on the side where its fault is felt (active failure), with breakers at both ends if it only opens
(passive failure). An element that is replaced has the replacement time as its repair time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["Branch", "CommonMode", "LoadPoint", "Network", "Node"]

#: Devices that clear a fault at once.
PROTECTIVE = frozenset({"breaker", "fuse"})
#: All that can stand at the end of a branch.
DEVICES = frozenset({"breaker", "fuse", "disconnector", ""})
#: Laws of the repair time.
LAWS = frozenset({"exponential", "fixed"})


@dataclass(frozen=True)
class Node:
    """A busbar, a source or a joint.

    Attributes
    ----------
    name : str
        Unique among nodes, branches and common modes.
    rate : float
        Failures, 1/yr.
    repair : float
        Mean time from the fault to the end of its repair, h.
    switching : float
        Time from the fault until it is isolated and ties are closed, h.
    source_capacity : float
        Power it can feed in from outside; 0 for a node without a source, ``inf`` without limit.
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
    name, rate, repair, switching, law
        As for `Node`.
    start, end : str
        Names of its nodes; the order means nothing but which device is where.
    from_device, to_device : str
        Device at the start and at the end: ``breaker``, ``fuse``, ``disconnector`` or none (empty).
    capacity : float
        Power it can carry, either way, after a fault (transformers: with their overload factor;
        ties: the transfer limit).
    normal_capacity : float or None
        Power it can carry while nothing has failed; `capacity` if not given.
    normally_open : bool
        A tie: open at both ends while nothing has failed, so that a fault on it trips nothing.
    automatic : bool
        A tie that closes at once where that feeds something dead outside the trip zone.
    success : float
        Chance that a tie closes when called, drawn once for each fault: an automatic one that did
        not is closed after switching, any other stays open until the repair.
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
        Its average power, or its share of the total: only the part it has in the sum matters for
        contingencies; `indices` takes it as the average power.
    customers : float
        How many customers it stands for.
    """

    name: str
    node: str
    load: float
    customers: float = 1.0


@dataclass(frozen=True)
class CommonMode:
    """One cause that takes out several elements together, besides their own failures.

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


@dataclass(frozen=True)
class Network:
    """A network, checked when it is made.

    Attributes
    ----------
    nodes, branches, load_points, common_modes : tuple
        What it consists of.
    storage_node : str or None
        Where storage is connected.
    fuse_success, breaker_success : float
        Chance that a fuse or breaker clears a fault; if it does not, the next ones behind it do.
    """

    nodes: tuple[Node, ...]
    branches: tuple[Branch, ...]
    load_points: tuple[LoadPoint, ...]
    common_modes: tuple[CommonMode, ...] = ()
    storage_node: str | None = None
    fuse_success: float = 1.0
    breaker_success: float = 1.0
