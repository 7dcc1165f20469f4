"""Unserved energy with storage: by hand, against a simulation, and the compiled twin."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import trapezoid

from mobile_storage.adequacy.analytic.contingency import Contingency, Deficit, Stage
from mobile_storage.adequacy.analytic.elcc import STATUSES
from mobile_storage.adequacy.analytic.islands import (
    SOC_LAWS,
    START_ERROR,
    Starts,
    bounded_starts,
    energy_served,
    expected_served,
    expected_unserved,
    gauss_nodes,
    merge,
    normal_deficit,
    starts,
    unserved_energy,
)
from mobile_storage.adequacy.analytic.kernel import population, start_error
from mobile_storage.adequacy.analytic.packed import AddedLoad, Days, Storage, pack

ALL, NONE = Deficit((1.0,), (0.0,)), Deficit()
CONSTANT = np.ones((1, 24))


def fault(law: str, repair: float, *stages: Stage, rate: float = 4.0) -> Contingency:
    return Contingency("X", rate, repair, law, stages or (Stage(np.inf, ALL, NONE),))


def full(energy: float, load: np.ndarray = CONSTANT, nodes: int = 2) -> Starts:
    """Storage that holds the same energy at all times."""
    days, steps = load.shape
    return starts(np.full((days, steps + 1), energy), np.full(days, 1 / days), nodes=nodes)


# By hand: supply lost four times a year, load 1 MW, storage of 2 MWh


@pytest.mark.parametrize(
    ("law", "unserved_mwh"),
    [
        # Served for 2 h of 4 h.
        ("fixed", 2.0),
        # r exp(-tau / r) = 4 exp(-1/2)
        ("exponential", 2.4261226388505337),
    ],
)
def test_full_storage_of_two_hours(law, unserved_mwh):
    outage = fault(law, 4.0)
    assert unserved_energy(outage, CONSTANT) == pytest.approx([4.0])
    served = energy_served(outage, CONSTANT, full(2.0), power=1.5)
    assert 4.0 - served == pytest.approx([unserved_mwh], rel=1e-12)
    year = expected_served([outage], CONSTANT, np.ones(1), full(2.0), 1.5)
    assert expected_unserved([outage], CONSTANT, np.ones(1)) - year == pytest.approx(
        4 * unserved_mwh, rel=1e-12
    )


def test_power_that_binds():
    # 0.5 MW for 4 h, all that 2 MWh can give.
    assert energy_served(fault("fixed", 4.0), CONSTANT, full(2.0), 0.5) == pytest.approx([2.0])
    # 0.25 MW for 4 h leaves half of it.
    assert energy_served(fault("fixed", 4.0), CONSTANT, full(2.0), 0.25) == pytest.approx([1.0])


def test_stages():
    # All dead for 1 h, then what is above 0.5 MW until the repair after 3 h: 1 + 2 x 0.5 MWh.
    # In the second stage 0.2 MW more cannot be reached.
    outage = fault(
        "fixed",
        3.0,
        Stage(1.0, ALL, NONE),
        Stage(np.inf, Deficit((1.0,), (0.5,)), Deficit((0.2,), (0.0,))),
    )
    assert unserved_energy(outage, CONSTANT) == pytest.approx([2.4])
    # 0.8 MW in the first hour, 0.5 MW in the second until 1 MWh is gone.
    assert energy_served(outage, CONSTANT, full(1.0), 0.8) == pytest.approx([1.0])
    assert energy_served(outage, CONSTANT, full(9.0), 0.8) == pytest.approx([1.8])
    # The repair comes before the second stage.
    assert energy_served(replace(outage, repair=0.5), CONSTANT, full(9.0), 0.8) == pytest.approx(
        [0.4]
    )


def test_storage_waits_for_the_peak():
    # 1 MW over capacity for one hour of the day, an outage of whole days: 1 MWh of deficit a day,
    # wherever the outage starts.
    load = np.zeros((1, 24))
    load[0, 18] = 2.0
    outage = fault("fixed", 72.0, Stage(np.inf, Deficit((1.0,), (1.0,)), NONE))
    assert energy_served(outage, load, full(2.5), 5.0) == pytest.approx([2.5])
    assert energy_served(outage, load, full(10.0), 5.0) == pytest.approx([3.0])


def test_normal_deficit():
    load = np.zeros((2, 24))
    load[0, 12:14] = 5.0
    share = np.array([0.25, 0.75])
    # 3 above 2, two hours on a quarter of the days.
    assert normal_deficit(load, share, 2.0) == pytest.approx(365 / 4 * 6.0)
    relief = np.zeros_like(load)
    relief[0, 12:14] = 1.0, 4.0
    assert normal_deficit(load, share, 2.0, relief) == pytest.approx(365 / 4 * 2.0)


def test_merge_adds_rates_of_the_same_consequences():
    one, other = fault("fixed", 4.0), fault("fixed", 5.0)
    merged = merge([one, other, replace(one, name="Y", rate=1.0)])
    assert [(c.name, c.rate) for c in merged] == [("X, Y", 5.0), ("X", 4.0)]


# Laws of the state of charge


def test_laws_by_hand():
    # Energy 0 in the first half of the day, 2 in the second; outages of 1 h at 1 MW.
    energy = np.zeros((1, 25))
    energy[0, 12:] = 2.0
    outage = fault("fixed", 1.0)
    load = np.zeros((1, 24))
    load[0, 13:24] = 1.0
    served = {
        law: energy_served(outage, load, starts(energy, np.ones(1), law), 1.0)[0]
        for law in SOC_LAWS
    }
    # A fault meets 1 MWh of load in one of 24 starts for each of eleven hours (shared by two).
    # Joint: storage is full then, but for the start in the hour before noon (load from 13 h on).
    assert served["joint"] == pytest.approx(11 / 24)
    # Marginal: empty in 11 of 24 h, and below what is needed for half of the hour of the jump.
    node, _ = gauss_nodes(2)
    some = [min(1.0, 2 * x) for x in node]
    assert served["marginal"] == pytest.approx(11 / 24 * 12 / 24 + served_partly(some, node))
    # Constant: 25/24 MWh at all times, more than the 1 MWh of any fault.
    assert served["constant"] == pytest.approx(11 / 24)


def served_partly(some, node):
    """Faults that draw an energy from the hour of the jump: full hours of load, and its edges."""
    total = 0.0
    for level in (2 * x for x in node):
        for start in node:
            # Ten starts see a full hour; one sees its last part, one its first part.
            parts = [1.0] * 10 + [start, 1.0 - start]
            total += sum(min(level, p) for p in parts) / 24 / 2
    return total / 24 / 2


def test_laws_agree_when_energy_never_changes():
    outage, load = fault("exponential", 7.0), np.linspace(1, 3, 24)[None]
    energy = np.full((1, 25), 6.0)
    joint, *others = (
        energy_served(outage, load, starts(energy, np.ones(1), law), 2.0) for law in SOC_LAWS
    )
    for other in others:
        assert other == pytest.approx(joint, rel=1e-12)


def test_unknown_law_is_named():
    with pytest.raises(ValueError, match="'typical' is none of"):
        starts(np.zeros((1, 25)), np.ones(1), "typical")


# Against a simulation, and between the laws


def simulate(c: Contingency, load: np.ndarray, begin_h: float, energy: float, power: float):
    """Energy served in one outage of fixed length, in very short steps."""
    dt, served = 0.002, 0.0
    step_h = 24.0 / load.size
    for hours in np.arange(dt / 2, c.repair, dt):
        stage = next(s for s in c.stages if hours < s.until)
        total = load[int((begin_h + hours) / step_h) % load.size]
        given_kwh = min(energy - served, dt * min(power, float(stage.reachable(total))))
        served += given_kwh
    return served


@pytest.mark.parametrize("steps", [24, 96])
def test_against_a_simulation(steps):
    rng = np.random.default_rng(4)
    load = rng.uniform(0.0, 3.0, (1, steps))
    outage = fault(
        "fixed",
        9.3,
        Stage(0.7, ALL, NONE),
        Stage(4.1, Deficit((0.5, -0.5), (0.2, 2.0)), NONE),
        Stage(np.inf, Deficit((0.3, 0.7), (0.0, 1.5)), NONE),
    )
    energy = rng.uniform(0.0, 4.0, (1, steps, 1))
    node, weight = gauss_nodes(1)
    start = Starts(node, weight, energy, np.empty(0), np.empty(0))
    mean = energy_served(outage, load, start, 0.8)[0]
    sample = range(0, steps, steps // 12)
    picked = np.zeros((1, steps, 1))
    picked[0, sample, 0] = energy[0, sample, 0]
    part = energy_served(outage, load, start._replace(energy=picked), 0.8)[0]
    simulated = sum(
        simulate(outage, load[0], (t + 0.5) * 24 / steps, energy[0, t, 0], 0.8) for t in sample
    )
    assert part * steps == pytest.approx(simulated, rel=2e-3)
    assert mean > part


def test_exponential_law_mixes_fixed_ones():
    load = np.random.default_rng(2).uniform(0.5, 2.0, (1, 24))
    stages = (Stage(2.0, ALL, NONE), Stage(np.inf, Deficit((1.0,), (1.2,)), NONE))
    start = full(5.0, load)

    hours = np.arange(0.0, 90.0, 0.1)
    fixed = [energy_served(fault("fixed", h, *stages), load, start, 1.5)[0] for h in hours]
    mixed = trapezoid(np.exp(-hours / 6.0) / 6.0 * fixed, hours)
    exponential = energy_served(fault("exponential", 6.0, *stages), load, start, 1.5)
    assert exponential == pytest.approx([mixed], rel=1e-4)


@pytest.mark.parametrize("law", ["fixed", "exponential"])
def test_unlimited_storage_serves_all_that_it_can_reach(law):
    load = np.random.default_rng(3).uniform(0.0, 2.0, (3, 24))
    outage = fault(law, 5.7, Stage(1.3, ALL, NONE), Stage(np.inf, Deficit((1.0,), (0.9,)), NONE))
    served = energy_served(outage, load, full(1e9, load), 1e9)
    assert served == pytest.approx(unserved_energy(outage, load), rel=1e-12)


def test_two_nodes_are_enough():
    load = 2.0 + np.sin(np.arange(24) / 24 * 2 * np.pi)[None]
    outage = fault("exponential", 8.0, Stage(np.inf, Deficit((1.0,), (1.5,)), NONE))
    energy = np.interp(np.arange(25) % 24, [0, 8, 16, 24], [1.0, 4.0, 2.0, 1.0])[None]
    few, many = (
        energy_served(outage, load, starts(energy, np.ones(1), nodes=k), 1.0) for k in (2, 40)
    )
    assert few == pytest.approx(many, rel=1e-3)


# How many moments in a step

HUNDRED = AddedLoad(peak=100.0, scaled=False)


def storage(start: Starts, power: float) -> Storage:
    """One storage that always works and never discharges while the system is intact."""
    return Storage(start, np.zeros((1, 1, 24)), np.array([power]), 1.0)


def contrived(seed: int) -> tuple:
    """A spiky hourly day, energy that jumps about, and a fault that storage does not outlast."""
    rng = np.random.default_rng(seed)
    load = (rng.uniform(0.0, 1.0, 24) ** rng.choice([1, 4, 10]) * 100.0 + 1e-3)[None]
    outage = fault(
        str(rng.choice(["exponential", "fixed"])),
        float(rng.choice([0.25, 0.5, 1.0, 2.0, 4.0])),
        Stage(float(rng.choice([0.3, 0.5, 1.0, 2.0])), ALL, NONE),
        Stage(np.inf, Deficit((1.0,), (rng.uniform(0.0, 80.0),)), NONE),
    )
    most, power = rng.uniform(1.0, 200.0), rng.uniform(1.0, 120.0)
    energy = np.clip(most / 2 + most / 4 * rng.uniform(-1, 1, 25).cumsum(), 0.0, most)[None]
    energy[0, -1] = energy[0, 0]
    return outage, load, energy, power


def test_split_steps_have_no_error_and_that_of_few_moments_is_known():
    """Against so many moments that kinks no longer count; two of them are off by over 1 %."""
    share, off = np.ones(1), []
    for seed in range(60):
        outage, load, energy, power = contrived(seed)
        packed, ends, days = pack([outage], np.inf), energy[None], Days(load, share)
        few, many = (storage(starts(ends, share, nodes=k), power) for k in (2, 300))
        before, close, *_ = population(packed, days, many, HUNDRED)
        _, two, elcc, status = population(packed, days, few, HUNDRED)
        split = few._replace(ends=ends)
        _, exact, exact_elcc, _ = population(packed, days, split, HUNDRED)
        assert exact[0] == pytest.approx(close[0], abs=3e-6 * before), seed
        error = start_error(packed, days, split, HUNDRED)[0] * before
        assert error >= abs(two[0] - close[0]) - 3e-6 * before
        if STATUSES[status[0]] == "solved":
            _, carried, *_ = population(packed, Days(load + elcc[0], share), many, HUNDRED)
            expected = max(abs(two[0] - close[0]), abs(carried[0] - before))
            assert error == pytest.approx(expected, abs=6e-6 * before)
            grown = Days(load + exact_elcc[0], share)
            _, carried, *_ = population(packed, grown, many, HUNDRED)
            assert carried[0] == pytest.approx(before, rel=3e-6)
        off.append(error / before)
    assert sum(x > 0.01 for x in off) >= 3


def test_storage_that_lasts_has_no_error_of_moments():
    load = 1.0 + np.sin(np.arange(24.0))[None] ** 2
    energy = np.full((1, 1, 25), 1e4)
    packed = pack([fault("exponential", 5.0), fault("fixed", 0.7)], np.inf)
    few = storage(starts(energy, np.ones(1)), 9.0)
    for lasting in (few, few._replace(ends=energy)):
        found = population(packed, Days(load, np.ones(1)), lasting, AddedLoad(2.0, scaled=False))
        assert found.after == pytest.approx([0.0], abs=1e-9)


@pytest.mark.parametrize("law", ["marginal", "constant"])
def test_split_steps_with_levels_of_energy(law):
    """The levels stay: only the moment of the fault is integrated."""
    share = np.ones(1)
    for seed in range(5):
        outage, load, energy, power = contrived(seed)
        packed, few = pack([outage], np.inf), starts(energy[None], share, law)
        node, weight = gauss_nodes(100)
        finer = few._replace(node=node, weight=weight, energy=np.zeros((1, 1, 24, 100)))
        days = Days(load, share)
        before, close, *_ = population(packed, days, storage(finer, power), HUNDRED)
        split = storage(few, power)._replace(ends=energy[None])
        exact = population(packed, days, split, HUNDRED).after
        assert exact == pytest.approx(close, abs=3e-5 * before)


def test_plain_functions_take_many_moments_where_few_are_off():
    share, few = np.ones(1), []
    for seed in (0, 1, 13, 31, 49):
        outage, load, energy, power = contrived(seed)
        start = bounded_starts([outage], load, share, energy, "joint", power)
        served, exact = (
            expected_served([outage], load, share, s, power)
            for s in (start, starts(energy, share, nodes=20))
        )
        before = expected_unserved([outage], load, share)
        assert abs(served - exact) <= START_ERROR * before
        few.append(start.node.size)
    assert min(few) == 2 < max(few)
    # Storage that outlasts every fault has no kink: two moments are exact.
    energy = np.full((1, 25), 9.0)
    long = bounded_starts([fault("fixed", 4.0)], CONSTANT, share, energy, "joint", 1.0)
    assert long.node.size == 2


# The compiled twin


def some_deficit() -> st.SearchStrategy[Deficit]:
    knee, slope = st.floats(0.0, 3.0), st.floats(0.05, 1.0)
    return st.one_of(
        st.sampled_from([ALL, NONE]),
        st.builds(lambda s, k: Deficit((s,), (k,)), slope, knee),
        st.builds(lambda s, k, more: Deficit((s, -s / 2), (k, k + more)), slope, knee, knee),
    )


@st.composite
def outages(draw) -> Contingency:
    ends = [*sorted(draw(st.sets(st.floats(0.01, 60.0), max_size=3))), np.inf]
    law = draw(st.sampled_from(["fixed", "exponential"]))
    stages = [Stage(end, draw(some_deficit()), draw(some_deficit())) for end in ends]
    return fault(law, draw(st.floats(0.05, 120.0)), *stages, rate=draw(st.floats(0.01, 3.0)))


@settings(max_examples=80)
@given(
    contingencies=st.lists(outages(), min_size=1, max_size=4),
    shape=st.tuples(st.integers(1, 3), st.sampled_from([1, 5, 24, 96])),
    law=st.sampled_from(SOC_LAWS),
    power=st.one_of(st.just(0.0), st.floats(0.01, 4.0)),
    most_energy=st.sampled_from([0.0, 0.1, 3.0, 500.0]),
    seed=st.integers(0, 2**32 - 1),
)
def test_kernel_has_the_same_numbers(contingencies, shape, law, power, most_energy, seed):
    days, steps = shape
    steps = min(steps, 24) if law == "marginal" else steps
    rng = np.random.default_rng(seed)
    # Whole numbers: loads at knees, energies that end with a step.
    load = rng.choice([rng.uniform(0, 4, (days, steps)), rng.integers(0, 5, (days, steps))])
    share = rng.dirichlet(np.ones(days))
    energy = most_energy * rng.uniform(0.0, 1.0, (days, steps + 1)).round(1)
    discharge = rng.uniform(0.0, 1.0, (days, steps))
    start = starts(energy, share, law)
    before, after, elcc, status = population(
        pack(contingencies, 3.5),
        Days(load, share),
        Storage(starts(energy[None], share, law), discharge[None], np.array([power]), 0.9),
        AddedLoad(peak=4.0, scaled=False),
    )
    expected = expected_unserved(contingencies, load, share) + normal_deficit(load, share, 3.5)
    served = (
        expected_served(contingencies, load, share, start, power)
        + normal_deficit(load, share, 3.5)
        - normal_deficit(load, share, 3.5, discharge)
    )
    assert before == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert before - after[0] == pytest.approx(0.9 * served, rel=1e-9, abs=1e-10 * (1 + expected))
    assert after[0] >= -1e-9 * expected
    assert STATUSES[status[0]] == "solved" or elcc[0] in (0.0, np.inf)
