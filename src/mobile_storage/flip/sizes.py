"""The best size of the storage, quickly and nearly: for thousands of worlds.

Interpolated physics over all sizes (`search.surfaces`) shows where to look. From there the model
itself is asked, on ever closer grids whose axes are the scale of the storage and its power over its
energy: the objective is a ridge along which that ratio is constant, and on a grid of energies and
powers a search would get stuck beside it.
"""

from __future__ import annotations

import numpy as np

from mobile_storage.mmbes.model.evaluate import Prepared, comprehensive, net_profit, valued
from mobile_storage.mmbes.model.substation import Preferences
from mobile_storage.mmbes.search.solve import Objective, objective
from mobile_storage.mmbes.search.surfaces import Surface, best_size

__all__ = ["best", "climb"]

#: Reach of each grid in the logarithms of both axes: a factor of four first, a thousandth at last.
REACH = (1.4, 0.7, 0.35, 0.2, 0.1, 0.05, 0.03, 0.015, 0.007, 0.003, 0.001)
#: Nodes of an axis in shares of the reach, closer together near the best size so far.
NODES = np.array([-1.0, -0.45, -0.15, 0.0, 0.15, 0.45, 1.0])


def best(
    prepared: Prepared, known: Surface, preferences: Preferences | None
) -> tuple[float, float]:
    """Energy, kWh, and power, kW, of most prospect, or of most net profit without preferences.

    Parameters
    ----------
    prepared : Prepared
    known : Surface
        Its physics; of `prepared` or a substation that is only valued otherwise.
    preferences : Preferences or None
    """
    worth = objective(prepared, preferences, "net_profit" if preferences is None else "prospect")
    limits = float(known.energy_kwh[-1]), float(known.power_kw[-1])
    found = climb(worth, _start(prepared, known, preferences), limits)
    nothing = (0.0, 0.0)
    values = worth(*np.array([nothing, found]).T)
    return found if values[1] > values[0] else nothing


def _start(
    prepared: Prepared, known: Surface, preferences: Preferences | None
) -> tuple[float, float]:
    """Best size by interpolation; where that is nothing, the best node that is something."""
    start = best_size(known, prepared, preferences)
    if min(start) > 0:
        return start
    worth = valued(prepared, known.physics)
    value = net_profit(worth) if preferences is None else comprehensive(worth, preferences)
    i, j = np.unravel_index(
        np.argmax(value.reshape(known.shape)[1:, 1:]), [n - 1 for n in known.shape]
    )
    return float(known.energy_kwh[i + 1]), float(known.power_kw[j + 1])


def climb(
    worth: Objective, start: tuple[float, float], limits: tuple[float, float]
) -> tuple[float, float]:
    """Best size found from a start above zero, never worse than it.

    Parameters
    ----------
    worth : callable
        The objective.
    start, limits : (float, float)
        Energy, kWh, and power, kW: where to begin, and the largest.
    """
    scale, ratio = (axis.ravel() for axis in np.meshgrid(NODES, NODES, indexing="ij"))
    size = start
    for reach in REACH:
        energy = np.minimum(size[0] * np.exp(reach * scale), limits[0])
        power = np.minimum(size[1] * np.exp(reach * (scale + ratio)), limits[1])
        k = int(np.argmax(worth(energy, power)))
        size = float(energy[k]), float(power[k])
    return size
