"""Outage tables by hand, against the enumeration of all states, and of published systems."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobile_storage.adequacy.units.load_shape import hourly_load
from mobile_storage.adequacy.units.outage_table import OutageTable, Unit, outage_table
from mobile_storage.adequacy.units.risk import (
    daily_peaks,
    loss_of_load_frequency,
    risk,
    risk_of_varying_units,
)

KNOWN = json.loads(
    (Path(__file__).parents[2] / "known_answers/adequacy_cases.json").read_text(encoding="utf-8")
)


def shape() -> np.ndarray:
    """Load of the IEEE Reliability Test System, per unit of its annual peak."""
    tables = KNOWN["load_shape"]
    season_weeks = {
        season: [week for first, last in runs for week in range(first, last + 1)]
        for season, runs in tables["season_weeks"].items()
    }
    return hourly_load(
        tables["weekly_peak_pct"], tables["daily_peak_pct"], tables["hourly_pct"], season_weeks
    )


def table_of(system: str) -> OutageTable:
    make = Unit.from_times if system == "rts79" else Unit.from_rates
    return outage_table([make(*row) for row in KNOWN[system]["units"]])


# By hand.


def test_two_units_of_3_mw_and_one_of_5_mw():
    """Forced outage rate 0.02: 0.98^3, 2 (0.02) 0.98^2, 0.02 0.98^2, ..."""
    table = outage_table([Unit.two_state(3.0, 0.02, count=2), Unit.two_state(5.0, 0.02)])
    assert table.installed == 11.0
    assert table.outage.tolist() == [11, 8, 6, 5, 3, 0]
    exact = [0.000008, 0.000784, 0.000392, 0.019208, 0.038416, 0.941192]
    np.testing.assert_allclose(table.probability, exact, rtol=1e-12)
    np.testing.assert_allclose(
        table.cumulative, [0.000008, 0.000792, 0.001184, 0.020392, 0.058808, 1.0], rtol=1e-12
    )


def test_a_derated_state():
    """50 MW, or 30 MW in 3.3 % and none in 0.7 % of the time, beside 25 MW with 2 %."""
    table = outage_table(
        [Unit((50.0, 30.0, 0.0), (0.96, 0.033, 0.007)), Unit.two_state(25.0, 0.02)]
    )
    assert table.outage.tolist() == [75, 50, 45, 25, 20, 0]
    exact = [0.00014, 0.00686, 0.00066, 0.0192, 0.03234, 0.9408]
    np.testing.assert_allclose(table.probability, exact, rtol=1e-12)


def test_risk_of_two_loads():
    table = outage_table([Unit.two_state(3.0, 0.02, count=2), Unit.two_state(5.0, 0.02)])
    found = risk(table, [6.0, 10.0], duration=[2.0, 1.0])
    # 6 MW: lost with 8 or 11 MW out or with 6 out (5 MW left).
    np.testing.assert_allclose(found.lolp, [0.001184, 0.058808], rtol=1e-12)
    short = [
        6 * 0.000008 + 3 * 0.000784 + 1 * 0.000392,
        10 * 0.000008 + 7 * 0.000784 + 5 * 0.000392 + 4 * 0.019208 + 2 * 0.038416,
    ]
    np.testing.assert_allclose(found.shortfall, short, rtol=1e-12)
    assert found.lole == pytest.approx(2 * 0.001184 + 0.058808, rel=1e-12)
    assert found.eens == pytest.approx(2 * short[0] + short[1], rel=1e-12)


def test_a_load_that_equals_a_capacity_is_carried():
    """Also if both are sums of what no binary number can say."""
    table = outage_table([Unit.two_state(0.1, 0.5, count=3)])
    assert table.capacity.size == 4
    assert risk(table, 0.1 + 0.1 + 0.1).lolp[0] == 0.875
    assert risk(table, 0.3).lolp[0] == 0.875
    assert risk(table, 0.3 + 1e-6).lolp[0] == 1.0


def test_nothing_is_a_system_too():
    table = outage_table([])
    found = risk(table, [0.0, 5.0])
    assert found.lolp.tolist() == [0.0, 1.0]
    assert found.shortfall.tolist() == [0.0, 5.0]
    assert risk(table, -1.0).eens == 0.0


def test_frequency_of_one_and_of_two_units():
    """Two units out of one: P(any out) ends at rate mu from one out: f = 2 (1 - q) q mu."""
    one = outage_table([Unit.from_rates(10.0, 2.0, 8.0)])
    # 0.8 of the time up, 2 failures a year of it.
    np.testing.assert_allclose(one.frequency, [1.6, 0.0], atol=1e-15)
    two = outage_table([Unit.from_rates(10.0, 2.0, 8.0, count=2)])
    np.testing.assert_allclose(two.frequency, [0.2**2 * 16, 2 * 0.8 * 0.2 * 8, 0.0], atol=1e-14)


def test_loss_of_load_by_failures_and_by_the_load():
    """A unit of 10 that is up 0.8 of the time; half the time the load needs it."""
    table = outage_table([Unit.from_rates(10.0, 2.0, 8.0)])
    load = np.repeat([0.0, 5.0], 12)
    per_day = loss_of_load_frequency(table, load)
    # Of failures, those at load; and where the load comes up, the unit is down with 0.2.
    assert per_day == pytest.approx(1.6 * 12 / 8760 + 0.2, rel=1e-12)
    assert loss_of_load_frequency(table, [5.0], 8760.0) == pytest.approx(1.6, rel=1e-12)


def test_rounding_keeps_the_expected_capacity():
    units = [Unit.two_state(33.3, 0.1, count=3), Unit((47.1, 12.9, 0.0), (0.8, 0.15, 0.05))]
    exact, rounded = outage_table(units), outage_table(units, step=5.0)
    assert np.allclose(rounded.capacity % 5.0, 0.0)
    assert rounded.probability.sum() == pytest.approx(1.0, rel=1e-12)
    mean = exact.capacity @ exact.probability
    assert rounded.capacity @ rounded.probability == pytest.approx(mean, rel=1e-12)
    fine = outage_table(units, step=0.3)
    assert risk(fine, 90.0).eens == pytest.approx(risk(exact, 90.0).eens, rel=1e-3)


def test_a_step_that_fits_rounds_nothing():
    units = [Unit.two_state(0.3, 0.1, count=3), Unit.two_state(0.7, 0.2)]
    exact, rounded = outage_table(units), outage_table(units, step=0.1)
    np.testing.assert_allclose(rounded.capacity, exact.capacity, rtol=1e-12)
    np.testing.assert_allclose(rounded.probability, exact.probability, rtol=1e-9)


def test_daily_peaks():
    assert daily_peaks([1, 3, 2, 5, 4, 0], steps_per_day=3).tolist() == [3, 5]
    with pytest.raises(
        ValueError, match="load has 25 steps, expected a multiple of 24 steps a day"
    ):
        daily_peaks(np.ones(25))


# Against the enumeration of all states.


def enumerated(units: list[Unit]) -> list[tuple[float, float]]:
    """Capacity and probability of every combination of states of every single unit."""
    each = [
        list(zip(unit.capacities, unit.probabilities, strict=True))
        for unit in units
        for _ in range(unit.count)
    ]
    return [
        (sum(capacity for capacity, _ in states), np.prod([chance for _, chance in states]))
        for states in product(*each)
    ]


WHOLE = st.integers(0, 12)


@st.composite
def a_unit(draw, capacities: st.SearchStrategy) -> Unit:
    best = draw(capacities)
    if draw(st.booleans()):
        return Unit.two_state(best, draw(st.floats(0.0, 1.0)), draw(st.integers(0, 3)))
    out, derated = draw(st.floats(0.0, 0.4)), draw(st.floats(0.0, 0.4))
    chances = (1.0 - out - derated, derated, out)
    return Unit((float(best), best / 2.0, 0.0), chances, draw(st.integers(1, 2)))


@given(
    units=st.lists(a_unit(WHOLE | st.floats(0.0, 12.0)), max_size=3),
    load=st.lists(st.floats(-1.0, 60.0), min_size=1, max_size=4),
)
def test_risk_is_that_of_all_states(units, load):
    found = risk(outage_table(units), load)
    states = enumerated(units)
    for i, level in enumerate(load):
        short = [(level - capacity, chance) for capacity, chance in states]
        lost = {sum(p for s, p in short if s > tiny) for tiny in (1e-8, 0.0, -1e-8)}
        # A load within rounding of a capacity may count either way.
        assert min(lost) - 1e-12 <= found.lolp[i] <= max(lost) + 1e-12
        assert found.shortfall[i] == pytest.approx(
            sum(p * max(0.0, s) for s, p in short), rel=1e-9, abs=1e-8
        )


@given(
    unavailability=st.lists(st.floats(0.0, 1.0), min_size=1, max_size=4),
    data=st.data(),
)
def test_units_that_change_are_units_of_each_hour(unavailability, data):
    steps = 5
    capacity = np.array(
        [
            data.draw(
                st.lists(st.integers(0, 9), min_size=steps, max_size=steps)
                | st.integers(0, 9).map(lambda c: [c] * steps)
            )
            for _ in unavailability
        ],
        dtype=float,
    )
    load = np.array(data.draw(st.lists(st.integers(0, 30), min_size=steps, max_size=steps)))
    units = [Unit.two_state(1.0, q) for q in unavailability]
    found = risk_of_varying_units(units, capacity, load)
    for t in range(steps):
        at_t = [Unit.two_state(c, q) for c, q in zip(capacity[:, t], unavailability, strict=True)]
        alone = risk(outage_table(at_t), load[t])
        assert found.lolp[t] == pytest.approx(alone.lolp[0], abs=1e-12)
        assert found.shortfall[t] == pytest.approx(alone.shortfall[0], abs=1e-11)


@given(
    rates=st.lists(
        st.tuples(st.integers(1, 9), st.floats(0.1, 9.0), st.floats(0.1, 9.0)),
        min_size=1,
        max_size=3,
    )
)
def test_frequency_is_the_flow_between_states(rates):
    """Count the transitions of every combination of states that lead below a capacity."""
    table = outage_table([Unit.from_rates(*unit) for unit in rates])
    for level, found in zip(table.capacity, table.frequency, strict=True):
        flow = 0.0
        for up in product([False, True], repeat=len(rates)):
            units = list(zip(up, rates, strict=True))
            chance = np.prod([(m if on else f) / (f + m) for on, (_, f, m) in units])
            total = sum(c for on, (c, _, _) in units if on)
            for on, (c, fail, _) in units:
                if on and total > level >= total - c:
                    flow += chance * fail
        assert found == pytest.approx(flow, rel=1e-9, abs=1e-12)


@given(units=st.lists(a_unit(WHOLE), min_size=1, max_size=4), more=st.floats(0.0, 10.0))
def test_risk_rises_with_load_and_falls_with_capacity(units, more):
    load = np.linspace(0.0, 50.0, 26)
    table = outage_table(units)
    before, after = risk(table, load), risk(table, load + more)
    helped = risk(outage_table([*units, Unit.two_state(more, 0.3)]), load)
    assert np.all(after.lolp >= before.lolp - 1e-12)
    assert np.all(after.shortfall >= before.shortfall - 1e-12)
    assert np.all(helped.shortfall <= before.shortfall + 1e-12)
    assert np.all(np.diff(before.shortfall) >= 2.0 * before.lolp[:-1] - 1e-9)


# Published systems.


@pytest.mark.parametrize("system", ["rts79", "rbts"])
def test_reliability_test_systems(system):
    known, table = KNOWN[system], table_of(system)
    load = known["peak_MW"] * shape()
    assert table.installed == known["installed_MW"]
    assert load.size == 8736
    hourly = risk(table, load)
    published = known["published"]
    assert hourly.lole == pytest.approx(published["LOLE_h"], rel=4e-4)
    if system == "rts79":
        assert hourly.eens == pytest.approx(published["EENS_MWh"], abs=0.5)
        daily = risk(table, daily_peaks(load))
        assert daily.lole == pytest.approx(published["daily_peak_LOLE_d"], abs=5e-5)
    else:
        assert hourly.eens == pytest.approx(published["LOEE_MWh"], abs=1e-4)


def test_rbts_to_all_digits():
    """Hour by hour, for daily peaks, and with the peak load all year."""
    known, table = KNOWN["rbts"]["computed"], table_of("rbts")
    load = KNOWN["rbts"]["peak_MW"] * shape()
    hourly, daily = risk(table, load), risk(table, daily_peaks(load))
    assert hourly.lole == pytest.approx(known["hourly_8736"]["LOLE_h"], rel=1e-10)
    assert hourly.eens == pytest.approx(known["hourly_8736"]["EENS_MWh"], rel=1e-10)
    assert daily.lole == pytest.approx(known["daily_peak_LOLE_d"], rel=1e-10)
    annualised = risk(table, 185.0, duration=8760.0)
    assert annualised.lole == pytest.approx(
        known["annualised_8760h_const_185MW"]["LOLE_h"], rel=1e-10
    )
    assert annualised.eens == pytest.approx(
        known["annualised_8760h_const_185MW"]["EENS_MWh"], rel=1e-10
    )


def test_five_equal_units_and_a_straight_load_duration_curve():
    known = KNOWN["five_equal_units"]
    table = outage_table([Unit.two_state(40.0, 0.01, count=5)])
    # The middles of cells that end wherever the line crosses a capacity: exact.
    cells = 12_000
    line = 0.4 + 0.6 * (np.arange(cells) + 0.5) / cells
    for peak, published in zip(known["peak_MW"], known["LOLE_d"], strict=True):
        assert risk(table, peak * line, 365.0 / cells).lole == pytest.approx(published, rel=5e-4)


def test_repra_outage_table():
    known = KNOWN["repra"]
    pairs = zip(known["capacity"], known["forced_outage_rate"], strict=True)
    table = outage_table([Unit.two_state(*pair) for pair in pairs])
    assert table.capacity.tolist() == known["available"]
    np.testing.assert_allclose(table.probability, known["probability"], rtol=1e-12)


@pytest.mark.parametrize("name", KNOWN["pras"]["systems"])
def test_pras_systems_with_capacities_by_the_hour(name):
    known = KNOWN["pras"]["systems"][name]
    units = [Unit.two_state(1.0, q) for q in known["unavailability"]]
    found = risk_of_varying_units(units, known["capacity"], known["load"])
    np.testing.assert_allclose(found.lolp, known["LOLP"], atol=known["tolerance"])
    np.testing.assert_allclose(found.shortfall, known["EUE"], atol=known["tolerance"])


# What goes wrong is named.


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Unit.two_state(10.0, 1.2), "unavailability of a unit is 1.2"),
        (lambda: Unit((10.0, 0.0), (0.9, 0.2)), "adds up to 1.1"),
        (lambda: Unit((10.0,), (0.9, 0.1)), "1 capacities and 2 probabilities"),
        (lambda: Unit.two_state(np.nan, 0.1), "capacity of a unit is nan"),
        (lambda: Unit.two_state(10.0, 0.1, count=-1), "count of a unit is -1"),
        (
            lambda: Unit((1.0, 0.0), (0.9, 0.1), 1, (1.0,)),
            r"upward_rates of a unit has the shape \(1,\)",
        ),
        (lambda: Unit.from_rates(10.0, 1.0, 0.0), "repair_rate of a unit is 0.0"),
        (lambda: Unit.from_times(10.0, 0.0, 5.0), "mttf_h of a unit is 0.0"),
        (lambda: outage_table([Unit.two_state(10.0, 0.1)], step=0.0), "step is 0.0"),
        (lambda: outage_table([Unit.two_state(1.0, 0.1)]).frequency, "failure and repair rates"),
        (
            lambda: outage_table([Unit.two_state(np.sqrt(n), 0.1) for n in range(2, 30)]),
            "round capacities|round the capacities",
        ),
        (
            lambda: risk_of_varying_units([Unit.two_state(1.0, 0.1)], np.ones((1, 3)), [1.0, 2.0]),
            r"shape \(1, 3\), expected \(1, 2\)",
        ),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
