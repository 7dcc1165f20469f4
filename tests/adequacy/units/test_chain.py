"""Units and greedy storage step by step: by hand, over all paths, and of published systems."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobile_storage.adequacy.units.chain import MarkovUnit, Storage, chronology, outage_survival
from mobile_storage.adequacy.units.outage_table import Unit, outage_table
from mobile_storage.adequacy.units.risk import risk

KNOWN = json.loads(
    (Path(__file__).parents[2] / "known_answers/adequacy_cases.json").read_text(encoding="utf-8")
)

# By hand.


def test_storage_through_a_day_without_chance():
    """Charge 4 h a step of half an hour at most, lose a fifth on the way in and a half out."""
    unit = MarkovUnit(np.array([10.0, 10.0, 0.0, 0.0, 0.0]))
    storage = Storage(3.0, 4.0, 2.0, charge_efficiency=0.8, discharge_efficiency=0.5)
    found = chronology([unit], [7.0, 4.0, 1.0, 3.0, 1.0], storage, step_h=0.5)
    # In: 3 x 0.8 x 0.5 = 1.2, then room for 1.8 but power for 4 x 0.8 x 0.5 = 1.6 only;
    # out: 1 x 0.5 / 0.5 = 1, then 1.8 is left: 2 of power takes all but nothing for 1 of the load
    # (1.8 x 0.5 / 0.5 = 1.8 of power serves 1.8 of 3), then nothing.
    np.testing.assert_allclose(found.stored, [1.2, 2.8, 1.8, 0.0, 0.0], atol=1e-11)
    np.testing.assert_allclose(found.unserved, [0.0, 0.0, 0.0, 0.6, 0.5], atol=1e-11)
    assert found.lolp.tolist() == [0.0, 0.0, 0.0, 1.0, 1.0]
    assert found.lole == pytest.approx(1.0)
    assert found.eens == pytest.approx(1.1)


def test_storage_that_leaks():
    found = chronology([], [0.0, 0.0, 1.0], Storage(8.0, 1.0, 1.0, retention=0.5), start_energy=8.0)
    np.testing.assert_allclose(found.stored, [8.0, 4.0, 1.0], rtol=1e-12)


def test_a_unit_without_repair_dies_out():
    found = chronology([MarkovUnit(1.0, 0.2, 0.0, start=1.0)], np.ones(4), draw_first=True)
    np.testing.assert_allclose(found.lolp, 1.0 - 0.8 ** np.arange(1, 5), rtol=1e-12)
    first = chronology([MarkovUnit(1.0, 0.2, 0.0, start=1.0)], np.ones(4))
    np.testing.assert_allclose(first.lolp, 1.0 - 0.8 ** np.arange(4), atol=1e-15)


def test_storage_that_is_down_keeps_its_energy():
    storage = Storage(5.0, 5.0, 5.0, fail=0.0, repair=0.25, start=0.0)
    found = chronology([], [1.0, 1.0], storage, start_energy=1.0)
    np.testing.assert_allclose(found.lolp, [1.0, 0.75])
    np.testing.assert_allclose(found.stored, [1.0, 0.75])


# Over all paths.


def paths(units, load, storage, start_energy, step_h, draw_first):
    """Every path of every single unit and of the storage, told apart: chance, short, energy."""
    single = [unit for unit in units for _ in range(unit.count)]
    single.append(MarkovUnit(0.0, storage.fail, storage.repair, 1, storage.start))
    steps = len(load)

    def chance(unit: MarkovUnit, ups: tuple[int, ...]) -> float:
        up = unit.repair / (unit.fail + unit.repair) if unit.start is None else unit.start
        for t, on in enumerate(ups):
            if t or draw_first:
                up = (1.0 - unit.fail) * up + unit.repair * (1.0 - up)
            yield up if on else 1.0 - up
            up = float(on)

    each = [
        [(ups, float(np.prod(list(chance(unit, ups))))) for ups in product([0, 1], repeat=steps)]
        for unit in single
    ]
    for path in product(*each):
        probability = np.prod([p for _, p in path])
        if not probability:
            continue
        energy, short, stored = start_energy, [], []
        for t in range(steps):
            energy *= storage.retention if t else 1.0
            made = sum(
                np.broadcast_to(unit.capacity, (steps,))[t] * ups[t]
                for unit, (ups, _) in zip(single, path, strict=True)
            )
            left, missing = made - load[t], 0.0
            works = path[-1][0][t]
            if left >= 0.0 and works:
                power = min(left, storage.charge)
                energy = min(storage.energy, energy + power * storage.charge_efficiency * step_h)
            elif left < 0.0:
                most = min(storage.discharge, energy * storage.discharge_efficiency / step_h)
                power = min(-left, most) * works
                energy -= power * step_h / storage.discharge_efficiency
                missing = -left - power
            short.append(missing)
            stored.append(energy)
        yield probability, np.array(short), np.array(stored)


probability = st.sampled_from([0.0, 0.1, 0.35, 1.0])


@st.composite
def a_system(draw):
    steps = draw(st.integers(1, 3))
    numbers = st.integers(0, 6)

    def unit() -> MarkovUnit:
        capacity = draw(numbers | st.lists(numbers, min_size=steps, max_size=steps).map(np.array))
        count = draw(st.integers(0, 2))
        return MarkovUnit(capacity, draw(probability), draw(probability), count, draw(probability))

    efficiency = st.sampled_from([0.5, 0.9, 1.0])
    storage = Storage(
        float(draw(st.integers(0, 6))),
        draw(st.sampled_from([0.0, 1.5, 4.0])),
        draw(st.sampled_from([0.0, 1.5, 4.0])),
        draw(efficiency),
        draw(efficiency),
        draw(efficiency),
        draw(probability),
        draw(st.sampled_from([0.2, 1.0])),
    )
    load = draw(st.lists(st.integers(-2, 10), min_size=steps, max_size=steps))
    start = draw(st.sampled_from([0.0, 0.5, 1.0])) * storage.energy
    units = [unit() for _ in range(draw(st.integers(0, 2)))]
    return units, np.array(load, float), storage, start, draw(st.sampled_from([0.5, 1.0]))


@given(system=a_system(), draw_first=st.booleans())
def test_chronology_is_that_of_all_paths(system, draw_first):
    units, load, storage, start, step_h = system
    found = chronology(
        units, load, storage, start_energy=start, step_h=step_h, draw_first=draw_first
    )
    lolp, unserved, stored = np.zeros((3, load.size))
    for chance, short, energy in paths(units, load, storage, start, step_h, draw_first):
        lolp += chance * (short > 1e-8)
        unserved += chance * short * step_h
        stored += chance * energy
    np.testing.assert_allclose(found.lolp, lolp, atol=1e-10)
    np.testing.assert_allclose(found.unserved, unserved, atol=1e-9)
    np.testing.assert_allclose(found.stored, stored, atol=1e-9)


@given(system=a_system(), draw_first=st.booleans(), cumulative=st.booleans())
def test_survival_is_that_of_all_paths_from_each_start(system, draw_first, cumulative):
    units, load, storage, start, step_h = system
    units = [
        MarkovUnit(np.max(u.capacity), u.fail, u.repair, u.count, u.start or 0.3) for u in units
    ]
    starts = np.linspace(0.0, start, load.size)
    options = {"step_h": step_h, "draw_first": draw_first}
    found = outage_survival(
        units, load, load.size, storage, start_energy=starts, cumulative=cumulative, **options
    )
    for t, energy in enumerate(starts):
        survived = np.zeros(load.size)
        for chance, short, _ in paths(units, np.roll(load, -t), storage, energy, **options):
            served = short <= 1e-8
            survived += chance * (np.minimum.accumulate(served) if cumulative else served)
        np.testing.assert_allclose(found[t], survived, atol=1e-10)


# Invariants.


def test_without_storage_every_step_is_that_of_the_outage_table():
    """The states start from their long-run law and stay there."""
    chains = [MarkovUnit(40.0, 0.02, 0.18, count=3), MarkovUnit(25.0, 0.05, 0.45)]
    table = outage_table([Unit.two_state(40.0, 0.1, count=3), Unit.two_state(25.0, 0.1)])
    load = np.linspace(30.0, 140.0, 12)
    found, expected = chronology(chains, load), risk(table, load)
    np.testing.assert_allclose(found.lolp, expected.lolp, rtol=1e-10)
    np.testing.assert_allclose(found.unserved, expected.shortfall, rtol=1e-10)


@given(
    load=st.lists(st.integers(0, 12), min_size=2, max_size=8),
    energy=st.tuples(st.integers(0, 10), st.integers(0, 10)),
    power=st.tuples(st.integers(0, 6), st.integers(0, 6)),
)
def test_larger_storage_leaves_less_unserved(load, energy, power):
    units = [MarkovUnit(4.0, 0.1, 0.4, count=2)]
    small = Storage(min(energy), min(power), min(power), 0.9, 0.9)
    large = Storage(max(energy), max(power), max(power), 0.9, 0.9)
    one, other = chronology(units, load, small), chronology(units, load, large)
    assert np.all(np.cumsum(other.unserved) <= np.cumsum(one.unserved) + 1e-9)


def test_a_state_between_two_levels_is_shared_between_them():
    """Levels 0, 4, 8 and full storage, 10: by hand."""
    storage = Storage(10.0, 10.0, 10.0)
    # 7 is 1/4 at 4 and 3/4 at 8: 5 of load leaves 1 in the first case; 0 and 3 are left, and the
    # 3 are 1/4 at 0 and 3/4 at 4. A load of 2 then finds nothing with a chance of 7/16.
    found = chronology([], [5.0, 2.0], storage, start_energy=7.0, resolution=4.0)
    np.testing.assert_allclose(found.unserved, [0.25, 2 * 7 / 16])
    np.testing.assert_allclose(found.lolp, [0.25, 7 / 16])
    # 9 is half at 8, half at 10, which is no multiple of 4 but full.
    full = chronology([], [0.0, 9.0], storage, start_energy=9.0, resolution=4.0)
    np.testing.assert_allclose(full.stored[0], 9.0)
    np.testing.assert_allclose(full.unserved[1], 0.5)


@pytest.mark.parametrize(("resolution", "close"), [(2.0, 1e-3), (1.0, 3e-4), (0.2, 3e-5)])
def test_a_resolution_has_no_bias(resolution, close):
    """A week of five units, mean time to repair 4 h; rounded to the nearest level it was off by
    -0.2, +1.0 and -0.04 per cent."""
    hours = np.arange(168)
    daily = 60 + 25 * np.sin(2 * np.pi * (hours - 9) / 24) + 8 * np.sin(2 * np.pi * hours / 168)
    load = np.round(daily / 0.37) * 0.37
    units = [MarkovUnit(20.35, 1 / 50, 1 / 4, count=5)]
    storage = Storage(37.37, 11.84, 11.84)
    exact = chronology(units, load, storage, start_energy=18.5)
    assert exact.eens == pytest.approx(43.0766582, abs=1e-6)
    found = chronology(units, load, storage, start_energy=18.5, resolution=resolution)
    # What is not served in a period is convex in the energy: sharing never makes it less.
    assert 0.0 <= found.eens / exact.eens - 1.0 < close


# Published systems.


def test_pras_generator_and_storage():
    known = KNOWN["pras"]["gen_and_storage"]
    gen, storage = known["gen"], known["storage"]
    found = chronology(
        [MarkovUnit(gen["cap"], gen["lambda"], gen["mu"])],
        known["load"],
        Storage(
            storage["energy"],
            storage["charge"],
            storage["discharge"],
            fail=storage["lambda"],
            repair=storage["mu"],
        ),
    )
    np.testing.assert_allclose(found.lolp, known["LOLP"], rtol=1e-12)
    np.testing.assert_allclose(found.unserved, known["EUE_t"], rtol=1e-12)
    np.testing.assert_allclose(found.stored, known["mean_energy_end"], rtol=1e-12)


@pytest.mark.parametrize(
    ("case", "kind"),
    [
        ("two_generators_and_battery", "cumulative"),
        ("two_generators_and_battery", "marginal"),
        ("two_generators", "cumulative"),
    ],
)
def test_reopt_survival_of_an_outage(case, kind):
    known = KNOWN["reopt"][case]
    generator, battery = known["generator"], known.get("battery", {"kWh": 0, "kW": 0})
    found = outage_survival(
        [MarkovUnit(generator["kW"], generator["fail"], 0.0, generator["count"], start=1.0)],
        known["net_load_kW"],
        3,
        Storage(battery["kWh"], battery["kW"], battery["kW"]),
        start_energy=known.get("start_energy_kWh", 0.0),
        cumulative=kind == "cumulative",
    )
    np.testing.assert_allclose(found, known[kind], atol=1e-12)


def test_reopt_battery_of_four_hours_beside_a_generator():
    """A day is survived if the generator starts and fails in none of the first 20 hours."""
    known = KNOWN["reopt"]["flat_load"]
    generator, battery = known["generator"], known["battery"]
    found = outage_survival(
        [MarkovUnit(generator["kW"], generator["fail"], 0.0, start=0.98 * 0.9)],
        np.full(5, known["load_kW"]),
        24,
        Storage(battery["kWh"], battery["kW"], battery["kW"]),
        start_energy=battery["kWh"],
    )
    np.testing.assert_allclose(found[:, -1], 0.99**20 * 0.9 * 0.98, rtol=1e-12)


def test_two_transformers_with_storage_against_a_simulation():
    known = KNOWN["two_transformers"]
    hour = np.arange(8760)
    load = 60.0 * (0.65 + 0.35 * np.sin(2.0 * np.pi * (hour % 24 - 9) / 24.0) ** 2)
    repair = 1.0 / 4.0
    units = [MarkovUnit(50.0, repair * 0.01 / 0.99, repair, count=2)]
    alone = chronology(units, load)
    assert alone.eens == pytest.approx(known["EENS_no_storage_MWh"], rel=1e-9)
    storage = Storage(20.0, 10.0, 10.0, 0.9**0.5, 0.9**0.5)
    with_storage = chronology(units, load, storage, start_energy=20.0, resolution=0.1)
    mean, standard_error = known["EENS_MTTR_4_h_MWh"]
    assert abs(with_storage.eens - mean) < 3.0 * standard_error


# What goes wrong is named.

STORE = Storage(10.0, 3.0, 3.0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MarkovUnit(1.0, fail=1.5), "fail of a unit is 1.5"),
        (lambda: MarkovUnit(1.0, fail=0.0, repair=0.0), "both 0, expected a start probability"),
        (lambda: MarkovUnit(1.0, count=0.5), "count of a unit is 0.5"),
        (lambda: Storage(-1.0, 1.0, 1.0), "energy of a storage is -1.0"),
        (lambda: Storage(1.0, 1.0, 1.0, charge_efficiency=0.0), "charge_efficiency"),
        (
            lambda: Storage(np.inf, 1.0, 1.0),
            "energy of a storage is inf, expected a finite number of at least 0",
        ),
        (lambda: MarkovUnit(np.nan, 0.1, 0.4), "capacity of a unit is nan, expected a finite"),
        (lambda: chronology([], [1.0, np.nan]), r"load\[1\] is nan, expected a finite"),
        (lambda: chronology([], [1.0], step_h=0.0), "step_h is 0.0"),
        (lambda: chronology([], [1.0], STORE, resolution=-1.0), "resolution is -1.0"),
        (
            lambda: chronology([], [1.0], STORE, start_energy=11.0),
            "start_energy is 11.0",
        ),
        (lambda: chronology([MarkovUnit(np.ones(3))], [1.0, 2.0]), r"shape \(3,\), expected"),
        (
            lambda: chronology([MarkovUnit(1.0, 0.1, count=1) for _ in range(25)], [1.0]),
            "have 67108864 joint states, expected at most 5000000",
        ),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_too_many_energies_ask_for_a_resolution():
    rng = np.random.default_rng(7)
    units = [MarkovUnit(rng.random(60), 0.2, 0.2) for _ in range(6)]
    with pytest.raises(ValueError, match="give a coarser energy resolution"):
        chronology(units, 3.0 + rng.random(60), Storage(50.0, 3.0, 3.0), start_energy=25.0)
