"""The iteration of section 3, the blind search and the ranges, on games solved by hand."""

from __future__ import annotations

import numpy as np
import pytest

from mobile_storage.pricing.analysis.cases import solve
from mobile_storage.pricing.analysis.intervals import optimal_ranges
from mobile_storage.pricing.analysis.iteration import best_prices, iterate
from mobile_storage.pricing.analysis.search import blind_search, prices_from_steps
from mobile_storage.pricing.model.customers import Choice
from mobile_storage.pricing.model.grades import Grade, Prices
from mobile_storage.pricing.model.income import UnitRates
from mobile_storage.pricing.model.outcome import outcome, respond
from mobile_storage.pricing.model.setting import Setting

SELF = Setting()
SINGLE = Setting(tariff="single_price")
LOW = Prices((0.0, 0.1, 0.2), (0.0, 0.1, 0.2), (0.0, 0.1, 0.2))


# ---------------------------------------------------------------------------------- iteration


def test_the_leader_raises_prices_to_what_each_buyer_accepts(customer, game):
    # A accepts 5 at level 1, B 8 at duration level 2: both pay their limit after one round.
    data = game(customer("A"), customer("B", loss=16, duration=2))
    run = iterate(data, SELF, LOW)
    assert (run.ending, run.period) == ("fixed point", 1)
    first, last = run.path[0], run.path[-1]
    # Round 0: 100 x 0 + 100 x 0.1.
    assert first.account.net_income == pytest.approx(10)
    assert last.account.net_income == pytest.approx(1300)
    assert last.prices.base[0] == pytest.approx(5)
    assert last.prices.of(Grade(1, 2, 1)) == pytest.approx(8)


def test_purchases_taken_as_given_make_the_leader_lose_its_customer_to_the_smaller_band(
    customer, game
):
    # A buys 150 kW in level 2 and B 100 kW in level 1, whose limits are 5 and 2. The leader charges
    # 5 and 2; at that A prefers 100 kW at 2 (800 to 750). Now level 2 is sold to nobody: any price
    # above 2 will do, and the tie-break picks the lowest, 2.1: A is back in level 2, and so on.
    data = game(customer("A", band=(50, 150)), customer("B", n=100, band=(60, 100), loss=4))
    run = iterate(data, SELF, LOW)
    assert (run.ending, run.period) == ("cycle", 2)
    # The last round's prices are those of two rounds ago.
    assert run.path[-1].prices.vector() == pytest.approx(run.path[-3].prices.vector())
    assert run.path[-1].prices.vector() != pytest.approx(run.path[-2].prices.vector())
    levels = {tuple(c.grade.capacity for c in o.choices) for o in run.path[-2:]}
    assert levels == {(1, 1), (2, 1)}
    # The equilibrium foresees it, and earns more than either.
    best = solve(data, SELF).outcome.account.net_income
    assert best == pytest.approx(20_700)
    assert max(o.account.net_income for o in run.path[-2:]) < best


def test_no_prices_meet_eq_11_for_what_is_bought(customer, game):
    # At the lowest prices the customer buys; its limit of 500 yuan does not cover 0.5 x 11 x 100.
    data = game(customer(), rates=UnitRates(0, 0, 0, 0, 0, 11.0, 0, 0, 0))
    run = iterate(data, Setting(investment="emergency_only"), LOW)
    assert (run.ending, run.period, len(run.path)) == ("no prices", 0, 1)


def test_rounds_are_limited(customer, game):
    data = game(customer("A", band=(50, 150)), customer("B", n=100, band=(60, 100), loss=4))
    run = iterate(data, SELF, LOW, rounds=1)
    assert (run.ending, len(run.path)) == ("round limit", 2)


def test_one_price_rises_to_the_lowest_limit_among_the_buyers(customer, game):
    data = game(customer("A"), customer("B", loss=16, duration=2), customer("C", loss=4))
    run = iterate(data, SINGLE, Prices.single(4.0))
    # At 4 C stays out; the others' lowest limit is 5.
    assert run.ending == "fixed point"
    assert run.path[-1].prices == Prices.single(pytest.approx(5.0))
    # The equilibrium sells to B alone: 8 x 100 < 5 x 200; and all: 2 x 300. So 1000 it is.
    assert run.path[-1].account.net_income == pytest.approx(1000)
    assert solve(data, SINGLE).outcome.account.net_income == pytest.approx(1000)


def test_best_prices_for_given_purchases_keep_the_steps(customer, game):
    # Level 2 limit 4, level 1 limit 5: with a step of 1 the base is 3, not 5.
    data = game(customer("A"), customer("B", loss=8, duration=2), price_step_min=1.0)
    bought = [Choice(Grade(1, 1, 1), 100, 0), Choice(Grade(1, 2, 1), 100, 0)]
    prices = best_prices(data, SELF, bought)
    assert prices.base[0] == pytest.approx(3)
    assert prices.duration[1] == pytest.approx(1)
    assert min(prices.steps()) >= 1 - 1e-9


def test_without_buyers_the_leader_lowers_its_prices(customer, game):
    data = game(customer())
    prices = best_prices(data, SELF, [Choice(None, 0.0, 0.0)])
    assert prices.vector() == pytest.approx(LOW.vector())


# ------------------------------------------------------------------------------------- search


def test_steps_become_prices_that_rise():
    prices = prices_from_steps(np.array([1.0, 0.2, 0.3, 0.0, 0.5, 0.4, 0.0]), 0.1)
    assert prices.base == pytest.approx((1.0, 1.3, 1.7))
    assert prices.duration == pytest.approx((0, 0.1, 0.7))
    assert prices.response == pytest.approx((0, 0.5, 0.6))


@pytest.mark.parametrize("setting", [SELF, SINGLE, Setting(participation="all")])
def test_a_blind_search_ends_near_the_optimum_and_never_above(customer, game, setting):
    data = game(customer("A"), customer("B", loss=16, duration=2), customer("C", loss=4))
    best = solve(data, setting).outcome.account.net_income
    found, run = blind_search(data, setting, seed=1, population=4, generations=40)
    assert found.violation_yuan_per_year == 0.0
    assert found.account.net_income == pytest.approx(-run.fun)
    assert found.account.net_income <= best + 1e-6
    assert found.account.net_income >= 0.9 * best


# ------------------------------------------------------------------------------------- ranges


def test_what_is_sold_has_one_price_and_what_is_not_has_a_range(customer, game):
    # A buys 80 kW at 5. Nothing else is sold: base 2 may be anything from 5.1 on as long as base
    # 3 fits, up to its bound; the customer cannot buy it.
    data = game(customer(band=(50, 80)))
    found = solve(data, SELF).outcome
    ranges = optimal_ranges(data, SELF, found)
    one = ranges["price.base.1"]
    # The income may be 0.01 yuan below the optimum: 0.01/80 yuan/kWh.
    assert one.high == pytest.approx(5.0)
    assert one.low == pytest.approx(5.0 - 0.01 / 80)
    two = ranges["price.base.2"]
    assert two.low == pytest.approx(5.1 - 0.01 / 80)
    assert two.high > 5.15
    assert ranges["emergency_revenue"].low == pytest.approx(400 - 0.01)
    assert ranges["emergency_revenue"].high == pytest.approx(400)
    assert (ranges["fleet"].low, ranges["fleet"].high) == pytest.approx((1, 1))
    # 100 % of the loss of 800 is avoided for a fee of 400.
    assert ranges["customer.A.supply_cost"].high == pytest.approx(400)


def test_a_choice_between_equal_customers_is_a_range(customer, game):
    # One price. B and C pay 2 x 100 each or A alone 5 x ... : 4 x 100 from A alone, and all three
    # at 4/3 would be 400, too.
    data = game(customer("A", loss=8), customer("B", loss=8 / 3), customer("C", loss=8 / 3))
    found = solve(data, SINGLE).outcome
    assert found.account.net_income == pytest.approx(400)
    ranges = optimal_ranges(data, SINGLE, found)
    assert (ranges["price.base.1"].low, ranges["price.base.1"].high) == pytest.approx(
        (4 / 3, 4), abs=1e-3
    )
    sold = ranges["customer.B.capacity_kw"]
    assert (sold.low, sold.high) == pytest.approx((0, 100))
    # What B pays: stand-alone loss of 266.67 (own storage costs more) or a fee of 133.33.
    cost = ranges["customer.B.supply_cost"]
    assert (cost.low, cost.high) == pytest.approx((400 / 3, 800 / 3), abs=0.02)
    total = ranges["customers_supply_cost"]
    # 400 + 2 x 266.67 or 3 x 133.33.
    assert (total.low, total.high) == pytest.approx((400, 400 + 1600 / 3), abs=0.02)


def test_ranges_hold_what_the_outcome_says(customer, game):
    data = game(
        customer("A", band=(50, 150), t=2),
        customer("B", n=100, band=(60, 100), loss=4),
        customer("C", band=(20, 300), loss=7, duration=3, response=2),
        rates=UnitRates(4.0, 1.0, 3.0, 1.0, 1.0, 1.0, 0.5, 100.0, 20.0),
    )
    found = solve(data, SELF).outcome
    ranges = optimal_ranges(data, SELF, found)
    values = found.account.rows() | {"storage_kw": found.storage_kw, "fleet": found.fleet}
    values.pop("net_income")
    values |= {f"price.base.{k}": found.prices.base[k - 1] for k in (1, 2, 3)}
    for name, value in values.items():
        assert ranges[name].low - 1e-4 <= value <= ranges[name].high + 1e-4
    assert respond(data, SELF, found.prices) == outcome(data, SELF, found.prices).choices
