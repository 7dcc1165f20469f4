"""Smallest and largest value of every reported quantity over the set of optimal solutions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyomo.environ as pyo

from mobile_storage.bilevel import Interval, value_ranges
from mobile_storage.pricing.model.data import PricingData
from mobile_storage.pricing.model.game import build_game
from mobile_storage.pricing.model.income import OPTIMALITY_TOLERANCE_YUAN_PER_YEAR
from mobile_storage.pricing.model.outcome import Outcome
from mobile_storage.pricing.model.setting import Setting


def optimal_ranges(
    data: PricingData, setting: Setting, outcome: Outcome, **options: Any
) -> dict[str, Interval]:
    """Compute the ranges of Table 1's rows, prices, storage, and customers' costs and capacities.

    Each end of a range is one more MILP in the value-function formulation. Its income is held
    within `OPTIMALITY_TOLERANCE_YUAN_PER_YEAR` of the optimum.

    Parameters
    ----------
    outcome : Outcome
        An optimal outcome of the game.
    **options
        ``solver``, ``gap`` and ``node_limit`` of `mobile_storage.bilevel.value_ranges`.
    """
    m = build_game(data, setting, "value_function")
    held = outcome.account.net_income - OPTIMALITY_TOLERANCE_YUAN_PER_YEAR
    m.at_optimum = pyo.Constraint(expr=m.net_income.expr >= held)
    bought = {(u, k): m.option[u, k].grade == outcome.choices[u].grade for u, k in m.UG}
    changed = sum(1 - m.buys[uk] if bought[uk] else m.buys[uk] for uk in m.UG)
    (most,) = value_ranges(m, {"changed purchases": changed}, **options).values()
    if most.high is not None and most.high < 0.5:
        # No customer can buy anything else at the optimum, so the purchases can be fixed.
        for uk in m.UG:
            m.buys[uk].fix(int(bought[uk]))
    return value_ranges(m, _quantities(m), **options)


def _quantities(m: pyo.ConcreteModel) -> Mapping[str, Any]:
    rows = m.account
    revenue = sum(e for row, e in rows.items() if row.endswith("_revenue"))
    cost = sum(e for row, e in rows.items() if row.endswith("_cost"))
    quantities = {**rows, "total_revenue": revenue, "total_cost": cost}
    quantities |= {"storage_kw": m.storage_kw, "fleet": m.fleet}
    for name, var in (
        ("base", m.base),
        ("duration", m.duration_premium),
        ("response", m.response_premium),
    ):
        quantities |= {f"price.{name}.{k}": var[k] for k in var}
    total = 0.0
    for u, c in enumerate(m.data.customers):
        menu = [k for v, k in m.UG if v == u]
        sold = sum(m.customer[u].capacity_kw[k] for k in menu)
        bought = sum(m.buys[u, k] for k in menu)
        unserved = c.avoidable_loss_yuan_per_year * bought - (
            c.hours_per_year * c.outage_loss_yuan_per_kwh * sold
        )
        alone = c.stand_alone_cost_yuan_per_year * (1 - bought)
        cost = sum(m.fee[u, k] for k in menu) + unserved + alone
        quantities |= {
            f"customer.{c.name}.capacity_kw": sold,
            f"customer.{c.name}.supply_cost": cost,
        }
        total += cost
    return quantities | {"customers_supply_cost": total}
