"""The Stackelberg game, Eq. (10)-(15), as a Pyomo leader with one LP follower per customer.

Follower u chooses among the grades g that meet its need, or none:

    max sum_g N t (l - lambda_g) S_g
    s.t. lo_g y_g <= S_g <= hi_g y_g,  sum_g y_g <= 1,  0 <= y_g <= a_g

This is the convex hull of the disjunction "one grade or none", so the relaxation of the Boolean y
has an integral optimum and KKT conditions are exact for it. `a_g` says whether the price of g is
one that Eq. (12) accepts. The leader keeps a binary copy of y, because Eq. (11) and whole vehicles
couple the customers and could reward a fractional mix of tied grades.

The formulations differ only in how they state the follower's optimality. ``kkt`` leaves it to
`mobile_storage.bilevel`. ``value_function`` states it without multipliers: the utility of what is
bought is at least that of every acceptable grade. ``kkt_strengthened`` has both conditions, which
cuts off no solution and solves in a fraction of the time.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import pyomo.environ as pyo

from mobile_storage.pricing.model.data import PricingData
from mobile_storage.pricing.model.grades import LEVELS, Band, Grade
from mobile_storage.pricing.model.income import storage_demands_kw
from mobile_storage.pricing.model.setting import (
    PRICE_RESOLUTION,
    Setting,
    highest_useful_prices,
    investment_to_cover,
)

Formulation = Literal["kkt", "kkt_strengthened", "value_function"]


def build_game(data: PricingData, setting: Setting, formulation: Formulation) -> pyo.ConcreteModel:
    """Build the leader's model with one block ``customer[u]`` per follower.

    The leader's variables are ``base``, ``duration_premium``, ``response_premium`` (yuan/kWh) and
    the binary ``accepts``; see `leader_variables`.
    """
    m = pyo.ConcreteModel(name=f"{setting.tariff} pricing")
    m.data, m.setting = data, setting
    menus = setting.menus(data)
    m.U = pyo.RangeSet(0, len(menus) - 1)
    m.UG = pyo.Set(initialize=[(u, k) for u, menu in enumerate(menus) for k in range(len(menu))])
    m.option = {(u, k): menus[u][k] for u, k in m.UG}
    _add_prices(m)
    _add_customers(m)
    _add_revenue(m)
    _add_storage(m)
    _add_income(m)
    _add_follower_optimality(m, formulation)
    return m


def leader_variables(m: pyo.ConcreteModel) -> list[pyo.Var]:
    """Return the leader's variables that the followers depend on."""
    return [m.base, m.duration_premium, m.response_premium, m.accepts]


def _add_prices(m: pyo.ConcreteModel) -> None:
    """Eq. (1) and (13); premiums of level 1 are zero and have no variable."""
    upper = dict(zip(LEVELS, highest_useful_prices(m.data), strict=True))
    graded = m.setting.tariff == "multi_grade"
    step = m.data.scalars["price_step_min"]

    def bounds(_, level):
        return 0.0, upper[level]

    m.base = pyo.Var(LEVELS if graded else LEVELS[:1], bounds=bounds)
    m.duration_premium = pyo.Var(LEVELS[1:] if graded else [], bounds=bounds)
    m.response_premium = pyo.Var(LEVELS[1:] if graded else [], bounds=bounds)
    premiums = (m.duration_premium, m.response_premium)
    m.premium_pricing = pyo.ConstraintList(doc="Eq. (13), with a minimum step")
    if graded:
        for k in LEVELS[1:]:
            m.premium_pricing.add(m.base[k] - m.base[k - 1] >= step)
            for premium in premiums:
                m.premium_pricing.add(premium[k] - (premium[k - 1] if k > 2 else 0.0) >= step)

    def price(grade: Grade):
        extra = sum(p[k] for p, k in zip(premiums, grade[1:], strict=True) if k > 1)
        return m.base[grade.capacity] + extra

    grades = sorted({o.grade for o in m.option.values()})
    m.G = pyo.Set(initialize=[g.label for g in grades])
    m.price = pyo.Expression(m.G, initialize={g.label: price(g) for g in grades})
    m.highest_price = {
        g.label: upper[g.capacity] + sum(upper[k] for k in g[1:] if k > 1) for g in grades
    }


def _add_customers(m: pyo.ConcreteModel) -> None:
    """Followers' variables and feasible sets, Eq. (15), and what Eq. (12) accepts."""
    m.accepts = pyo.Var(m.UG, domain=pyo.Binary)
    m.buys = pyo.Var(m.UG, domain=pyo.Binary)

    def customer(b, u):
        ks = [k for v, k in m.UG if v == u]
        b.capacity_kw = pyo.Var(ks, domain=pyo.NonNegativeReals)
        b.chooses = pyo.Var(ks, domain=pyo.NonNegativeReals)
        for k in ks:
            band = m.option[u, k].capacity_kw
            # Valid for every response; a big-M is derived from these bounds.
            b.capacity_kw[k].setub(band.upper)
            b.chooses[k].setub(1)
        b.at_least = pyo.Constraint(
            ks,
            rule=lambda b, k: _band(m, u, k).lower * b.chooses[k] <= b.capacity_kw[k],
            doc="Eq. (15), lower end",
        )
        b.at_most = pyo.Constraint(
            ks,
            rule=lambda b, k: b.capacity_kw[k] <= _band(m, u, k).upper * b.chooses[k],
            doc="Eq. (15), upper end",
        )
        b.one = pyo.Constraint(expr=sum(b.chooses[k] for k in ks) <= 1, doc="one grade or none")
        b.acceptable = pyo.Constraint(
            ks, rule=lambda b, k: b.chooses[k] <= m.accepts[u, k], doc="Eq. (12) is met"
        )

    m.customer = pyo.Block(m.U, rule=customer)

    _add_acceptance(m)
    m.whole_choice = pyo.Constraint(
        m.UG,
        rule=lambda m, u, k: m.buys[u, k] == m.customer[u].chooses[k],
        doc="no fractional mix of tied grades",
    )
    if m.setting.participation == "all":
        m.everyone = pyo.Constraint(
            m.U,
            rule=lambda m, u: sum(m.buys[v, k] for v, k in m.UG if v == u) == 1,
            doc="participation: all",
        )


def _add_acceptance(m: pyo.ConcreteModel) -> None:
    """Eq. (12) as a staircase: who accepts the price of a grade, by rising acceptable price c_j.

    A customer with a higher limit accepts whatever one with a lower limit accepts, so a_1 <= a_2 <=
    ... <= a_n. The price lies between the limits of the last customer that refuses and of the first
    that accepts:

        sum_j (a_j - a_j-1) c_j + (1 - a_n) highest >= lambda >= sum_j (a_j+1 - a_j) (c_j + delta)

    with a_0 = 0, a_n+1 = 1. One pair of rows for each grade replaces a big-M for each customer, and
    its linear relaxation is much tighter.
    """
    caps = m.data.acceptable_prices
    m.acceptance = pyo.ConstraintList(doc="Eq. (12), and refusal of what fails it")
    for g in m.G:
        by_cap = sorted((caps[u], u, k) for u, k in m.UG if m.option[u, k].grade.label == g)
        a = [0, *(m.accepts[u, k] for _, u, k in by_cap), 1]
        ends = [cap for cap, _, _ in by_cap]
        for lower, upper in pairwise(a[1:-1]):
            m.acceptance.add(lower <= upper)
        steps = [later - earlier for earlier, later in pairwise(a)]
        at_most = sum(s * c for s, c in zip(steps, [*ends, m.highest_price[g]], strict=True))
        refused = [0.0, *(cap + PRICE_RESOLUTION for cap in ends)]
        at_least = sum(s * c for s, c in zip(steps, refused, strict=True))
        m.acceptance.add(m.price[g] <= at_most)
        m.acceptance.add(m.price[g] >= at_least)


def _band(m: pyo.ConcreteModel, u: int, k: int) -> Band:
    return m.option[u, k].capacity_kw


def _add_revenue(m: pyo.ConcreteModel) -> None:
    """Eq. (6), exactly linear.

    By strong duality the fee is the avoided loss less the follower's optimal utility. The optimal
    utility is reached at the upper end of the chosen band, N t hi (l - lambda) y. The remaining
    product of the price and the binary y is described exactly by McCormick's four planes.
    """
    caps = m.data.acceptable_prices
    m.price_paid = pyo.Var(m.UG, domain=pyo.NonNegativeReals)

    def planes(b, u, k):
        g = m.option[u, k].grade.label
        b.zero_unless_bought = pyo.Constraint(expr=m.price_paid[u, k] <= caps[u] * m.buys[u, k])
        b.at_most_price = pyo.Constraint(expr=m.price_paid[u, k] <= m.price[g])
        b.at_least_price = pyo.Constraint(
            expr=m.price_paid[u, k] >= m.price[g] - m.highest_price[g] * (1 - m.buys[u, k])
        )

    m.product = pyo.Block(m.UG, rule=planes)

    def utility(m, u, k):
        c = m.data.customers[u]
        best = c.hours_per_year * _band(m, u, k).upper
        return best * (c.outage_loss_yuan_per_kwh * m.buys[u, k] - m.price_paid[u, k])

    def fee(m, u, k):
        c = m.data.customers[u]
        avoided = c.hours_per_year * c.outage_loss_yuan_per_kwh * m.customer[u].capacity_kw[k]
        return avoided - m.utility[u, k]

    m.utility = pyo.Expression(m.UG, rule=utility, doc="Eq. (2), yuan/yr")
    m.fee = pyo.Expression(m.UG, rule=fee, doc="Eq. (4), yuan/yr")


def _add_storage(m: pyo.ConcreteModel) -> None:
    """S_sta covers what must be served at once, and whole vehicles carry it [reconstructed].

    S_sta equals the largest of several demands, see `income.storage_demands_kw`. One binary per
    demand says which one it equals. Without this condition, profitable arbitrage would add storage
    that no customer asked for.
    """
    d = m.data
    sold = [sum(m.customer[u].capacity_kw[k] for v, k in m.UG if v == u) for u in m.U]
    demands = storage_demands_kw(d.customers, sold, d.scalars)
    largest = max(
        storage_demands_kw(d.customers, [c.capacity_kw.upper for c in d.customers], d.scalars)
    )
    m.D = pyo.RangeSet(0, len(demands) - 1)
    m.storage_kw = pyo.Var(bounds=(0.0, largest))
    m.binds = pyo.Var(m.D, domain=pyo.Binary)
    m.one_binds = pyo.Constraint(expr=sum(m.binds.values()) == 1, doc="one demand sets S_sta")
    m.covers = pyo.Constraint(
        m.D, rule=lambda m, j: m.storage_kw >= demands[j], doc="S_sta covers every demand"
    )
    m.no_more = pyo.Constraint(
        m.D,
        rule=lambda m, j: m.storage_kw <= demands[j] + largest * (1 - m.binds[j]),
        doc="and is no larger than the largest",
    )
    vehicle_kw = d.scalars["vehicle_power_kw"]
    m.fleet = pyo.Var(domain=pyo.NonNegativeIntegers, bounds=(0, -(-largest // vehicle_kw)))
    m.carries = pyo.Constraint(
        expr=vehicle_kw * m.fleet >= m.storage_kw, doc="whole vehicles carry S_sta"
    )


def _add_income(m: pyo.ConcreteModel) -> None:
    """Rows of Table 1 as expressions, the objective (10) and the investment constraint (11)."""
    d, r = m.data, m.data.rates
    hours = [c.hours_per_year for c in d.customers]
    costs = [d.response_costs[c.response_level] for c in d.customers]
    bought = {u: sum(m.buys[v, k] for v, k in m.UG if v == u) for u in m.U}
    m.account = {
        "emergency_revenue": sum(m.fee[uk] for uk in m.UG),
        "arbitrage_revenue": r.arbitrage * m.storage_kw,
        "renewable_revenue": r.renewable * m.storage_kw,
        "investment_cost": r.investment * m.storage_kw,
        "operation_cost": r.operation * m.storage_kw,
        "charging_cost": r.charging * sum(hours[u] * m.customer[u].capacity_kw[k] for u, k in m.UG),
        "vehicle_cost": r.vehicle * m.fleet,
        "fuel_cost": sum(
            d.customers[u].outages_per_year * costs[u].fuel_yuan_per_call * bought[u] for u in m.U
        ),
        "labour_cost": r.labour * m.fleet
        + sum(costs[u].standby_yuan_per_year * bought[u] for u in m.U),
    }
    net = sum(e if row.endswith("_revenue") else -e for row, e in m.account.items())
    m.net_income = pyo.Objective(expr=net, sense=pyo.maximize, doc="Eq. (10)")

    def pays_for_itself(m, g):
        sold = [(u, k) for u, k in m.UG if m.option[u, k].grade.label == g]
        cost = sum(
            investment_to_cover(d, m.setting, u) * m.customer[u].capacity_kw[k] for u, k in sold
        )
        return sum(m.fee[uk] for uk in sold) >= cost

    m.investment = pyo.Constraint(m.G, rule=pays_for_itself, doc="Eq. (11)")


def _add_follower_optimality(m: pyo.ConcreteModel, formulation: Formulation) -> None:
    customers = m.data.customers

    def margin(u, k):
        return customers[u].outage_loss_yuan_per_kwh - m.price[m.option[u, k].grade.label]

    if formulation != "value_function":
        for u, b in m.customer.items():
            worth = sum(margin(u, k) * b.capacity_kw[k] for k in b.capacity_kw)
            b.objective = pyo.Objective(
                expr=customers[u].hours_per_year * worth, sense=pyo.maximize, doc="Eq. (14)"
            )
    if formulation == "kkt":
        return

    def no_better(m, u, k):
        best = customers[u].hours_per_year * _band(m, u, k).upper
        # A refused grade must not bind: its margin is at most l.
        refused = customers[u].outage_loss_yuan_per_kwh * (1 - m.accepts[u, k])
        reached = sum(m.utility[v, j] for v, j in m.UG if v == u)
        return reached >= best * (margin(u, k) - refused)

    def whole_band(m, u, k):
        """A bought band is bought to its end, unless price and loss are equal."""
        sold, most = m.customer[u].capacity_kw[k], _band(m, u, k).upper
        if (u, k) in m.indifferent:
            return sold >= most * (m.buys[u, k] - m.indifferent[u, k])
        return sold == most * m.buys[u, k]

    def no_margin(m, u, k):
        loss = customers[u].outage_loss_yuan_per_kwh
        return m.price[m.option[u, k].grade.label] >= loss * m.indifferent[u, k]

    m.no_better_grade = pyo.Constraint(m.UG, rule=no_better)
    # Only at k_exp = 1 can the acceptable price be the loss itself.
    caps = m.data.acceptable_prices
    may_be_indifferent = [
        (u, k) for u, k in m.UG if caps[u] >= customers[u].outage_loss_yuan_per_kwh
    ]
    m.indifferent = pyo.Var(may_be_indifferent, domain=pyo.Binary)
    m.no_margin = pyo.Constraint(may_be_indifferent, rule=no_margin)
    m.whole_band = pyo.Constraint(m.UG, rule=whole_band)
