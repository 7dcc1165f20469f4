"""Risk indices of a load served by independent units: LOLE, EENS, frequency of loss of load.

The load is given hour by hour, as daily peaks, or as a constant; the capacity of units may change
with time. Let C be the available capacity of an outage table. A load L is not served in full with
the probability P(C < L), and the expected shortfall is E[max(0, L - C)].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mobile_storage.adequacy import HOURS_PER_YEAR
from mobile_storage.adequacy.checks import require_number, require_numbers
from mobile_storage.adequacy.units.outage_table import (
    CAPACITY_TOLERANCE,
    OutageTable,
    Unit,
    outage_table,
)

__all__ = ["Risk", "daily_peaks", "loss_of_load_frequency", "risk", "risk_of_varying_units"]


@dataclass(frozen=True, eq=False)
class Risk:
    """Risk of a load in each time step.

    Attributes
    ----------
    lolp : ndarray, shape (steps,)
        Probability that the load exceeds the capacity.
    shortfall : ndarray, shape (steps,)
        Expected power that is not served.
    duration : ndarray, shape (steps,)
        Length of each step: in h, or in d for daily peaks.
    """

    lolp: np.ndarray
    shortfall: np.ndarray
    duration: np.ndarray

    @property
    def lole(self) -> float:
        """Loss of load expectation in the period, in units of the duration."""
        return float(self.lolp @ self.duration)

    @property
    def eens(self) -> float:
        """Expected energy not served in the period, power times the unit of the duration."""
        return float(self.shortfall @ self.duration)


def risk(table: OutageTable, load: np.ndarray | float, duration: np.ndarray | float = 1.0) -> Risk:
    """Risk of a load served by the units of a table.

    Parameters
    ----------
    table : OutageTable
    load : array_like, shape (steps,) or a number
        Hourly loads, daily peaks (`daily_peaks`), levels of a load duration curve, ...
    duration : array_like
        Length of each: 1 by default, that is an hour, or a day for daily peaks (LOLE is then in
        days). It is 8760 for a load that is constant throughout the year.

    Returns
    -------
    Risk

    Raises
    ------
    ValueError
        If a load is not finite, or a duration negative or of another shape.
    """
    load, duration = _loads(load, duration)
    return Risk(*_risk_at(table, load), duration)


def risk_of_varying_units(
    units: Sequence[Unit],
    capacity: np.ndarray,
    load: np.ndarray,
    duration: np.ndarray | float = 1.0,
    step: float | None = None,
) -> Risk:
    """Risk of a load served by units whose capacity changes with time.

    Parameters
    ----------
    units : sequence of Unit
        Their capacities are shares of `capacity`: 1 and 0 for a unit of two states. Renewable
        generation that never fails is a unit of one state.
    capacity : array_like, shape (units, steps)
        Capacity of each unit in each step, in units of power; if `count` is above 1, that of one
        of the identical units.
    load : array_like, shape (steps,)
    duration, step
        See `risk` and `outage_table`.

    Returns
    -------
    Risk

    Raises
    ------
    ValueError
        If the shapes do not fit.
    """
    load, duration = _loads(load, duration)
    if len(units):
        capacity = require_numbers("capacity", capacity, least=0.0, shape=(len(units), load.size))
    else:
        capacity = np.zeros((0, load.size))
    lolp, shortfall = np.zeros_like(load), np.zeros_like(load)
    sure = [len(unit.capacities) == 1 or max(unit.probabilities) == 1.0 for unit in units]
    constant = (capacity == capacity[:, :1]).all(axis=1) & ~np.array(sure, dtype=bool)
    varying = ~constant & ~np.array(sure, dtype=bool)
    net = load - sum(
        (
            unit.count * float(np.dot(unit.capacities, unit.probabilities)) * row
            for unit, row, is_sure in zip(units, capacity, sure, strict=True)
            if is_sure
        ),
        np.zeros_like(load),
    )
    base = outage_table(
        [_scaled(units[i], capacity[i, 0]) for i in np.flatnonzero(constant).tolist()], step
    )
    columns, which = np.unique(capacity[varying], axis=1, return_inverse=True)
    order = np.argsort(which.ravel(), kind="stable")
    groups = np.split(order, np.cumsum(np.bincount(which.ravel()))[:-1])
    for column, steps in zip(columns.T, groups, strict=True):
        scaled = zip(np.flatnonzero(varying).tolist(), column, strict=True)
        rest = outage_table([_scaled(units[i], size) for i, size in scaled], step)
        # For each capacity of the varying units, the other units serve the rest of the load.
        left = net[steps] - rest.capacity[:, None]
        lolp[steps], shortfall[steps] = (rest.probability @ x for x in _risk_at(base, left))
    return Risk(lolp, shortfall, duration)


def loss_of_load_frequency(
    table: OutageTable, load: np.ndarray, duration_h: np.ndarray | float = 1.0
) -> float:
    """Expected number of losses of load in the period.

    A loss of load begins with a failure of a unit within a step, or with a rise of the load, from
    one step to the next, above the available capacity. The period repeats itself.

    Parameters
    ----------
    table : OutageTable
        Table of units with failure and repair rates.
    load : array_like, shape (steps,)
        In the order of time.
    duration_h : array_like
        Length of each step, h.

    Returns
    -------
    float
        Losses per period. The mean duration of a loss is LOLE divided by it.

    Raises
    ------
    ValueError
        If the table has no rates, a load is not finite, or a duration negative.
    """
    load, duration_h = _loads(load, duration_h)
    below = np.concatenate([[0.0], table.frequency])[_states_below(table, load)]
    lolp = _risk_at(table, load)[0]
    by_units = float(np.sum(below * duration_h) / HOURS_PER_YEAR)
    return by_units + float(np.maximum(0.0, lolp - np.roll(lolp, 1)).sum())


def daily_peaks(load: np.ndarray, steps_per_day: int = 24) -> np.ndarray:
    """Highest load of each day.

    Parameters
    ----------
    load : array_like, shape (days * steps_per_day,)
    steps_per_day : int

    Raises
    ------
    ValueError
        If the number of steps is not a multiple of the steps of a day.
    """
    load = require_numbers("load", load, shape=("steps",))
    steps_per_day = int(require_number("steps_per_day", steps_per_day, least=1, whole=True))
    if load.size % steps_per_day:
        raise ValueError(
            f"load has {load.size} steps, expected a multiple of {steps_per_day} steps a day"
        )
    return load.reshape(-1, steps_per_day).max(axis=1)


def _loads(load: np.ndarray | float, duration: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
    """Check the loads and the length of each, and return both with shape (steps,)."""
    load = np.atleast_1d(require_numbers("load", load))
    require_numbers("load", load, shape=("steps",))
    duration = require_numbers("duration", duration, least=0.0)
    if duration.ndim:
        require_numbers("duration", duration, shape=load.shape)
    return load, np.broadcast_to(duration, load.shape)


def _risk_at(table: OutageTable, load: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """LOLP and expected shortfall at loads of any shape."""
    state = _states_below(table, load)
    below = np.concatenate([[0.0], np.cumsum(table.probability)])
    # The expected shortfall is piecewise linear in the load with the slope P(C < L). Adding it up
    # from the lowest capacity avoids differences of nearly equal numbers.
    at_state = np.concatenate([[0.0], np.cumsum(below[1:-1] * np.diff(table.capacity))])
    last = np.maximum(state - 1, 0)
    above = np.maximum(0.0, load - table.capacity[last])
    return below[state], np.where(state > 0, at_state[last] + below[state] * above, 0.0)


def _states_below(table: OutageTable, load: np.ndarray) -> np.ndarray:
    """Number of states whose capacity does not serve the load."""
    tolerance = CAPACITY_TOLERANCE * max(1e-300, float(np.abs(table.capacity).max()))
    return np.searchsorted(table.capacity, load - tolerance, side="left")


def _scaled(unit: Unit, capacity: float) -> Unit:
    """Unit whose capacities are multiplied by `capacity`."""
    return Unit(
        tuple(share * capacity for share in unit.capacities), unit.probabilities, int(unit.count)
    )
