"""Simulated generation: by hand, against exact recursions, and on published systems."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from mobile_storage.adequacy.estimate import Estimate, Sampling
from mobile_storage.adequacy.units.load_shape import hourly_load
from mobile_storage.adequacy.units.simulation import Storage, Unit, simulate_units, two_state

KNOWN = json.loads(
    (Path(__file__).parents[2] / "known_answers/adequacy_cases.json").read_text(encoding="utf-8")
)


def agrees(estimate: Estimate, value, its_error: float = 0.0) -> bool:
    return bool(np.all(np.abs(estimate.standard_errors_off(value, its_error)) <= 3.0))


# Two transformers of 50 MW with an unavailability of 0.01, a daily load up to 60 MW, and storage of
# 10 MW and 20 MWh with a round trip of 0.9.
TOY_LOAD = 60 * (0.65 + 0.35 * np.sin(2 * np.pi * (np.arange(8760) % 24 - 9) / 24) ** 2)
TOY_STORAGE = Storage(10, 10, 20, math.sqrt(0.9), math.sqrt(0.9), 20)


def toy_units(mttr_h: float, unavailability: float = 0.01) -> tuple[Unit, ...]:
    repair = 1 / mttr_h
    return (two_state(50, unavailability / (1 - unavailability) * repair, repair, count=2),)


def toy_eens(mttr_h: float, load: np.ndarray) -> float:
    """Backward recursion over the hours on (transformers down, stored energy), on a fine grid."""
    repair, failure = 1 / mttr_h, 0.01 / 0.99 / mttr_h
    move = np.array(
        [
            [(1 - failure) ** 2, 2 * failure * (1 - failure), failure**2],
            [
                repair * (1 - failure),
                repair * failure + (1 - repair) * (1 - failure),
                (1 - repair) * failure,
            ],
            [repair**2, 2 * repair * (1 - repair), (1 - repair) ** 2],
        ]
    )
    eta = math.sqrt(0.9)
    grid = np.linspace(0, 20, 201)
    value = np.zeros((3, len(grid)))
    for demand in load[::-1]:
        later = move @ value
        for down in range(3):
            surplus = 50 * (2 - down) - demand
            given = np.minimum(min(max(-surplus, 0), 10), grid * eta)
            taken = min(max(surplus, 0), 10) * eta
            after = np.minimum(20, grid + taken) - given / eta
            value[down] = max(-surplus, 0) - given + np.interp(after, grid, later[down])
    return float(np.array([0.99**2, 2 * 0.99 * 0.01, 0.01**2]) @ value[:, -1])


def test_one_unit_by_hand():
    """Up nine hours of ten: a load of 3 lacks them in a tenth of the time."""
    found = simulate_units((two_state(5, 0.1, 0.9),), np.full(10, 3.0))
    assert agrees(found.lole, 1.0)
    assert agrees(found.eens, 3.0)
    assert found.eens.mean == pytest.approx(3 * found.lole.mean)
    assert agrees(found.survival, 0.9 ** np.arange(1, 11))


def test_a_unit_with_a_derated_state():
    """To half with 0.2, down with 0.3, back with 0.6: half, a third and a sixth of the time."""
    rates = np.array([[0, 0.2, 0], [0, 0, 0.3], [0.6, 0, 0]])
    for clock in ("hourly", "continuous"):
        found = simulate_units(
            (Unit(np.array([8.0, 4.0, 0.0]), rates),), np.full(5, 6.0), clock=clock
        )
        assert agrees(found.lole, 5 * 0.5)
        assert agrees(found.eens, 5 * (2 / 6 * 2 + 1 / 6 * 6))


def test_storage_runs_dry_before_an_exponential_repair():
    """Down at the start, mean repair 4 h, 1 MW, 2 MWh: 4 exp(-2/4) MWh are lacking."""
    unit = two_state(1.0, 0.0, 0.25, start=np.array([0.0, 1.0]))
    found = simulate_units((unit,), np.ones(150), Storage(0, 1, 2, initial_energy=2), "continuous")
    assert agrees(found.eens, 4 * math.exp(-0.5))
    assert agrees(found.lole, 4 * math.exp(-0.5))
    # In whole hours: down at the end of hour k with probability 0.75^k, from the third on.
    found = simulate_units((unit,), np.ones(150), Storage(0, 1, 2, initial_energy=2), "hourly")
    assert agrees(found.eens, 0.75**2 / 0.25)


def test_a_discharge_loses_energy_and_its_power_is_limited():
    down = (two_state(9.0, 0.0, 0.0, start=np.array([0.0, 1.0])),)
    one = Sampling(least_batches=1, most_batches=1)
    half = Storage(0, 1, 4, discharge_efficiency=0.5, initial_energy=4)
    found = simulate_units(down, np.full(5, 3.0), half, sampling=one)
    # 1 MW for two hours takes all 4 MWh.
    assert found.hourly_eens.mean == pytest.approx([2, 2, 3, 3, 3])
    assert found.stored_energy.mean == pytest.approx([2, 0, 0, 0, 0])
    up = (two_state(9.0, 0.0, 0.0, start=np.array([1.0, 0.0])),)
    charged = simulate_units(up, np.full(5, 3.0), Storage(2, 1, 3, 0.8), sampling=one)
    assert charged.stored_energy.mean == pytest.approx([1.6, 3, 3, 3, 3])
    assert (charged.eens.mean, charged.eens.events) == (0.0, 0)


@pytest.mark.parametrize("mttr_h", [4, 50])
def test_two_transformers(mttr_h):
    without = simulate_units(toy_units(mttr_h), TOY_LOAD)
    assert agrees(without.eens, KNOWN["two_transformers"]["EENS_no_storage_MWh"])
    # The load is the same whether up or down: the table of states, added up by hand.
    exact = np.maximum(TOY_LOAD - 50, 0).sum() * 2 * 0.99 * 0.01 + TOY_LOAD.sum() * 0.01**2
    assert exact == pytest.approx(KNOWN["two_transformers"]["EENS_no_storage_MWh"])


@pytest.mark.slow
@pytest.mark.parametrize(("mttr_h", "other"), [(4, (182.56, 1.54)), (50, (270.89, 5.12))])
def test_two_transformers_with_storage(mttr_h, other):
    """Against an exact recursion, and another simulation of 4000 years by 4000 years."""
    exact = toy_eens(mttr_h, TOY_LOAD)
    found = simulate_units(toy_units(mttr_h), TOY_LOAD, TOY_STORAGE)
    assert found.eens.standard_error <= 0.01 * found.eens.mean
    assert agrees(found.eens, exact)
    as_many = Sampling(precision=0.0, least_batches=8, most_batches=8)
    found = simulate_units(toy_units(mttr_h), TOY_LOAD, TOY_STORAGE, sampling=as_many)
    assert agrees(found.eens, *other)
    # What would be wrong is told apart: no storage, or the other repair time.
    assert not agrees(found.eens, toy_eens(54 - mttr_h, TOY_LOAD))


def published(system: str) -> tuple[tuple[Unit, ...], np.ndarray]:
    tables = KNOWN["load_shape"]
    weeks = {
        season: [week for first, last in runs for week in range(first, last + 1)]
        for season, runs in tables["season_weeks"].items()
    }
    load = hourly_load(
        tables["weekly_peak_pct"],
        tables["daily_peak_pct"],
        tables["hourly_pct"],
        weeks,
        KNOWN[system]["peak_MW"],
    )
    if system == "rbts":
        units = ((c, f / 8760, r / 8760, n) for c, f, r, n in KNOWN[system]["units"])
    else:
        units = ((c, 1 / up, 1 / down, n) for c, up, down, n in KNOWN[system]["units"])
    return tuple(two_state(c, f, r, count=n) for c, f, r, n in units), load


@pytest.mark.slow
def test_rbts():
    units, load = published("rbts")
    found = simulate_units(units, load, clock="continuous", sampling=Sampling(precision=0.02))
    known = KNOWN["rbts"]["computed"]["hourly_8736"]
    assert agrees(found.lole, known["LOLE_h"])
    assert agrees(found.eens, known["EENS_MWh"])
    assert found.eens.standard_error <= 0.02 * found.eens.mean
    # A worse unit is clearly worse.
    worse = (two_state(40, 12 / 8760, 194 / 8760), two_state(40, 6 / 8760, 194 / 8760), *units[1:])
    changed = simulate_units(worse, load, clock="continuous", sampling=Sampling(precision=0.04))
    assert changed.eens.standard_errors_off(found.eens.mean, found.eens.standard_error) > 10


@pytest.mark.slow
def test_rts79():
    units, load = published("rts79")
    found = simulate_units(units, load, clock="continuous", sampling=Sampling(precision=0.02))
    known = KNOWN["rts79"]["published"]
    # The published numbers are rounded: 1176 MWh to half a MWh.
    assert agrees(found.lole, known["LOLE_h"])
    assert agrees(found.eens, known["EENS_MWh"])


FINE = Sampling(precision=0.004)


@pytest.mark.parametrize("system", ["singlenode_a", "singlenode_b", "threenode_copperplate"])
def test_pras(system):
    known = KNOWN["pras"]["systems"][system]
    units = tuple(
        two_state(np.array(capacity), q, 1 - q)
        for capacity, q in zip(known["capacity"], known["unavailability"], strict=True)
    )
    found = simulate_units(units, np.array(known["load"]), sampling=FINE, batch_size=20000)
    assert agrees(found.lolp, np.array(known["LOLP"]))
    assert agrees(found.hourly_eens, np.array(known["EUE"]))
    assert agrees(found.lole, sum(known["LOLP"]))
    assert agrees(found.eens, sum(known["EUE"]))


def test_pras_generator_and_storage_that_both_fail():
    storage = Storage(10, 10, 10, failure=0.1, repair=0.9)
    found = simulate_units(
        (two_state(10, 0.1, 0.9),), np.array([8.0, 9.0]), storage, sampling=FINE, batch_size=20000
    )
    assert agrees(found.lolp, [0.1, 0.1])
    assert agrees(found.hourly_eens, [0.8, 0.7542])
    assert agrees(found.stored_energy, [1.62, 2.2842])
    assert agrees(found.eens, 1.5542)
    ideal = simulate_units(
        (two_state(10, 0.1, 0.9),),
        np.array([8.0, 9.0]),
        Storage(10, 10, 10),
        sampling=FINE,
        batch_size=20000,
    )
    assert ideal.stored_energy.standard_errors_off(1.62)[0] > 10


def test_reopt_survival_of_an_outage():
    """Generators without repair fail before the first hour, too; the battery is half full."""
    known = KNOWN["reopt"]["two_generators_and_battery"]
    generator = two_state(1.0, 0.2, 0.0, start=np.array([0.8, 0.2]), count=2)
    load = np.array(known["net_load_kW"], dtype=float)
    battery = Storage(1, 1, 2, initial_energy=known["start_energy_kWh"])
    for start, survival in enumerate(known["cumulative"]):
        found = simulate_units(
            (generator,), np.roll(load, -start)[:3], battery, sampling=FINE, batch_size=20000
        )
        known_for_sure = np.array(survival) == 1.0
        assert (found.survival.mean[known_for_sure] == 1.0).all()
        assert agrees(found.survival, np.array(survival))


def test_workers_change_nothing():
    args = (toy_units(4), TOY_LOAD[:500], TOY_STORAGE)
    alone, together = (
        simulate_units(*args, sampling=Sampling(precision=0.05, workers=w)).eens for w in (1, 3)
    )
    assert vars(alone) == vars(together)


def test_what_never_lacks_has_a_bound():
    few = Sampling(least_batches=1, most_batches=2)
    found = simulate_units((two_state(5, 0.0, 1.0),), np.full(4, 3.0), sampling=few)
    assert (found.eens.mean, found.eens.low) == (0.0, 0.0)
    assert found.eens.high == pytest.approx(12 * 3 / 1000, rel=2e-3)
    assert found.lolp.high == pytest.approx(np.full(4, 3 / 1000), rel=2e-3)


@pytest.mark.parametrize(
    ("unit", "load", "clock", "message"),
    [
        (two_state(1, 0.1, 0.9), [1.0], "daily", "clock 'daily' is none of"),
        (two_state(1, 0.1, 0.9), [-1.0], "hourly", r"load\[0\] is -1.0, expected"),
        (two_state(1, 0.1, 0.9), [[1.0]], "hourly", r"load has the shape \(1, 1\), expected"),
        (two_state(1, 1.1, 0.9), [1.0], "hourly", "transition of unit 0"),
        (two_state(1, 0.0, 0.0), [1.0], "hourly", "no unique stationary state"),
        (two_state(np.ones(3), 0.1, 0.9), [1.0, 2.0], "hourly", "capacities for 3 hours"),
    ],
)
def test_what_makes_no_sense_is_refused(unit, load, clock, message):
    with pytest.raises(ValueError, match=message):
        simulate_units((unit,), np.array(load), clock=clock)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: two_state(1, -0.1, 0.9), "failure of a unit is -0.1"),
        (lambda: two_state(1, 0.1, 0.9, np.array([0.5, 0.4])), "start of a unit adds up to 0.9"),
        (lambda: two_state(np.array([8.0, np.nan]), 0.1, 0.4), r"capacity of a unit\[1\] is nan"),
        (lambda: Unit(np.ones(3), np.zeros((2, 2))), "one row for each state"),
    ],
)
def test_impossible_units_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"energy": -1.0}, "energy of a storage is -1.0"),
        ({"energy": np.inf}, "energy of a storage is inf"),
        ({"charge_efficiency": 1.1}, "charge_efficiency of a storage is 1.1"),
        ({"discharge_efficiency": 0.0}, "discharge_efficiency of a storage is 0.0"),
        ({"initial_energy": 3.0}, "from 0 to 2"),
    ],
)
def test_impossible_storage_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        Storage(**({"charge_power": 1.0, "discharge_power": 1.0, "energy": 2.0} | wrong))
