"""A quick search for the best size of the storage, fast enough for thousands of worlds.

The search has two steps. Physics interpolated over all sizes (`search.surfaces`) gives a start.
From there the model itself is evaluated on a series of grids, each smaller than the one before and
centred on the best size found so far.

The axes of a grid are the logarithms of the scale of the storage and of its ratio of power to
energy. The objective has a ridge along which that ratio is constant, so a search on a grid of
energies and powers would stop beside the ridge.
"""

from __future__ import annotations

import numpy as np

from mobile_storage.mmbes.model.evaluate import Prepared, comprehensive, net_profit, valued
from mobile_storage.mmbes.model.substation import Preferences
from mobile_storage.mmbes.search.solve import Objective, objective
from mobile_storage.mmbes.search.surfaces import Surface, best_size

__all__ = ["optimal_size", "shrinking_grids"]

#: Half-widths of the grids in the logarithm of each axis, from a factor of four to a thousandth.
HALF_WIDTHS = (1.4, 0.7, 0.35, 0.2, 0.1, 0.05, 0.03, 0.015, 0.007, 0.003, 0.001)
#: Nodes on each axis of a grid, in half-widths; they are closer together near its centre.
NODES = np.array([-1.0, -0.45, -0.15, 0.0, 0.15, 0.45, 1.0])


def optimal_size(
    prepared: Prepared, physics: Surface, preferences: Preferences | None
) -> tuple[float, float]:
    """Return the energy, kWh, and power, kW, with the largest prospect or net profit.

    Parameters
    ----------
    prepared : Prepared
        The substation.
    physics : Surface
        Physics of the substation over all sizes. The substation may have other prices and other
        probabilities of extreme events than `prepared`: they do not enter the physics.
    preferences : Preferences or None
        Preferences by which the prospect is computed; None to maximise the net profit.

    Returns
    -------
    tuple of float
        (0, 0) where no storage is better than none.
    """
    value = objective(prepared, preferences, "net_profit" if preferences is None else "prospect")
    largest = float(physics.energy_kwh[-1]), float(physics.power_kw[-1])
    size = shrinking_grids(value, _start(prepared, physics, preferences), largest)
    nothing = (0.0, 0.0)
    without, with_storage = value(*np.array([nothing, size]).T)
    return size if with_storage > without else nothing


def _start(
    prepared: Prepared, physics: Surface, preferences: Preferences | None
) -> tuple[float, float]:
    """Return the best size by interpolation; where that is none, the best node above zero."""
    start = best_size(physics, prepared, preferences)
    if min(start) > 0:
        return start
    attributes = valued(prepared, physics.physics)
    value = (
        net_profit(attributes) if preferences is None else comprehensive(attributes, preferences)
    )
    i, j = np.unravel_index(
        np.argmax(value.reshape(physics.shape)[1:, 1:]), [n - 1 for n in physics.shape]
    )
    return float(physics.energy_kwh[i + 1]), float(physics.power_kw[j + 1])


def shrinking_grids(
    value: Objective, start: tuple[float, float], largest: tuple[float, float]
) -> tuple[float, float]:
    """Return the best size on a series of shrinking grids; it is never worse than the start.

    Parameters
    ----------
    value : callable
        The objective: from arrays of energies, kWh, and powers, kW, to values.
    start : (float, float)
        Energy, kWh, and power, kW, to begin at, both above zero.
    largest : (float, float)
        Largest energy, kWh, and largest power, kW.
    """
    scale, ratio = (axis.ravel() for axis in np.meshgrid(NODES, NODES, indexing="ij"))
    size = start
    for half_width in HALF_WIDTHS:
        energy = np.minimum(size[0] * np.exp(half_width * scale), largest[0])
        power = np.minimum(size[1] * np.exp(half_width * (scale + ratio)), largest[1])
        k = int(np.argmax(value(energy, power)))
        size = float(energy[k]), float(power[k])
    return size
