"""Solution of the three cases of section 4, as rows of Table 1 and rows of the customers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import pyomo.environ as pyo

from mobile_storage.bilevel import BilevelResult, solve_bilevel
from mobile_storage.pricing.model.customers import Choice
from mobile_storage.pricing.model.data import PricingData
from mobile_storage.pricing.model.game import Formulation, Setting, build_game, leader_variables
from mobile_storage.pricing.model.grades import LEVELS, Prices
from mobile_storage.pricing.model.income import Account, account
from mobile_storage.pricing.model.outcome import Outcome, outcome_of_choices, sale

KKT_CUSTOMERS = 40
"""With more customers than this, `solve` avoids the KKT model, too large for free solvers then."""


@dataclass(frozen=True)
class Solution:
    """A solved game.

    Attributes
    ----------
    outcome : Outcome or None
        None if no prices satisfy the constraints.
    result : BilevelResult
        What the solver did, with its certificate.
    """

    setting: Setting
    outcome: Outcome | None
    result: BilevelResult


def solve(
    data: PricingData,
    setting: Setting,
    *,
    formulation: Formulation | Literal["auto"] = "auto",
    method: str = "auto",
    solver: str = "auto",
    **options: Any,
) -> Solution:
    """Solve case 1 or 2.

    Prices and choices are read from the model. The account is then recomputed from Eq. (1)-(9).

    Parameters
    ----------
    formulation : str
        See `game.build_game`. ``auto`` is ``kkt_strengthened`` for up to `KKT_CUSTOMERS` customers
        and the equivalent, much smaller ``value_function`` beyond.
    method, solver
        See `mobile_storage.bilevel.solve_bilevel`.
    **options
        ``gap``, ``node_limit``, ``check_pessimistic`` and the like of `solve_bilevel`.
    """
    if formulation == "auto":
        small = len(data.customers) <= KKT_CUSTOMERS
        formulation = "kkt_strengthened" if small else "value_function"
    m = build_game(data, setting, formulation)
    followers = list(m.customer.values()) if formulation != "value_function" else []
    leader = leader_variables(m) if followers else []
    result = solve_bilevel(m, followers, leader, method=method, solver=solver, **options)
    outcome = outcome_of_choices(data, setting, *decisions(m)) if result.solution else None
    return Solution(setting, outcome, result)


def decisions(m: pyo.ConcreteModel) -> tuple[Prices, tuple[Choice, ...]]:
    """Read the prices and the customers' choices from a solved model."""

    def levels(var, first: float) -> tuple[float, float, float]:
        return tuple(pyo.value(var[k]) if k in var else first for k in LEVELS)

    prices = Prices(
        levels(m.base, pyo.value(m.base[1])),
        levels(m.duration_premium, 0.0),
        levels(m.response_premium, 0.0),
    )
    choices = {u: Choice(None, 0.0, 0.0) for u in m.U}
    for u, k in m.UG:
        if pyo.value(m.buys[u, k]) > 0.5:
            grade = m.option[u, k].grade
            capacity = pyo.value(m.customer[u].capacity_kw[k])
            utility = m.data.customers[u].utility(capacity, prices.of(grade))
            choices[u] = Choice(grade, capacity, utility)
    return prices, tuple(choices.values())


def no_emergency(data: PricingData, storage_kw: float) -> Account:
    """Case 3: storage of given size that only trades with the grid; no vehicle, fuel or crew."""
    return account([], storage_kw, 0, data.rates, data.response_costs)


def largest_demand_kw(data: PricingData) -> float:
    """Return the sum of S_max, the largest storage power that these customers can ask for, kW.

    The income of case 3 is linear in the size, so a freely sized storage is either zero or as large
    as its limit. This sum serves as the limit.
    """
    return sum(c.capacity_kw.upper for c in data.customers)


def customer_rows(data: PricingData, outcome: Outcome) -> list[dict[str, Any]]:
    """Tabulate what each customer buys, pays and keeps, yuan/yr.

    The cost of supply is the fee plus the loss of what the bought capacity leaves unserved. For a
    customer that stays out it is the cheaper of own storage and the loss.
    """
    rows = []
    for c, choice in zip(data.customers, outcome.choices, strict=True):
        sold = sale(c, choice, outcome.prices)
        fee = sold.fee_yuan_per_year
        residual = (
            c.hours_per_year
            * (c.capacity_kw.upper - choice.capacity_kw)
            * c.outage_loss_yuan_per_kwh
        )
        alone = stand_alone_cost(c)
        rows.append(
            {
                "customer": c.name,
                "sector": c.sector,
                "grade": choice.grade.label if choice.grade else "none",
                "capacity_kw": choice.capacity_kw,
                "price_yuan_per_kwh": sold.price_yuan_per_kwh if choice.grade else None,
                "fee_yuan_per_year": fee,
                "avoided_loss_yuan_per_year": c.avoidable_loss_yuan_per_year - residual,
                "utility_yuan_per_year": choice.utility_yuan_per_year,
                "own_storage_yuan_per_year": c.own_storage_yuan_per_year,
                "stand_alone_cost_yuan_per_year": alone,
                "supply_cost_yuan_per_year": fee + residual if choice.grade else alone,
            }
        )
    return rows


def stand_alone_cost(customer) -> float:
    """Return the cost of a customer without the service, yuan/yr: own storage or the loss."""
    return min(customer.own_storage_yuan_per_year, customer.avoidable_loss_yuan_per_year)
