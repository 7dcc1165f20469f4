"""Customer indices of a network (SAIFI, SAIDI, ...), for loads that stay at their average.

A load point that is served in part counts in proportion to the load that is not served. All loads
are curtailed in the same proportion as far as the capacities allow (`supply`), so the energy not
supplied adds up to that of the smallest cuts.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mobile_storage.adequacy import HOURS_PER_YEAR
from mobile_storage.adequacy.analytic.consequences import Outage, outages
from mobile_storage.adequacy.analytic.network import Network
from mobile_storage.adequacy.analytic.repair import restricted_mean

__all__ = ["Indices", "indices"]


@dataclass(frozen=True, eq=False)
class Indices:
    """Indices of a network without storage.

    Attributes
    ----------
    load_points : DataFrame
        One row for each, by name: ``frequency_per_yr``, ``outage_h_per_yr`` (annual outage time),
        ``outage_h`` (mean duration; not a number if there is none) and ``eens`` (power times h/yr).
    saifi, saidi : float
        Interruptions (1/yr) and hours without supply (h/yr) of the average customer.
    caidi : float
        Hours without supply for each interruption; not a number if there is none.
    asai : float
        Part of the year in which the average customer has supply.
    eens : float
        Expected energy not supplied, power times h/yr.
    aens : float
        The same for each customer.
    """

    load_points: pd.DataFrame
    saifi: float
    saidi: float
    caidi: float
    asai: float
    eens: float
    aens: float


def indices(network: Network, order: int = 1) -> Indices:
    """Indices of the load points and of the system, without storage, at average load.

    Parameters
    ----------
    network : Network
        The loads of its load points are their average power.
    order : {1, 2}
        1: single outages. 2: also pairs of independent elements.

    Returns
    -------
    Indices
        Of the faults only; load that the intact network cannot serve does not count.

    Raises
    ------
    ValueError
        If no load point has a customer.
    """
    points = network.load_points
    load = np.array([point.load for point in points], dtype=float)
    customers = np.array([point.customers for point in points], dtype=float)
    if not customers.sum() > 0.0:
        raise ValueError("no load point has a customer: the indices are means over customers")
    all_outages = outages(network, order)
    unserved = [_unserved(outage, load.sum()) for outage in all_outages]
    hours = np.zeros(len(points))
    for outage, parts in zip(all_outages, unserved, strict=True):
        hours += outage.rate * (_durations(outage) @ parts)
    frequency = _frequency(network, all_outages, unserved)
    saifi = float(frequency @ customers / customers.sum())
    saidi = float(hours @ customers / customers.sum())
    eens = float(hours @ load)
    table = pd.DataFrame(
        {
            "frequency_per_yr": frequency,
            "outage_h_per_yr": hours,
            "outage_h": np.divide(
                hours, frequency, out=np.full(len(points), math.nan), where=frequency > 0.0
            ),
            "eens": hours * load,
        },
        index=pd.Index([point.name for point in points], name="load_point"),
    )
    return Indices(
        load_points=table,
        saifi=saifi,
        saidi=saidi,
        caidi=saidi / saifi if saifi > 0.0 else math.nan,
        asai=1.0 - saidi / HOURS_PER_YEAR,
        eens=eens,
        aens=eens / float(customers.sum()),
    )


def _unserved(outage: Outage, load: float) -> np.ndarray:
    """Part of each load that is not served without storage, shape (stages, load points)."""
    return 1.0 - np.minimum(1.0, outage.limits[:, 0] / load)


def _durations(outage: Outage) -> np.ndarray:
    """Mean time spent in each stage, h."""
    spent = restricted_mean(np.array(outage.until), outage.repair, outage.law)
    return np.diff(spent, prepend=0.0)


def _frequency(
    network: Network, all_outages: tuple[Outage, ...], unserved: list[np.ndarray]
) -> np.ndarray:
    """Frequency with which load points lose supply, 1/yr, shape (load points,).

    A second outage interrupts load that the first one still served. Outage i during outage j has
    the frequency f_i f_j r_j / 8760. It interrupts the load that both leave unserved less the load
    that j alone leaves unserved.
    """
    repair = {element.name: element.repair for element in network.elements}
    total = np.zeros(len(network.load_points))
    alone: dict[str, np.ndarray] = defaultdict(lambda: np.zeros_like(total))
    rates: dict[str, float] = defaultdict(float)
    for outage, parts in zip(all_outages, unserved, strict=True):
        most = parts.max(axis=0)
        if len(outage.elements) == 1:
            total += outage.rate * most
            alone[outage.elements[0]] += outage.rate * most
            rates[outage.elements[0]] += outage.rate
            continue
        together = sum(repair[name] for name in outage.elements)
        for first in outage.elements:
            left = np.maximum(0.0, most - alone[first] / rates[first])
            total += outage.rate * repair[first] / together * left
    return total
