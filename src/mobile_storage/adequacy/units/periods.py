"""Compiled loop of `simulation`: follow units and storage from change to change of state."""

from __future__ import annotations

import math

import numba
import numpy as np

__all__ = ["ROUNDING", "simulate_periods"]

#: A shortfall of at most this part of the load counts as zero.
ROUNDING = 1e-9


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _draw(cumulated: np.ndarray, uniform: float) -> int:
    """State that belongs to a uniform random number, from cumulated probabilities."""
    state = 0
    while state < len(cumulated) - 1 and uniform >= cumulated[state]:
        state += 1
    return state


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _stay(rng, mean: float, hourly: bool) -> float:
    """Draw the time in a state, h: exponential, or a geometric number of full hours."""
    if math.isinf(mean):
        return math.inf
    time = rng.standard_exponential() * mean
    return math.floor(time) + 1.0 if hourly else time


@numba.njit(cache=True, nogil=True, error_model="numpy")
def simulate_periods(rng, periods, load, capacity, sojourn, jump, start, hourly, store):
    """Simulate many periods.

    Parameters
    ----------
    rng : Generator
    periods : int
    load : ndarray, shape (hours,)
    capacity, sojourn, jump, start
        As in `simulation.Chains`; the last unit is the storage, which works in state 0.
    hourly : bool
        Whether units change their state only at full hours.
    store : ndarray, shape (6,)
        Charging and discharging power, energy, both efficiencies, and initial energy.

    Returns
    -------
    ndarray, shape (periods, 3)
        For each period: hours with a shortfall, energy not supplied, and first hour with a
        shortfall (the number of hours if there is none).
    ndarray, shape (3, 3, hours)
        For the shortfall, the energy not supplied and the stored energy of each hour: sum over the
        periods, sum of squares, and number of periods in which it is not zero.
    """
    charge_power, discharge_power, most, charge_eta, discharge_eta, initial = store
    units, _, profile = capacity.shape
    length = len(load)
    body = units - 1
    state = np.empty(units, dtype=np.int64)
    change = np.empty(units)
    totals = np.zeros((periods, 3))
    sums = np.zeros((3, 3, length))
    for period in range(periods):
        for u in range(units):
            state[u] = _draw(start[u], rng.random())
            change[u] = _stay(rng, sojourn[u, state[u]], hourly)
        soonest = change.min()
        stored = initial
        first = length
        available = -1.0
        for hour in range(length):
            now = float(hour)
            missing_time = 0.0
            missing = 0.0
            while now < hour + 1.0:
                if soonest <= now:
                    for u in range(units):
                        while change[u] <= now:
                            state[u] = _draw(jump[u, state[u]], rng.random())
                            change[u] += _stay(rng, sojourn[u, state[u]], hourly)
                    soonest = change.min()
                    available = -1.0
                if available < 0.0 or profile > 1:
                    available = 0.0
                    for u in range(units):
                        available += capacity[u, state[u], hour if profile > 1 else 0]
                end = min(soonest, hour + 1.0)
                span = end - now
                surplus = available - load[hour]
                works = state[body] == 0
                if surplus >= 0.0:
                    if works:
                        stored = min(most, stored + min(surplus, charge_power) * charge_eta * span)
                elif -surplus > ROUNDING * load[hour]:
                    power = min(-surplus, discharge_power) if works else 0.0
                    served = min(power * span, stored * discharge_eta)
                    stored = max(0.0, stored - served / discharge_eta)
                    lacking = -surplus * span - served
                    if lacking > ROUNDING * load[hour] * span:
                        missing += lacking
                        # Full help lasts until the store is empty.
                        helped = served / power if power >= -surplus * (1.0 - ROUNDING) else 0.0
                        missing_time += span - helped
                now = end
            if missing > 0.0:
                if hourly:
                    missing_time = 1.0
                first = min(first, hour)
                totals[period, 0] += missing_time
                totals[period, 1] += missing
            for row, value in enumerate((missing_time, missing, stored)):
                if value > 0.0:
                    sums[row, 0, hour] += value
                    sums[row, 1, hour] += value * value
                    sums[row, 2, hour] += 1.0
        totals[period, 2] = first
    return totals, sums
