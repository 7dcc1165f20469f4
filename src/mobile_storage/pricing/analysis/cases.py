"""Solution of cases 1 and 2 of section 4; case 3 is in `benchmark`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import pyomo.environ as pyo

from mobile_storage.bilevel import BilevelResult, solve_bilevel
from mobile_storage.pricing.model.customers import Choice
from mobile_storage.pricing.model.data import PricingData
from mobile_storage.pricing.model.game import Formulation, build_game, leader_variables
from mobile_storage.pricing.model.grades import LEVELS, Prices
from mobile_storage.pricing.model.outcome import Outcome, outcome_of_choices
from mobile_storage.pricing.model.setting import Setting

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
