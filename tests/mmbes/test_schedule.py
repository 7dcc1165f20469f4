"""Power-difference control: by hand, invariants, and the compiled twin."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from mobile_storage.mmbes.model import kernel
from mobile_storage.mmbes.model.schedule import schedule


@pytest.fixture(scope="module")
def lossless(substation):
    return replace(
        substation.battery,
        soc_min=0.0,
        soc_max=1.0,
        charge_efficiency=1.0,
        discharge_efficiency=1.0,
    )


def test_by_hand(lossless):
    # Four steps of 6 h with 1, 3, 5, 3 kW. A cycle of 12 kWh shaves 2 kW off the peak and fills
    # 2 kW of the valley: both to 3 kW.
    load = np.array([[1.0, 3.0, 5.0, 3.0]])
    day = schedule(load, 12.0, 9.0, lossless)
    assert day.discharge_kw == pytest.approx(np.array([[0.0, 0.0, 2.0, 0.0]]))
    assert day.charge_kw == pytest.approx(np.array([[2.0, 0.0, 0.0, 0.0]]))
    # Empty at midnight, full from 6 h to 12 h, empty from 18 h.
    assert day.deliverable_kwh == pytest.approx(np.array([[0.0, 12.0, 12.0, 0.0, 0.0]]))
    assert day.cycled_kwh == pytest.approx([12.0])
    assert day.mean_deliverable_kwh == pytest.approx([6.0])
    assert day.lost_kwh == pytest.approx([0.0])


def test_a_day_that_cannot_carry_the_cycle(lossless):
    load = np.array([[1.0, 3.0, 5.0, 3.0]])
    # Levels meet at 3 kW: 12 kWh is the most, and the rest stays full.
    day = schedule(load, 20.0, 9.0, lossless)
    assert day.cycled_kwh == pytest.approx([12.0])
    assert day.deliverable_kwh == pytest.approx(np.array([[8.0, 20.0, 20.0, 8.0, 8.0]]))
    # With 1 kW the middle steps cannot both charge and discharge: 1 kW for 6 h.
    assert schedule(load, 20.0, 1.0, lossless).cycled_kwh == pytest.approx([6.0])


def test_efficiencies_and_limits(lossless):
    # Usable 8 kWh of 10: 6.4 kWh come out, 10 kWh go in; steps of 12 h.
    battery = replace(
        lossless, soc_min=0.1, soc_max=0.9, charge_efficiency=0.8, discharge_efficiency=0.8
    )
    day = schedule(np.array([[1.0, 3.0]]), 10.0, 9.0, battery)
    assert day.charge_kw == pytest.approx(np.array([[10.0 / 12.0, 0.0]]))
    assert day.discharge_kw == pytest.approx(np.array([[0.0, 6.4 / 12.0]]))
    assert day.deliverable_kwh == pytest.approx(np.array([[0.0, 6.4, 0.0]]))
    assert day.lost_kwh == pytest.approx([3.6])


def test_two_peaks_swing_less_than_they_cycle(lossless):
    # Peaks of 4 kW with a valley before each: the cycle of 12 kWh is two halves.
    day = schedule(np.array([[0.0, 4.0, 0.0, 4.0]]), 12.0, 9.0, lossless)
    assert day.cycled_kwh == pytest.approx([12.0])
    assert day.deliverable_kwh == pytest.approx(np.array([[6.0, 12.0, 6.0, 12.0, 6.0]]))


@pytest.mark.parametrize(("energy", "power"), [(0.0, 5.0), (5.0, 0.0), (0.0, 0.0)])
def test_no_size_no_cycle(substation, energy, power):
    day = schedule(substation.curves.shape, energy, power, substation.battery)
    assert not np.any(day.charge_kw)
    assert not np.any(day.discharge_kw)
    # Never cycled, storage stays full.
    assert day.deliverable_kwh == pytest.approx(np.full((4, 25), 0.8 * 0.95 * energy))


def test_flat_load_gives_no_cycle(substation):
    day = schedule(np.full((1, 24), 700.0), 50.0, 20.0, substation.battery)
    assert not np.any(day.charge_kw)
    assert not np.any(day.discharge_kw)


def test_negative_size_is_refused(substation):
    with pytest.raises(ValueError, match="at least 0"):
        schedule(substation.curves.shape, -1.0, 5.0, substation.battery)


def sizes():
    return st.one_of(st.just(0.0), st.floats(0.01, 100.0), st.floats(1e3, 1e6))


@st.composite
def days(draw):
    """Loads that may be even, in few levels, or all different."""
    shape = (draw(st.integers(1, 4)), draw(st.sampled_from([1, 2, 7, 24, 96])))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kinds = {
        "levels": lambda: 10.0 * rng.integers(0, 4, shape),
        "different": lambda: rng.uniform(0.0, 100.0, shape),
        "even": lambda: np.full(shape, 30.0),
    }
    return kinds[draw(st.sampled_from(sorted(kinds)))]()


@settings(max_examples=200)
@given(
    load=days(),
    energy=sizes(),
    power=sizes(),
    eta_c=st.floats(0.6, 1.0),
    eta_d=st.floats(0.6, 1.0),
)
def test_invariants_and_twin(substation, load, energy, power, eta_c, eta_d):
    battery = replace(substation.battery, charge_efficiency=eta_c, discharge_efficiency=eta_d)
    day = schedule(load, energy, power, battery)
    step_h = 24.0 / load.shape[1]
    usable = 0.8 * energy
    near = 1e-9 * (1.0 + usable)
    for p in (day.charge_kw, day.discharge_kw):
        assert np.all((p >= 0) & (p <= power))
    assert not np.any((day.charge_kw > 1e-9) & (day.discharge_kw > 1e-9))
    # Energy: within the limits, as full as can be, the same after a day, and nothing from nothing.
    stored = day.deliverable_kwh / eta_d
    assert np.all((stored >= -near) & (stored <= usable + near))
    assert stored.max(axis=1) == pytest.approx(usable)
    assert stored[:, 0] == pytest.approx(stored[:, -1], abs=near)
    gain = step_h * (day.charge_kw * eta_c - day.discharge_kw / eta_d)
    assert np.diff(stored, axis=1) == pytest.approx(gain, abs=near)
    assert step_h * day.charge_kw.sum(axis=1) * eta_c == pytest.approx(day.cycled_kwh, abs=near)
    assert np.all(day.cycled_kwh <= usable + near)
    # Discharge above one level, charge below another that is no higher.
    net = load - day.discharge_kw + day.charge_kw
    for x, before, c, d in zip(net, load, day.charge_kw, day.discharge_kw, strict=True):
        if np.any(d > 0):
            level = x[d > 0].min()
            assert np.all(before[d > 1e-9] >= level - 1e-9)
            # Above the level and short of full power nothing is left.
            free = (d < power) & (before > level)
            assert x[free] == pytest.approx(level, abs=1e-9 + 1e-9 * level)
            if np.any(c > 0):
                assert x[c > 0].max() <= level + 1e-9
    twin = kernel.schedules(load.astype(float), np.array([energy]), np.array([power]), battery)
    for name in ("charge_kw", "discharge_kw", "deliverable_kwh", "cycled_kwh"):
        assert getattr(twin, name)[0] == pytest.approx(getattr(day, name), rel=1e-9, abs=near)


def test_levels_against_root_finding(substation):
    load = substation.curves.shape[:1] * substation.peak_kw
    day = schedule(load, 6000.0, 1500.0, substation.battery)

    def discharged(level):
        return np.clip(load - level, 0.0, 1500.0).sum() - 6000.0 * 0.8 * 0.95

    level = brentq(discharged, 0.0, 17000.0, xtol=1e-9)
    assert day.discharge_kw == pytest.approx(np.clip(load - level, 0.0, 1500.0), abs=1e-6)


def test_population_is_its_members(substation):
    load = substation.curves.shape * substation.peak_kw
    energy, power = np.array([0.0, 4000.0, 90000.0]), np.array([100.0, 2500.0, 7000.0])
    many = schedule(load, energy, power, substation.battery)
    for k in range(3):
        one = schedule(load, energy[k], power[k], substation.battery)
        assert np.array_equal(many.deliverable_kwh[k], one.deliverable_kwh)


@pytest.mark.parametrize("size", [(30089.0, 9000.0), (5000.0, 150.0)])
def test_continuous_where_the_cycle_stops_to_fit(substation, size):
    load = substation.curves.shape * substation.peak_kw
    energy, power = np.meshgrid(*(x * (1.0 + np.linspace(-1e-7, 1e-7, 9)) for x in size))
    many = schedule(load, energy, power, substation.battery)
    assert np.ptp(many.discharge_kw, axis=(0, 1)).max() < 0.05
    assert np.ptp(many.deliverable_kwh, axis=(0, 1)).max() < 0.5
