"""What the simulated network feeds in a state: by hand, and against maximum flows."""

from __future__ import annotations

import math

import networkx as nx
import numpy as np
import pytest

from mobile_storage.adequacy.analytic.network import Branch, CommonMode, LoadPoint, Network, Node
from mobile_storage.adequacy.simulation.fairness import fed_part
from mobile_storage.adequacy.simulation.supply import StandingFault, Supply

INF = math.inf


def greatest_supply(demand: np.ndarray, source: np.ndarray, arcs: list) -> float:
    """Maximum flow, in whole millionths of a unit, so that it is exact."""
    graph = nx.DiGraph()
    graph.add_nodes_from(("from", "to"))

    def join(a, b, capacity):
        whole = {} if math.isinf(capacity) else {"capacity": round(capacity * 1e6)}
        graph.add_edge((a, b, len(graph)), b, **whole)
        graph.add_edge(a, (a, b, len(graph) - 1))

    for node, (need, give) in enumerate(zip(demand, source, strict=True)):
        join(node, "to", need)
        join("from", node, min(give, 1e3))
    for a, b, capacity in arcs:
        join(a, b, min(capacity, 1e3))
        join(b, a, min(capacity, 1e3))
    return nx.maximum_flow_value(graph, "from", "to") / 1e6


def random_part(seed: int) -> tuple[np.ndarray, np.ndarray, list]:
    """A connected network with numbers of six digits."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(2, 9))

    def number(high):
        return round(rng.uniform(0.1, high), 6)

    arcs = [
        (int(rng.integers(k)), k, number(5.0) if rng.random() < 0.7 else INF)
        for k in range(1, count)
    ]
    for _ in range(int(rng.integers(0, 4))):
        a, b = rng.choice(count, 2, replace=False).tolist()
        arcs.append((a, b, number(3.0)))
    source = np.where(rng.random(count) < 0.4, rng.uniform(0.5, 8.0, count).round(6), 0.0)
    source[0] = rng.choice([5.0, INF])
    demand = np.where(rng.random(count) < 0.8, rng.uniform(0.1, 3.0, count).round(6), 0.0)
    demand[-1] = 1.0
    return demand, source, arcs


@pytest.mark.parametrize("seed", range(60))
def test_as_much_as_can_be_is_fed_and_in_equal_parts(seed):
    demand, source, arcs = random_part(seed)
    levels = np.array([0.0, 0.2, 1.0, 3.0])
    found = fed_part(demand[:, None] * levels, source, arcs)
    for part, level in zip(found.T, levels, strict=True):
        most = greatest_supply(demand * level, source, arcs)
        assert (part * demand * level).sum() == pytest.approx(most, abs=2e-5)
        # Nobody gets more unless those with as much or less stay as they are: what they have is
        # the most that they can have if those with more only keep theirs.
        for value in np.unique(part[demand * level > 0].round(5)):
            fixed = np.where(part.round(5) <= value, demand, part * demand) * level
            low = np.where(part.round(5) <= value, part * demand, 0.0).sum() * level
            more = greatest_supply(fixed, source, arcs)
            others = (fixed * (part.round(5) > value)).sum()
            assert more - others == pytest.approx(low, abs=5e-5)


def test_equal_parts_by_hand():
    """Ten behind a line for two, ten behind a line for eight, one at the source of nine."""
    demand = np.array([[1.0], [10.0], [10.0]])
    arcs = [(0, 1, 2.0), (0, 2, 8.0)]
    part = fed_part(demand, np.array([9.0, 0.0, 0.0]), arcs)
    # The first line gives 0.2; of the other 7, the rest takes 7 / 11 each.
    assert part[:, 0] == pytest.approx([7 / 11, 0.2, 7 / 11], abs=1e-6)


# Two transformers, each with its section of a busbar; an automatic coupler, a tie of 3 by hand.
SUBSTATION = Network(
    nodes=(
        Node("grid", source_capacity=INF),
        Node("A", 0.01, 4.0, 1.0),
        Node("B"),
        Node("neighbour", source_capacity=INF),
    ),
    branches=(
        Branch("T1", "grid", "A", 0.1, 100.0, 0.5, "breaker", "breaker", capacity=8.0),
        Branch("T2", "grid", "B", 0.1, 100.0, 0.5, "breaker", "breaker", capacity=8.0),
        Branch("coupler", "A", "B", normally_open=True, automatic=True, success=0.9, switching=0.2),
        Branch("tie", "neighbour", "A", capacity=3.0, normally_open=True, switching=2.0),
    ),
    load_points=(LoadPoint("a", "A", 6.0), LoadPoint("b", "B", 4.0)),
    common_modes=(CommonMode("both", ("T1", "T2"), 0.02, 50.0, 1.0),),
    storage_node="B",
)


def unfed(supply: Supply, *faults: tuple[str, int, int]) -> tuple[float, float]:
    names = [component.name for component in supply.components]
    state = supply.state(StandingFault(names.index(n), k, o) for n, k, o in faults)
    total, reachable, _ = supply.tables()
    return float(total[state, 0]), float(reachable[state, 0])


def test_states_of_a_substation_by_hand():
    supply = Supply(SUBSTATION, np.array([10.0]))
    names = [component.name for component in supply.components]
    assert names == ["A", "T1", "T2", "both"]
    # Isolated after 0.5 h; the coupler by hand then, too; the tie after 2 h.
    assert supply.switching_times[1] == (0.5, 2.0)
    assert [o.probability for o in supply.outcomes[1]] == pytest.approx([0.9, 0.1])
    assert unfed(supply) == (0.0, 0.0)
    # The coupler closes at once: 8 of 10 from the other transformer; storage at B gives the rest.
    assert unfed(supply, ("T1", 0, 0)) == pytest.approx((2.0, 2.0), abs=1e-5)
    assert unfed(supply, ("T1", 1, 0)) == pytest.approx((2.0, 2.0), abs=1e-5)
    assert unfed(supply, ("T1", 2, 0)) == pytest.approx((0.0, 0.0), abs=1e-5)
    # It does not close: A is dead, storage at B cannot reach it; closed by hand after 0.5 h.
    assert unfed(supply, ("T1", 0, 1)) == pytest.approx((6.0, 0.0), abs=1e-5)
    assert unfed(supply, ("T1", 1, 1)) == pytest.approx((2.0, 2.0), abs=1e-5)
    # Section A itself: the coupler must not feed it.
    assert unfed(supply, ("A", 0, 0)) == pytest.approx((6.0, 0.0), abs=1e-5)
    assert unfed(supply, ("A", 2, 0)) == pytest.approx((6.0, 0.0), abs=1e-5)
    # Both transformers, by one cause or one after the other.
    for faults in ([("both", 0, 0)], [("T1", 0, 0), ("T2", 0, 0)]):
        assert unfed(supply, *faults) == pytest.approx((10.0, 10.0), abs=1e-5)
    assert unfed(supply, ("both", 2, 0)) == pytest.approx((7.0, 7.0), abs=1e-5)
    assert unfed(supply, ("T1", 2, 0), ("T2", 0, 0)) == pytest.approx((7.0, 7.0), abs=1e-5)
    # A and the other transformer: storage keeps B.
    assert unfed(supply, ("A", 1, 0), ("T2", 1, 0)) == pytest.approx((10.0, 4.0), abs=1e-5)


def test_zones_of_a_feeder_by_hand():
    """breaker - x - disconnector - y - fuse - z: what trips, and what stays dead."""
    network = Network(
        nodes=(Node("s", source_capacity=INF), Node("x"), Node("y"), Node("z")),
        branches=(
            Branch("sx", "s", "x", 1.0, 5.0, 1.0, "breaker"),
            Branch("xy", "x", "y", 1.0, 5.0, 1.0, "disconnector"),
            Branch("yz", "y", "z", 1.0, 5.0, 1.0, "fuse"),
        ),
        load_points=(LoadPoint("x", "x", 1.0), LoadPoint("y", "y", 2.0), LoadPoint("z", "z", 4.0)),
        fuse_success=0.8,
    )
    supply = Supply(network, np.array([7.0]))
    assert [unfed(supply, (name, 0, 0))[0] for name in ("sx", "xy", "yz")] == [7.0, 7.0, 4.0]
    assert [unfed(supply, (name, 1, 0))[0] for name in ("sx", "xy", "yz")] == [7.0, 6.0, 4.0]
    # The fuse fails in a fifth of the faults behind it: then the breaker trips all until
    # switching. Faults before the fuse do not try it, nothing feeds them from there.
    assert [len(outcomes) for outcomes in supply.outcomes] == [1, 1, 2]
    assert supply.outcomes[2][1].probability == pytest.approx(0.2)
    assert unfed(supply, ("yz", 0, 1))[0] == 7.0
    assert unfed(supply, ("yz", 1, 1))[0] == 4.0


def test_levels_and_load_points():
    supply = Supply(SUBSTATION, np.array([0.0, 5.0, 10.0, 20.0]))
    state = supply.state([StandingFault(1, 1, 0)])
    total, _, at = supply.tables()
    assert total[state] == pytest.approx([0, 0, 2, 12], abs=1e-5)
    assert at[state] == pytest.approx(np.outer([0, 0, 2, 12], [0.6, 0.4]), abs=1e-5)
    # 20 in normal operation: 12 at A, where 8 get through, and 8 at B.
    assert at[0] == pytest.approx(np.array([[0, 0], [0, 0], [0, 0], [4, 0]]), abs=1e-5)
