"""Outages of small networks, worked out by hand."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

from mobile_storage.adequacy.analytic.consequences import (
    contingencies,
    normal_capacity,
    normal_state,
    outages,
)
from mobile_storage.adequacy.analytic.contingency import Contingency, Deficit
from mobile_storage.adequacy.analytic.indices import indices
from mobile_storage.adequacy.analytic.network import Branch, CommonMode, LoadPoint, Network, Node
from mobile_storage.adequacy.analytic.supply import supply_limits

# ------------------------------------------------- substation with two transformers

RATING, OVERLOAD, POWER_FACTOR = 16.0, 1.3, 0.9
NORMAL = RATING * POWER_FACTOR
EMERGENCY = NORMAL * OVERLOAD
TIE = 5.0


def substation(
    bus_tie=math.inf, bus_tie_success=1.0, storage=None, shares=(0.5, 0.5), spur=False, modes=()
) -> Network:
    """Two line-transformer groups, a bus each, a bus tie with automatic transfer, a neighbour."""
    nodes = [
        Node("220 kV", source_capacity=math.inf),
        Node("neighbour", source_capacity=math.inf),
        *(Node(f"joint {i}") for i in (1, 2)),
        *(Node(f"bus {i}", rate=0.001, repair=2.0, switching=1.0) for i in (1, 2)),
    ]
    branches = [
        Branch("QF5", "bus 1", "bus 2", capacity=bus_tie, normally_open=True, automatic=True,
               success=bus_tie_success),
        Branch("tie", "bus 2", "neighbour", capacity=TIE, normally_open=True),
    ]  # fmt: skip
    for i in (1, 2):
        branches += [
            Branch(f"L{i}", "220 kV", f"joint {i}", 0.2, 8.0, 1.0, from_device="breaker"),
            Branch(
                f"T{i}", f"joint {i}", f"bus {i}", 0.015, 200.0, 1.0, "disconnector", "breaker",
                capacity=EMERGENCY, normal_capacity=NORMAL,
            ),
        ]  # fmt: skip
    points = tuple(
        LoadPoint(f"load {i}", f"bus {i}", share) for i, share in zip((1, 2), shares, strict=True)
    )
    if spur:
        nodes.append(Node("substation 2"))
        branches.append(Branch("spur", "joint 1", "substation 2", 0.1, 8.0, 1.0, "disconnector"))
    return Network(
        tuple(nodes), tuple(branches), points, common_modes=tuple(modes), storage_node=storage
    )


def find(network: Network, name: str, order: int = 1) -> Contingency:
    (found,) = (c for c in contingencies(network, order) if c.name == name)
    return found


def hinges(deficit: Deficit) -> list[tuple[float, float]]:
    return [
        (pytest.approx(slope), pytest.approx(knee))
        for slope, knee in zip(deficit.slopes, deficit.knees, strict=True)
    ]


@pytest.mark.parametrize("name", ["L1", "L2", "T1", "T2"])
def test_the_other_transformer_and_then_the_neighbour_help(name):
    fault = find(substation(), name)
    first, second = fault.stages
    assert (first.until, second.until) == (1.0, math.inf)
    assert hinges(first.unreachable) == [(1.0, EMERGENCY)]
    assert hinges(second.unreachable) == [(1.0, EMERGENCY + TIE)]
    assert first.reachable == second.reachable == Deficit()


def test_a_bus_with_a_fault_is_dead_until_the_repair():
    first, second = find(substation(), "bus 1").stages
    # What is left is on bus 2: its transformer, and later the neighbour.
    assert hinges(first.unreachable) == [(0.5, 0.0), (0.5, EMERGENCY / 0.5)]
    assert hinges(second.unreachable) == [(0.5, 0.0), (0.5, (EMERGENCY + TIE) / 0.5)]


def test_a_bus_tie_with_a_limit():
    first, _ = find(substation(bus_tie=4.0), "T1").stages
    # Bus 1 has 4; bus 2 has what the transformer leaves.
    assert hinges(first.unreachable) == [(0.5, 8.0), (0.5, (EMERGENCY - 4.0) / 0.5)]


def test_storage_feeds_its_bus_and_the_other_one_through_the_bus_tie():
    first, second = find(substation(storage="bus 1"), "T1").stages
    assert hinges(first.reachable) == [(1.0, EMERGENCY)]
    assert hinges(second.reachable) == [(1.0, EMERGENCY + TIE)]
    assert first.unreachable == second.unreachable == Deficit()


def test_storage_behind_a_bus_tie_with_a_limit():
    first, _ = find(substation(storage="bus 1", bus_tie=4.0), "T1").stages
    # With storage on bus 1 the tie turns round: bus 2 has its transformer and 4 more.
    left = (EMERGENCY + 4.0) / 0.5
    assert hinges(first.unreachable) == [(0.5, left)]
    assert hinges(first.reachable) == [(0.5, 8.0), (0.5, (EMERGENCY - 4.0) / 0.5), (-0.5, left)]


def test_storage_on_a_dead_bus_cannot_help():
    first, second = find(substation(storage="bus 1"), "bus 1").stages
    assert first.reachable == second.reachable == Deficit()


def test_both_lines_out():
    network = substation(storage="bus 1")
    first, second = find(network, "L1+L2", order=2).stages
    assert hinges(first.reachable) == [(1.0, 0.0)]
    assert hinges(second.reachable) == [(1.0, TIE)]
    assert first.unreachable == second.unreachable == Deficit()


def test_frequency_and_duration_of_a_pair():
    fault = find(substation(), "L1+T2", order=2)
    assert fault.rate == pytest.approx(0.2 * 0.015 * (8.0 + 200.0) / 8760.0)
    assert fault.repair == pytest.approx(8.0 * 200.0 / 208.0)
    assert fault.law == "exponential"


def test_pairs_of_one_circuit_add_nothing():
    names = {c.name for c in contingencies(substation(), 2)}
    assert {"L1+L2", "L1+T2", "T1+T2"} <= {"+".join(sorted(n.split("+"))) for n in names}
    assert not names & {"L1+T1", "T1+L1", "L2+T2", "T2+L2"}


def test_singles_lose_the_time_in_which_a_partner_is_out():
    single = find(substation(), "L1", order=2)
    partners = {
        name
        for c in contingencies(substation(), 2)
        if "+" in c.name and "L1" in c.name.split("+")
        for name in c.name.split("+")
    } - {"L1"}
    down = {"L2": 0.2 * 8.0, "T2": 0.015 * 200.0, "bus 2": 0.001 * 2.0}
    assert partners == set(down)
    expected = 0.2 * math.prod(1.0 - hours / 8760.0 for hours in down.values())
    assert single.rate == pytest.approx(expected, rel=1e-12)


def test_common_mode_of_both_lines():
    network = substation(modes=[CommonMode("tower", ("L1", "L2"), 0.02, 12.0, 2.0)])
    fault = find(network, "tower")
    assert (fault.rate, fault.repair) == (0.02, 12.0)
    assert [stage.until for stage in fault.stages] == [2.0, math.inf]
    assert hinges(fault.stages[0].unreachable) == [(1.0, 0.0)]
    assert hinges(fault.stages[1].unreachable) == [(1.0, TIE)]


def test_a_fault_on_a_spur_trips_the_line_until_it_is_isolated():
    first, second = find(substation(spur=True), "spur").stages
    assert hinges(first.unreachable) == [(1.0, EMERGENCY)]
    # Both transformers are back; what is left is their emergency rating, with the tie.
    assert hinges(second.unreachable) == [(1.0, 2 * EMERGENCY + TIE)]


def test_automatic_transfer_that_can_fail():
    network = substation(bus_tie_success=0.9)
    works, fails = (c for c in contingencies(network, 1) if c.name.startswith("T1"))
    assert fails.name == "T1 (QF5 stays open)"
    assert (works.rate, fails.rate) == pytest.approx((0.9 * 0.015, 0.1 * 0.015))
    assert hinges(fails.stages[0].unreachable) == [(0.5, 0.0), (0.5, EMERGENCY / 0.5)]
    # By hand it can be closed all the same.
    assert fails.stages[1] == works.stages[1]


def test_intact_substation():
    assert normal_capacity(substation()) == pytest.approx(2 * NORMAL)
    assert hinges(normal_state(substation()).unreachable) == [(1.0, 2 * NORMAL)]
    uneven = substation(shares=(0.6, 0.4))
    assert normal_capacity(uneven) == pytest.approx(NORMAL / 0.6)
    assert hinges(normal_state(uneven).unreachable) == [(0.6, NORMAL / 0.6), (0.4, NORMAL / 0.4)]


def test_indices_curtail_all_loads_alike():
    """Loads of 20 and 10: what is missing, counted by hand."""
    found = indices(substation(shares=(20.0, 10.0)))
    circuits = 0.0
    for rate, repair in ((0.2, 8.0), (0.015, 200.0)):
        first = repair * -math.expm1(-1.0 / repair)
        missing = first * (30.0 - EMERGENCY) + (repair - first) * (30.0 - EMERGENCY - TIE)
        circuits += 2 * rate * missing
    # A fault on bus 1 leaves bus 2 whole; one on bus 2 leaves its transformer to 20 on bus 1.
    buses = 0.001 * 2.0 * np.array([20.0 + (20.0 - EMERGENCY), 10.0])
    assert found.eens == pytest.approx(circuits + buses.sum())
    expected = circuits * np.array([2 / 3, 1 / 3]) + buses
    np.testing.assert_allclose(found.load_points["eens"], expected)


# ------------------------------------------------- feeders


def two_buses(**line) -> Network:
    return Network(
        (Node("source", source_capacity=math.inf), Node("bus")),
        (Branch("line", "source", "bus", 0.5, 4.0, 1.0, "breaker", **line),),
        (LoadPoint("town", "bus", 3.0, 7),),
    )


def test_two_buses():
    found = indices(two_buses())
    assert (found.saifi, found.saidi, found.caidi) == pytest.approx((0.5, 2.0, 4.0))
    assert found.eens == pytest.approx(6.0)
    assert found.asai == pytest.approx(1.0 - 2.0 / 8760.0)
    assert found.aens == pytest.approx(6.0 / 7.0)
    (fault,) = contingencies(two_buses(), 1)
    (stage,) = fault.stages
    assert hinges(stage.unreachable) == [(1.0, 0.0)]


def lateral(fuse: str, fuse_success: float = 1.0) -> Network:
    return Network(
        (Node("source", source_capacity=math.inf), Node("a"), Node("b")),
        (
            Branch("main", "source", "a", 0.5, 4.0, 1.0, "breaker", law="fixed"),
            Branch("lateral", "a", "b", 0.2, 6.0, 1.0, fuse, law="fixed"),
        ),
        (LoadPoint("A", "a", 1.0), LoadPoint("B", "b", 2.0)),
        fuse_success=fuse_success,
    )


def test_lateral_with_a_fuse():
    table = indices(lateral("fuse")).load_points
    assert table["frequency_per_yr"].tolist() == pytest.approx([0.5, 0.7])
    assert table["outage_h_per_yr"].tolist() == pytest.approx([2.0, 3.2])
    assert table["eens"].tolist() == pytest.approx([2.0, 6.4])


def test_lateral_with_a_disconnector():
    table = indices(lateral("disconnector")).load_points
    assert table["frequency_per_yr"].tolist() == pytest.approx([0.7, 0.7])
    assert table["outage_h_per_yr"].tolist() == pytest.approx([2.0 + 0.2 * 1.0, 3.2])


def test_lateral_without_anything():
    table = indices(lateral("")).load_points
    assert table["outage_h_per_yr"].tolist() == pytest.approx([3.2, 3.2])


def test_a_fuse_that_may_not_clear_trips_the_breaker_behind_it():
    network = lateral("fuse", fuse_success=0.75)
    assert [c.name for c in contingencies(network, 1)] == [
        "main",
        "lateral",
        "lateral (device of lateral fails)",
    ]
    table = indices(network).load_points
    assert table["frequency_per_yr"].tolist() == pytest.approx([0.5 + 0.25 * 0.2, 0.7])
    assert table["outage_h_per_yr"].tolist() == pytest.approx([2.0 + 0.25 * 0.2 * 1.0, 3.2])


def ring(capacity: float = math.inf, **tie) -> Network:
    """Two sections with a disconnector between and a tie at the far end."""
    return Network(
        (
            Node("source", source_capacity=math.inf),
            Node("other", source_capacity=math.inf),
            Node("a"),
            Node("b"),
        ),
        (
            Branch("first", "source", "a", 0.5, 4.0, 1.0, "breaker", law="fixed"),
            Branch("second", "a", "b", 0.2, 6.0, 1.0, "disconnector", law="fixed"),
            Branch("tie", "b", "other", capacity=capacity, normally_open=True, **tie),
        ),
        (LoadPoint("A", "a", 1.0), LoadPoint("B", "b", 2.0)),
    )


def test_a_tie_feeds_what_is_behind_the_fault():
    table = indices(ring()).load_points
    assert table["outage_h_per_yr"].tolist() == pytest.approx([0.5 * 4.0 + 0.2, 0.5 + 0.2 * 6.0])


def test_a_tie_with_a_limit_feeds_a_part():
    fault = find(ring(capacity=0.5), "first")
    # B has two thirds of the load.
    assert hinges(fault.stages[1].unreachable) == [(1 / 3, 0.0), (2 / 3, 0.75)]
    table = indices(ring(capacity=0.5)).load_points
    assert table.loc["B", "outage_h_per_yr"] == pytest.approx(0.5 * (1.0 + 3.0 * 0.75) + 1.2)
    assert table.loc["B", "frequency_per_yr"] == pytest.approx(0.7)


def test_a_tie_that_takes_longer_to_close_adds_a_stage():
    fault = find(ring(switching=2.5), "first")
    assert [stage.until for stage in fault.stages] == [2.5, math.inf]
    table = indices(ring(switching=2.5)).load_points
    assert table.loc["B", "outage_h_per_yr"] == pytest.approx(0.5 * 2.5 + 1.2)


def test_an_automatic_tie_needs_the_fault_out_of_its_way():
    # The first section trips with all that is not behind a breaker or fuse: the tie must wait.
    assert find(ring(automatic=True), "first") == find(ring(), "first")
    network = ring(automatic=True)
    cut = replace(network.branches[1], from_device="breaker")
    network = replace(network, branches=(network.branches[0], cut, network.branches[2]))
    (only,) = find(network, "first").stages
    assert hinges(only.unreachable) == [(1 / 3, 0.0)]


def test_an_automatic_tie_does_not_relieve_what_is_alive():
    """Between two live buses it stays open until someone switches."""
    nodes = (
        Node("source", source_capacity=math.inf),
        *(Node(f"bus {i}") for i in (1, 2, 3)),
    )
    lines = [
        Branch(f"line {i}", "source", f"bus {i}", 0.1, 4.0, 1.0, "breaker", "breaker",
               capacity=capacity)
        for i, capacity in ((1, 1.0), (2, 9.0), (3, 9.0))
    ]  # fmt: skip
    tie = Branch("tie", "bus 1", "bus 2", normally_open=True, automatic=True)
    points = tuple(LoadPoint(f"load {i}", f"bus {i}", 1.0) for i in (1, 2, 3))
    first, second = find(Network(nodes, (*lines, tie), points), "line 3").stages
    assert hinges(first.unreachable) == [(1 / 3, 0.0), (1 / 3, 3.0), (1 / 3, 27.0)]
    assert hinges(second.unreachable) == [(1 / 3, 0.0), (2 / 3, 15.0)]


def test_a_fault_on_an_open_tie_interrupts_nobody():
    network = ring()
    tie = replace(network.branches[2], rate=0.3, repair=10.0)
    fault = find(replace(network, branches=(*network.branches[:2], tie)), "tie")
    assert fault.stages[-1].unreachable == Deficit()


def test_a_breaker_that_fails_itself():
    """Active: its fault is felt on the side without a device; passive: on neither."""
    nodes = (Node("source", source_capacity=math.inf), Node("bus"), Node("a"), Node("b"), Node("c"))
    branches = (
        Branch("main", "source", "bus", from_device="breaker"),
        Branch("active", "bus", "a", 0.01, 4.0, 1.0, "disconnector", "disconnector", law="fixed"),
        Branch("passive", "bus", "b", 0.02, 4.0, 1.0, "breaker", "breaker", law="fixed"),
        Branch("plain", "bus", "c", from_device="breaker"),
    )
    points = tuple(LoadPoint(name, name, 1.0) for name in "abc")
    table = indices(Network(nodes, branches, points)).load_points
    assert table["frequency_per_yr"].tolist() == pytest.approx([0.01, 0.03, 0.01])
    assert table["outage_h_per_yr"].tolist() == pytest.approx([0.04, 0.01 + 0.08, 0.01])


def test_exponential_repair_may_end_before_the_switching():
    network = lateral("disconnector")
    main, spur = network.branches
    network = replace(network, branches=(replace(main, rate=0.0), replace(spur, law="exponential")))
    table = indices(network).load_points
    assert table.loc["A", "outage_h_per_yr"] == pytest.approx(-1.2 * math.expm1(-1.0 / 6.0))
    assert table.loc["B", "outage_h_per_yr"] == pytest.approx(1.2)


# ------------------------------------------------- second order, exactly


def test_two_units_in_parallel_are_exact_in_second_order():
    """Two units of 50 with unavailability 0.01, hourly load of known shape: 573.6291549 MWh/yr."""
    rate, repair = 0.01 * 8760.0 / 4.0, 4.0
    network = Network(
        (Node("source", source_capacity=math.inf), Node("bus")),
        tuple(
            Branch(f"T{i}", "source", "bus", rate, repair, 0.0, "breaker", "breaker", capacity=50.0)
            for i in (1, 2)
        ),
        (LoadPoint("city", "bus", 1.0),),
        radial=False,
    )
    hour = np.arange(8760) % 24
    load = 60.0 * (0.65 + 0.35 * np.sin(2 * np.pi * (hour - 9) / 24) ** 2)
    eens = sum(
        c.rate * c.repair * c.stages[-1].unreachable(load).mean() for c in contingencies(network, 2)
    )
    assert eens == pytest.approx(573.6291549, abs=1e-6)


def test_frequency_in_second_order():
    """Two units, each enough: supply is lost with the frequency of both being out."""
    network = Network(
        (Node("source", source_capacity=math.inf), Node("bus")),
        (
            Branch("one", "source", "bus", 2.0, 10.0, 0.0, "breaker", "breaker"),
            Branch("two", "source", "bus", 3.0, 20.0, 0.0, "breaker", "breaker"),
        ),
        (LoadPoint("city", "bus", 1.0),),
        radial=False,
    )
    found = indices(network, order=2)
    assert found.saifi == pytest.approx(2.0 * 3.0 * 30.0 / 8760.0)
    assert found.saidi == pytest.approx(2.0 * 3.0 * 10.0 * 20.0 / 8760.0)
    assert indices(network).saifi == 0.0
    assert math.isnan(indices(network).caidi)


def test_order_is_one_or_two():
    with pytest.raises(ValueError, match="order is 3"):
        outages(two_buses(), order=3)


def test_indices_need_customers():
    network = two_buses()
    nobody = replace(network, load_points=(replace(network.load_points[0], customers=0.0),))
    with pytest.raises(ValueError, match="no load point has a customer"):
        indices(nobody)


def test_a_cut_is_found_where_rounding_leaves_residues():
    """Augmenting paths may leave 1e-16 of an arc unused; against the smallest of all 64 cuts."""
    arcs = [
        (0, 2, 3.549143040003542),
        (2, 3, 2.949410224792741),
        (3, 4, 3.446537905915961),
        (4, 0, 1.31869415340059),
        (2, 1, 0.5452385299434341),
        (0, 4, 1.3105061374245868),
    ]
    sources = np.array([1.1576693894615928, 4.606856432329813, 0.0, np.inf, 0.0, 0.0])
    shares = np.array([0.0, 0.0, 0.269, 0.7042, 0.0, 0.0])
    limits = supply_limits(shares, sources, arcs)

    def smallest_cut(load):
        cuts = []
        for side in itertools.product((False, True), repeat=6):  # with the sources or not
            cut = sum(c for a, b, c in arcs if side[a] != side[b])
            cut += sum(s for s, on in zip(sources, side, strict=True) if s and not on)
            cuts.append(cut + load * sum(s for s, on in zip(shares, side, strict=True) if on))
        return min(cuts)

    for load in (1.0, 10.0, 20.0, 26.0, 27.0, 45.0, 100.0):
        fed = np.where(shares > 0, shares * np.minimum(load, limits), 0.0).sum()
        assert fed == pytest.approx(smallest_cut(load), rel=1e-12)
