"""Random networks: an enumeration written apart, and what must hold whatever the network."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from mobile_storage.adequacy.analytic.consequences import contingencies, outages
from mobile_storage.adequacy.analytic.indices import indices
from mobile_storage.adequacy.analytic.network import Branch, LoadPoint, Network, Node

SEEDS = st.integers(0, 2**32 - 1)
LOADS = np.array([0.3, 1.0, 2.5, 6.0, 15.0, 60.0])


def random_network(seed: int, limited: bool = True) -> Network:
    """A tree with devices anywhere, some capacities, ties to a second source and across."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(2, 8))

    def maybe(value: float, chance: float) -> float:
        return value if limited and rng.random() < chance else math.inf

    def outage() -> tuple[float, float, float]:
        return rng.uniform(0.05, 1.0), rng.uniform(1.0, 20.0), float(rng.choice([0.0, 0.5, 1.0]))

    nodes = [Node("n0", source_capacity=maybe(rng.uniform(2.0, 12.0), 0.3))]
    nodes += [Node(f"n{i}", *(outage() if rng.random() < 0.3 else ())) for i in range(1, count)]
    nodes.append(Node("other", source_capacity=maybe(rng.uniform(0.5, 6.0), 0.5)))
    devices = ["", "", "breaker", "fuse", "disconnector"]
    branches = [
        Branch(
            f"b{i}",
            f"n{rng.integers(i)}",
            f"n{i}",
            *outage(),
            *rng.choice(devices, 2).tolist(),
            capacity=maybe(rng.uniform(0.5, 8.0), 0.4),
        )
        for i in range(1, count)
    ]
    for k in range(int(rng.integers(0, 4))):
        start, end = rng.choice(count, 2, replace=False)
        branches.append(
            Branch(
                f"t{k}",
                f"n{start}",
                "other" if rng.random() < 0.5 else f"n{end}",
                *outage(),
                capacity=maybe(rng.uniform(0.2, 4.0), 0.5),
                normally_open=True,
                automatic=bool(rng.random() < 0.4),
            )
        )
    points = tuple(
        LoadPoint(f"p{i}", f"n{i}", rng.uniform(0.1, 1.0), float(rng.integers(1, 9)))
        for i in range(1, count)
        if i == 1 or rng.random() < 0.7
    )
    storage = f"n{rng.integers(1, count)}" if rng.random() < 0.7 else None
    # Ties close with the fault's own switching time here; other times are tested by hand.
    branches = [replace(b, switching=0.0) if b.normally_open else b for b in branches]
    return Network(tuple(nodes), tuple(branches), points, storage_node=storage)


# ------------------------------------------------- the enumeration


def joined(network: Network, fault: str, stops: set[str]) -> set[str]:
    """Elements reached from a fault by walking over closed branches up to these devices."""
    reached, todo = {fault}, [fault]
    while todo:
        here = todo.pop()
        for b in network.branches:
            for node, device in ((b.start, b.from_device), (b.end, b.to_device)):
                if b.normally_open or device in stops or here not in (b.name, node):
                    continue
                there = node if here == b.name else b.name
                if there not in reached:
                    reached.add(there)
                    todo.append(there)
    return reached


def fed(network: Network, dead: set[str], closed: set[str], load: float, storage: float) -> float:
    """Most load that can be fed in a state, by a linear program."""
    total = sum(point.load for point in network.load_points)
    alive = [node.name for node in network.nodes if node.name not in dead]
    row = {name: i for i, name in enumerate(alive)}
    columns, bounds, gain = [], [], []

    def add(entries: dict[str, float], low: float, high: float, worth: float = 0.0) -> None:
        column = np.zeros(len(alive))
        for name, value in entries.items():
            column[row[name]] += value
        columns.append(column)
        bounds.append((low, high))
        gain.append(worth)

    for b in network.branches:
        if b.name in closed and not {b.name, b.start, b.end} & dead:
            limit = min(b.capacity, 1e4)
            add({b.start: -1.0, b.end: 1.0}, -limit, limit)
    for node in network.nodes:
        if node.name in row and node.source_capacity > 0.0:
            add({node.name: 1.0}, 0.0, min(node.source_capacity, 1e4))
    if storage > 0.0 and network.storage_node in row:
        add({network.storage_node: 1.0}, 0.0, storage)
    for point in network.load_points:
        if point.node in row:
            add({point.node: -1.0}, 0.0, load * point.load / total, 1.0)
    if not any(gain):
        return 0.0
    found = linprog(-np.array(gain), A_eq=np.array(columns).T, b_eq=np.zeros(len(alive)),
                    bounds=bounds)  # fmt: skip
    return -found.fun


def alive_before_ties(network: Network, dead: set[str]) -> set[str]:
    """Nodes with a source before any tie closes."""
    alive = {n.name for n in network.nodes if n.source_capacity > 0.0} - dead
    for _ in network.nodes:
        for b in network.branches:
            if not b.normally_open and b.name not in dead and {b.start, b.end} & alive:
                alive |= {b.start, b.end} - dead
    return alive


def deficit(network: Network, faults: list[str], stage: int, load: float, storage: float) -> float:
    stops = {"breaker", "fuse"} if stage == 1 else {"breaker", "fuse", "disconnector"}
    dead = set().union(*(joined(network, fault, stops) for fault in faults))
    closed = {b.name for b in network.branches if not b.normally_open}
    alive = alive_before_ties(network, dead)
    for b in network.branches:
        if b.normally_open and (stage == 2 or (b.automatic and not {b.start, b.end} <= alive)):
            closed.add(b.name)
    return load - fed(network, dead, closed, load, storage)


@pytest.mark.slow
@settings(max_examples=150)
@given(SEEDS)
def test_deficits_are_those_of_the_enumeration(seed):
    network = random_network(seed)
    switching = {e.name: e.switching for e in (*network.nodes, *network.branches)}
    rng = np.random.default_rng(seed)
    for fault in contingencies(network, order=2):
        if "+" in fault.name and rng.random() < 0.8:
            continue
        names = fault.name.split("+")
        until = max(switching[name] for name in names)
        load = float(rng.choice(LOADS))
        power = rng.uniform(0.1, 5.0)
        for time, stage in ((0.0, 1), (until, 2)):
            if time == 0.0 and until == 0.0:
                continue
            now = next(s for s in fault.stages if s.until > time)
            reachable, unreachable = float(now.reachable(load)), float(now.unreachable(load))
            for storage, expected in (
                (0.0, reachable + unreachable),
                (1e5, unreachable),
                (power, reachable + unreachable - min(power, reachable)),
            ):
                found = deficit(network, names, stage, load, storage)
                if network.storage_node is None:
                    expected = reachable + unreachable
                assert found == pytest.approx(expected, abs=1e-7 * (1.0 + load)), (
                    fault.name,
                    stage,
                )


@settings(max_examples=40)
@given(SEEDS)
def test_load_points_can_have_what_their_limits_say(seed):
    """Feeding each point its share up to its limit is possible, and no load is fed otherwise."""
    network = random_network(seed)
    total = sum(point.load for point in network.load_points)
    shares = np.array([point.load for point in network.load_points]) / total
    for outage in outages(network):
        limits = outage.limits[-1, 0]
        for load in LOADS:
            parts = shares * np.minimum(load, limits)
            # The limits of the parts themselves: all of it can be fed.
            points = tuple(
                replace(point, load=part)
                for point, part in zip(network.load_points, parts, strict=True)
            )
            if parts.sum() == 0.0:
                continue
            again = replace(network, load_points=points)
            missing = deficit(again, [outage.name], 2, float(parts.sum()), 0.0)
            assert missing == pytest.approx(0.0, abs=1e-7 * load)


# ------------------------------------------------- second order against all states


@pytest.mark.slow
@settings(max_examples=40)
@given(SEEDS)
def test_second_order_is_all_states_but_for_the_bound(seed):
    """EENS of the sum over all states of a small network, without switching times.

    It lies below ours by at most the part that is counted twice, and above by at most the chance
    of three outages at once.
    """
    network = random_network(seed)
    network = replace(
        network,
        nodes=tuple(replace(n, switching=0.0) for n in network.nodes),
        branches=tuple(replace(b, switching=0.0) for b in network.branches),
    )
    failing = [e for e in (*network.nodes, *network.branches) if e.rate > 0.0][:9]
    keep = {e.name for e in failing}
    network = replace(
        network,
        nodes=tuple(n if n.name in keep else replace(n, rate=0.0) for n in network.nodes),
        branches=tuple(b if b.name in keep else replace(b, rate=0.0) for b in network.branches),
    )
    down = np.array([e.rate * e.repair / 8760.0 for e in failing])
    load = 5.0
    exact = 0.0
    for state in range(1, 2 ** len(failing)):
        out = np.array([bool(state >> i & 1) for i in range(len(failing))])
        if out.sum() > 3:
            continue
        names = [e.name for e, is_out in zip(failing, out, strict=True) if is_out]
        chance = np.prod(np.where(out, down, 1.0 - down))
        exact += chance * deficit(network, names, 2, load, 0.0)

    def eens(order: int) -> float:
        return sum(
            c.rate * c.repair / 8760.0 * float(c.stages[-1].unreachable(load) +
                                               c.stages[-1].reachable(load))
            for c in contingencies(network, order)
        )  # fmt: skip

    ours = eens(2)
    room = 1e-9 * load
    assert exact - ours <= load * down.sum() ** 3 + room
    assert ours - exact <= ours * down.sum() + load * down.sum() ** 3 + room


@pytest.mark.slow
@settings(max_examples=60)
@given(SEEDS)
def test_pairs_left_out_leave_no_more_unfed_than_both_alone(seed):
    network = random_network(seed)
    rng = np.random.default_rng(seed)
    counted = {frozenset(o.elements) for o in outages(network, order=2)}
    switching = {e.name: e.switching for e in (*network.nodes, *network.branches) if e.rate > 0.0}
    for pair in itertools.combinations(switching, 2):
        first = any(switching[name] > 0.0 for name in pair)
        load, stage = float(rng.choice(LOADS)), int(rng.integers(1 if first else 2, 3))
        if frozenset(pair) not in counted:
            both = deficit(network, list(pair), stage, load, 0.0)
            alone = sum(deficit(network, [name], stage, load, 0.0) for name in pair)
            assert both <= alone + 1e-7 * (1.0 + load), pair


# ------------------------------------------------- invariants


@settings(max_examples=60)
@given(SEEDS)
def test_deficits_grow_are_convex_and_below_the_load(seed):
    loads = np.linspace(0.0, 40.0, 81)
    for fault in contingencies(random_network(seed), order=1):
        for stage in fault.stages:
            for missing in (
                stage.unreachable,
                lambda x, s=stage: s.reachable(x) + s.unreachable(x),
            ):
                values = missing(loads)
                assert (np.diff(values) >= -1e-9).all()
                assert (np.diff(values, 2) >= -1e-9).all()
                assert (values <= loads + 1e-9).all()
            assert (stage.reachable(loads) >= -1e-9).all()


@settings(max_examples=60)
@given(SEEDS)
def test_isolation_never_makes_it_worse(seed):
    for fault in contingencies(random_network(seed), order=1):
        totals = [stage.reachable(LOADS) + stage.unreachable(LOADS) for stage in fault.stages]
        for before, after in itertools.pairwise(totals):
            assert (after <= before + 1e-9).all()


@settings(max_examples=60)
@given(SEEDS)
def test_one_more_tie_never_hurts_once_it_is_closed(seed):
    network = random_network(seed)
    tie = Branch("new", "n1", "other", capacity=1.5, normally_open=True)
    more = replace(network, branches=(*network.branches, tie))
    for without, with_tie in zip(contingencies(network, 1), contingencies(more, 1), strict=True):
        before, after = without.stages[-1], with_tie.stages[-1]
        assert (
            after.reachable(LOADS) + after.unreachable(LOADS)
            <= before.reachable(LOADS) + before.unreachable(LOADS) + 1e-9
        ).all()


@settings(max_examples=40)
@given(SEEDS)
def test_names_and_order_do_not_matter(seed):
    network = random_network(seed)
    new = {e.name: f"x{e.name[::-1]}" for e in (*network.nodes, *network.branches)}
    other = Network(
        tuple(replace(n, name=new[n.name]) for n in network.nodes[::-1]),
        tuple(
            replace(
                b,
                name=new[b.name],
                start=new[b.end],
                end=new[b.start],
                from_device=b.to_device,
                to_device=b.from_device,
            )
            for b in network.branches[::-1]
        ),
        tuple(replace(p, node=new[p.node]) for p in network.load_points[::-1]),
        storage_node=new.get(network.storage_node),
    )
    first, second = indices(network, order=2), indices(other, order=2)
    assert first.eens == pytest.approx(second.eens)
    assert first.saifi == pytest.approx(second.saifi)
    assert first.saidi == pytest.approx(second.saidi)


@settings(max_examples=40)
@given(SEEDS)
def test_energy_of_the_load_points_is_that_of_the_smallest_cuts(seed):
    network = random_network(seed)
    load = sum(point.load for point in network.load_points)
    expected = 0.0
    for fault in contingencies(network, order=2):
        start = 0.0
        for stage in fault.stages:
            end = fault.repair * -math.expm1(-stage.until / fault.repair)
            missing = float(stage.reachable(load) + stage.unreachable(load))
            expected += fault.rate * (end - start) * missing
            start = end
    assert indices(network, order=2).eens == pytest.approx(expected)


@settings(max_examples=30)
@given(SEEDS)
def test_without_faults_nothing_is_missing(seed):
    network = random_network(seed)
    network = replace(
        network,
        nodes=tuple(replace(n, rate=0.0) for n in network.nodes),
        branches=tuple(replace(b, rate=0.0) for b in network.branches),
    )
    found = indices(network, order=2)
    assert (found.eens, found.saifi, found.saidi, found.asai) == (0.0, 0.0, 0.0, 1.0)
    assert contingencies(network) == ()


@settings(max_examples=30)
@given(SEEDS)
def test_unlimited_capacities_are_the_limit_of_large_ones(seed):
    network = random_network(seed, limited=False)
    large = replace(
        network,
        nodes=tuple(replace(n, source_capacity=min(n.source_capacity, 1e6)) for n in network.nodes),
        branches=tuple(replace(b, capacity=1e6) for b in network.branches),
    )
    assert indices(large).eens == pytest.approx(indices(network).eens)
