"""Simulated faults of contingencies: closed forms, and sums over a fine grid of moments."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from mobile_storage.adequacy.analytic.contingency import Contingency, Deficit, Stage
from mobile_storage.adequacy.estimate import PRECISION_REACHED, Sampling
from mobile_storage.adequacy.simulation.contingencies import simulate_contingencies
from mobile_storage.adequacy.simulation.episodes import DailyOperation

NONE = Deficit()
ALL = Deficit((1.0,), (0.0,))


def fault(law: str, repair: float, *stages: Stage, rate: float = 1.0) -> Contingency:
    return Contingency("fault", rate, repair, law, stages or (Stage(math.inf, ALL, NONE),))


def constant(load: float, energy: float, power: float = 1.0, **more) -> DailyOperation:
    return DailyOperation([[load]], [1.0], [[energy, energy]], power, **more)


def agrees(estimate, value) -> bool:
    off = np.asarray(estimate.mean) - value
    # What is the same in every sample has no error but rounding.
    return bool(np.all(np.abs(off) <= 3 * np.asarray(estimate.standard_error) + 1e-9))


@pytest.mark.parametrize(
    ("law", "stages", "without", "helped"),
    [
        # 1 MW lost for 4 h on average, 2 MWh of storage.
        ("fixed", (), 4.0, 2.0),
        ("exponential", (), 4.0, 4 * math.exp(-2 / 4)),
        # All lost for an hour, then a quarter: 2 MWh last 5 h.
        (
            "exponential",
            (Stage(1.0, ALL, NONE), Stage(math.inf, Deficit((0.25,), (0.0,)), NONE)),
            4 * (1 - math.exp(-1 / 4)) + math.exp(-1 / 4),
            0.25 * 4 * math.exp(-5 / 4),
        ),
        # The same, but storage is within what is dead in the first hour: 2 MWh last 1 h + 8 h.
        (
            "fixed",
            (Stage(1.0, NONE, ALL), Stage(math.inf, Deficit((0.25,), (0.0,)), NONE)),
            1.75,
            1.0,
        ),
    ],
)
def test_closed_forms(law, stages, without, helped):
    found = simulate_contingencies(
        [fault(law, 4.0, *stages, rate=3.0)], constant(1.0, 2.0), Sampling(precision=0.01)
    )
    assert found.eens_with.stopped_because == PRECISION_REACHED
    assert agrees(found.ens_without, without)
    assert agrees(found.ens_with, helped)
    assert agrees(found.eens_without, 3 * without)
    assert agrees(found.eens_with, 3 * helped)
    assert agrees(found.eens_saved, 3 * (without - helped))


def test_power_limits_what_storage_gives():
    found = simulate_contingencies([fault("fixed", 4.0)], constant(3.0, 100.0, power=1.0))
    assert agrees(found.ens_with, 8.0)


def test_storage_that_does_not_work_half_of_the_time():
    found = simulate_contingencies([fault("fixed", 4.0)], constant(1.0, 2.0, availability=0.5))
    assert agrees(found.ens_with, 3.0)
    assert found.ens_with.standard_error > 0.0


def test_energy_moves_in_a_straight_line_within_a_step():
    """From 0 to 4 MWh over a day of one step; a fault takes 2 MWh: 2 - E[min(E, 2)] = 1/2."""
    ramp = DailyOperation([[1.0]], [1.0], [[0.0, 4.0]], 1.0)
    assert agrees(simulate_contingencies([fault("fixed", 2.0)], ramp).ens_with, 0.5)


def test_day_types_come_as_often_as_they_should():
    days = DailyOperation([[1.0, 1.0], [5.0, 5.0]], [0.75, 0.25])
    found = simulate_contingencies([fault("fixed", 1.0)], days, Sampling(precision=0.004))
    assert agrees(found.ens_without, 2.0)


def lacking(one: Contingency, operation: DailyOperation, pieces: int) -> tuple[float, float]:
    """ENS of a fixed outage, with moments and time cut into small pieces."""
    days, steps = operation.load.shape
    starts = (np.arange(pieces) + 0.5) * 24 / pieces
    dt = one.repair / pieces
    result = np.zeros(2)
    for day in range(days):
        nodes = np.linspace(0.0, 24.0, steps + 1)
        stored = np.interp(starts, nodes, operation.energy[day])
        for k in range(pieces):
            after = (k + 0.5) * dt
            step = ((starts + after) % 24.0 / (24.0 / steps)).astype(int)
            load = operation.load[day, step]
            stage = next(s for s in one.stages if after < s.until)
            given = np.minimum(np.minimum(operation.power, stage.reachable(load)) * dt, stored)
            unfed = (stage.reachable(load) + stage.unreachable(load)) * dt
            stored = stored - given
            weight = operation.day_probability[day] / pieces
            result += weight * np.array([unfed.sum(), (unfed - given).sum()])
    return tuple(result)


def random_case(seed: int) -> tuple[list[Contingency], DailyOperation]:
    rng = np.random.default_rng(seed)
    steps = int(rng.choice([3, 8, 24]))
    load = rng.uniform(4.0, 16.0, (2, steps))
    energy = rng.uniform(0.0, 12.0, (2, steps + 1))
    share = rng.uniform(0.2, 0.8)

    def stage(until: float) -> Stage:
        knees = np.sort(rng.uniform(0.0, 12.0, 2))
        return Stage(
            until,
            Deficit((1.0, -0.5), tuple(knees)),
            Deficit((rng.uniform(),), (rng.uniform(0.0, 9.0),)),
        )

    faults = [
        Contingency(
            f"f{k}",
            float(rng.choice([0.001, 1.0])),
            float(rng.uniform(2.0, 40.0)),
            "fixed",
            (stage(0.7), stage(3.0), stage(math.inf)),
        )
        for k in range(4)
    ]
    return faults, DailyOperation(load, [share, 1 - share], energy, float(rng.uniform(1.0, 6.0)))


@pytest.mark.parametrize("seed", range(4))
def test_random_cases_against_a_fine_grid(seed):
    faults, operation = random_case(seed)
    found = simulate_contingencies(faults, operation, Sampling(seed, 0.002), batch_size=4000)
    exact = np.array([lacking(one, operation, 500) for one in faults])
    # The grid itself is right to a few parts in ten thousand.
    grid = 5e-4 * exact
    for estimate, value, room in zip(
        (found.ens_without, found.ens_with), exact.T, grid.T, strict=True
    ):
        assert (np.abs(estimate.mean - value) <= 3 * estimate.standard_error + room).all()
    rates = np.array([one.rate for one in faults])
    for estimate, value in zip((found.eens_without, found.eens_with), rates @ exact, strict=True):
        assert abs(estimate.mean - value) <= 3 * estimate.standard_error + 5e-4 * value


def test_a_rare_fault_is_known_as_well_as_a_frequent_one():
    faults = [fault("exponential", 4.0, rate=r) for r in (1e-6, 10.0)]
    found = simulate_contingencies(faults, constant(1.0, 2.0))
    part = found.ens_with.standard_error / found.ens_with.mean
    assert part == pytest.approx([0.011, 0.011], abs=0.003)


@pytest.mark.parametrize(
    "change",
    [
        {"energy": np.array([[2.2, 2.2]])},
        {"power": 0.6},
        {"availability": 0.9},
        {"load": np.array([[1.1]])},
    ],
)
def test_each_input_matters(change):
    faults = [fault("exponential", 4.0, Stage(math.inf, Deficit((1.0,), (0.1,)), NONE))]
    precise = Sampling(precision=0.005)
    base = constant(1.0, 2.0)
    before = simulate_contingencies(faults, base, precise).eens_with
    after = simulate_contingencies(faults, replace(base, **change), precise).eens_with
    assert abs(after.standard_errors_off(before.mean, before.standard_error)) > 3


def test_workers_change_nothing():
    faults, operation = random_case(1)
    alone, together = (
        simulate_contingencies(faults, operation, Sampling(3, 0.01, workers=w)).ens_with
        for w in (1, 3)
    )
    assert (alone.mean == together.mean).all()
    assert alone.samples == together.samples


def test_a_fault_without_a_deficit_takes_nothing():
    harmless = fault("exponential", 4.0, Stage(math.inf, Deficit((1.0,), (1.0,)), NONE))
    few = Sampling(least_batches=1, most_batches=1)
    found = simulate_contingencies([harmless], constant(1.0, 2.0), few)
    assert (found.eens_without.mean, found.eens_without.high) == (0.0, 0.0)
    # Storage that outlasts the repair in all samples: a bound that is not zero.
    found = simulate_contingencies([fault("exponential", 4.0)], constant(1.0, 200.0), few)
    assert found.eens_with.mean == 0.0
    assert found.eens_with.high == pytest.approx(3 / 2000 * 4.0, rel=2e-3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"load": [[-1.0]]}, r"load\[0, 0\] is -1.0, expected a finite number of at least 0"),
        ({"load": [[math.nan]]}, r"load\[0, 0\] is nan"),
        ({"day_probability": [0.9]}, "day_probability adds up to 0.9, expected a sum of 1"),
        ({"energy": [[1.0]]}, r"energy has the shape \(1, 1\), expected \(1, 2\)"),
        ({"power": -1.0}, "power is -1.0"),
        ({"availability": 1.2}, "availability is 1.2"),
    ],
)
def test_impossible_operation_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        DailyOperation(**({"load": [[1.0]], "day_probability": [1.0]} | change))


def test_impossible_contingencies_are_refused():
    with pytest.raises(ValueError, match="there is no contingency"):
        simulate_contingencies([], constant(1.0, 1.0))
    with pytest.raises(ValueError, match="law of fault 'weibull' is none of"):
        simulate_contingencies([fault("weibull", 1.0)], constant(1.0, 1.0))
