"""The customers: Eq. (2)-(4), (12), (14)-(15), and their best response by enumeration.

The enumeration does not use KKT conditions. The bilevel solution is checked against it, and the
iteration and the blind search take the followers' answers from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from mobile_storage.pricing.model.grades import LEVELS, Band, Grade, GradeTable, Prices

Follower = Literal["self_select", "fixed_grade"]
"""Which grades a customer may choose, see `options`."""


@dataclass(frozen=True)
class Customer:
    """One customer u of the paper.

    Attributes
    ----------
    outages_per_year : float
        N_u, 1/yr.
    outage_duration_h : float
        t_u, h.
    capacity_kw : Band
        [S_min, S_max], kW, Eq. (15).
    outage_loss_yuan_per_kwh : float
        l_u.
    own_storage_yuan_per_year : float
        C_buy,u, annual cost of storage of its own.
    duration_level, response_level : int
        Lowest levels that meet the customer's need. Higher levels cost more without any benefit.
    """

    name: str
    sector: str
    outages_per_year: float
    outage_duration_h: float
    capacity_kw: Band
    outage_loss_yuan_per_kwh: float
    own_storage_yuan_per_year: float
    duration_level: int
    response_level: int

    @property
    def hours_per_year(self) -> float:
        """N_u t_u, h/yr."""
        return self.outages_per_year * self.outage_duration_h

    @property
    def outage_energy_kwh_per_year(self) -> float:
        """E_u = N_u t_u S_max,u [reconstructed: what own storage would have to cover]."""
        return self.hours_per_year * self.capacity_kw.upper

    @property
    def avoidable_loss_yuan_per_year(self) -> float:
        """Loss in a year without any supply, yuan/yr: Eq. (3) at S_max."""
        return self.outage_energy_kwh_per_year * self.outage_loss_yuan_per_kwh

    @property
    def stand_alone_cost_yuan_per_year(self) -> float:
        """Cost without the service, yuan/yr: own storage or the loss, whichever is less."""
        return min(self.own_storage_yuan_per_year, self.avoidable_loss_yuan_per_year)

    def utility(self, capacity_kw: float, price_yuan_per_kwh: float) -> float:
        """Eq. (2): N S t (l - lambda), yuan/yr."""
        margin = self.outage_loss_yuan_per_kwh - price_yuan_per_kwh
        return self.hours_per_year * capacity_kw * margin

    def acceptable_price(self, k_able: float, k_exp: float) -> float:
        """Highest unit price that Eq. (12) accepts, yuan/kWh.

        E_u lambda_u <= k_able C_buy,u and fee_u <= k_exp L_u; in the second, capacity cancels.
        """
        own_storage = (
            k_able * self.own_storage_yuan_per_year / self.outage_energy_kwh_per_year
            if self.outage_energy_kwh_per_year > 0
            else float("inf")
        )
        return min(own_storage, k_exp * self.outage_loss_yuan_per_kwh)

    def willingness_to_pay(self, k_able: float, k_exp: float) -> float:
        """Highest unit price at which the customer buys, yuan/kWh: at most its loss.

        Eq. (12) alone has no such cap. With k_exp above 1 it can accept a price above the outage
        loss, where the utility of Eq. (2) is negative at any capacity; staying out has utility 0
        and is then the best response. The cap states this beforehand.
        """
        return min(self.acceptable_price(k_able, k_exp), self.outage_loss_yuan_per_kwh)


class Option(NamedTuple):
    """A grade that a customer may choose, with the capacities it may buy there, kW."""

    grade: Grade
    capacity_kw: Band


class Choice(NamedTuple):
    """Decision of a customer: the grade and capacity it buys, or no grade and 0 kW."""

    grade: Grade | None
    capacity_kw: float
    utility_yuan_per_year: float


def options(customer: Customer, grades: GradeTable, follower: Follower) -> tuple[Option, ...]:
    """List the grades that meet a customer's need at the lowest duration and response levels.

    Parameters
    ----------
    follower : {"self_select", "fixed_grade"}
        ``fixed_grade``: only the capacity level that holds S_max (the paper read literally).
        ``self_select``: every capacity level whose band meets [S_min, S_max] (the paper's Booleans
        taken seriously).
    """
    menu = []
    for level in LEVELS:
        band = grades.capacity_band(level)
        lower = max(band.lower, customer.capacity_kw.lower)
        upper = min(band.upper, customer.capacity_kw.upper)
        if lower <= upper:
            grade = Grade(level, customer.duration_level, customer.response_level)
            menu.append(Option(grade, Band(lower, upper)))
    if follower == "self_select":
        return tuple(menu)
    need = next(o for o in menu if o.capacity_kw.upper == customer.capacity_kw.upper)
    return (need,)


def best_responses(
    customer: Customer,
    menu: tuple[Option, ...],
    prices: Prices,
    acceptable_price: float,
    tolerance: float = 1e-9,
) -> tuple[Choice, ...]:
    """Enumerate all optimal choices of Eq. (14)-(15) among the corners of `menu`.

    The utility is linear in S, so an optimum lies at an end of a band. A customer that buys nothing
    has utility zero. A grade dearer than `acceptable_price` is refused, Eq. (12).

    Parameters
    ----------
    tolerance : float
        Utilities within `tolerance` times the customer's avoidable loss count as tied, and prices
        within the same share of the acceptable one as acceptable.
    """
    choices = [Choice(None, 0.0, 0.0)]
    for grade, band in menu:
        price = prices.of(grade)
        if price <= acceptable_price * (1 + tolerance):
            ends = {band.lower, band.upper}
            choices += [Choice(grade, s, customer.utility(s, price)) for s in sorted(ends)]
    slack = tolerance * max(customer.avoidable_loss_yuan_per_year, 1.0)
    best = max(choice.utility_yuan_per_year for choice in choices)
    return tuple(c for c in choices if c.utility_yuan_per_year >= best - slack)
