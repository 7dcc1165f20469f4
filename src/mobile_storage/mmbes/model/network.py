"""The case network of Figure 7, reconstructed from the prose, and the analysis of its faults."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import networkx as nx

from mobile_storage.adequacy.analytic.consequences import contingencies, normal_capacity, outages
from mobile_storage.adequacy.analytic.contingency import Contingency, Deficit, Stage
from mobile_storage.adequacy.analytic.network import Branch, CommonMode, LoadPoint, Network, Node
from mobile_storage.core.errors import InputError, did_you_mean
from mobile_storage.core.ledger import keyed_rows
from mobile_storage.mmbes.model.substation import Reliability

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mobile_storage.mmbes.model.data import RawMmbes

__all__ = ["KINDS", "case_network", "loads_behind", "reliability_of"]

#: What a component can be. A ``common_mode`` takes out the elements listed in its column start.
KINDS = ("source", "busbar", "line", "transformer", "switch", "common_mode", "storage")
_BRANCHES = ("line", "transformer", "switch")
#: Kinds that need a failure rate, of their own or of their kind.
_FAILING = ("busbar", "line", "transformer", "common_mode")
#: Text in the ledger for a missing device, or for a column that has no meaning for the kind.
_NO_DEVICE = "none"
#: Below this share of the outage hours, pairs of outages are evaluated without storage.
RARE_PAIRS = 0.01
_STATES = ("closed", "open", "automatic")


def case_network(raw: RawMmbes, law: str = "exponential") -> Network:
    """Network of the ledgers ``network.csv``, ``components.csv`` and ``load_points.csv``.

    Failure data come from the component itself or else from its kind. A transformer can carry its
    rating times the power factor, after a fault also times the overload factor.

    Parameters
    ----------
    raw : RawMmbes
    law : str
        Law of every repair time.

    Raises
    ------
    InputError
        On a component that does not fit the others.
    """
    file = raw.folder / "network.csv"
    kinds = keyed_rows(raw.components, "kind")
    for kind in kinds:
        if kind not in KINDS:
            raise InputError(
                file=raw.folder / "components.csv",
                where="column kind",
                value=kind,
                expected=f"one of {', '.join(KINDS)}{did_you_mean(kind, KINDS)}",
            )
    nodes: dict[str, Node] = {}
    branches, modes, storage = [], [], None
    for name, row in raw.parts.items():
        if row["kind"] not in KINDS:
            raise InputError(
                file=file,
                where=f"component {name}, column kind",
                value=row["kind"],
                expected=f"one of {', '.join(KINDS)}{did_you_mean(row['kind'], KINDS)}",
            )
        outage = {**_outage(raw, name, row, kinds.get(row["kind"], {})), "law": law}
        if row["kind"] in ("source", "busbar"):
            capacity = row.get("capacity", math.inf) if row["kind"] == "source" else 0.0
            nodes[name] = Node(name, **outage, source_capacity=capacity)
        elif row["kind"] in _BRANCHES:
            branches.append(_branch(raw, name, row, outage))
        elif row["kind"] == "common_mode":
            modes.append(CommonMode(name, tuple(row["start"].split()), **outage))
        else:
            storage = row["start"]
    if storage is None:
        raise InputError(
            file=file,
            where="column kind",
            value=None,
            expected="a component of the kind storage: where the MMBES is connected",
        )
    for branch in branches:
        for end in (branch.start, branch.end):
            nodes.setdefault(end, Node(end))
    for name, row in raw.points.items():
        if row["node"] not in nodes:
            raise InputError(
                file=raw.folder / "load_points.csv",
                where=f"load point {name}, column node",
                value=row["node"],
                expected=f"a node of network.csv{did_you_mean(row['node'], nodes)}",
            )
    total = sum(row["share"] for row in raw.points.values())
    if abs(total - 1.0) > 1e-9:
        raise InputError(
            file=raw.folder / "load_points.csv",
            where="share of all load points together",
            value=total,
            expected="1",
        )
    try:
        return Network(
            tuple(nodes.values()),
            tuple(branches),
            tuple(LoadPoint(name, row["node"], row["share"]) for name, row in raw.points.items()),
            tuple(modes),
            storage_node=storage,
        )
    except ValueError as error:
        raise InputError(
            file=file,
            where="with components.csv and load_points.csv",
            value="parts that do not fit together",
            expected=f"a network that does: {error}",
        ) from None


def _outage(
    raw: RawMmbes, name: str, row: Mapping[str, Any], of_kind: Mapping[str, float]
) -> dict[str, float]:
    """Failure rate, 1/yr, repair and switching time, h: the component's own, or its kind's."""
    given = {**of_kind, **row}
    rate = given.get("failure_rate")
    if "failure_rate" not in row and "failure_rate_per_km" in of_kind:
        if "length" not in row:
            raise InputError(
                file=raw.folder / "network.csv",
                where=f"component {name}",
                value=None,
                expected="a row length: its kind fails per km",
            )
        rate = of_kind["failure_rate_per_km"] * row["length"]
    if rate is None and row["kind"] in _FAILING:
        raise InputError(
            file=raw.folder / "network.csv",
            where=f"component {name}",
            value=None,
            expected=f"a row failure_rate (0 if it never fails), or one of its kind "
            f"{row['kind']} in components.csv",
        )
    return {
        "rate": rate or 0.0,
        "repair": given.get("repair_time", 0.0),
        "switching": given.get("switching_time", 0.0),
    }


def _branch(raw: RawMmbes, name: str, row: Mapping[str, Any], outage: dict[str, Any]) -> Branch:
    if row["state"] not in _STATES:
        raise InputError(
            file=raw.folder / "network.csv",
            where=f"component {name}, column state",
            value=row["state"],
            expected=f"one of {', '.join(_STATES)}{did_you_mean(row['state'], _STATES)}",
        )
    capacity, normal = row.get("capacity", math.inf), None
    if row["kind"] == "transformer":
        if "rating" not in row:
            raise InputError(
                file=raw.folder / "network.csv",
                where=f"transformer {name}",
                value=None,
                expected="a row rating",
            )
        normal = row["rating"] * raw.substation["power_factor"]
        capacity = normal * raw.substation["overload_factor"]
    devices = (row[c] if row[c] != _NO_DEVICE else "" for c in ("start_device", "end_device"))
    return Branch(
        name,
        row["start"],
        row["end"],
        **outage,
        **dict(zip(("from_device", "to_device"), devices, strict=True)),
        capacity=capacity,
        normal_capacity=normal,
        normally_open=row["state"] != "closed",
        automatic=row["state"] == "automatic",
    )


def loads_behind(network: Network) -> dict[str, float]:
    """Share of the load that is cut off when one branch is taken out, by the name of the branch.

    Branches that are open or part of a loop have no entry.
    """
    graph = nx.Graph()
    graph.add_nodes_from(node.name for node in network.nodes)
    closed = [b for b in network.branches if not b.normally_open]
    graph.add_edges_from((b.start, b.end) for b in closed)
    sources = {node.name for node in network.nodes if node.source_capacity > 0.0}
    total = sum(point.load for point in network.load_points)
    behind = {}
    for branch in closed:
        graph.remove_edge(branch.start, branch.end)
        for end in (branch.start, branch.end):
            part = nx.node_connected_component(graph, end)
            if not part & sources:
                load = sum(point.load for point in network.load_points if point.node in part)
                behind[branch.name] = load / total
        graph.add_edge(branch.start, branch.end)
    return behind


@lru_cache(maxsize=32)
def reliability_of(network: Network) -> Reliability:
    """Analyse the faults of a network: contingencies up to second order, and its normal capacity.

    Pairs of independent outages are many, and each costs as much to evaluate as a single one. If
    they make up less than `RARE_PAIRS` of the time in which load can be unserved, storage is
    assumed not to help in them. This understates what storage does, by at most that share.
    """
    every = contingencies(network, order=2)
    singles = {outage.name for outage in outages(network, order=1)}
    hours = {c.name: c.rate * c.repair for c in every if any(s.reachable.slopes for s in c.stages)}
    pairs = sum(h for name, h in hours.items() if name not in singles)
    if pairs < RARE_PAIRS * sum(hours.values()):
        every = tuple(c if c.name in singles else _without_relief(c) for c in every)
    return Reliability(every, normal_capacity(network))


def _without_relief(contingency: Contingency) -> Contingency:
    """The contingency with all of its deficit out of the storage's reach."""
    return replace(
        contingency,
        stages=tuple(
            Stage(
                s.until,
                Deficit(),
                Deficit(
                    s.reachable.slopes + s.unreachable.slopes,
                    s.reachable.knees + s.unreachable.knees,
                ),
            )
            for s in contingency.stages
        ),
    )
