"""The daily cycle of the storage: power-difference control (section 3.1, Figure 4, Eq. 13-15).

Reconstructed from the prose. Storage discharges above an upper level of the load and charges below
a lower one, limited by its power, and makes one full cycle a day. The levels follow from the
energy. The energy discharged at the terminals is the usable energy times the discharging
efficiency. The energy charged is the usable energy over the charging efficiency. Both are piecewise
linear in the level, so the levels are computed exactly and not by bisection.

If a day cannot carry a full cycle, because the power is too small or the load too even, it gets the
largest possible one, in which the two levels meet. The result is continuous in energy and power.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mobile_storage.adequacy.checks import require_numbers
from mobile_storage.mmbes.model.substation import Battery

__all__ = ["Schedule", "require_sizes", "schedule"]


@dataclass(frozen=True)
class Schedule:
    """Operation of storage on each typical day; sizes of a population come first (`...`).

    Attributes
    ----------
    charge_kw, discharge_kw : ndarray, shape (..., days, steps)
        Power at the terminals. Both are at least zero, and never both above it.
    deliverable_kwh : ndarray, shape (..., days, steps + 1)
        Energy above the lower limit times the discharging efficiency, at the ends of the steps;
        linear in between, the last equal to the first.
    cycled_kwh : ndarray, shape (..., days)
        Energy that goes through the cells in a day.
    """

    charge_kw: np.ndarray
    discharge_kw: np.ndarray
    deliverable_kwh: np.ndarray
    cycled_kwh: np.ndarray

    @property
    def lost_kwh(self) -> np.ndarray:
        """Energy lost in cycling on each day, shape (..., days)."""
        step_h = 24.0 / self.charge_kw.shape[-1]
        return step_h * (self.charge_kw - self.discharge_kw).sum(axis=-1)

    @property
    def mean_deliverable_kwh(self) -> np.ndarray:
        """Deliverable energy, averaged over each day, shape (..., days)."""
        ends = self.deliverable_kwh
        return (ends[..., :-1] + ends[..., 1:]).mean(axis=-1) / 2.0


def _shaved(excess: np.ndarray, power: np.ndarray) -> np.ndarray:
    """Sum over the last axis of ``min(power, max(0, excess))``; `power` lacks that axis."""
    return np.clip(excess, 0.0, power[..., None]).sum(axis=-1)


def _crossing(knots: np.ndarray, values: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Find where a nondecreasing piecewise linear function first reaches a target.

    Parameters
    ----------
    knots, values : ndarray, shape (..., m)
        The function at its knots, in the order in which the values do not fall.
    target : ndarray, shape (..., 1)
        Between the first value and the last; beyond them the nearer one counts.
    """
    target = np.clip(target, values[..., :1], values[..., -1:])
    right = np.maximum(np.argmax(values >= target, axis=-1, keepdims=True), 1)
    x0, x1 = (np.take_along_axis(knots, right - k, axis=-1) for k in (1, 0))
    y0, y1 = (np.take_along_axis(values, right - k, axis=-1) for k in (1, 0))
    share = np.divide(target - y0, y1 - y0, out=np.zeros_like(y0), where=y1 > y0)
    return x0 + share * (x1 - x0)


def _level(load: np.ndarray, power: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the level above which `target` (kW summed over steps) is shaved, shape (..., 1)."""
    knots = -np.sort(-np.concatenate([load, load - power[..., None]], axis=-1), axis=-1)
    values = _shaved(load[..., None, :] - knots[..., :, None], power[..., None])
    return _crossing(knots, values, target[..., None])


def _largest_cycle(load: np.ndarray, power: np.ndarray, battery: Battery) -> np.ndarray:
    """Return the energy through the cells (kW summed over the steps) when the two levels meet."""
    charging, discharging = battery.charge_efficiency, battery.discharge_efficiency
    reach = power[..., None]
    knots = -np.sort(-np.concatenate([load + reach, load, load - reach], axis=-1), axis=-1)
    excess = load[..., None, :] - knots[..., :, None]
    surplus = (
        _shaved(excess, power[..., None]) / discharging
        - _shaved(-excess, power[..., None]) * charging
    )
    level = _crossing(knots, surplus, np.zeros_like(reach))
    return _shaved(load - level, power) / discharging


def require_sizes(
    load_kw: np.ndarray,
    energy_kwh: np.ndarray,
    power_kw: np.ndarray,
    shape: tuple[int | str, ...] | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Check load, rated energy and rated power, and return them as arrays; any shape by default.

    Raises
    ------
    ValueError
        If the load is not finite or not of days and steps, a size is negative or not finite, or
        energies and powers differ in shape.
    """
    load = require_numbers("load_kw", load_kw, shape=("days", "steps"))
    energy = require_numbers("energy_kwh", energy_kwh, least=0.0, shape=shape)
    return load, energy, require_numbers("power_kw", power_kw, least=0.0, shape=energy.shape)


def schedule(
    load_kw: np.ndarray, energy_kwh: np.ndarray, power_kw: np.ndarray, battery: Battery
) -> Schedule:
    """Compute the cycle of storage of given sizes on given days (Eq. 13-15, reconstructed).

    The state of charge follows from the powers. Its highest point is set to the upper limit, so
    that as much energy as possible is left for faults. With several peaks and charging between
    them, the state of charge need not reach the lower limit.

    Parameters
    ----------
    load_kw : ndarray, shape (days, steps)
        Load of each typical day.
    energy_kwh, power_kw : ndarray, shape (...)
        Rated energy and power, of the same shape, at least zero.
    battery : Battery
        Limits of the state of charge and efficiencies.

    Raises
    ------
    ValueError
        As `require_sizes`.
    """
    load_kw, energy, power = require_sizes(load_kw, energy_kwh, power_kw)
    days, steps = load_kw.shape
    step_h = 24.0 / steps
    load = np.broadcast_to(load_kw, (*energy.shape, days, steps))
    power = np.broadcast_to(power[..., None], (*energy.shape, days))
    usable = (battery.soc_max - battery.soc_min) * energy

    cycled = np.minimum(usable[..., None] / step_h, _largest_cycle(load, power, battery))
    upper = _level(load, power, cycled * battery.discharge_efficiency)
    lower = -_level(-load, power, cycled / battery.charge_efficiency)
    discharge = np.clip(load - upper, 0.0, power[..., None])
    charge = np.clip(lower - load, 0.0, power[..., None])

    gain = step_h * (charge * battery.charge_efficiency - discharge / battery.discharge_efficiency)
    stored = np.concatenate([np.zeros_like(gain[..., :1]), gain.cumsum(axis=-1)], axis=-1)
    stored += usable[..., None, None] - stored.max(axis=-1, keepdims=True)
    return Schedule(charge, discharge, stored * battery.discharge_efficiency, cycled * step_h)
