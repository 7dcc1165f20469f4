"""Simulated networks: by hand, against a plain walk through the years, on a published system."""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mobile_storage.adequacy.analytic.network import Branch, CommonMode, LoadPoint, Network, Node
from mobile_storage.adequacy.estimate import PRECISION_REACHED, Estimate, Sampling
from mobile_storage.adequacy.simulation.episodes import DailyOperation
from mobile_storage.adequacy.simulation.network import NetworkResult, simulate_network

KNOWN = json.loads(
    (Path(__file__).parents[2] / "known_answers" / "distribution_reliability.json").read_text()
)
INF = math.inf
PRECISE = Sampling(precision=0.005)


def agrees(estimate: Estimate, value, its_error: float = 0.0) -> bool:
    # What is the same in every sample has no error but rounding.
    room = 3 * np.hypot(estimate.standard_error, its_error) + 1e-9 * np.abs(value)
    return bool(np.all(np.abs(estimate.mean - np.asarray(value)) <= room))


def parallel(count: int, rate: float, repair: float, capacity: float, law: str) -> Network:
    """Equal transformers side by side that feed a load of one."""
    return Network(
        (Node("source", source_capacity=INF), Node("load")),
        tuple(
            Branch(
                f"T{k}",
                "source",
                "load",
                rate,
                repair,
                from_device="breaker",
                to_device="breaker",
                capacity=capacity,
                law=law,
            )
            for k in range(count)
        ),
        (LoadPoint("load", "load", 1.0),),
        storage_node="load",
        radial=False,
    )


@pytest.mark.parametrize("law", ["exponential", "fixed"])
def test_a_single_feeder(law):
    """Two failures a year of 5 h at a load of 3."""
    network = Network(
        (Node("s", source_capacity=INF), Node("n")),
        (Branch("line", "s", "n", 2.0, 5.0, 1.0, "breaker", law=law),),
        (LoadPoint("p", "n", 3.0, customers=7),),
    )
    found = simulate_network(network, sampling=PRECISE)
    assert found.saifi.mean == pytest.approx(2.0)
    assert agrees(found.saidi, 10.0)
    assert agrees(found.eens_without, 30.0)
    assert agrees(found.eens, [30.0])


@pytest.mark.parametrize("law", ["exponential", "fixed"])
def test_two_transformers_fail_together(law):
    """Frequency 2 f^2 r / 8760, both out for u^2 of the time; rare, and still precise."""
    found = simulate_network(parallel(2, 0.02, 100.0, INF, law), sampling=PRECISE)
    assert found.eens_without.stopped_because == PRECISION_REACHED
    assert agrees(found.frequency, [2 * 0.02**2 * 100 / 8760])
    assert agrees(found.outage_h, [8760 * (0.02 * 100 / 8760) ** 2])
    assert agrees(found.eens_without, 8760 * (0.02 * 100 / 8760) ** 2)


@pytest.mark.parametrize("law", ["exponential", "fixed"])
def test_many_outages_at_once(law):
    """Five transformers, each out for a fifth of the time: the binomial law of what is left."""
    u, part = 0.2, 0.25
    network = parallel(5, 8760 * u / 50, 50.0, part, law)
    found = simulate_network(network, sampling=PRECISE)
    expected = 8760 * sum(
        math.comb(5, k) * u**k * (1 - u) ** (5 - k) * max(0.0, 1 - part * (5 - k)) for k in range(6)
    )
    assert agrees(found.eens_without, expected)
    down = sum(math.comb(5, k) * u**k * (1 - u) ** (5 - k) for k in range(2, 6))
    assert agrees(found.outage_h, [8760 * down])
    # Into two outages or more: from exactly one, by the failure of one of four others.
    into = 8760 * 5 * u * (1 - u) ** 4 * 4 * u / (1 - u) / 50
    assert agrees(found.frequency, [into])


def test_a_common_mode_adds_to_what_fails_alone():
    base = parallel(2, 0.02, 100.0, INF, "exponential")
    network = replace(base, common_modes=(CommonMode("tower", ("T0", "T1"), 0.01, 10.0),))
    found = simulate_network(network, sampling=PRECISE)
    u, v = 0.02 * 100 / 8760, 0.01 * 10 / 8760
    assert agrees(found.eens_without, 8760 * (v + (1 - v) * u**2))


def test_the_load_moves_with_the_day():
    """A line of 6 carries 10 half of the day and 4 the other half; it is lost for 12 h a year."""
    network = Network(
        (Node("s", source_capacity=INF), Node("n")),
        (
            Branch("line", "s", "n", 3.0, 4.0, 0.0, "breaker"),
            Branch("weak", "s", "n", 1.0, 6.0, 0.0, "breaker", "breaker", 6.0),
        ),
        (LoadPoint("p", "n", 1.0),),
        radial=False,
    )
    day = DailyOperation([[10.0, 4.0]], [1.0])
    strong = replace(network.branches[0], to_device="breaker")
    network = replace(network, branches=(strong, network.branches[1]))
    found = simulate_network(network, day, PRECISE)
    u, v = 12 / 8760, 6 / 8760
    assert agrees(found.eens_without, 8760 * (u * (1 - v) * 0.5 * 4 + u * v * 7))
    # What is too much for the intact network counts all year round.
    limited = replace(network, branches=(replace(strong, capacity=2.0), network.branches[1]))
    found = simulate_network(limited, day, PRECISE)
    whole = u * (1 - v) * 0.5 * 4 + (1 - u) * v * (0.5 * 8 + 0.5 * 2) + u * v * 7
    assert agrees(found.eens_without, 8760 * ((1 - u) * (1 - v) * 0.5 * 2 + whole))


def plain_years(network: Network, energy: float, power: float, years: float) -> np.ndarray:
    """A walk through the years, event by event, by 25 stretches: EENS without and with storage.

    Equal exponential elements feed a load of one; storage is full again when all of them are up.
    """
    rng = np.random.default_rng(0)
    count, one = len(network.branches), network.branches[0]
    up_time = 8760 / one.rate - one.repair
    totals = np.zeros((25, 2))
    for stretch in totals:
        now, end = 0.0, 8760 * years / 25
        change = rng.exponential(up_time, count)
        up = np.ones(count, dtype=bool)
        stored = energy
        while now < end:
            first = int(change.argmin())
            span = change[first] - now
            lacking = max(0.0, 1.0 - one.capacity * up.sum())
            given = min(min(power, lacking) * span, stored)
            stored = energy if up.all() else stored - given
            stretch += (lacking * span, lacking * span - given)
            now = change[first]
            up[first] = not up[first]
            change[first] = now + rng.exponential(up_time if up[first] else one.repair)
    return totals * 25 / years


@pytest.mark.slow
def test_storage_lasts_through_an_episode_and_is_full_after_it():
    """Two of three needed, much overlap: one store for all shortfalls of the same episode."""
    network = parallel(3, 60.0, 20.0, 0.5, "exponential")
    plain = plain_years(network, energy=3.0, power=0.4, years=1200)
    mean, error = plain.mean(axis=0), plain.std(axis=0, ddof=1) / 5
    assert (error < 0.02 * mean).all()

    def simulated(energy: float) -> NetworkResult:
        day = DailyOperation([[1.0]], [1.0], [[energy, energy]], 0.4)
        return simulate_network(network, day, PRECISE)

    found = simulated(3.0)
    assert agrees(found.eens_without, mean[0], error[0])
    assert agrees(found.eens_with, mean[1], error[1])
    assert not agrees(simulated(3.6).eens_with, mean[1], error[1])


def rbts_bus2(law: str) -> Network:
    """Each line, and the transformer behind it if there is one, in tables of the source."""
    system = KNOWN["systems"]["rbts_bus2"]
    sources, data = set(system["sources"]), system["components"]
    names = {n for row in system["lines"] for n in row[2:4]}
    nodes = [Node(n, source_capacity=INF if n in sources else 0.0) for n in sorted(names)]
    branches = [
        Branch(name, a, b, switching=hours, normally_open=True)
        for name, a, b, hours in system["ties"]
    ]
    for name, km, up, down, protective, disconnector, kind, transformer in system["lines"]:
        device = ["breaker" if protective == side else "" for side in "UD"]
        device = [
            d or ("disconnector" if disconnector == s else "")
            for d, s in zip(device, "UD", strict=True)
        ]
        end = f"before {down}" if transformer else down
        rate, repair, switching = data[kind]
        branches.append(Branch(name, up, end, km * rate, repair, switching, *device, law=law))
        if transformer:
            nodes.append(Node(end))
            branches.append(Branch(f"T {down}", end, down, *data[transformer], law=law))
    points = tuple(LoadPoint(n, n, load, customers) for n, load, customers in system["load_points"])
    return Network(tuple(nodes), tuple(branches), points)


@pytest.mark.slow
def test_rbts_bus_2():
    """First order by others: EENS 37.745679, SAIFI 0.248211, SAIDI 3.612587.

    These hold for fixed repair times (an exponential one can end before the switching does).
    Overlaps change them by less than a part in a thousand, as products of unavailabilities do.
    """
    found = simulate_network(rbts_bus2("fixed"), sampling=PRECISE)
    assert found.eens_without.standard_error <= 0.005 * 37.745679
    overlap = 1e-3
    for estimate, known in (
        (found.eens_without, 37.745679),
        (found.saifi, 0.248211),
        (found.saidi, 3.612587),
    ):
        assert abs(estimate.mean - known) <= 3 * estimate.standard_error + overlap * known


@pytest.mark.slow
def test_rbts_bus_2_with_transformers_that_are_replaced():
    """Case E: 10 h instead of 200 h; every load point as in the other program."""
    network = rbts_bus2("fixed")
    replaced = tuple(replace(b, repair=10.0) if b.repair == 200.0 else b for b in network.branches)
    found = simulate_network(replace(network, branches=replaced), sampling=PRECISE)
    known = KNOWN["answers"]["rbts_bus2_E"]
    frequency, hours = np.array([known["load_points"][p.name] for p in network.load_points]).T
    assert found.frequency.mean == pytest.approx(frequency, rel=1e-3)
    room = 3 * found.outage_h.standard_error + 1e-3 * hours
    assert (np.abs(found.outage_h.mean - hours) <= room).all()
    eens = found.eens_without
    assert abs(eens.mean - known["eens"]) <= 3 * eens.standard_error + 1e-3 * known["eens"]


# Two lines, two transformers, two sections with an automatic coupler, a tie by hand; in kW.
SUBSTATION = Network(
    nodes=(
        Node("grid", source_capacity=INF),
        *(Node(f"{x}{k}", 0.002, 4.0, 1.0) if x == "bus" else Node(f"{x}{k}")
          for x in ("high", "bus") for k in (1, 2)),
        Node("neighbour", source_capacity=6000.0),
    ),
    branches=(
        *(Branch(f"L{k}", "grid", f"high{k}", 0.3, 8.0, 1.0, "breaker", "disconnector")
          for k in (1, 2)),
        *(Branch(f"T{k}", f"high{k}", f"bus{k}", 0.05, 200.0, 1.0, "", "breaker", 14000.0)
          for k in (1, 2)),
        Branch("coupler", "bus1", "bus2", from_device="breaker", to_device="breaker",
               normally_open=True, automatic=True, switching=0.5),
        Branch("tie", "neighbour", "bus1", capacity=4000.0, normally_open=True, switching=1.0),
    ),
    load_points=(LoadPoint("a", "bus1", 0.5), LoadPoint("b", "bus2", 0.5)),
    common_modes=(CommonMode("tower", ("L1", "L2"), 0.05, 12.0, 1.0),),
    storage_node="bus2",
)  # fmt: skip


def substation_day() -> DailyOperation:
    hours = np.arange(24)
    load = 20000 * (0.5 + 0.3 * np.exp(-(((hours - 19) / 3) ** 2)) + 0.2 * (hours > 7))
    energy = 2500 * (1 + np.cos(2 * np.pi * (np.arange(25) - 7) / 24))
    return DailyOperation([load], [1.0], [energy], 3000.0, 0.95)


def substation_by_hand(day: DailyOperation) -> tuple[float, float]:
    """EENS of the substation to second order, without and with storage, by sums over a grid.

    Fed in an outage are, of the load L: with one side lost 14 MW at once and 18 MW after the tie
    is closed; with both lost nothing and then 4 MW; a section that is lost takes its half.
    """
    both = [
        (0.05, 12.0),
        *(
            (f * g * (r + s) / 8760, r * s / (r + s))
            for (f, r), (g, s) in itertools.product([(0.3, 8.0), (0.05, 200.0)], repeat=2)
        ),
    ]
    faults = [
        *((2 * f, r, 14e3, 18e3) for f, r in ((0.3, 8.0), (0.05, 200.0))),
        *((f, r, 0.0, 4e3) for f, r in both),
    ]
    starts = (np.arange(96) + 0.5) / 4
    total = np.zeros(2)
    for rate, repair, first, then in faults:
        chance = rate / len(starts)
        dt = 1 / 32
        stored = np.interp(starts, np.arange(25), day.energy[0])
        for k in range(int(12 * repair / dt)):
            after = (k + 0.5) * dt
            load = day.load[0, ((starts + after) % 24).astype(int)]
            lacking = np.maximum(0.0, load - (first if after < 1 else then))
            given = np.minimum(np.minimum(lacking, day.power) * dt, stored)
            stored = stored - given
            still = chance * math.exp(-after / repair)
            total += still * np.array([lacking.sum() * dt, lacking.sum() * dt - 0.95 * given.sum()])
    busbars = 2 * 0.002 * 4.0 * day.load.mean() / 2
    return tuple(total + busbars)


@pytest.mark.slow
def test_a_substation_with_coupler_tie_common_mode_and_storage():
    day = substation_day()
    without, helped = substation_by_hand(day)
    found = simulate_network(SUBSTATION, day, PRECISE)
    # The sums neglect that one outage hides behind another, and overlaps of three.
    for estimate, value in ((found.eens_without, without), (found.eens_with, helped)):
        assert estimate.standard_error <= 0.005 * estimate.mean
        assert abs(estimate.mean - value) <= 3 * estimate.standard_error + 2e-3 * value
    saved = without - helped
    assert abs(found.eens_saved.mean - saved) <= 3 * found.eens_saved.standard_error + 2e-3 * saved
    # Each of these moves the estimate by more than noise.
    slower = replace(SUBSTATION, branches=tuple(
        replace(b, switching=2.0) if b.name == "tie" else b for b in SUBSTATION.branches
    ))  # fmt: skip
    changed = simulate_network(slower, day, PRECISE).eens_without
    assert changed.standard_errors_off(found.eens_without.mean, changed.standard_error) > 3
    bigger = simulate_network(SUBSTATION, replace(day, energy=1.5 * day.energy), PRECISE)
    assert found.eens_saved.mean + 3 * found.eens_saved.standard_error < bigger.eens_saved.mean


@pytest.mark.parametrize("overlaps", [1, 50])
def test_how_many_overlaps_are_drawn_does_not_matter(overlaps):
    network = parallel(3, 20.0, 40.0, 0.5, "exponential")
    usual = simulate_network(network, sampling=PRECISE)
    other = simulate_network(network, sampling=PRECISE, overlaps=overlaps)
    for name in ("eens_without", "frequency", "outage_h"):
        known = getattr(usual, name)
        assert agrees(getattr(other, name), known.mean, known.standard_error)


def test_workers_and_what_was_found_before_change_nothing():
    network = rbts_bus2("exponential")
    few = Sampling(precision=0.0, least_batches=4, most_batches=4)
    alone, together = (
        simulate_network(network, sampling=replace(few, workers=w), batch_size=20) for w in (1, 2)
    )
    assert vars(alone.eens_without) == vars(together.eens_without)
    assert (alone.outage_h.mean == together.outage_h.mean).all()


def test_a_tie_that_sometimes_stays_open():
    """The line is out 10 h a year, its load dead for an hour, then fed in nine faults of ten."""
    network = Network(
        (Node("s", source_capacity=INF), Node("n"), Node("other", source_capacity=INF)),
        (
            Branch("line", "s", "n", 2.0, 5.0, 1.0, "breaker", "disconnector", law="fixed"),
            Branch("tie", "other", "n", switching=1.0, normally_open=True, success=0.9),
        ),
        (LoadPoint("p", "n", 3.0),),
    )
    found = simulate_network(network)
    assert agrees(found.saidi, 2 * (0.9 * 1 + 0.1 * 5))
    line, tie = network.branches
    cleared = replace(line, to_device="breaker"), replace(tie, automatic=True)
    found = simulate_network(replace(network, branches=cleared))
    # One that should close by itself is closed by hand if it did not.
    assert agrees(found.saidi, 2 * 0.1 * 1)
    assert agrees(found.saifi, 2 * 0.1)


def test_a_network_without_faults_is_refused():
    network = Network((Node("s", source_capacity=INF),), (), (LoadPoint("p", "s", 1.0),))
    with pytest.raises(ValueError, match="nothing in the network can fail"):
        simulate_network(network)
