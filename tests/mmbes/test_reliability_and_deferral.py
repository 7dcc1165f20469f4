"""EENS, credible capacity and deferral of the substation: by hand and in the limits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mobile_storage.adequacy.analytic.contingency import Contingency, Deficit, Stage
from mobile_storage.adequacy.analytic.elcc import level_crossing
from mobile_storage.mmbes.model.deferral import deferral_value, deferral_years, due_year
from mobile_storage.mmbes.model.reliability import base_load, eens_after, eens_before
from mobile_storage.mmbes.model.schedule import schedule
from mobile_storage.mmbes.model.substation import LoadCurves, Reliability

ALL, NONE = Deficit((1.0,), (0.0,)), Deficit()


@pytest.fixture(scope="module")
def flat(substation):
    """1 MW all year, supply lost four times a year for 4 h; no cycle, so storage stays full."""
    lost = Contingency("X", 4.0, 4.0, "fixed", (Stage(np.inf, ALL, NONE),))
    return replace(
        substation,
        peak_kw=1000.0,
        curves=LoadCurves(("day",), np.ones((1, 24)), np.array([365.0])),
        battery=replace(
            substation.battery,
            soc_min=0.0,
            soc_max=1.0,
            charge_efficiency=1.0,
            discharge_efficiency=1.0,
            availability=1.0,
        ),
        reliability=Reliability((lost,), 2000.0),
    )


def cycle(substation, energy_kwh, power_kw):
    return schedule(base_load(substation), energy_kwh, power_kw, substation.battery)


def test_eens_by_hand(flat):
    assert eens_before(flat) == pytest.approx(16000.0)
    day = cycle(flat, 2000.0, 1000.0)
    assert eens_after(flat, day, 1000.0) == pytest.approx(8000.0)
    # In order nine times out of ten.
    failing = replace(flat, battery=replace(flat.battery, availability=0.9))
    assert eens_after(failing, day, 1000.0) == pytest.approx(8800.0)


def test_normal_state_by_hand(flat):
    tight = replace(flat, reliability=Reliability((), 950.0))
    assert eens_before(tight) == pytest.approx(8760 * 50.0)
    # A flat load is not shaved.
    assert eens_after(tight, cycle(tight, 2000.0, 1000.0), 1000.0) == pytest.approx(8760 * 50.0)


def credible_capacity(substation, day, power_kw):
    """ELCC by the plain functions."""
    return level_crossing(
        lambda added_kw: eens_after(substation, day, power_kw, added_kw),
        eens_before(substation),
        substation.peak_kw,
    ).value


def test_credible_capacity_by_hand(flat):
    day = cycle(flat, 2000.0, 5000.0)
    # 2000 kWh in each of four faults of 4 h: (1000 + x) 16 - 8000 = 16000.
    assert credible_capacity(flat, day, 5000.0) == pytest.approx(500.0)
    # The same in proportion: the peak grows by the same 500 kW.
    scaled = replace(flat, added_load="scaled")
    assert credible_capacity(scaled, day, 5000.0) == pytest.approx(500.0)
    # 300 kW for 4 h, as much as the power allows.
    assert credible_capacity(flat, cycle(flat, 2000.0, 300.0), 300.0) == pytest.approx(300.0)


def test_credible_capacity_in_the_limits(flat):
    assert credible_capacity(flat, cycle(flat, 0.0, 100.0), 100.0) == 0.0
    assert credible_capacity(flat, cycle(flat, 100.0, 0.0), 0.0) == 0.0
    never = replace(flat, reliability=Reliability((), 2000.0))
    assert credible_capacity(never, cycle(never, 100.0, 50.0), 50.0) == 0.0


def test_added_load_that_never_matters(flat):
    # Only the load between 500 and 600 kW is lost: more load makes no difference.
    capped = Contingency(
        "X", 1.0, 4.0, "fixed", (Stage(np.inf, Deficit((1.0, -1.0), (500.0, 600.0)), NONE),)
    )
    odd = replace(flat, reliability=Reliability((capped,), np.inf))
    assert credible_capacity(odd, cycle(odd, 100.0, 50.0), 50.0) == np.inf


def test_published_deferral():
    # 3330 kW of 17.0 MW at 1.5 % a year: 12 years.
    assert deferral_years(3330.0, 17000.0, 0.015) == pytest.approx(12.0, abs=0.05)


def test_deferral_years_limits():
    assert deferral_years([0.0, 100.0], 1000.0, 0.1) == pytest.approx([0.0, 1.0])
    assert deferral_years([0.0, 100.0], 1000.0, 0.0) == pytest.approx([0.0, np.inf])


@pytest.mark.parametrize(
    ("rate", "growth", "year"),
    [(0.5, 0.1, 2.0), (0.605, 0.1, 0.0), (0.7, 0.1, 0.0), (0.5, 0.0, np.inf), (0.605, 0.0, 0.0)],
)
def test_due_year(rate, growth, year):
    assert due_year(rate, 0.605, growth) == pytest.approx(year)


@pytest.mark.parametrize(
    ("years", "due", "built"),
    [
        (5.0, 3.0, 8.0),
        (0.0, 3.0, 3.0),
        # The storage is gone after 20 years.
        (30.0, 3.0, 20.0),
        (np.inf, 0.0, 20.0),
    ],
)
def test_deferral_value(substation, years, due, built):
    k = 1.02 / 1.08
    worth = deferral_value(np.array([years]), due, substation.economics)
    assert worth == pytest.approx([4e7 * (k**due - k**built)])


@pytest.mark.parametrize("due", [20.0, 25.0, np.inf])
def test_upgrade_that_is_not_due_is_not_deferred(substation, due):
    assert deferral_value(np.array([0.0, 5.0, np.inf]), due, substation.economics) == pytest.approx(
        np.zeros(3)
    )
