"""The game against an oracle that shares no code with the model and needs no duality.

For every pattern of what each customer accepts and buys, the best prices are a linear programme;
the best pattern is the optimum. Exact, and hopeless beyond a handful of customers.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
from scipy.optimize import linprog

from mobile_storage.pricing.analysis.cases import solve
from mobile_storage.pricing.analysis.certificate import regret_yuan_per_year
from mobile_storage.pricing.model.customers import Customer
from mobile_storage.pricing.model.data import PricingData
from mobile_storage.pricing.model.grades import Band, GradeTable, Prices
from mobile_storage.pricing.model.income import ResponseCost, UnitRates
from mobile_storage.pricing.model.outcome import outcome
from mobile_storage.pricing.model.setting import PRICE_RESOLUTION, Setting

FORMULATIONS = ("kkt", "kkt_strengthened", "value_function")
SEEDS = range(8)


# ---------------------------------------------------------------------------------- the oracle


class Pattern(NamedTuple):
    """What one customer does: rows of `a @ x <= b` that make it so, and what it buys."""

    rows: tuple[tuple[tuple[float, ...], float], ...]
    kw: float
    price_row: tuple[float, ...] | None


def price_row(capacity: int, duration: int, response: int, *, single: bool) -> tuple[float, ...]:
    row = [0.0] * 7
    if single:
        row[0] = 1.0
        return tuple(row)
    row[capacity - 1] = 1.0
    if duration > 1:
        row[1 + duration] = 1.0
    if response > 1:
        row[3 + response] = 1.0
    return tuple(row)


def minus(a, b) -> tuple[float, ...]:
    return tuple(x - y for x, y in zip(a, b, strict=True))


def scale(a, by: float) -> tuple[float, ...]:
    return tuple(by * x for x in a)


def patterns(c: Customer, data: PricingData, setting: Setting) -> list[Pattern]:
    """Everything that the customer could do at some prices; it buys the upper end of a band."""
    loss = c.outage_loss_yuan_per_kwh
    hours = c.outages_per_year * c.outage_duration_h
    p = data.scalars
    cap = min(
        p["k_exp"] * loss,
        p["k_able"] * c.own_storage_yuan_per_year / (hours * c.capacity_kw.upper),
    )
    ends = [0.0, *(data.grades.capacity_kw[k] for k in (1, 2, 3))]
    if setting.tariff == "single_price":
        menu = [(price_row(1, 1, 1, single=True), c.capacity_kw.upper)]
    else:
        menu = [
            (
                price_row(k, c.duration_level, c.response_level, single=False),
                min(ends[k], c.capacity_kw.upper),
            )
            for k in (1, 2, 3)
            if max(ends[k - 1], c.capacity_kw.lower) <= min(ends[k], c.capacity_kw.upper)
        ]
        if setting.follower == "fixed_grade":
            menu = [next(o for o in menu if o[1] == c.capacity_kw.upper)]
    found = []
    # All subsets of grades that the customer accepts, although by (13) only the cheapest few can.
    for accepted in itertools.product((True, False), repeat=len(menu)):
        limits = [
            (row, cap) if yes else (scale(row, -1.0), -(cap + PRICE_RESOLUTION))
            for (row, _), yes in zip(menu, accepted, strict=True)
        ]
        if not any(accepted):
            if setting.participation == "opt_out":
                found.append(Pattern(tuple(limits), 0.0, None))
            continue
        inside = [o for o, yes in zip(menu, accepted, strict=True) if yes]
        for row, kw in inside:
            # kw (loss - p) >= kw' (loss - p')
            better = [
                (minus(scale(row, kw), scale(r, s)), loss * (kw - s))
                for r, s in inside
                if (r, s) != (row, kw)
            ]
            found.append(Pattern((*limits, *better), kw, row))
    return found


def steps(data: PricingData, *, single: bool) -> list[tuple[tuple[float, ...], float]]:
    if single:
        return []
    e = np.eye(7)
    rises = [e[1] - e[0], e[2] - e[1], e[3], e[4] - e[3], e[5], e[6] - e[5]]
    return [(tuple(-r), -data.scalars["price_step_min"]) for r in rises]


def fixed_income(data: PricingData, joint: tuple[Pattern, ...]) -> float:
    """Everything of the income but the fees."""
    p, r = data.scalars, data.rates
    pairs = [(c, q.kw) for c, q in zip(data.customers, joint, strict=True) if q.kw > 0]
    need = 0.0
    if pairs:
        kwh = [s * c.outage_duration_h for c, s in pairs]
        need = max(
            p["coincidence"] * sum(s for _, s in pairs),
            p["coincidence"] * sum(kwh) / p["rated_duration_h"],
            max(s for _, s in pairs),
            max(kwh) / p["rated_duration_h"],
        )
    trucks = math.ceil(need / p["vehicle_power_kw"] - 1e-9)
    income = (r.arbitrage + r.renewable - r.investment - r.operation) * need
    income -= (r.vehicle + r.labour) * trucks
    for c, s in pairs:
        cost = data.response_costs[c.response_level]
        income -= r.charging * s * c.outages_per_year * c.outage_duration_h
        income -= cost.fuel_yuan_per_call * c.outages_per_year + cost.standby_yuan_per_year
    return income


def best_by_enumeration(data: PricingData, setting: Setting) -> float | None:
    """Largest income over all patterns; None if no pattern is possible."""
    single = setting.tariff == "single_price"
    base_rows = steps(data, single=single)
    p, r = data.scalars, data.rates
    possible = [
        [q for q in patterns(c, data, setting) if cheapest([*base_rows, *q.rows]) is not None]
        for c in data.customers
    ]
    todo = []
    for joint in itertools.product(*possible):
        fees, at_most, grades = np.zeros(7), 0.0, {}
        for c, q in zip(data.customers, joint, strict=True):
            if q.price_row is None:
                continue
            kwh = q.kw * c.outages_per_year * c.outage_duration_h
            row = kwh * np.array(q.price_row)
            fees += row
            at_most += kwh * c.outage_loss_yuan_per_kwh * p["k_exp"]
            earns = (r.arbitrage + r.renewable) / p["rated_duration_h"]
            battery = r.battery_yuan_per_kwh - earns * (setting.investment == "with_trading")
            cost = r.inverter_yuan_per_kw + battery * c.outage_duration_h
            total, must = grades.get(q.price_row, (np.zeros(7), 0.0))
            grades[q.price_row] = (total + row, must + p["coincidence"] * cost * q.kw)
        rest = fixed_income(data, joint)
        todo.append((at_most + rest, rest, fees, joint, grades))
    best = None
    # Best bound first, and done as soon as no bound is better.
    for bound, rest, fees, joint, grades in sorted(todo, key=lambda item: -item[0]):
        if best is not None and bound <= best:
            break
        rows = base_rows + [row for q in joint for row in q.rows]
        rows += [(tuple(-total), -must) for total, must in grades.values()]
        lost = cheapest(rows, -fees)
        if lost is not None:
            best = max(rest - lost, -math.inf if best is None else best)
    return best


def cheapest(rows, cost=(0.0,) * 7) -> float | None:
    """Least `cost` of seven non-negative prices with `a @ x <= b` for all rows; None if none."""
    found = linprog(
        cost, A_ub=[a for a, _ in rows] or None, b_ub=[b for _, b in rows] or None, bounds=(0, None)
    )
    assert found.status in (0, 2), found.message
    return found.fun if found.status == 0 else None


# --------------------------------------------------------------------------------- random games


def random_game(seed: int, n: int = 3) -> PricingData:
    """Round numbers from short lists, so that ties and shared edges are frequent."""
    rng = np.random.default_rng(seed)
    pick = rng.choice
    scalars = {
        "k_exp": float(pick([0.5, 0.75, 0.9])),
        "k_able": 0.5,
        "coincidence": float(pick([0.2, 0.5, 1.0])),
        "rated_duration_h": 2.0,
        "vehicle_power_kw": float(pick([80.0, 250.0])),
        "price_step_min": float(pick([0.0, 0.1, 2.0])),
    }
    customers = []
    for k in range(n):
        lower = float(pick([20, 60, 100]))
        upper = lower + float(pick([0, 40, 140, 180]))
        loss = float(pick([4, 8, 10, 20]))
        duration = float(pick([1, 2, 3, 6]))
        calls = float(pick([0.5, 1, 2, 5]))
        own = calls * duration * upper * loss * float(pick([0.6, 1.2, 100]))
        customers.append(
            Customer(
                name=f"C{k}",
                sector="any",
                outages_per_year=calls,
                outage_duration_h=duration,
                capacity_kw=Band(lower, upper),
                outage_loss_yuan_per_kwh=loss,
                own_storage_yuan_per_year=own,
                duration_level=1 if duration <= 2 else 2 if duration <= 4 else 3,
                response_level=int(pick([1, 2, 3])),
            )
        )
    weight = float(pick([0.0, 1.0, 4.0]))
    rates = UnitRates(
        arbitrage=weight * float(pick([0, 2, 6])),
        renewable=weight * float(pick([0, 1])),
        investment=weight * 3.0,
        operation=weight,
        battery_yuan_per_kwh=weight * float(pick([1, 2])),
        inverter_yuan_per_kw=weight,
        charging=float(pick([0.0, 0.5])),
        vehicle=float(pick([0, 100, 400])),
        labour=float(pick([0, 200])),
    )
    costs = {k: ResponseCost(5.0 * k, float(pick([0, 40])) * k) for k in (1, 2, 3)}
    grades = GradeTable(
        {1: 100.0, 2: 200.0, 3: 300.0}, {1: 2.0, 2: 4.0, 3: 8.0}, {1: 120.0, 2: 90.0, 3: 45.0}
    )
    return PricingData(scalars, tuple(customers), grades, costs, rates)


def random_setting(seed: int, **fixed) -> Setting:
    rng = np.random.default_rng(1000 + seed)
    drawn = {
        "tariff": "multi_grade",
        "follower": "self_select",
        "participation": str(rng.choice(["opt_out", "opt_out", "all"])),
        "investment": str(rng.choice(["with_trading", "emergency_only"])),
    }
    return Setting(**(drawn | fixed))


def assert_same(solution, expected: float | None) -> None:
    if expected is None:
        assert solution.result.status == "infeasible"
        return
    assert solution.result.status == "optimal"
    assert solution.outcome.violation_yuan_per_year == pytest.approx(0.0, abs=1e-5)
    assert solution.outcome.account.net_income == pytest.approx(expected, rel=1e-7, abs=1e-4)
    assert solution.result.objective == pytest.approx(expected, rel=1e-7, abs=1e-4)


@pytest.mark.parametrize("follower", ["self_select", "fixed_grade"])
@pytest.mark.parametrize("seed", SEEDS)
def test_enumeration_of_all_purchases(seed, follower):
    data, setting = random_game(seed), random_setting(seed, follower=follower)
    expected = best_by_enumeration(data, setting)
    for formulation in FORMULATIONS:
        assert_same(solve(data, setting, formulation=formulation), expected)


@pytest.mark.parametrize("seed", range(20, 25))
def test_enumeration_with_highs(seed):
    data, setting = random_game(seed), random_setting(seed)
    expected = best_by_enumeration(data, setting)
    for formulation in FORMULATIONS:
        assert_same(solve(data, setting, formulation=formulation, solver="highs"), expected)


@pytest.mark.parametrize("participation", ["opt_out", "all"])
@pytest.mark.parametrize("seed", range(30, 36))
def test_enumeration_of_all_purchases_at_one_price(seed, participation):
    data = random_game(seed, n=4)
    setting = random_setting(seed, tariff="single_price", participation=participation)
    assert_same(solve(data, setting), best_by_enumeration(data, setting))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(40, 44))
def test_enumeration_with_four_customers(seed):
    data, setting = random_game(seed, n=4), random_setting(seed)
    assert_same(solve(data, setting), best_by_enumeration(data, setting))


@pytest.mark.parametrize("seed", range(60, 66))
def test_formulations_agree_where_customers_may_be_indifferent(seed):
    """k_exp = 1: how much is bought is the leader's choice, which the oracle does not cover."""
    data = random_game(seed)
    own = (1e9,) * 3 if seed % 2 else [c.own_storage_yuan_per_year for c in data.customers]
    crowd = tuple(
        replace(c, own_storage_yuan_per_year=o) for c, o in zip(data.customers, own, strict=True)
    )
    data = replace(data, customers=crowd, scalars={**data.scalars, "k_exp": 1.0})
    setting = random_setting(seed)
    found = [solve(data, setting, formulation=f) for f in FORMULATIONS]
    assert len({f.result.status for f in found}) == 1
    if found[0].outcome is None:
        return
    expected = found[0].outcome.account.net_income
    for solution in found:
        assert_same(solution, expected)
        assert regret_yuan_per_year(data, setting, solution.outcome) <= 1e-5


def test_the_random_games_are_not_all_alike():
    """The oracle must have seen infeasible games, customers left out, bands passed over."""
    seen = set()
    for seed in SEEDS:
        data = random_game(seed)
        solution = solve(data, random_setting(seed))
        if solution.outcome is None:
            seen.add("infeasible")
            continue
        for choice, menu in zip(
            solution.outcome.choices, solution.setting.menus(data), strict=True
        ):
            if choice.grade is None:
                seen.add("stays out")
            elif choice.capacity_kw < menu[-1].capacity_kw.upper:
                seen.add("takes a smaller band")
            else:
                seen.add("takes the largest")
        seen.add(f"{min(solution.outcome.fleet, 2)} vehicles")
    assert seen >= {"infeasible", "stays out", "takes a smaller band", "takes the largest"}
    assert seen >= {"1 vehicles", "2 vehicles"}


# --------------------------------------------------------------------- prices where things happen


def critical_prices(data: PricingData) -> list[float]:
    """Prices at which some customer changes its mind: limits, refusals and indifference."""
    found = {0.0}
    for c, cap in zip(data.customers, data.acceptable_prices, strict=True):
        found |= {cap, cap + PRICE_RESOLUTION}
        for kw in (100.0, 200.0):
            if c.capacity_kw.lower <= kw < c.capacity_kw.upper:
                worth = kw * (c.outage_loss_yuan_per_kwh - cap)
                found.add(c.outage_loss_yuan_per_kwh - worth / c.capacity_kw.upper)
    return sorted(p for p in found if p >= 0)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_price_list_of_critical_prices_is_better(seed):
    data, setting = random_game(seed), random_setting(seed)
    solution = solve(data, setting)
    best = solution.outcome.account.net_income if solution.outcome else None
    rng = np.random.default_rng(seed)
    step = data.scalars["price_step_min"]
    critical, feasible = critical_prices(data), 0
    for _ in range(600):
        base = np.sort(rng.choice(critical, 3)) + np.array([0, step, 2 * step])
        premiums = [
            np.sort(np.abs(rng.choice(critical, 2) - rng.choice(critical, 2) * rng.integers(2)))
            for _ in (0, 1)
        ]
        vector = [*base, *(p + (k + 1) * step for q in premiums for k, p in enumerate(q))]
        found = outcome(data, setting, Prices.from_vector(vector))
        if found.violation_yuan_per_year == 0.0:
            feasible += 1
            assert best is not None
            assert found.account.net_income <= best + 1e-4
    assert feasible > 0 or best is None or setting.participation == "all"


@pytest.mark.parametrize("seed", range(8))
def test_a_fine_grid_comes_close_from_below(seed):
    """One price: every hundredth of a yuan, and the limits themselves, which it must reach."""
    data = random_game(50 + seed, n=4)
    setting = random_setting(50 + seed, tariff="single_price", participation="opt_out")
    best = solve(data, setting).outcome.account.net_income
    prices = [*np.arange(0, 20, 0.01), *critical_prices(data)]
    found = [outcome(data, setting, Prices.single(float(p))) for p in prices]
    incomes = [o.account.net_income for o in found if o.violation_yuan_per_year == 0.0]
    assert max(incomes) == pytest.approx(best, abs=1e-6)
