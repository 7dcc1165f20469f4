r"""Customers who could as well do something else: what their ties are worth to the leader.

At prices :math:`\lambda` customer u has a set of answers that it cannot tell apart, :math:`R_u`: a
grade with the same utility as another one, or as staying out, and, where a price is just what
Eq. (12) accepts, taking it or refusing it. The model is *optimistic*: of these the customer gives
the answer that suits the leader,

.. math:: F^o = \max_\lambda \max_{r_u \in R_u(\lambda)} F(\lambda, r),

and an optimal leader puts prices exactly where ties are, because a price just below brings less.
A *pessimistic* leader counts on the worst answer,
:math:`F^p = \sup_\lambda \min_{r_u \in R_u(\lambda)} F(\lambda, r)`. The supremum need not be
reached, but it can be approached: require that every answer be better than any other by a margin
:math:`\delta` (yuan a year), in utility and, for who buys, below the price that it accepts,

.. math::

    U_u(r_u) \ge U_u(r) + \delta, \qquad
    N_u t_u \overline S_{ug} (c_u - \lambda_g) \ge \delta .

With :math:`F(\delta)` for the optimum of this *strict* game,

.. math:: F(\delta) \le F^p \le F^o \quad\text{for every } \delta > 0,

the first because nobody is tied there, the second because the worst answer is one of those that
the best is taken from. :math:`F^o - F(\delta)` is what certainty costs; where it goes to zero with
the margin, the pessimistic leader can earn as much as the optimistic one, but for any small sum.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pyomo.environ as pyo

from mobile_storage.bilevel import solve_bilevel
from mobile_storage.pricing.analysis.cases import Solution, decisions
from mobile_storage.pricing.model.customers import Choice, Customer, Option
from mobile_storage.pricing.model.data import PricingData
from mobile_storage.pricing.model.game import Setting, build
from mobile_storage.pricing.model.grades import Prices
from mobile_storage.pricing.model.income import NOISE_YUAN_PER_YEAR
from mobile_storage.pricing.model.outcome import TOLERANCE, Outcome, sale, settle

__all__ = [
    "answers",
    "least_revenue",
    "possible_choices",
    "smallest_margin",
    "strict_game",
    "tie_record",
    "worst_answers",
]

SAME_YUAN_PER_YEAR = 0.01
"""Utilities closer than this are the same; the solvers' tolerances leave less."""


def possible_choices(
    customer: Customer, menu: Sequence[Option], prices: Prices, acceptable_price: float
) -> tuple[Choice, ...]:
    """All answers R_u that a customer may give where it is indifferent.

    A price equal to the acceptable one may be taken or refused. So what is left of the menu without
    such grades sets the utility that the customer is sure of; every answer that reaches it is
    possible.
    """
    sure, marginal = [Choice(None, 0.0, 0.0)], []
    for grade, band in menu:
        price = prices.of(grade)
        found = Choice(grade, band.upper, customer.utility(band.upper, price))
        if price < acceptable_price - TOLERANCE:
            sure.append(found)
        elif price <= acceptable_price + TOLERANCE:
            marginal.append(found)
    reached = max(c.utility_yuan_per_year for c in sure) - SAME_YUAN_PER_YEAR
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
    """Emergency revenue if every tie goes against it, yuan/yr; fees do not couple customers."""
    return sum(
        min(sale(customer, choice, prices).fee_yuan_per_year for choice in possible)
        for customer, possible in zip(data.customers, answers(data, setting, prices), strict=True)
    )


def worst_answers(
    data: PricingData, setting: Setting, prices: Prices, *, solver: str = "auto"
) -> Outcome:
    """The leader's least net income at given prices over all ties of all customers.

    The customers' ties are taken together, by a MILP, because whole vehicles and the largest of
    several demands couple them. Eq. (11) and participation ``all`` are no constraints here: what
    they lack is the outcome's ``violation_yuan_per_year``.

    Raises
    ------
    RuntimeError
        If the MILP is not solved to optimality.
    """
    m = build(data, setting, "value_function")
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
    # An owner that is to look poor would buy vehicles without need; it buys the least that will do.
    vehicle_kw = data.scalars["vehicle_power_kw"]
    m.no_idle_vehicle = pyo.Constraint(
        expr=vehicle_kw * m.fleet <= m.storage_kw + vehicle_kw * (1.0 - TOLERANCE)
    )
    m.net_income.sense = pyo.minimize
    result = solve_bilevel(m, [], [], solver=solver)
    if not result.optimal:
        raise RuntimeError(f"the worst answers were not found: {result.status}, {result.message}")
    return settle(data, setting, prices, decisions(m)[1])


def strict_game(
    data: PricingData, setting: Setting, margin_yuan_per_year: float, **options: Any
) -> Solution:
    """The game in which every customer's answer is better than any other by a margin.

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
    m = build(data, setting, "value_function")

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
    found = settle(data, setting, *decisions(m)) if result.solution else None
    return Solution(setting, found, result)


def smallest_margin(data: PricingData, setting: Setting, found: Outcome) -> float:
    """By enumeration: the least by which any customer's answer is its best, yuan/yr.

    At most 0 where somebody is tied, infinite where every price is refused. A grade that is refused
    takes no part, as its price is above the acceptable one by at least `game.PRICE_RESOLUTION`.
    """
    least = float("inf")
    for customer, menu, cap, choice in zip(
        data.customers, setting.menus(data), data.acceptable_prices, found.choices, strict=True
    ):
        own = choice.utility_yuan_per_year
        if choice.grade is not None:
            spare = cap - sale(customer, choice, found.prices).price_yuan_per_kwh
            least = min(least, own, customer.hours_per_year * choice.capacity_kw * spare)
        for grade, band in menu:
            price = found.prices.of(grade)
            if grade != choice.grade and price <= cap + TOLERANCE:
                least = min(least, own - customer.utility(band.upper, price))
    return 0.0 if abs(least) < NOISE_YUAN_PER_YEAR else least


def tie_record(
    data: PricingData,
    setting: Setting,
    prices: Prices,
    margins_yuan_per_year: Sequence[float],
    **options: Any,
) -> dict[str, Any]:
    """The worst answers at optimal prices, and the strict game for several margins.

    Parameters
    ----------
    prices : Prices
        Of an optimistic optimum.
    **options
        Of `strict_game`.
    """
    possible = answers(data, setting, prices)
    strict = []
    for margin in margins_yuan_per_year:
        solution = strict_game(data, setting, margin, **options)
        row = {"margin_yuan_per_year": margin, "status": solution.result.status}
        if solution.outcome is not None:
            found = smallest_margin(data, setting, solution.outcome)
            row |= {
                "net_income_yuan_per_year": solution.outcome.account.net_income,
                # Beyond this the solvers' tolerances speak.
                "smallest_margin_yuan_per_year": round(found, 6) if math.isfinite(found) else None,
            }
        strict.append(row)
    worst = worst_answers(data, setting, prices, solver=options.get("solver", "auto"))
    return {
        "tied": sum(len(p) > 1 for p in possible),
        "may_stay_out": sum(len(p) > 1 and any(c.grade is None for c in p) for p in possible),
        "worst_net_income_yuan_per_year": worst.account.net_income,
        "least_emergency_revenue_yuan_per_year": least_revenue(data, setting, prices),
        "strict": strict,
    }
