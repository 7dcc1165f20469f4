"""The model interpolated on a grid of sizes, for the many evaluations of a calibration.

The physics of every size on the grid is computed once for a set of physical values. It is smooth in
the size, while the planner's value has a kink wherever an attribute equals its reference point.
Therefore the physics is interpolated, and prices and preferences are applied to the result. Final
numbers always come from a search on the model itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.interpolate import RectBivariateSpline

from mobile_storage.adequacy.checks import require_numbers
from mobile_storage.mmbes.model.evaluate import (
    Attributes,
    Physics,
    Prepared,
    comprehensive,
    net_profit,
    physics,
    valued,
)
from mobile_storage.mmbes.model.substation import Preferences

__all__ = ["Surface", "best_size", "surface"]

#: A size may exceed its bound by this share, which is rounding.
BOUND_TOLERANCE = 1e-9

#: Fields of `Physics` that change smoothly with the size.
SMOOTH = (
    "gross_loss_reduction_kwh",
    "net_loss_reduction_kwh",
    "eens_after_kwh",
    "elcc_kw",
    "residual_energy_kwh",
    "full_cycles",
)


@dataclass(frozen=True)
class Surface:
    """Physics on a grid, the first axis being the energy's.

    Attributes
    ----------
    energy_kwh : ndarray, shape (n,)
    power_kw : ndarray, shape (m,)
    physics : Physics
        Physics of the n times m sizes, as flat arrays.
    """

    energy_kwh: np.ndarray
    power_kw: np.ndarray
    physics: Physics

    @property
    def shape(self) -> tuple[int, int]:
        """Number of nodes along the energy and along the power."""
        return self.energy_kwh.size, self.power_kw.size

    @cached_property
    def _splines(self) -> dict[str, RectBivariateSpline]:
        return {
            name: RectBivariateSpline(
                self.energy_kwh, self.power_kw, getattr(self.physics, name).reshape(self.shape)
            )
            for name in SMOOTH
        }

    def at(self, energy_kwh: np.ndarray, power_kw: np.ndarray) -> Physics:
        """Interpolate the physics of sizes within the grid, shape (k,), by cubic splines."""
        size, nodes = energy_kwh.size, self.physics
        for name, value, axis in (
            ("energy_kwh", energy_kwh, self.energy_kwh),
            ("power_kw", power_kw, self.power_kw),
        ):
            require_numbers(
                name, value, least=0.0, most=(1.0 + BOUND_TOLERANCE) * axis[-1], shape=(size,)
            )
        smooth = {name: spline.ev(energy_kwh, power_kw) for name, spline in self._splines.items()}
        for name in ("elcc_kw", "residual_energy_kwh", "full_cycles"):
            smooth[name] = np.maximum(0.0, smooth[name])
        return Physics(
            energy_kwh=energy_kwh,
            power_kw=power_kw,
            eens_before_kwh=nodes.eens_before_kwh[:1].repeat(size),
            elcc_status=nodes.elcc_status[:1].repeat(size),
            **smooth,
        )


def surface(
    prepared: Prepared, bounds: tuple[float, float], shape: tuple[int, int] = (17, 11)
) -> Surface:
    """Compute the physics for sizes from zero to the bounds, closer together where they are small.

    Raises
    ------
    ValueError
        If a bound is not above zero, or there are fewer than the four nodes that a spline needs.
    """
    require_numbers("bounds", bounds, above=0.0, shape=(2,))
    require_numbers("shape", shape, least=4, whole=True, shape=(2,))
    energy, power = (
        b * np.linspace(0.0, 1.0, n) ** 1.3 for b, n in zip(bounds, shape, strict=True)
    )
    every = np.meshgrid(energy, power, indexing="ij")
    return Surface(energy, power, physics(prepared, *(axis.ravel() for axis in every)))


def best_size(
    grid: Surface, prepared: Prepared, preferences: Preferences | None
) -> tuple[float, float]:
    """Return the energy, kWh, and power, kW, with the highest prospect, or net profit if None.

    The search starts at the best node and continues on finer and finer grids around the best size.

    Parameters
    ----------
    grid : Surface
        Surface of `prepared`.
    prepared : Prepared
        The substation, for prices and events.
    preferences : Preferences or None
        The planner; None maximises net profit.
    """

    def value(of: Physics) -> np.ndarray:
        worth: Attributes = valued(prepared, of)
        return net_profit(worth) if preferences is None else comprehensive(worth, preferences)

    i, j = np.unravel_index(np.argmax(value(grid.physics)), grid.shape)
    energy, power = grid.energy_kwh, grid.power_kw
    for _ in range(4):
        energy, power = (
            np.linspace(axis[max(k - 1, 0)], axis[min(k + 1, axis.size - 1)], 13)
            for axis, k in ((energy, i), (power, j))
        )
        every = np.meshgrid(energy, power, indexing="ij")
        fine = value(grid.at(*(axis.ravel() for axis in every)))
        i, j = np.unravel_index(np.argmax(fine), (13, 13))
    return float(energy[i]), float(power[j])
