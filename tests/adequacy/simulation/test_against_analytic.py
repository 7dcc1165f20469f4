"""The analytic modules against the simulation, which knows nothing of them."""

from __future__ import annotations

import math
from collections import defaultdict

import numpy as np
import pytest

from mobile_storage.adequacy.analytic.consequences import contingencies
from mobile_storage.adequacy.analytic.contingency import Contingency, Deficit, Stage
from mobile_storage.adequacy.analytic.islands import expected_served, expected_unserved, starts
from mobile_storage.adequacy.analytic.network import Branch, CommonMode, LoadPoint, Network, Node
from mobile_storage.adequacy.estimate import Sampling
from mobile_storage.adequacy.simulation.contingencies import simulate_contingencies
from mobile_storage.adequacy.simulation.episodes import DailyOperation
from mobile_storage.adequacy.simulation.network import simulate_network
from mobile_storage.adequacy.simulation.supply import StandingFault, Supply

INF = math.inf
LEVELS = np.array([0.3, 1.0, 2.5, 6.0, 15.0, 60.0])
#: Moments after a fault, one between any two switching times.
MOMENTS = (0.1, 0.7, 1.5, 2.5)


def random_network(seed: int) -> Network:
    """Branches with devices anywhere, perhaps a loop; ties; limits; devices and ties that fail."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(3, 8))
    places = ["s0", *(f"n{i}" for i in range(count))]

    def limit(most: float) -> float:
        return float(rng.uniform(0.3, most)) if rng.random() < 0.4 else INF

    def switching() -> float:
        return float(rng.choice([0.0, 0.5, 1.0, 2.0]))

    def branch(name: str, start: str, end: str) -> Branch:
        devices = rng.choice(["", "breaker", "fuse", "disconnector"], 2).tolist()
        return Branch(name, start, end, 0.2, 5.0, switching(), *devices, limit(8.0))

    def tie(name: str) -> Branch:
        start, end = rng.choice(places, 2, replace=False).tolist()
        outage = (0.1, 5.0) if rng.random() < 0.5 else (0.0, 0.0)
        return Branch(
            name,
            start,
            "s1" if rng.random() < 0.5 else end,
            *outage,
            switching(),
            capacity=limit(4.0),
            normally_open=True,
            automatic=bool(rng.random() < 0.5),
            success=float(rng.choice([1.0, 0.8])),
        )

    nodes = [Node("s0", source_capacity=limit(12.0)), Node("s1", source_capacity=limit(6.0))]
    nodes += [
        Node(name, 0.1, 4.0, switching()) if rng.random() < 0.3 else Node(name)
        for name in places[1:]
    ]
    branches = [branch(f"b{i}", places[int(rng.integers(0, i + 1))], f"n{i}") for i in range(count)]
    if loop := rng.random() < 0.4:
        branches.append(branch("loop", *rng.choice(places, 2, replace=False).tolist()))
    branches += [tie(f"t{k}") for k in range(int(rng.integers(0, 4)))]
    return Network(
        tuple(nodes),
        tuple(branches),
        tuple(LoadPoint(n, n, float(rng.uniform(0.2, 3.0))) for n in places[1:]),
        (CommonMode("mode", ("b0", f"b{count - 1}"), 0.05, 3.0, switching()),),
        storage_node=str(rng.choice(places)) if rng.random() < 0.7 else None,
        fuse_success=float(rng.choice([1.0, 0.9])),
        breaker_success=float(rng.choice([1.0, 0.9])),
        radial=not loop,
    )


def by_states(network: Network) -> dict[str, np.ndarray]:
    """Rate times load not fed and reachable, at each moment and level, summed over outcomes."""
    supply = Supply(network, LEVELS)
    found = {}
    for number, component in enumerate(supply.components):
        found[component.name] = np.zeros((2, len(MOMENTS), len(LEVELS)))
        for place, outcome in enumerate(supply.outcomes[number]):
            states = [
                supply.state(
                    [
                        StandingFault(
                            number, sum(t <= moment for t in supply.switching_times[number]), place
                        )
                    ]
                )
                for moment in MOMENTS
            ]
            unfed, reachable, _ = supply.tables()
            both = np.stack((unfed[states], reachable[states]))
            found[component.name] += component.rate * outcome.probability * both
    return found


def by_contingencies(network: Network) -> dict[str, np.ndarray]:
    """The same from the analysis."""
    modes = {"+".join(mode.elements): mode.name for mode in network.common_modes}
    found = defaultdict(lambda: np.zeros((2, len(MOMENTS), len(LEVELS))))
    for one in contingencies(network, order=1):
        name = one.name.split(" ")[0]
        for place, moment in enumerate(MOMENTS):
            stage = next(stage for stage in one.stages if moment < stage.until)
            reachable = stage.reachable(LEVELS)
            both = np.stack((reachable + stage.unreachable(LEVELS), reachable))
            found[modes.get(name, name)][:, place] += one.rate * both
    return found


@pytest.mark.parametrize("seed", range(60))
def test_every_fault_of_random_networks(seed):
    network = random_network(seed)
    simulated, analytic = by_states(network), by_contingencies(network)
    assert simulated.keys() == analytic.keys()
    for name, values in simulated.items():
        assert values == pytest.approx(analytic[name], abs=2e-5), name


def random_contingencies(seed: int) -> tuple[list[Contingency], DailyOperation]:
    rng = np.random.default_rng(seed)
    steps = int(rng.choice([4, 24, 96]))

    def stage(until: float) -> Stage:
        knees = tuple(np.sort(rng.uniform(0.0, 14.0, 2)))
        return Stage(until, Deficit((1.0, -0.6), knees), Deficit((0.3,), (knees[1],)))

    faults = [
        Contingency(
            f"fault {k}",
            10.0 ** rng.uniform(-4, 0),
            float(rng.uniform(1.0, 60.0)),
            ("exponential", "fixed")[k % 2],
            (stage(0.5), stage(2.0), stage(INF)),
        )
        for k in range(6)
    ]
    share = rng.uniform(0.2, 0.8)
    return faults, DailyOperation(
        rng.uniform(4.0, 16.0, (2, steps)),
        np.array([share, 1.0 - share]),
        rng.uniform(0.0, 15.0, (2, steps + 1)),
        float(rng.uniform(1.0, 6.0)),
        0.9,
    )


@pytest.mark.parametrize("seed", range(4))
def test_storage_and_contingencies(seed):
    faults, day = random_contingencies(seed)
    found = simulate_contingencies(faults, day, Sampling(seed, 0.003))
    without = expected_unserved(faults, day.load, day.day_probability)
    # Eight moments in a step: of two, which is enough for a table, the error could be seen here.
    start = starts(day.energy, day.day_probability, nodes=8)
    saved = 0.9 * expected_served(faults, day.load, day.day_probability, start, day.power)
    for estimate, value in (
        (found.eens_without, without),
        (found.eens_with, without - saved),
        (found.eens_saved, saved),
    ):
        assert abs(estimate.standard_errors_off(float(value))) <= 3
        assert estimate.standard_error <= 0.02 * estimate.mean


@pytest.mark.slow
@pytest.mark.parametrize("success", [1.0, 0.9])
def test_a_substation_from_its_network_to_its_energy(success):
    """Second-order analysis against outages that overlap by themselves."""
    hours = np.arange(24)
    load = 20.0 * (0.55 + 0.45 * np.exp(-(((hours - 19) / 3) ** 2)))
    energy = 2.5 * (1 + np.cos(2 * np.pi * (np.arange(25) - 7) / 24))
    day = DailyOperation([load], [1.0], [energy], 3.0, 0.97)
    network = Network(
        (
            Node("grid", source_capacity=INF),
            Node("high1"),
            Node("high2"),
            Node("bus1", 0.002, 4.0, 1.0),
            Node("bus2", 0.002, 4.0, 1.0),
            Node("neighbour", source_capacity=6.0),
        ),
        (
            Branch("L1", "grid", "high1", 0.23, 8.0, 1.0, "breaker", "disconnector"),
            Branch("L2", "grid", "high2", 0.23, 8.0, 1.0, "breaker", "disconnector"),
            Branch("T1", "high1", "bus1", 0.02, 200.0, 1.0, "", "breaker", 14.0),
            Branch("T2", "high2", "bus2", 0.02, 200.0, 1.0, "", "breaker", 14.0),
            Branch(
                "coupler",
                "bus1",
                "bus2",
                switching=0.5,
                normally_open=True,
                automatic=True,
                success=success,
            ),
            Branch("tie", "neighbour", "bus1", switching=1.0, capacity=4.0, normally_open=True),
        ),
        (LoadPoint("a", "bus1", 5.0), LoadPoint("b", "bus2", 5.0)),
        (CommonMode("tower", ("L1", "L2"), 0.02, 12.0, 1.0),),
        storage_node="bus2",
    )
    found = simulate_network(network, day, Sampling(precision=0.004))
    faults = contingencies(network, order=2)
    without = expected_unserved(faults, day.load, day.day_probability)
    start = starts(day.energy, day.day_probability)
    saved = 0.97 * expected_served(faults, day.load, day.day_probability, start, day.power)
    # Of third order is less than the error of the simulation.
    assert abs(found.eens_without.standard_errors_off(float(without))) <= 3
    assert abs(found.eens_with.standard_errors_off(float(without - saved))) <= 3
    assert abs(found.eens_saved.standard_errors_off(float(saved))) <= 3
    assert found.eens_saved.standard_error <= 0.01 * found.eens_saved.mean
