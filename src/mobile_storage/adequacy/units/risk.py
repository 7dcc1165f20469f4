"""Risk indices of a load served by independent units: LOLE, EENS, frequency of loss.

Hour by hour, for daily peaks, or for a constant load; for units whose capacity changes with time.
With C the available capacity of an outage table, load L is lost with probability P(C < L), and
E[max(0, L - C)] of it is not served.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mobile_storage.adequacy import HOURS_PER_YEAR
from mobile_storage.adequacy.checks import require_number, require_numbers
from mobile_storage.adequacy.units.outage_table import SAME, OutageTable, Unit, outage_table

__all__ = ["Risk", "daily_peaks", "loss_of_load_frequency", "risk", "risk_of_varying_units"]


@dataclass(frozen=True, eq=False)
class Risk:
    """What a load risks in each step of time.

    Attributes
    ----------
    lolp : ndarray, shape (steps,)
        Probability that the load exceeds the capacity.
    shortfall : ndarray, shape (steps,)
        Expected power that is not served.
    duration : ndarray, shape (steps,)
        How long each step lasts: h, or d for daily peaks.
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
        How long each of them lasts: by default one hour (one day for daily peaks, with LOLE in
        days); 8760 for a constant load through the year.

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
        Their capacities are a share of what `capacity` says: 1 and 0 for a unit of two states. A
        unit that never fails is renewable generation: one state.
    capacity : array_like, shape (units, steps)
        Capacity of each unit (each one of identical ones) in each step, in units of power.
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
    base = outage_table([_scaled(units[i], capacity[i, 0]) for i in np.flatnonzero(constant)], step)
    columns, which = np.unique(capacity[varying], axis=1, return_inverse=True)
    order = np.argsort(which.ravel(), kind="stable")
    groups = np.split(order, np.cumsum(np.bincount(which.ravel()))[:-1])
    for column, steps in zip(columns.T, groups, strict=True):
        scaled = zip(np.flatnonzero(varying), column, strict=True)
        rest = outage_table([_scaled(units[i], size) for i, size in scaled], step)
        # Given what the varying units have, the others carry what is left of the load.
        left = net[steps] - rest.capacity[:, None]
        found = _risk_at(base, left)
        lolp[steps], shortfall[steps] = (rest.probability @ values for values in found)
    return Risk(lolp, shortfall, duration)


def loss_of_load_frequency(
    table: OutageTable, load: np.ndarray, duration_h: np.ndarray | float = 1.0
) -> float:
    """Expected number of times that load is lost in the period.

    Steps between two failures of units and steps of the load both count: a step begins with a loss
    if the load rises above a capacity that carried the step before. The period repeats itself.

    Parameters
    ----------
    table : OutageTable
        Of units with rates.
    load : array_like, shape (steps,)
        In the order of time.
    duration_h : array_like
        Of each step, h.

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
        If the steps do not make whole days.
    """
    load = require_numbers("load", load, shape=("steps",))
    steps_per_day = int(require_number("steps_per_day", steps_per_day, least=1, whole=True))
    if load.size % steps_per_day:
        raise ValueError(f"{load.size} steps are no whole days of {steps_per_day} steps")
    return load.reshape(-1, steps_per_day).max(axis=1)


def _loads(load: np.ndarray | float, duration: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
    """Loads, shape (steps,), and how long each lasts."""
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
    # The expected shortfall is piecewise linear with slope P(C < L): sum it up from the bottom,
    # where nothing is subtracted from anything.
    at_state = np.concatenate([[0.0], np.cumsum(below[1:-1] * np.diff(table.capacity))])
    last = np.maximum(state - 1, 0)
    above = np.maximum(0.0, load - table.capacity[last])
    return below[state], np.where(state > 0, at_state[last] + below[state] * above, 0.0)


def _states_below(table: OutageTable, load: np.ndarray) -> np.ndarray:
    """Number of states whose capacity does not carry the load."""
    same = SAME * max(1e-300, float(np.abs(table.capacity).max()))
    return np.searchsorted(table.capacity, load - same, side="left")


def _scaled(unit: Unit, capacity: float) -> Unit:
    return Unit(
        tuple(share * capacity for share in unit.capacities), unit.probabilities, int(unit.count)
    )
