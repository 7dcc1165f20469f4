"""Losses of two lines and two transformers by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mobile_storage.mmbes.model.losses import loss_rate, loss_reduction, losses_kw
from mobile_storage.mmbes.model.schedule import Schedule, schedule
from mobile_storage.mmbes.model.substation import LoadCurves


def test_by_hand(substation):
    # 9 MW and 4.359 Mvar: 10 MVA here, 10/0.55 MVA on the lines, half on each:
    # 2 x 0.85 ohm x (9.0909 MVA / 66 kV)^2 = 2 x 16.127 kW.
    # Each transformer carries 5 of 16 MVA: 2 x (16 + 79 x (5/16)^2) kW.
    line, transformer = losses_kw(substation, np.array(9000.0))
    assert line == pytest.approx(2 * 0.85 * (1e4 / 1.1 / 66.0) ** 2 / 1000.0)
    assert transformer == pytest.approx(2 * (16.0 + 79.0 * (5.0 / 16.0) ** 2))


def test_transformers_divide_the_load_as_their_ratings(substation):
    uneven = replace(
        substation.losses,
        transformer_rating_kva=np.array([10000.0, 30000.0]),
        load_loss_kw=np.array([50.0, 120.0]),
    )
    # 20 MVA: both at half their rating.
    _, transformer = losses_kw(replace(substation, losses=uneven), np.array(18000.0))
    assert transformer == pytest.approx(32.0 + 0.25 * 170.0)


def test_reduction_is_the_difference_of_losses(substation):
    load = substation.curves.shape * substation.peak_kw
    cycle = schedule(
        load, np.array([3000.0, 20000.0]), np.array([1500.0, 6000.0]), substation.battery
    )
    found = loss_reduction(substation, load, cycle)
    before = sum(losses_kw(substation, load))
    after = sum(losses_kw(substation, load, cycle.discharge_kw - cycle.charge_kw))
    saved = ((before - after).sum(axis=-1) * substation.curves.days_per_year).sum(axis=-1)
    assert found.gross_kwh == pytest.approx(saved, rel=1e-9)
    # Full cycles in the first case: usable / eta_c - usable eta_d on every day.
    assert found.round_trip_kwh[0] == pytest.approx(365 * 2400.0 * (1 / 0.95 - 0.95))
    assert found.net_kwh == pytest.approx(found.gross_kwh - found.round_trip_kwh)
    assert np.all(found.gross_kwh > 0)


def test_reactive_power_and_idle_losses_do_not_change(substation):
    load = substation.curves.shape * substation.peak_kw
    nothing = np.zeros_like(load)
    idle = Schedule(nothing, nothing, np.zeros((4, 25)), np.zeros(4))
    assert loss_reduction(substation, load, idle).gross_kwh == 0.0


def test_loss_rate_by_hand(substation):
    # 9 MW all year, as above: 55 % of the lines' losses and all of the transformers'.
    flat = replace(
        substation,
        peak_kw=9000.0,
        curves=LoadCurves(("day",), np.ones((1, 24)), np.array([365.0])),
    )
    line, transformer = losses_kw(flat, np.array(9000.0))
    assert loss_rate(flat) == pytest.approx((0.55 * line + transformer) / 9000.0)
