"""Compiled twin of `schedule.schedule` for many sizes of storage; equal up to rounding.

The loads of a day are sorted in falling order. The levels then follow from one pass through them.
"""

from __future__ import annotations

import numba
import numpy as np

from mobile_storage.mmbes.model.schedule import Schedule, require_sizes
from mobile_storage.mmbes.model.substation import Battery

__all__ = ["schedules"]

compiled = numba.njit(cache=True, nogil=True, error_model="numpy")


def schedules(
    load_kw: np.ndarray, energy_kwh: np.ndarray, power_kw: np.ndarray, battery: Battery
) -> Schedule:
    """Compute `schedule.schedule` for sizes of shape (n,); errors are the same."""
    load_kw, energy_kwh, power_kw = require_sizes(load_kw, energy_kwh, power_kw, ("n",))
    return Schedule(
        *_schedules(
            load_kw,
            -np.sort(-load_kw, axis=1),
            energy_kwh,
            power_kw,
            battery.soc_max - battery.soc_min,
            battery.charge_efficiency,
            battery.discharge_efficiency,
        )
    )


@compiled
def _level(falling, power, target, sign):
    """Return the level at which ``sum_t min(power, max(0, x_t - level))`` reaches `target`.

    x is `falling` with sign 1, in falling order; with sign -1 it is its negative, from the end.
    """
    steps = falling.size
    begun = ended = 0
    level = sign * falling[0 if sign > 0 else steps - 1]
    reached = 0.0
    while ended < steps:
        knot = sign * falling[ended if sign > 0 else steps - 1 - ended] - power
        begins = False
        if begun < steps:
            next_load = sign * falling[begun if sign > 0 else steps - 1 - begun]
            if next_load >= knot:
                knot, begins = next_load, True
        gain = (begun - ended) * (level - knot)
        if reached + gain >= target:
            if begun > ended:
                level -= (target - reached) / (begun - ended)
            return level
        reached += gain
        level = knot
        if begins:
            begun += 1
        else:
            ended += 1
    return level


@compiled
def _largest_cycle(falling, power, eta_c, eta_d):
    """Energy through the cells, kW summed over the steps, when the two levels meet."""
    steps = falling.size
    # The common level falls. Above all loads every step charges at full power. Further down, steps
    # leave full charging, change from charging to discharging, and reach full discharging.
    full = turned = ended = 0
    level = falling[0] + power
    surplus = -eta_c * steps * power
    while ended < steps:
        knot, kind = falling[ended] - power, 2
        if turned < steps and falling[turned] >= knot:
            knot, kind = falling[turned], 1
        if full < steps and falling[full] + power >= knot:
            knot, kind = falling[full] + power, 0
        slope = eta_c * (full - turned) + (turned - ended) / eta_d
        gain = slope * (level - knot)
        if surplus + gain >= 0.0:
            if slope > 0.0:
                level -= -surplus / slope
            break
        surplus += gain
        level = knot
        full += kind == 0
        turned += kind == 1
        ended += kind == 2
    shaved = 0.0
    for x in falling:
        shaved += min(power, max(0.0, x - level))
    return shaved / eta_d


@compiled
def _schedules(load, falling, energy, power, depth, eta_c, eta_d):
    days, steps = load.shape
    step_h = 24.0 / steps
    n = energy.size
    charge, discharge = np.zeros((n, days, steps)), np.zeros((n, days, steps))
    deliverable, cycled = np.zeros((n, days, steps + 1)), np.zeros((n, days))
    for i in range(n):
        usable, p = depth * energy[i], power[i]
        for d in range(days):
            cycle = min(usable / step_h, _largest_cycle(falling[d], p, eta_c, eta_d))
            upper = _level(falling[d], p, cycle * eta_d, 1.0)
            lower = -_level(falling[d], p, cycle / eta_c, -1.0)
            stored = highest = 0.0
            for t in range(steps):
                discharge[i, d, t] = min(p, max(0.0, load[d, t] - upper))
                charge[i, d, t] = min(p, max(0.0, lower - load[d, t]))
                stored += step_h * (charge[i, d, t] * eta_c - discharge[i, d, t] / eta_d)
                deliverable[i, d, t + 1] = stored
                highest = max(highest, stored)
            for t in range(steps + 1):
                deliverable[i, d, t] = (deliverable[i, d, t] + usable - highest) * eta_d
            cycled[i, d] = cycle * step_h
    return charge, discharge, deliverable, cycled
