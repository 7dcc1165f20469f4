"""The variant of the game, and what follows from it before any model is built.

The optimisation model of `game` and the checks without a model (`outcome`, the iteration, the blind
search) share this module, so the checks run without Pyomo.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from mobile_storage.pricing.model.customers import Follower, Option, options
from mobile_storage.pricing.model.data import PricingData
from mobile_storage.pricing.model.grades import Grade
from mobile_storage.pricing.model.income import grade_investment_yuan_per_kw

FLAT = Grade(1, 1, 1)
"""The only grade of case 2, where one price holds for all."""

PRICE_RESOLUTION = 1e-3
"""Smallest excess over an acceptable price at which a customer refuses, yuan/kWh.

Eq. (12) accepts a price equal to the limit. If a refusal were allowed there too, the leader would
choose it where that pays, and a customer would not get a grade that it wants and accepts.
"""


@dataclass(frozen=True)
class Setting:
    """The variant of the game.

    Attributes
    ----------
    tariff : {"multi_grade", "single_price"}
        Case 1 or case 2.
    follower : {"self_select", "fixed_grade"}
        Which grades a customer may choose, see `customers.options`.
    participation : {"all", "opt_out"}
        Whether every customer must accept a grade by Eq. (12), or customers may stay out.
    investment : {"with_trading", "emergency_only"}
        Which revenue must cover a grade's share of the investment in Eq. (11): the fees and the
        income from trading with the grid, or the emergency fees alone.
    """

    tariff: Literal["multi_grade", "single_price"] = "multi_grade"
    follower: Follower = "self_select"
    participation: Literal["all", "opt_out"] = "opt_out"
    investment: Literal["with_trading", "emergency_only"] = "with_trading"

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Setting:
        """Return the setting that an entry of ``params.yaml`` describes."""
        return cls(**{field.name: values[field.name] for field in fields(cls)})

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Setting:
        """Return the setting that `record` wrote to a result file."""
        values = dict(record)
        fixed = values.pop("fixed_grade")
        return cls(**values, follower="fixed_grade" if fixed else "self_select")

    def record(self) -> dict[str, Any]:
        """Return the setting as result files keep it: the follower as ``fixed_grade``, a bool."""
        values = asdict(self)
        fixed = values.pop("follower") == "fixed_grade"
        return values | {"fixed_grade": fixed}

    def menus(self, data: PricingData) -> tuple[tuple[Option, ...], ...]:
        """List the options of every customer, in the order of ``data.customers``."""
        if self.tariff == "single_price":
            return tuple((Option(FLAT, c.capacity_kw),) for c in data.customers)
        return tuple(options(c, data.grades, self.follower) for c in data.customers)


def highest_useful_prices(data: PricingData) -> list[float]:
    """Return the upper bound of a base price or premium by level, yuan/kWh.

    A grade dearer than what any customer accepts is not sold, so a higher price changes nothing.
    The minimum steps of Eq. (13) must still fit above that price.
    """
    ceiling = max(data.acceptable_prices)
    step = max(data.scalars["price_step_min"], PRICE_RESOLUTION)
    return [ceiling + k * step for k in (1, 2, 3)]


def investment_to_cover(data: PricingData, setting: Setting, u: int) -> float:
    """Return what a kW sold to customer `u` must earn in fees by Eq. (11), yuan/(kW yr)."""
    return grade_investment_yuan_per_kw(
        data.customers[u],
        data.rates,
        data.scalars,
        net_of_trading=setting.investment == "with_trading",
    )
