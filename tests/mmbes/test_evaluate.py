"""All attributes at once: the compiled way against the plain functions, limits, populations."""

from __future__ import annotations

import sys
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mobile_storage.adequacy.analytic.contingency import Contingency, Deficit, Stage
from mobile_storage.adequacy.analytic.elcc import STATUSES, level_crossing
from mobile_storage.adequacy.analytic.islands import expected_served, starts
from mobile_storage.mmbes.model import evaluate, reliability
from mobile_storage.mmbes.model.cost import cell_life, full_cycles, life_cycle_cost
from mobile_storage.mmbes.model.deferral import deferral_value, deferral_years
from mobile_storage.mmbes.model.evaluate import (
    attributes,
    comprehensive,
    net_profit,
    prepare,
    prospects,
)
from mobile_storage.mmbes.model.losses import loss_reduction
from mobile_storage.mmbes.model.prospect import lottery_value, value
from mobile_storage.mmbes.model.reliability import base_load, day_share, eens_after, eens_before
from mobile_storage.mmbes.model.schedule import schedule
from mobile_storage.mmbes.model.substation import ATTRIBUTES, LoadCurves, Reliability

ALL, NONE = Deficit((1.0,), (0.0,)), Deficit()
SIZES = np.array([0.0, 500.0, 4986.83, 30000.0]), np.array([0.0, 800.0, 3330.0, 9000.0])


def deficits() -> st.SearchStrategy[Deficit]:
    """No deficit, all of the load, shares of it above capacities."""
    knee, slope = st.floats(5000.0, 16500.0), st.floats(0.1, 0.5)
    return st.one_of(
        st.sampled_from([ALL, NONE]),
        st.builds(lambda s, k: Deficit((s,), (k,)), slope, knee),
        st.builds(lambda s, z, k, j: Deficit((s, z), (k, j)), slope, slope, knee, knee),
    )


@st.composite
def outages(draw: st.DrawFn) -> Contingency:
    ends = [*sorted(draw(st.sets(st.floats(0.1, 30.0), max_size=2))), np.inf]
    return Contingency(
        "fault",
        draw(st.floats(0.001, 2.0)),
        draw(st.floats(0.2, 12.0)),
        draw(st.sampled_from(["exponential", "fixed"])),
        tuple(Stage(end, draw(deficits()), draw(deficits())) for end in ends),
    )


@st.composite
def variants(draw: st.DrawFn, substation):
    """The substation with other loads, outages and laws."""
    law = draw(st.sampled_from(["joint", "joint", "constant", "marginal"]))
    steps = draw(st.sampled_from([24] if law == "marginal" else [24, 96]))
    days = draw(st.integers(1, 2 if law == "marginal" else 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = np.repeat(substation.curves.shape[0], steps // 24) * rng.uniform(0.7, 1.0, (days, 1))
    shape = np.clip(shape + rng.normal(0.0, 0.03, (days, steps)), 0.05, 1.0)
    per_year = 365.0 * rng.dirichlet(np.ones(days))
    return replace(
        substation,
        curves=LoadCurves(tuple("abcd"[:days]), shape, per_year),
        reliability=Reliability(
            tuple(draw(st.lists(outages(), min_size=1, max_size=4))),
            draw(st.sampled_from([15500.0, 32000.0])),
        ),
        soc_law=law,
        added_load=draw(st.sampled_from(["constant", "scaled"])),
    )


def few_starts(contingencies, load, day_share, deliverable, law, power):
    return starts(deliverable, day_share, law)


@pytest.mark.slow
@settings(max_examples=25)
@given(data=st.data(), energy=st.floats(1.0, 60000.0), power=st.floats(1.0, 15000.0))
def test_same_numbers_as_the_plain_functions(substation, data, energy, power):
    """With two moments in a step; where they are too few is a matter of the next test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluate, "START_ERROR", np.inf)
        patch.setattr(reliability, "bounded_starts", few_starts)
        _same_numbers(substation, data, energy, power)


def test_steps_are_split_where_few_moments_are_too_few(substation):
    """Outages of ten minutes in steps of an hour, with storage that does not last so long."""
    x = replace(
        substation,
        reliability=Reliability(
            (Contingency("brief", 5.0, 1 / 6, "fixed", (Stage(np.inf, ALL, NONE),)),), np.inf
        ),
    )
    prepared = prepare(x)
    assert prepared.split_steps
    assert not prepare(substation).split_steps
    few = replace(prepared, split_steps=False)
    size = 0.3 * x.peak_kw, x.peak_kw
    found, rough = attributes(prepared, *size), attributes(few, *size)
    day = schedule(base_load(x), *size, x.battery)
    begins = starts(day.deliverable_kwh, day_share(x), "joint", 200)
    served = 0.97 * expected_served(
        x.reliability.contingencies, base_load(x), day_share(x), begins, size[1]
    )
    before = found.eens_before_kwh[0]
    assert found.eens_after_kwh[0] == pytest.approx(before - served, abs=1e-4 * before)
    assert abs(rough.eens_after_kwh[0] - found.eens_after_kwh[0]) > 1e-3 * before


def _same_numbers(substation, data, energy, power):
    x = data.draw(variants(substation))
    found = attributes(prepare(x), energy, power)
    day = schedule(base_load(x), energy, power, x.battery)
    loss = loss_reduction(x, base_load(x), day)
    before, after = eens_before(x), eens_after(x, day, power)
    assert found.eens_before_kwh == pytest.approx([before], rel=1e-9)
    # What is left may be rounding of what was there.
    assert found.eens_after_kwh == pytest.approx([after], rel=1e-9, abs=1e-12 * before)
    scale = abs(loss.gross_kwh) + 1e-9 * energy
    assert found.gross_loss_reduction_kwh == pytest.approx([loss.gross_kwh], abs=1e-9 * scale)
    assert found.net_loss_reduction_kwh == pytest.approx([loss.net_kwh], rel=1e-9, abs=1e-9 * scale)
    cycles = full_cycles(energy, day.cycled_kwh @ x.curves.days_per_year, x.battery)
    cost = life_cycle_cost(
        energy, power, loss.round_trip_kwh, cell_life(x.battery, cycles), x.economics
    )
    assert found.cost.total == pytest.approx([cost.total], rel=1e-9)

    assume(before > 0 and before - after > 1e-9 * before)
    elcc = level_crossing(lambda added: eens_after(x, day, power, added), before, x.peak_kw).value
    assert STATUSES[found.elcc_status[0]] == "solved"
    assert found.elcc_kw == pytest.approx([elcc], rel=1e-9, abs=1e-9 * x.peak_kw)
    # ELCC undoes what storage does.
    assert eens_after(x, day, power, found.elcc_kw[0]) == pytest.approx(before, rel=1e-9)
    assert found.deferral_years == pytest.approx([deferral_years(elcc, x.peak_kw, x.growth)])


def test_worth(substation, preferences):
    prepared = prepare(substation)
    found = attributes(prepared, *SIZES)
    e, years = substation.economics, prepared.annuity
    assert years == pytest.approx((1 - 1.08**-20) / 0.08)
    avoided = found.eens_before_kwh - found.eens_after_kwh
    expected = [
        years * 0.5 * found.gross_loss_reduction_kwh,
        years * 30.0 * avoided,
        deferral_value(found.deferral_years, prepared.due_year, e),
        found.extreme_outcomes @ [0.02, 0.01, 0.97],
        -found.cost.total,
    ]
    assert found.worth.shape == (4, len(ATTRIBUTES))
    assert found.worth == pytest.approx(np.array(expected).T)
    assert net_profit(found) == pytest.approx(np.sum(expected, axis=0))
    assert np.all(found.extreme_outcomes[:, -1] == 0.0)


def test_prospects(substation, preferences):
    found = attributes(prepare(substation), *SIZES)
    shifted = replace(preferences, reference=np.array([1e4, 2e5, 3e6, 1e5, -8e6]))
    values = prospects(found, shifted)
    for k in (0, 1, 2, 4):
        assert values[:, k] == pytest.approx(
            value(found.worth[:, k] - shifted.reference[k], shifted)
        )
    lottery = lottery_value(found.extreme_outcomes, found.extreme_probability, 1e5, shifted)
    assert values[:, 3] == pytest.approx(lottery)
    assert comprehensive(found, shifted) == pytest.approx(values.mean(axis=1))


def test_no_storage_brings_and_costs_nothing(substation, preferences):
    found = attributes(prepare(substation), 0.0, 0.0)
    assert found.worth == pytest.approx(np.zeros((1, 5)), abs=1e-9)
    assert found.elcc_kw == [0.0]
    assert STATUSES[found.elcc_status[0]] == "no effect"
    assert comprehensive(found, preferences) == pytest.approx([0.0])


@pytest.mark.parametrize("size", [(5000.0, 0.0), (0.0, 3000.0)])
def test_half_a_storage_only_costs(substation, size):
    found = attributes(prepare(substation), *size)
    assert found.worth[0, :4] == pytest.approx(np.zeros(4), abs=1e-9)
    assert found.worth[0, 4] < 0


def test_perfect_network(substation):
    perfect = replace(substation, reliability=Reliability((), 32000.0))
    found = attributes(prepare(perfect), *SIZES)
    assert found.elcc_kw == pytest.approx(np.zeros(4))
    assert {STATUSES[k] for k in found.elcc_status} == {"no risk"}


def test_added_load_that_never_matters(substation, preferences):
    # Of all load only that between 5 and 6 MW is lost, so no added load makes things worse.
    capped = Deficit((1.0, -1.0), (5000.0, 6000.0))
    fault = Contingency("X", 1.0, 4.0, "fixed", (Stage(np.inf, capped, NONE),))
    odd = replace(substation, reliability=Reliability((fault,), np.inf))
    found = attributes(prepare(odd), 5000.0, 3000.0)
    assert STATUSES[found.elcc_status[0]] == "out of reach"
    assert found.elcc_kw == [np.inf]
    # Put off to the end of the horizon.
    k = 1.02 / 1.08
    due = prepare(odd).due_year
    assert found.worth[0, 2] == pytest.approx(4e7 * (k**due - k**20))
    assert np.all(np.isfinite(prospects(found, preferences)))


def test_no_growth(substation):
    still = prepare(replace(substation, growth=0.0))
    assert still.due_year == np.inf
    assert attributes(still, *SIZES).worth[:, 2] == pytest.approx(np.zeros(4))


def test_more_storage_never_leaves_more_unserved(substation):
    """More power and energy in the same cycle of the day: EENS falls, ELCC rises."""
    size = np.linspace(0.0, 3e4, 40)
    found = attributes(prepare(substation), size, 0.4 * size)
    assert np.all(np.diff(found.elcc_kw) > -1e-6)
    assert np.all(np.diff(found.eens_after_kwh) < 1e-6)


def test_marginal_law_differs_from_joint(substation):
    after = {
        law: attributes(prepare(replace(substation, soc_law=law)), 5000.0, 3300.0).eens_after_kwh[0]
        for law in ("joint", "marginal", "constant")
    }
    assert len(set(after.values())) == 3


def test_any_small_size_is_one(substation):
    """Rounding leaves less than nothing in a schedule of next to nothing."""
    small = np.geomspace(1e-12, 10.0, 40)
    found = attributes(prepare(substation), small, small[::-1])
    assert np.isfinite(found.worth).all()


def test_population_is_its_members(substation):
    prepared = prepare(substation)
    many = attributes(prepared, *SIZES)
    for k in range(4):
        one = attributes(prepared, SIZES[0][k], SIZES[1][k])
        for f in fields(many):
            if f.name not in ("cost", "extreme_probability"):
                a, b = getattr(many, f.name)[k], getattr(one, f.name)[0]
                assert a == pytest.approx(b, rel=1e-13, abs=1e-13), f.name


@pytest.mark.parametrize(
    "size", [(-1.0, 1.0), (1.0, np.inf), (np.nan, 1.0), (np.ones(2), np.ones(3))]
)
def test_sizes_that_are_none(substation, size):
    with pytest.raises(ValueError, match=r"expected|at least 0"):
        attributes(prepare(substation), *size)


@pytest.mark.parametrize("change", [{"growth": -0.01}, {"peak_kw": 0.0}])
def test_substations_that_are_none(substation, change):
    with pytest.raises(ValueError, match="expected"):
        prepare(replace(substation, **change))


def test_a_size_takes_few_calls(substation, preferences):
    """A search asks thousands of times: what goes through hours and faults is compiled."""
    prepared = prepare(substation)
    comprehensive(attributes(prepared, 4986.83, 3330.0), preferences)
    calls = []
    sys.setprofile(lambda frame, event, _: calls.append(frame) if "call" in event else None)
    try:
        comprehensive(attributes(prepared, 4986.83, 3330.0), preferences)
    finally:
        sys.setprofile(None)
    assert 0 < len(calls) < 500


def with_failures(substation, availability: float, where: str):
    battery = replace(substation.battery, availability=availability)
    return replace(substation, battery=battery, storage_failures=where)


def test_storage_that_never_works_earns_nothing_anywhere(substation):
    never = with_failures(substation, 0.0, "everywhere")
    found = attributes(prepare(never), *SIZES)
    np.testing.assert_array_equal(found.worth[:, :4], 0.0)
    np.testing.assert_array_equal(found.full_cycles, 0.0)
    np.testing.assert_array_equal(found.extreme_probability, [0.0, 0.0, 1.0])
    with pytest.raises(ValueError, match="availability is 0, expected more than 0 where"):
        with_failures(substation, 0.0, "faults")


def test_failures_everywhere_by_hand(substation, preferences):
    """Losses and cycles in nine days of ten; events that find no storage count as none."""
    sure, often = (
        attributes(prepare(with_failures(substation, a, "everywhere")), *SIZES) for a in (1.0, 0.9)
    )
    for name in ("gross_loss_reduction_kwh", "net_loss_reduction_kwh", "full_cycles"):
        assert getattr(often, name) == pytest.approx(0.9 * getattr(sure, name))
    assert often.worth[:, 3] == pytest.approx(0.9 * sure.worth[:, 3])
    assert often.extreme_outcomes == pytest.approx(sure.extreme_outcomes)
    assert often.extreme_probability == pytest.approx([0.018, 0.009, 0.973])
    assert often.cost.variable_om == pytest.approx(0.9 * sure.cost.variable_om)
    # What the paper's text says only of faults stays as it is there.
    faults = attributes(prepare(with_failures(substation, 0.9, "faults")), *SIZES)
    assert faults.eens_after_kwh == pytest.approx(often.eens_after_kwh)
    assert faults.worth[:, [0, 3]] == pytest.approx(sure.worth[:, [0, 3]])
    # The lottery is over whether the storage works as well: rare gains count for more.
    value = prospects(often, preferences)[:, 3]
    assert np.all(value[1:] > 0.9 * prospects(sure, preferences)[1:, 3])
