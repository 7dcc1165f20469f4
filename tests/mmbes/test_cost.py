"""Life-cycle cost by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mobile_storage.mmbes.model.cost import annuity, cell_life, full_cycles, life_cycle_cost


@pytest.mark.parametrize(
    ("rate", "years", "worth"),
    [(0.0, 20.0, 20.0), (0.1, 1.0, 1 / 1.1), (0.1, 2.0, 2.1 / 1.21), (1e-12, 20.0, 20.0)],
)
def test_annuity(rate, years, worth):
    assert annuity(rate, years) == pytest.approx(worth, rel=1e-9)


def test_cell_life(substation):
    # 5000 cycles, 12 years: a cycle a day wears cells out in 13.7 years, two a day in 6.8.
    assert cell_life(substation.battery, np.array([365.0, 730.0, 0.0])) == pytest.approx(
        [12.0, 5000 / 730, 12.0]
    )


def test_full_cycles(substation):
    # Usable 80 kWh of 100; nothing of nothing.
    cycles = full_cycles(np.array([100.0, 0.0]), np.array([24000.0, 0.0]), substation.battery)
    assert cycles == pytest.approx([300.0, 0.0])


def cost_at_10_percent(substation, life_yr, horizon_yr=20.0):
    economics = replace(substation.economics, discount_rate=0.1, horizon_yr=horizon_yr)
    one = [np.array([v]) for v in (100.0, 40.0, 900.0, life_yr)]
    return life_cycle_cost(*one, economics)


def test_parts_by_hand(substation):
    cost = cost_at_10_percent(substation, 8.0)
    years = (1 - 1.1**-20) / 0.1
    assert cost.investment == pytest.approx([1200 * 100 + 500 * 40])
    assert cost.fixed_om == pytest.approx([years * 20 * 40])
    # 900 kWh a year lost, at 0.3 yuan
    assert cost.variable_om == pytest.approx([years * 270.0])
    # New cells after 8 and 16 years; sets end after 8, 16 and 20.
    assert cost.replacement == pytest.approx([800 * 100 * (1.1**-8 + 1.1**-16)])
    assert cost.end_of_life == pytest.approx([-30 * 100 * (1.1**-8 + 1.1**-16 + 1.1**-20)])
    assert cost.total == pytest.approx(
        cost.investment + cost.fixed_om + cost.variable_om + cost.replacement + cost.end_of_life
    )


@pytest.mark.parametrize(
    ("life_yr", "times"), [(10.0, 1), (9.999, 2), (20.0, 0), (30.0, 0), (np.inf, 0), (20 / 3, 2)]
)
def test_number_of_replacements(substation, life_yr, times):
    cost = cost_at_10_percent(substation, life_yr)
    expected = sum(1.1 ** -(k * life_yr) for k in range(1, times + 1))
    assert cost.replacement == pytest.approx([80000 * expected])


def test_no_discounting(substation):
    economics = replace(substation.economics, discount_rate=0.0)
    one = [np.array([v]) for v in (100.0, 40.0, 900.0, 6.0)]
    cost = life_cycle_cost(*one, economics)
    assert cost.fixed_om == pytest.approx([20 * 20 * 40.0])
    assert cost.replacement == pytest.approx([3 * 80000.0])
    assert cost.end_of_life == pytest.approx([-4 * 3000.0])


def test_nothing_costs_nothing(substation):
    nothing = np.zeros(1)
    cost = life_cycle_cost(nothing, nothing, nothing, np.array([12.0]), substation.economics)
    assert cost.total == pytest.approx([0.0])
