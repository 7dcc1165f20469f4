"""Life-cycle cost with replacement and recycling (section 3.5, Eq. 32-36, reconstructed)."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from mobile_storage.adequacy.checks import require_number, require_numbers
from mobile_storage.mmbes.model.substation import Battery, Economics

__all__ = ["Cost", "annuity", "cell_life", "full_cycles", "life_cycle_cost"]


@dataclass(frozen=True)
class Cost:
    """Present values at the year of construction, yuan, shape (...) each.

    Attributes
    ----------
    investment : ndarray
        ``c_E S_n + c_P P_n``.
    fixed_om : ndarray
        By rated power, every year.
    variable_om : ndarray
        Energy lost in cycling, bought at the valley price, every year. The round-trip loss costs
        money only here, because the loss attribute counts the gross reduction.
    replacement : ndarray
        New cells within the horizon.
    end_of_life : ndarray
        Treatment less recovered metals for each set of cells at its end; negative for a gain.
    """

    investment: np.ndarray
    fixed_om: np.ndarray
    variable_om: np.ndarray
    replacement: np.ndarray
    end_of_life: np.ndarray

    @property
    def total(self) -> np.ndarray:
        """Sum of all parts."""
        return sum(getattr(self, f.name) for f in fields(self))


def annuity(rate: float, years: float) -> float:
    """Return the present value of 1 at the end of each year: (1 - (1 + r)^-n) / r; n at r = 0."""
    require_number("rate", rate, least=0.0)
    require_number("years", years, least=0.0)
    return years if rate == 0 else -np.expm1(-years * np.log1p(rate)) / rate


def full_cycles(
    energy_kwh: np.ndarray, cycled_kwh_per_year: np.ndarray, battery: Battery
) -> np.ndarray:
    """Return the energy through the cells in a year over the usable energy; 0 without storage."""
    usable = (battery.soc_max - battery.soc_min) * require_numbers(
        "energy_kwh", energy_kwh, least=0.0
    )
    cycled_kwh_per_year = require_numbers("cycled_kwh_per_year", cycled_kwh_per_year, least=0.0)
    return np.divide(cycled_kwh_per_year, usable, out=np.zeros_like(usable), where=usable > 0)


def cell_life(battery: Battery, cycles: np.ndarray) -> np.ndarray:
    """Return the years until cells are replaced, at the end of their calendar or cycle life.

    `cycles` are full cycles a year, from `full_cycles`.
    """
    cycles = require_numbers("cycles", cycles, least=0.0)
    with np.errstate(divide="ignore"):
        return np.minimum(battery.calendar_life_yr, np.divide(battery.cycle_life, cycles))


def life_cycle_cost(
    energy_kwh: np.ndarray,
    power_kw: np.ndarray,
    lost_kwh_per_year: np.ndarray,
    life_yr: np.ndarray,
    economics: Economics,
) -> Cost:
    """Compute the cost of storage of given sizes over the horizon.

    Cells whose life ends with the horizon are not replaced. Cells that outlast the horizon are
    treated at its end without credit for their remaining life.

    Parameters
    ----------
    energy_kwh, power_kw : ndarray, shape (...)
        Rated energy and power.
    lost_kwh_per_year : ndarray, shape (...)
        Lost in cycling.
    life_yr : ndarray, shape (...)
        Of a set of cells, as from `cell_life`.
    economics : Economics

    Raises
    ------
    ValueError
        If a size is negative, a life not above zero, or one of them not finite.
    """
    x = economics
    energy_kwh = require_numbers("energy_kwh", energy_kwh, least=0.0)
    power_kw = require_numbers("power_kw", power_kw, least=0.0)
    lost_kwh_per_year = require_numbers("lost_kwh_per_year", lost_kwh_per_year)
    life_yr = require_numbers("life_yr", life_yr, above=0.0, infinite=True)
    years = annuity(x.discount_rate, x.horizon_yr)
    # A billionth of a life is rounding, not another set of cells.
    replacements = np.maximum(0.0, np.ceil(x.horizon_yr / life_yr - 1e-9) - 1.0)
    exchange = _discounted_sum(x.discount_rate, life_yr, replacements)
    last = (1.0 + x.discount_rate) ** -x.horizon_yr
    return Cost(
        investment=x.energy_cost * energy_kwh + x.power_cost * power_kw,
        fixed_om=years * x.fixed_om * power_kw,
        variable_om=years * x.valley_price * lost_kwh_per_year,
        replacement=exchange * x.replacement_cost * energy_kwh,
        end_of_life=(exchange + last) * (x.treatment_cost - x.recovered_value) * energy_kwh,
    )


def _discounted_sum(rate: float, period: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Present value of 1 at each of the first `count` multiples of a period, in years."""
    if rate == 0:
        return count
    every = np.log1p(rate) * np.where(count > 0, period, 1.0)
    return np.expm1(-count * every) / np.expm1(-every) * np.exp(-every)
