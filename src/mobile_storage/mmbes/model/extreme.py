"""Long outages of the region: islands around critical loads (section 3.4, Eq. 26-31).

Reconstructed. The storage has its expected residual energy when it is split among islands (step 9
of section 4). Loads are supplied from the end of their own backup to the end of the outage.
Critical loads come before important ones, and among equal priorities the load with the higher
outage loss comes first. Every load gets the power that the loads before it leave, and energy is
reserved in the same order. Then the first i loads together get ``min(E, integral of min(P,
d_i(t)))``, where d_i(t) is their total demand at time t.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mobile_storage.adequacy.analytic.islands import LEAST_ENERGY
from mobile_storage.adequacy.checks import require_numbers
from mobile_storage.mmbes.model.substation import ExtremeEvents

__all__ = ["Islands", "avoided_loss", "islands"]


@dataclass(frozen=True)
class Islands:
    """Loads in the order of supply.

    Attributes
    ----------
    length_h : ndarray, shape (scenarios, intervals)
        Length of the intervals between the ends of backups within each outage.
    demand_kw : ndarray, shape (loads, intervals)
        Total demand of the loads up to each one.
    loss_step : ndarray, shape (loads,)
        Outage loss of each load less that of the next one, yuan/kWh.
    """

    length_h: np.ndarray
    demand_kw: np.ndarray
    loss_step: np.ndarray


def islands(events: ExtremeEvents) -> Islands:
    """Sort the loads by priority and divide the outages at the ends of backups."""
    order = np.lexsort((-events.loss_per_kwh, events.priority))
    backup_h = events.backup_h[order]
    ends = np.append(np.unique(np.append(0.0, backup_h)), np.inf)
    until = np.minimum(ends, events.duration_h[:, None])
    asks = (backup_h[:, None] <= ends[:-1]) * events.load_kw[order, None]
    loss = events.loss_per_kwh[order]
    return Islands(np.diff(until, axis=1), asks.cumsum(axis=0), loss - np.append(loss[1:], 0.0))


def avoided_loss(plan: Islands, energy_kwh: np.ndarray, power_kw: np.ndarray) -> np.ndarray:
    """Compute the outage loss that storage avoids if a scenario happens, yuan.

    Parameters
    ----------
    plan : Islands
    energy_kwh, power_kw : ndarray, shape (...)
        Energy left at the terminals, and rated power.

    Returns
    -------
    ndarray, shape (..., scenarios)
    """
    energy = require_numbers("energy_kwh", energy_kwh, least=LEAST_ENERGY)
    power = require_numbers("power_kw", power_kw, least=0.0, shape=energy.shape)
    supplied_kw = np.minimum(power[..., None, None], plan.demand_kw)
    # (..., loads, intervals) by (intervals, scenarios)
    supplied_kwh = np.minimum(energy[..., None, None], supplied_kw @ plan.length_h.T)
    # Sum of loss times what each load gets, by parts.
    return np.swapaxes(supplied_kwh, -1, -2) @ plan.loss_step
