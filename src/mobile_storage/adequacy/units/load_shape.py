"""Hourly load from tables of weekly, daily and hourly peaks, as test systems publish it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from mobile_storage.adequacy.checks import require_number, require_numbers

__all__ = ["hourly_load"]

WEEKEND = (5, 6)


def hourly_load(
    weekly_pct: Sequence[float],
    daily_pct: Sequence[float],
    hourly_pct: Mapping[str, Mapping[str, Sequence[float]]],
    season_weeks: Mapping[str, Iterable[int]],
    peak: float = 1.0,
) -> np.ndarray:
    """Load of every hour: the annual peak times three percentages.

    The form of the IEEE Reliability Test System (IEEE Trans. Power App. Syst. 98(6), 1979).

    Parameters
    ----------
    weekly_pct : sequence, shape (weeks,)
        Peak of each week, per cent of the annual peak; 52 weeks make 8736 h.
    daily_pct : sequence, shape (7,)
        Peak of each day from Monday to Sunday, per cent of the weekly peak.
    hourly_pct : mapping of season to {"weekday": 24 numbers, "weekend": 24 numbers}
        Load of each hour, per cent of the daily peak.
    season_weeks : mapping of season to week numbers
        Counted from 1; each week in one season.
    peak : float
        Annual peak, in units of power.

    Returns
    -------
    ndarray, shape (weeks * 168,)
        From Monday, 0 h, of the first week, in units of power.

    Raises
    ------
    ValueError
        If there are not 7 days or 24 hours, a week is not in exactly one season, a season has no
        hourly shape, or a percentage is not a number of at least 0.
    """
    weekly = require_numbers("weekly_pct", weekly_pct, least=0.0, shape=("weeks",))
    daily = require_numbers("daily_pct", daily_pct, least=0.0, shape=(7,))
    require_number("peak", peak, least=0.0)
    season_of = [
        [name for name, weeks in season_weeks.items() if week in set(weeks)]
        for week in range(1, weekly.size + 1)
    ]
    for week, names in enumerate(season_of, start=1):
        if len(names) != 1:
            raise ValueError(f"week {week} is in {len(names)} seasons {names}, expected one")
        if names[0] not in hourly_pct:
            raise ValueError(f"hourly_pct has no {names[0]!r}, the season of week {week}")
    shapes = {name: _week(days, name) for name, days in hourly_pct.items()}
    hours = np.array([shapes[name] for (name,) in season_of])
    return peak * (weekly[:, None, None] * daily[None, :, None] * hours / 1e6).ravel()


def _week(days: Mapping[str, Sequence[float]], season: str) -> np.ndarray:
    """Percentages of the hours of a week, shape (7, 24)."""
    shape: dict[str, np.ndarray] = {}
    for kind in ("weekday", "weekend"):
        if kind not in days:
            raise ValueError(f"{season} has no {kind}, expected 24 numbers")
        shape[kind] = require_numbers(f"{season} {kind}", days[kind], least=0.0, shape=(24,))
    return np.array([shape["weekend" if day in WEEKEND else "weekday"] for day in range(7)])
