"""The model on a grid of sizes: what a calibration asks a thousand times, answered quickly.

The physics of every size on the grid is worked out once for a set of physical values; prices and
preferences then only value it again. The best size follows from the best node and its neighbours.
The final numbers never come from here but from a search on the model itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import RectBivariateSpline

from .evaluate import Attributes, Physics, Prepared, comprehensive, net_profit, physics, valued
from .model import Preferences

__all__ = ["Surface", "best_size", "interpolated", "surface"]


@dataclass(frozen=True)
class Surface:
    """Physics on a grid, the first axis being the energy's.

    Attributes
    ----------
    energy_kwh : ndarray, shape (n,)
    power_kw : ndarray, shape (m,)
    physics : Physics
        Of the n times m sizes, flat.
    """

    energy_kwh: np.ndarray
    power_kw: np.ndarray
    physics: Physics

    @property
    def shape(self) -> tuple[int, int]:
        """Nodes along the energy and along the power."""
        return self.energy_kwh.size, self.power_kw.size


def surface(
    prepared: Prepared, bounds: tuple[float, float], shape: tuple[int, int] = (25, 17)
) -> Surface:
    """Physics of a substation for sizes from zero to the bounds, closer together where small."""
    energy, power = (
        b * np.linspace(0.0, 1.0, n) ** 1.3 for b, n in zip(bounds, shape, strict=True)
    )
    every = np.meshgrid(energy, power, indexing="ij")
    return Surface(energy, power, physics(prepared, *(axis.ravel() for axis in every)))


def best_size(
    found: Surface, prepared: Prepared, preferences: Preferences | None
) -> tuple[float, float]:
    """Energy, kWh, and power, kW, of most prospect, or net profit without preferences.

    A cubic spline through the values, searched on a grid eight times as fine around the best node.
    """
    worth: Attributes = valued(prepared, found.physics)
    value = net_profit(worth) if preferences is None else comprehensive(worth, preferences)
    table = value.reshape(found.shape)
    i, j = np.unravel_index(np.argmax(table), table.shape)
    spline = RectBivariateSpline(found.energy_kwh, found.power_kw, table)
    low_energy, high_energy = found.energy_kwh[[max(i - 1, 0), min(i + 1, table.shape[0] - 1)]]
    low_power, high_power = found.power_kw[[max(j - 1, 0), min(j + 1, table.shape[1] - 1)]]
    for _ in range(3):
        energy = np.linspace(low_energy, high_energy, 17)
        power = np.linspace(low_power, high_power, 17)
        fine = spline(energy, power)
        i, j = np.unravel_index(np.argmax(fine), fine.shape)
        low_energy, high_energy = energy[[max(i - 1, 0), min(i + 1, 16)]]
        low_power, high_power = power[[max(j - 1, 0), min(j + 1, 16)]]
    return float(energy[i]), float(power[j])


def interpolated(found: Surface, quantity: np.ndarray, energy_kwh: float, power_kw: float) -> float:
    """A physical quantity, shape (n * m,), at a size between the nodes."""
    spline = RectBivariateSpline(found.energy_kwh, found.power_kw, quantity.reshape(found.shape))
    return float(spline(energy_kwh, power_kw)[0, 0])
