"""Capacity credit: by hand, of all states, of a published system, and where there is none."""

from __future__ import annotations

import json
import math
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.optimize import bisect

from mobile_storage.adequacy.analytic.elcc import CapacityCredit, efc, elcc, level_crossing
from mobile_storage.adequacy.units.chain import MarkovUnit, Storage, chronology
from mobile_storage.adequacy.units.outage_table import Unit, outage_table
from mobile_storage.adequacy.units.risk import risk, risk_of_varying_units

KNOWN = json.loads(
    (Path(__file__).parents[2] / "known_answers/adequacy_cases.json").read_text(encoding="utf-8")
)


def eens(*units: Unit):
    table = outage_table(units)
    return lambda load: risk(table, load).eens


def lole(*units: Unit):
    table = outage_table(units)
    return lambda load: risk(table, load).lole


def firm(capacity: float) -> Unit:
    return Unit((capacity,), (1.0,))


THREE = Unit.two_state(10.0, 0.1, count=3)
LOAD = np.array([15.0, 22.0, 28.0])

# By hand.


@pytest.mark.parametrize("capacity", [1e-3, 4.0, 7.5, 20.0])
def test_what_never_fails_is_worth_its_capacity(capacity):
    index, without = eens(THREE, firm(capacity)), eens(THREE)
    for found in (elcc(index, without, LOAD), efc(index, without, LOAD)):
        assert found.status == "solved"
        assert found.value == pytest.approx(capacity, rel=1e-9)
        assert found.interval == (found.value, found.value)


def test_a_unit_that_fails_beside_a_sure_one_and_a_constant_load():
    """10 sure, load 12: 2 unserved. With 8 more of availability 0.75 and x more load:

    0.25 (2 + x) + 0.75 max(0, x - 6) = 2 has x = 6. Firm capacity x leaves 2 - x where the unit
    leaves 0.25 (2), so x = 1.5.
    """
    index, without = eens(firm(10.0), Unit.two_state(8.0, 0.25)), eens(firm(10.0))
    assert elcc(index, without, [12.0]).value == pytest.approx(6.0, rel=1e-9)
    assert efc(index, without, [12.0]).value == pytest.approx(1.5, rel=1e-9)


def test_scaled_load_adds_least_where_the_load_is_low():
    """Loads of 12 and 6 on 5 sure, 7 + 1 unserved; 4 more of them.

    Scaled by 1 + x / 12: (12 + x - 9) + max(0, 6 + x / 2 - 9) = 8 has x = 5.
    As a constant: (12 + x - 9) + max(0, 6 + x - 9) = 8 has x = 4.
    """
    index, without = eens(firm(9.0)), eens(firm(5.0))
    scaled = elcc(index, without, [12.0, 6.0], form="scaled")
    assert scaled.value == pytest.approx(5.0, rel=1e-9)
    assert elcc(index, without, [12.0, 6.0]).value == pytest.approx(4.0, rel=1e-9)


def test_a_resource_that_does_harm_has_a_negative_capacity():
    index, without = eens(THREE), eens(THREE, firm(7.0))
    assert elcc(index, without, LOAD).value == pytest.approx(-7.0, rel=1e-9)
    assert efc(index, without, LOAD).value == pytest.approx(-7.0, rel=1e-9)


# Against all states, one by one.


def test_two_units_and_a_third_from_all_states():
    capacity, out, load = [10.0, 6.0, 5.0], [0.1, 0.2, 0.3], np.array([7.0, 11.0, 14.0])

    def by_states(count: int, added: float) -> float:
        total = 0.0
        for up in product([0, 1], repeat=count):
            chance = math.prod(1 - q if on else q for on, q in zip(up, out[:count], strict=True))
            short = load + added - np.dot(up, capacity[:count])
            total += chance * np.maximum(0.0, short).sum()
        return total

    units = [Unit.two_state(c, q) for c, q in zip(capacity, out, strict=True)]
    index, without = eens(*units), eens(*units[:2])
    carried = bisect(lambda x: by_states(3, x) - by_states(2, 0.0), 0.0, 5.0, xtol=1e-12)
    stands_for = bisect(lambda x: by_states(2, -x) - by_states(3, 0.0), 0.0, 5.0, xtol=1e-12)
    assert elcc(index, without, load).value == pytest.approx(carried, abs=1e-10)
    assert efc(index, without, load).value == pytest.approx(stands_for, abs=1e-10)


# Invariants.


@given(
    capacity=st.floats(0.5, 20.0),
    out=st.tuples(st.floats(0.01, 0.9), st.floats(0.01, 0.9)),
    load=st.lists(st.floats(1.0, 29.0), min_size=1, max_size=5),
    form=st.sampled_from(["constant", "scaled", "firm"]),
)
def test_between_zero_and_nameplate_and_more_for_the_more_available(capacity, out, load, form):
    def value(unavailability: float) -> float:
        index = eens(THREE, Unit.two_state(capacity, unavailability))
        if form == "firm":
            return efc(index, eens(THREE), load).value
        return elcc(index, eens(THREE), load, form=form).value

    assume(eens(THREE)(np.array(load)) > 1e-3)
    better, worse = value(min(out)), value(max(out))
    # Scaled, added load is less off the peak; so it may be more than the nameplate.
    bound = capacity * (max(load) / min(load) if form == "scaled" else 1.0)
    assert -1e-9 <= worse <= better + 1e-9 <= bound + 1e-8


@given(energy=st.floats(0.0, 12.0), available=st.floats(0.1, 1.0))
def test_storage_carries_no_more_than_its_power(energy, available):
    load = np.array([6.0, 9.0, 11.0, 8.0, 7.0])
    units = [MarkovUnit(5.0, 0.1, 0.4, count=2)]
    storage = Storage(energy, 3.0, 3.0, fail=1.0 - available, repair=available)
    found = elcc(
        lambda load: chronology(units, load, storage, start_energy=energy).eens,
        lambda load: chronology(units, load).eens,
        load,
    )
    assert found.status in (("solved",) if energy > 1e-6 else ("solved", "no effect"))
    assert -1e-9 <= found.value <= 3.0 + 1e-9


# Where there is no one answer.


def test_a_resource_without_effect_is_worth_nothing():
    idle = Unit.two_state(10.0, 1.0)
    for index in (eens, lole):
        for solve in (elcc, efc):
            found = solve(index(THREE, idle), index(THREE), LOAD)
            assert (found.value, found.status) == (0.0, "no effect")


def test_without_risk_any_load_up_to_the_reserve_is_an_answer():
    found = elcc(eens(firm(30.0), Unit.two_state(5.0, 0.1)), eens(firm(30.0)), [20.0])
    assert found.status == "no risk"
    assert found.value == 0.0
    assert found.interval == (-math.inf, pytest.approx(10.0))


def test_a_resource_that_leaves_no_risk_stands_for_that_much_or_more():
    """Three units fail together with 0.001: only 20 of firm capacity serves a load of 20."""
    found = efc(eens(firm(50.0)), eens(THREE), [20.0])
    assert found.status == "no risk"
    assert found.value == 0.0
    assert found.interval == (pytest.approx(20.0), math.inf)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_no_load_up_to_the_bound_is_enough(sign):
    index, without = eens(THREE, firm(30.0)), eens(THREE)
    if sign < 0.0:
        index, without = without, index
    found = elcc(index, without, [32.0], upper=20.0)
    assert found.status == "out of reach"
    assert found.value == sign * math.inf
    assert found.interval == ((20.0, math.inf) if sign > 0.0 else (-math.inf, -20.0))
    assert elcc(index, without, [32.0]).value == pytest.approx(sign * 30.0, rel=1e-9)


def test_hours_jump_past_the_target():
    """Loads of 16 and 5 are lost with two or more, and all three, of three units out: 0.029.

    With a fourth unit and x more load: 0.0037 + 0.0001, three and four out; but once 16 + x is
    above 20, two out are enough for it: 0.0523, past the target.
    """
    index, without = lole(Unit.two_state(10.0, 0.1, count=4)), lole(THREE)
    load = np.array([16.0, 5.0])
    found = elcc(index, without, load)
    assert without(load) == pytest.approx(0.029)
    assert found.status == "step"
    assert found.value == pytest.approx(4.0, rel=1e-9)
    assert found.interval == (pytest.approx(4.0), pytest.approx(4.0))
    assert index(load + found.value - 1e-6) == pytest.approx(0.0038)
    assert index(load + found.value + 1e-6) == pytest.approx(0.0524)


def test_hours_stay_on_the_target():
    """What never fails: LOLE is the same from where a capacity is passed to where the next is."""
    index, without = lole(THREE, firm(7.0)), lole(THREE)
    carried, stands_for = elcc(index, without, LOAD), efc(index, without, LOAD)
    # 28, 22, 15 meet 30, 30, 20 next: 2 more beside the 7; and leave 20, 20, 10 by less than 2.
    assert carried.status == stands_for.status == "plateau"
    assert carried.interval == (pytest.approx(5.0), pytest.approx(9.0))
    assert carried.value == carried.interval[1]
    # 22 - x meets 15 next, that is 5; 28 - x and 15 - x stay up to 8 and 5.
    assert stands_for.interval == (pytest.approx(5.0), pytest.approx(8.0))
    assert stands_for.value == stands_for.interval[0]


def test_a_plateau_that_never_ends():
    found = level_crossing(lambda x: min(1.0, max(0.0, 0.5 + x)), 1.0, scale=1.0, upper=8.0)
    assert found.status == "plateau"
    assert found.interval == (pytest.approx(0.5), 8.0)


def test_a_slope_and_a_jump_and_a_slope():
    def index(x: float) -> float:
        return 1.0 + x if x < 0.25 else 3.0 + x

    assert level_crossing(index, 2.0, 1.0) == CapacityCredit(
        pytest.approx(0.25), "step", (pytest.approx(0.25), pytest.approx(0.25))
    )
    assert level_crossing(index, 1.125, 1.0).value == pytest.approx(0.125)
    assert level_crossing(index, 4.0, 1.0).value == pytest.approx(1.0)
    assert level_crossing(index, 0.5, 1.0).value == pytest.approx(-0.5)


# Published systems.


@pytest.mark.parametrize(("solve", "name"), [(elcc, "ELCC"), (efc, "EFC")])
def test_pras_capacity_credit(solve, name):
    credit = KNOWN["pras"]["capacity_credit"]
    before = KNOWN["pras"]["systems"][credit["before"]]

    def index(capacity: list, unavailability: list):
        units = [Unit.two_state(1.0, q) for q in unavailability]
        return lambda load: risk_of_varying_units(units, capacity, load).eens

    added = credit["added"]
    found = solve(
        index(
            [*before["capacity"], added["capacity"]],
            [*before["unavailability"], added["unavailability"]],
        ),
        index(before["capacity"], before["unavailability"]),
        before["load"],
    )
    low, high = credit[name]
    assert found.status == "solved"
    assert low < found.value < high


# What goes wrong is named.


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: elcc(eens(THREE), eens(THREE), LOAD, form="both"), "added load 'both'"),
        (lambda: elcc(eens(THREE), eens(THREE), [0.0]), "peak load is 0.0"),
        (lambda: elcc(eens(THREE), eens(THREE), LOAD, upper=0.0), "upper is 0.0, expected"),
        (lambda: elcc(lambda load: math.nan, eens(THREE), LOAD), "is not a number"),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
