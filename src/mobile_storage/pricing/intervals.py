"""Least and greatest value of every reported quantity over the set of optimal solutions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyomo.environ as pyo

from mobile_storage.bilevel import solve_bilevel
from mobile_storage.compendium.log import progress

from .cases import stand_alone_cost
from .data import PricingData
from .game import Setting, build


@dataclass(frozen=True)
class Interval:
    """Range of a quantity over the optimal set."""

    low: float
    high: float


def optimal_ranges(
    data: PricingData, setting: Setting, net_income: float, *, solver: str = "auto"
) -> dict[str, Interval]:
    """Ranges of Table 1's rows, the prices, the storage and each customer's cost and capacity.

    Each end is one more MILP in the value-function formulation, with the income held within a
    hundredth of a yuan a year of the optimum.

    Parameters
    ----------
    net_income : float
        Optimum of the game, yuan/yr.
    """
    m = build(data, setting, "value_function")
    quantities = _quantities(m)
    m.at_optimum = pyo.Constraint(expr=m.net_income.expr >= net_income - 0.01)
    m.net_income.deactivate()
    ranges = {}
    for name, expr in progress(quantities.items(), f"optimal set of {m.name}", len(quantities)):
        ends = []
        for sense in (pyo.minimize, pyo.maximize):
            m.probe = pyo.Objective(expr=expr, sense=sense)
            ends.append(solve_bilevel(m, [], [], solver=solver).objective)
            m.del_component(m.probe)
        ranges[name] = Interval(*ends)
    return ranges


def _quantities(m: pyo.ConcreteModel) -> Mapping[str, pyo.Expression]:
    rows = m.account
    revenue = sum(e for row, e in rows.items() if row.endswith("_revenue"))
    cost = sum(e for row, e in rows.items() if row.endswith("_cost"))
    found = {**rows, "total_revenue": revenue, "total_cost": cost}
    found |= {"storage_kw": m.storage_kw, "fleet": m.fleet}
    for name, var in (
        ("base", m.base),
        ("duration", m.duration_premium),
        ("response", m.response_premium),
    ):
        found |= {f"price.{name}.{k}": var[k] for k in var}
    total = 0.0
    for u, c in enumerate(m.data.customers):
        menu = [k for v, k in m.UG if v == u]
        sold = sum(m.customer[u].capacity_kw[k] for k in menu)
        bought = sum(m.buys[u, k] for k in menu)
        unserved = c.avoidable_loss_yuan_per_year * bought - (
            c.hours_per_year * c.outage_loss_yuan_per_kwh * sold
        )
        cost = sum(m.fee[u, k] for k in menu) + unserved + stand_alone_cost(c) * (1 - bought)
        found |= {f"customer.{c.name}.capacity_kw": sold, f"customer.{c.name}.supply_cost": cost}
        total += cost
    return found | {"customers_supply_cost": total}
