"""Unserved energy in a year, without and with storage (section 3.2, Eq. 16-21, reconstructed).

EENS is the sum over contingencies from `analytic.islands`, plus the energy by which the load
exceeds the capacity of the intact network. It is that of the year of construction; load growth
counts only in the deferral.
"""

from __future__ import annotations

import numpy as np

from mobile_storage.adequacy.analytic.islands import (
    bounded_starts,
    expected_served,
    expected_unserved,
    normal_deficit,
)
from mobile_storage.adequacy.checks import require_number
from mobile_storage.mmbes.model.schedule import Schedule
from mobile_storage.mmbes.model.substation import Substation

__all__ = ["base_load", "day_share", "eens_after", "eens_before"]


def base_load(substation: Substation) -> np.ndarray:
    """Return the load of each typical day, kW, shape (days, steps)."""
    return substation.curves.shape * substation.peak_kw


def day_share(substation: Substation) -> np.ndarray:
    """Return the share of the year that each typical day represents, shape (days,)."""
    return substation.curves.days_per_year / substation.curves.days_per_year.sum()


def _loaded(substation: Substation, added_kw: float) -> np.ndarray:
    require_number("added_kw", added_kw)
    load = base_load(substation)
    if substation.added_load == "scaled":
        return load * (1.0 + added_kw / substation.peak_kw)
    return load + added_kw


def eens_before(substation: Substation, added_kw: float = 0.0) -> float:
    """EENS without storage, kWh/yr.

    Parameters
    ----------
    substation : Substation
    added_kw : float
        Load on top of the base load, at the peak (`Substation.added_load`). It may be negative if
        no total load is.
    """
    load, share, outages = (
        _loaded(substation, added_kw),
        day_share(substation),
        substation.reliability,
    )
    return expected_unserved(outages.contingencies, load, share) + normal_deficit(
        load, share, outages.normal_capacity_kw
    )


def eens_after(
    substation: Substation, schedule: Schedule, power_kw: float, added_kw: float = 0.0
) -> float:
    """EENS with storage of one size, kWh/yr: ``A * with + (1 - A) * without``.

    Parameters
    ----------
    substation : Substation
        Its `soc_law` says how the stored energy at a fault depends on the hour.
    schedule : Schedule
        Of one storage, under the base load.
    power_kw : float
        Rated power.
    added_kw : float
        As in `eens_before`.
    """
    require_number("power_kw", power_kw, least=0.0, infinite=True)
    load, share, outages = (
        _loaded(substation, added_kw),
        day_share(substation),
        substation.reliability,
    )
    start = bounded_starts(
        outages.contingencies,
        load,
        share,
        schedule.deliverable_kwh,
        substation.soc_law,
        power_kw,
    )
    served = expected_served(outages.contingencies, load, share, start, power_kw)
    capacity = outages.normal_capacity_kw
    served += normal_deficit(load, share, capacity)
    served -= normal_deficit(load, share, capacity, schedule.discharge_kw)
    return eens_before(substation, added_kw) - substation.battery.availability * served
