r"""Customers that are indifferent between answers, and what their ties mean for the leader.

At prices :math:`\lambda` customer u is indifferent between the answers in a set :math:`R_u`. Two
grades, or a grade and staying out, can have the same utility. A price that Eq. (12) just accepts
can be taken or refused. The model is *optimistic*: of these answers the customer gives the one that
suits the leader,

.. math:: F^o = \max_\lambda \max_{r_u \in R_u(\lambda)} F(\lambda, r),

and an optimal leader sets prices exactly where customers are tied, because any lower price earns
less. A *pessimistic* leader expects the worst answer,
:math:`F^p = \sup_\lambda \min_{r_u \in R_u(\lambda)} F(\lambda, r)`. The supremum need not be
reached, but it can be approached. Every answer must be better than any other by a margin
:math:`\delta` (yuan a year) in utility, and a buyer must pay less than it accepts by that margin,

.. math::

    U_u(r_u) \ge U_u(r) + \delta, \qquad
    N_u t_u \overline S_{ug} (c_u - \lambda_g) \ge \delta .

With :math:`F(\delta)` for the optimum of this *strict* game,

.. math:: F(\delta) \le F^p \le F^o \quad\text{for every } \delta > 0,

The first inequality holds because nobody is tied in the strict game. The second holds because the
worst answer is one of those that the best is chosen from. :math:`F^o - F(\delta)` is the price of
certainty. If it goes to zero with the margin, a pessimistic leader can earn as much as an
optimistic one, up to any small amount.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pyomo.environ as pyo

from mobile_storage.bilevel import Status, solve_bilevel
from mobile_storage.pricing.analysis.cases import Solution, decisions
from mobile_storage.pricing.model.customers import Choice, Customer, Option
from mobile_storage.pricing.model.data import PricingData
from mobile_storage.pricing.model.game import build_game
from mobile_storage.pricing.model.grades import Prices
from mobile_storage.pricing.model.income import NOISE_YUAN_PER_YEAR
from mobile_storage.pricing.model.outcome import PRICE_TOLERANCE, Outcome, outcome_of_choices, sale
from mobile_storage.pricing.model.setting import Setting

__all__ = [
    "answers",
    "least_revenue",
    "possible_choices",
    "smallest_margin",
    "strict_game",
    "tie_record",
    "worst_answers",
    "worst_record",
]

UTILITY_TOLERANCE_YUAN_PER_YEAR = 0.01
"""Utilities that differ by less than this are equal; the solvers' tolerances are smaller."""


def possible_choices(
    customer: Customer, menu: Sequence[Option], prices: Prices, acceptable_price: float
) -> tuple[Choice, ...]:
    """Return all answers R_u that a customer may give where it is indifferent.

    A price equal to the acceptable one may be taken or refused. The grades with lower prices
    determine the utility that the customer is sure of. Every answer that reaches this utility is
    possible.
    """
    sure, marginal = [Choice(None, 0.0, 0.0)], []
    for grade, band in menu:
        price = prices.of(grade)
        choice = Choice(grade, band.upper, customer.utility(band.upper, price))
        if price < acceptable_price - PRICE_TOLERANCE:
            sure.append(choice)
        elif price <= acceptable_price + PRICE_TOLERANCE:
            marginal.append(choice)
    reached = max(c.utility_yuan_per_year for c in sure) - UTILITY_TOLERANCE_YUAN_PER_YEAR
    return tuple(c for c in [*sure, *marginal] if c.utility_yuan_per_year >= reached)


def answers(data: PricingData, setting: Setting, prices: Prices) -> list[tuple[Choice, ...]]:
    """`possible_choices` of every customer."""
    return [
        possible_choices(customer, menu, prices, cap)
        for customer, menu, cap in zip(
            data.customers, setting.menus(data), data.acceptable_prices, strict=True
        )
    ]


def least_revenue(data: PricingData, setting: Setting, prices: Prices) -> float:
    """Return the emergency revenue if every tie is broken against the leader, yuan/yr.

    Fees do not couple customers, so each customer's lowest fee counts.
    """
    return sum(
        min(sale(customer, choice, prices).fee_yuan_per_year for choice in possible)
        for customer, possible in zip(data.customers, answers(data, setting, prices), strict=True)
    )


def worst_answers(
    data: PricingData, setting: Setting, prices: Prices, **options: Any
) -> Outcome | None:
    """Find the leader's smallest net income at given prices over all ties of all customers.

    One MILP covers the ties of all customers, because whole vehicles and the largest of several
    demands couple the customers. Eq. (11) and participation ``all`` are not constraints here. The
    outcome's ``violation_yuan_per_year`` says by how much they are missed.

    Parameters
    ----------
    **options
        Of `mobile_storage.bilevel.solve_bilevel`.

    Returns
    -------
    Outcome or None
        None if a limit stopped the MILP before its optimum was proven.

    Raises
    ------
    RuntimeError
        If the MILP is not solved for another reason.
    """
    m = build_game(data, setting, "value_function")
    for var, values in (
        (m.base, prices.base),
        (m.duration_premium, prices.duration),
        (m.response_premium, prices.response),
    ):
        for level in var:
            var[level].fix(values[level - 1])
    idle = [m.premium_pricing, m.acceptance, m.no_better_grade, m.investment]
    for constraint in [*idle, *([m.everyone] if hasattr(m, "everyone") else [])]:
        constraint.deactivate()
    m.must_buy = pyo.ConstraintList(doc="staying out is no answer")
    for u, possible in enumerate(answers(data, setting, prices)):
        grades, menu = {c.grade for c in possible}, [k for v, k in m.UG if v == u]
        for k in menu:
            if m.option[u, k].grade not in grades:
                m.buys[u, k].fix(0)
        if None not in grades:
            m.must_buy.add(sum(m.buys[u, k] for k in menu) == 1)
    # Minimising income would buy vehicles without need, so the fleet is held at what is needed.
    vehicle_kw = data.scalars["vehicle_power_kw"]
    m.no_idle_vehicle = pyo.Constraint(
        expr=vehicle_kw * m.fleet <= m.storage_kw + vehicle_kw * (1.0 - PRICE_TOLERANCE)
    )
    m.net_income.sense = pyo.minimize
    result = solve_bilevel(m, [], [], **options)
    if result.status is Status.LIMIT:
        return None
    if not result.optimal:
        raise RuntimeError(f"the worst answers were not found: {result.status}, {result.message}")
    return outcome_of_choices(data, setting, prices, decisions(m)[1])


def strict_game(
    data: PricingData, setting: Setting, margin_yuan_per_year: float, **options: Any
) -> Solution:
    """Solve the game in which every customer's answer is better than any other by a margin.

    Parameters
    ----------
    margin_yuan_per_year : float
        delta; 0 is the optimistic game.
    **options
        Of `mobile_storage.bilevel.solve_bilevel`.

    Raises
    ------
    ValueError
        On a negative margin.
    """
    if margin_yuan_per_year < 0:
        raise ValueError(f"the margin is {margin_yuan_per_year} yuan a year, expected 0 or more")
    m = build_game(data, setting, "value_function")

    def most(u, k):
        return data.customers[u].hours_per_year * m.option[u, k].capacity_kw.upper

    def dearer(m, u, k):
        """No grade that is accepted and not bought comes within the margin of what is bought."""
        loss = data.customers[u].outage_loss_yuan_per_kwh
        price = m.price[m.option[u, k].grade.label]
        own = sum(m.utility[v, j] for v, j in m.UG if v == u)
        here = most(u, k) * (loss * m.accepts[u, k] - price)
        return own >= here + margin_yuan_per_year * (m.accepts[u, k] - m.buys[u, k])

    def below_limit(m, u, k):
        spare = data.acceptable_prices[u] * m.buys[u, k] - m.price_paid[u, k]
        return most(u, k) * spare >= margin_yuan_per_year * m.buys[u, k]

    m.clearly_best = pyo.Constraint(m.UG, rule=dearer)
    m.clearly_accepted = pyo.Constraint(m.UG, rule=below_limit)
    m.clearly_buys = pyo.Constraint(
        m.U,
        rule=lambda m, u: (
            sum(m.utility[v, k] - margin_yuan_per_year * m.buys[v, k] for v, k in m.UG if v == u)
            >= 0.0
        ),
    )
    result = solve_bilevel(m, [], [], **options)
    outcome = outcome_of_choices(data, setting, *decisions(m)) if result.solution else None
    return Solution(setting, outcome, result)


def smallest_margin(data: PricingData, setting: Setting, outcome: Outcome) -> float:
    """Return the smallest margin by which a customer's answer is its best, yuan/yr, by enumeration.

    The margin is at most 0 if a customer is tied, and infinite if every price is refused. Refused
    grades do not count, because their price exceeds the acceptable one by at least
    `setting.PRICE_RESOLUTION`.
    """
    least = float("inf")
    for customer, menu, cap, choice in zip(
        data.customers, setting.menus(data), data.acceptable_prices, outcome.choices, strict=True
    ):
        own = choice.utility_yuan_per_year
        if choice.grade is not None:
            spare = cap - sale(customer, choice, outcome.prices).price_yuan_per_kwh
            least = min(least, own, customer.hours_per_year * choice.capacity_kw * spare)
        for grade, band in menu:
            price = outcome.prices.of(grade)
            if grade != choice.grade and price <= cap + PRICE_TOLERANCE:
                least = min(least, own - customer.utility(band.upper, price))
    return 0.0 if abs(least) < NOISE_YUAN_PER_YEAR else least


def worst_record(
    data: PricingData, setting: Setting, prices: Prices, **options: Any
) -> dict[str, Any]:
    """How many customers are tied at given prices, and what the leader earns at the worst.

    The incomes are in yuan a year. The net income is None if a limit stopped `worst_answers`.

    Parameters
    ----------
    **options
        Of `worst_answers`.
    """
    possible = answers(data, setting, prices)
    worst = worst_answers(data, setting, prices, **options)
    return {
        "tied": sum(len(p) > 1 for p in possible),
        "may_stay_out": sum(len(p) > 1 and any(c.grade is None for c in p) for p in possible),
        "worst_net_income_yuan_per_year": None if worst is None else worst.account.net_income,
        "least_emergency_revenue_yuan_per_year": least_revenue(data, setting, prices),
    }


def tie_record(
    data: PricingData,
    setting: Setting,
    prices: Prices,
    margins_yuan_per_year: Sequence[float],
    **options: Any,
) -> dict[str, Any]:
    """Compute `worst_record` at optimal prices, and the strict game for several margins.

    Parameters
    ----------
    prices : Prices
        Of an optimistic optimum.
    **options
        Of `mobile_storage.bilevel.solve_bilevel`.
    """
    strict = []
    for wanted in margins_yuan_per_year:
        solution = strict_game(data, setting, wanted, **options)
        row = {"margin_yuan_per_year": wanted, "status": solution.result.status}
        if solution.outcome is not None:
            margin = smallest_margin(data, setting, solution.outcome)
            row |= {
                "net_income_yuan_per_year": solution.outcome.account.net_income,
                # Further digits depend on the solvers' tolerances.
                "smallest_margin_yuan_per_year": round(margin, 6)
                if math.isfinite(margin)
                else None,
            }
        strict.append(row)
    return {**worst_record(data, setting, prices, **options), "strict": strict}
