"""Hourly load from tables of peaks."""

from __future__ import annotations

import numpy as np
import pytest

from mobile_storage.adequacy.units.load_shape import hourly_load

DAY, NIGHT = [100.0] * 24, [50.0] * 24
SHAPES = {"cold": {"weekday": DAY, "weekend": NIGHT}, "warm": {"weekday": NIGHT, "weekend": DAY}}
DAILY = [100.0, 90.0, 80.0, 70.0, 60.0, 50.0, 40.0]


def test_two_weeks_by_hand():
    load = hourly_load([100.0, 80.0], DAILY, SHAPES, {"cold": [1], "warm": [2]}, peak=10.0)
    by_day = load.reshape(2, 7, 24)
    assert np.all(by_day == by_day[:, :, :1])
    np.testing.assert_allclose(by_day[0, :, 0], [10, 9, 8, 7, 6, 2.5, 2])
    np.testing.assert_allclose(by_day[1, :, 0], [4, 3.6, 3.2, 2.8, 2.4, 4, 3.2])


def test_hours_are_in_order():
    ramp = {"any": {"weekday": list(range(24)), "weekend": [0.0] * 24}}
    load = hourly_load([100.0], [100.0] * 7, ramp, {"any": [1]})
    np.testing.assert_allclose(load[24:48], np.arange(24) / 100.0)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"daily_pct": DAILY[:6]}, r"daily_pct has the shape \(6,\), expected \(7,\)"),
        ({"season_weeks": {"cold": [1]}}, r"week 2 is in 0 seasons"),
        ({"season_weeks": {"cold": [1, 2], "warm": [2]}}, r"week 2 is in 2 seasons"),
        (
            {"hourly_pct": SHAPES | {"warm": {"weekday": DAY, "weekend": DAY[:23]}}},
            r"warm weekend has the shape \(23,\)",
        ),
    ],
)
def test_bad_tables_are_named(changed, message):
    arguments = {
        "weekly_pct": [100.0, 80.0],
        "daily_pct": DAILY,
        "hourly_pct": SHAPES,
        "season_weeks": {"cold": [1], "warm": [2]},
    }
    with pytest.raises(ValueError, match=message):
        hourly_load(**arguments | changed)
