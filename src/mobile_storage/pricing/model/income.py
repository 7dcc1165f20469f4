"""The storage owner's income: Eq. (5)-(9), recomputed from the sales alone.

`account` is the plain bookkeeping that every solution is checked against. The optimisation model
states the same terms as linear expressions with the coefficients of `UnitRates`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from mobile_storage.pricing.model.customers import Customer

NOISE_YUAN_PER_YEAR = 1e-6
"""Amounts closer than this are equal: they differ by rounding, which depends on the processor."""
OPTIMALITY_TOLERANCE_YUAN_PER_YEAR = 0.01
"""An income counts as optimal if it is at most this far below the optimum."""


def capital_recovery_factor(rate: float, years: float) -> float:
    """Annual share of an investment: r / (1 - (1 + r)^-n); 1/n at r = 0."""
    return 1.0 / years if rate == 0 else rate / -math.expm1(-years * math.log1p(rate))


@dataclass(frozen=True)
class UnitRates:
    """Linear coefficients of Eq. (5)-(9).

    Attributes
    ----------
    arbitrage, renewable : float
        F_pva and F_nec per kW of S_sta, yuan/(kW yr).
    investment, operation : float
        C_inv and C_op per kW of S_sta, yuan/(kW yr).
    battery_yuan_per_kwh, inverter_yuan_per_kw : float
        Annualised C_inv per kWh of energy and per kW of power, for Eq. (11).
    charging : float
        C_ch per kWh supplied in an emergency, yuan/kWh.
    vehicle, labour : float
        C_car and the crew's part of C_lab per vehicle, yuan/yr.
    """

    arbitrage: float
    renewable: float
    investment: float
    operation: float
    battery_yuan_per_kwh: float
    inverter_yuan_per_kw: float
    charging: float
    vehicle: float
    labour: float

    @property
    def standing(self) -> float:
        """Net yearly income of one kW that only trades with the grid, yuan/(kW yr)."""
        return self.arbitrage + self.renewable - self.investment - self.operation


def unit_rates(p: Mapping[str, float], daily_yield_kwh_per_kwp: Sequence[float]) -> UnitRates:
    """Coefficients of Eq. (5)-(9) [operators reconstructed].

    The storage makes two cycles a day. The first is full arbitrage. The second absorbs renewable
    energy, and arbitrage takes what is left of it:

    F_pva = sum_i s T S + s (T S - P_nec,i),  s = eta_dis lambda_F - lambda_G / eta_cha
    F_nec = sum_i (eta_cha eta_dis lambda_F - lambda_S) P_nec,i

    with P_nec,i = phi_i T S, the part phi_i of the second cycle that renewable energy fills on day
    i.

    Parameters
    ----------
    p : mapping
        Scalars of ``storage.csv``, ``tariff.csv`` and ``market.csv``.
    daily_yield_kwh_per_kwp : sequence of float
        Yield of every day of the profile; the mean over its days stands for the operating days.
    """
    filled = [min(1.0, p["pv_kwp_per_kwh"] * y) for y in daily_yield_kwh_per_kwp]
    share = sum(filled) / len(filled)
    energy_kwh_per_kw = p["rated_duration_h"] * p["operating_days"]
    spread = p["eta_dis"] * p["lambda_F"] - p["lambda_G"] / p["eta_cha"]
    absorbed = p["eta_cha"] * p["eta_dis"] * p["lambda_F"] - p["lambda_S"]
    recovery = capital_recovery_factor(p["discount_rate"], p["battery_life_yr"])
    battery = p["battery_cost"] / p["max_depth_of_discharge"] * recovery
    inverter = p["inverter_cost"] * recovery
    investment = battery * p["rated_duration_h"] + inverter
    return UnitRates(
        arbitrage=energy_kwh_per_kw * spread * (2.0 - share),
        renewable=energy_kwh_per_kw * absorbed * share,
        investment=investment,
        operation=p["om_share"] * investment / recovery,
        battery_yuan_per_kwh=battery,
        inverter_yuan_per_kw=inverter,
        charging=p["lambda_G"] / (p["eta_cha"] * p["eta_dis"]),
        vehicle=p["vehicle_body_cost"]
        * capital_recovery_factor(p["discount_rate"], p["vehicle_life_yr"]),
        labour=p["labour_cost"],
    )


@dataclass(frozen=True)
class Sale:
    """Purchase of one customer: capacity in kW at a unit price in yuan/kWh."""

    customer: Customer
    capacity_kw: float
    price_yuan_per_kwh: float

    @property
    def energy_kwh_per_year(self) -> float:
        """N_u S_u t_u."""
        return self.customer.hours_per_year * self.capacity_kw

    @property
    def fee_yuan_per_year(self) -> float:
        """Eq. (4)."""
        return self.energy_kwh_per_year * self.price_yuan_per_kwh


@dataclass(frozen=True)
class Account:
    """The rows of Table 1, yuan/yr."""

    emergency_revenue: float
    arbitrage_revenue: float
    renewable_revenue: float
    investment_cost: float
    operation_cost: float
    charging_cost: float
    vehicle_cost: float
    fuel_cost: float
    labour_cost: float

    @property
    def total_revenue(self) -> float:
        """F_ems + F_pva + F_nec."""
        return self.emergency_revenue + self.arbitrage_revenue + self.renewable_revenue

    @property
    def total_cost(self) -> float:
        """C_sta, Eq. (9)."""
        return sum(getattr(self, f.name) for f in fields(self) if f.name.endswith("_cost"))

    @property
    def net_income(self) -> float:
        """F_sta, Eq. (5)."""
        return self.total_revenue - self.total_cost

    def rows(self) -> dict[str, float]:
        """Return every row with the totals, in the table's order."""
        return asdict(self) | {
            "total_revenue": self.total_revenue,
            "total_cost": self.total_cost,
            "net_income": self.net_income,
        }


@dataclass(frozen=True)
class ResponseCost:
    """Cost of a response level: fuel per call and stand-by labour per customer and year."""

    fuel_yuan_per_call: float
    standby_yuan_per_year: float


def storage_demands_kw(
    customers: Sequence[Customer], capacities_kw: Sequence[Any], p: Mapping[str, float]
) -> list[Any]:
    """List the demands that S_sta must cover, kW of storage [reconstructed]; S_sta is the largest.

    The demands are the coincident power kappa sum S, the coincident energy kappa sum S t / T_rat,
    and every single customer's power and energy, S max(1, t / T_rat), because a coincident demand
    is never less than the largest single one.

    Parameters
    ----------
    capacities_kw : sequence
        S_u, numbers or Pyomo expressions, in the order of `customers`.
    """
    hours = [c.outage_duration_h / p["rated_duration_h"] for c in customers]
    power = p["coincidence"] * sum(capacities_kw)
    energy = p["coincidence"] * sum(s * h for s, h in zip(capacities_kw, hours, strict=True))
    alone = [s * max(1.0, h) for s, h in zip(capacities_kw, hours, strict=True)]
    return [power, energy, *alone]


def storage_power_kw(sales: Sequence[Sale], p: Mapping[str, float]) -> float:
    """Return S_sta for given sales, kW."""
    demands = storage_demands_kw([s.customer for s in sales], [s.capacity_kw for s in sales], p)
    return max(demands)


def vehicles(power_kw: float, p: Mapping[str, float]) -> int:
    """Return the number of vehicles that carry `power_kw`; a billionth of a vehicle is rounding."""
    return math.ceil(power_kw / p["vehicle_power_kw"] - 1e-9)


def account(
    sales: Sequence[Sale],
    power_kw: float,
    fleet: int,
    rates: UnitRates,
    response_costs: Mapping[int, ResponseCost],
) -> Account:
    """Compute Eq. (5)-(9) for given sales, storage and fleet.

    Parameters
    ----------
    power_kw : float
        S_sta, kW.
    fleet : int
        Number of vehicles; 0 for storage that stays where it is (case 3).
    response_costs : mapping of int to ResponseCost
        By response level.
    """
    served = [(s, response_costs[s.customer.response_level]) for s in sales if s.capacity_kw > 0]
    return Account(
        emergency_revenue=sum(s.fee_yuan_per_year for s, _ in served),
        arbitrage_revenue=rates.arbitrage * power_kw,
        renewable_revenue=rates.renewable * power_kw,
        investment_cost=rates.investment * power_kw,
        operation_cost=rates.operation * power_kw,
        charging_cost=rates.charging * sum(s.energy_kwh_per_year for s, _ in served),
        vehicle_cost=rates.vehicle * fleet,
        fuel_cost=sum(s.customer.outages_per_year * c.fuel_yuan_per_call for s, c in served),
        labour_cost=rates.labour * fleet + sum(c.standby_yuan_per_year for _, c in served),
    )


def grade_investment_yuan_per_kw(
    customer: Customer, rates: UnitRates, p: Mapping[str, float], *, net_of_trading: bool
) -> float:
    """C_hp,ht,hr of Eq. (11) per kW sold to a customer, yuan/(kW yr) [reconstructed].

    The paper does not say how storage is shared among grades. Here a grade pays for the battery
    energy and inverter power sold in it, times the coincidence factor. The need of the largest
    single customer beyond the coincident demand (`storage_demands_kw`) is assigned to no grade.

    Parameters
    ----------
    net_of_trading : bool
        Whether to subtract what the same battery energy earns from the grid in a year. Eq. (5) adds
        the two incomes. With False, the few emergencies of a year must pay for the battery alone.
    """
    battery = rates.battery_yuan_per_kwh
    if net_of_trading:
        battery -= (rates.arbitrage + rates.renewable) / p["rated_duration_h"]
    per_kw = rates.inverter_yuan_per_kw + battery * customer.outage_duration_h
    return p["coincidence"] * per_kw
