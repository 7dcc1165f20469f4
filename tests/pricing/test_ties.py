"""Tied customers: by hand, and against an enumeration of prices and answers."""

from __future__ import annotations

from itertools import combinations, product
from types import SimpleNamespace

import numpy as np
import pytest

from mobile_storage.bilevel import Status
from mobile_storage.pricing.analysis import ties
from mobile_storage.pricing.analysis.cases import solve
from mobile_storage.pricing.analysis.ties import (
    answers,
    least_revenue,
    possible_choices,
    smallest_margin,
    strict_game,
    tie_record,
    worst_answers,
    worst_record,
)
from mobile_storage.pricing.model.customers import best_responses
from mobile_storage.pricing.model.grades import Prices
from mobile_storage.pricing.model.outcome import outcome_of_choices
from mobile_storage.pricing.model.setting import Setting

SINGLE = Setting(tariff="single_price")
GRADED = Setting()


def labels(choices):
    return {c.grade.label if c.grade else "none" for c in choices}


def test_a_price_at_the_limit_may_be_refused(game, customer):
    """k_exp = 0.5 of a loss of 10 yuan/kWh: 5 yuan/kWh is accepted, and may as well not be."""
    one = customer()
    data = game(one)
    (menu,) = SINGLE.menus(data)
    (limit,) = data.acceptable_prices
    assert limit == pytest.approx(5.0)
    assert labels(possible_choices(one, menu, Prices.single(5.0), limit)) == {"none", "H1-H1-H1"}
    assert labels(possible_choices(one, menu, Prices.single(4.9), limit)) == {"H1-H1-H1"}
    assert labels(possible_choices(one, menu, Prices.single(5.1), limit)) == {"none"}


def test_two_grades_of_the_same_utility_are_both_possible(game, customer):
    """150 kW in level 2 at 4, or 100 kW in level 1 at 1 yuan/kWh: both leave 900 yuan a year."""
    one = customer(band=(50.0, 150.0))
    data = game(one)
    tied = Prices((1.0, 4.0, 5.0), (0.0, 0.1, 0.2), (0.0, 0.1, 0.2))
    (possible,) = answers(data, GRADED, tied)
    assert labels(possible) == {"H1-H1-H1", "H2-H1-H1"}
    assert least_revenue(data, GRADED, tied) == pytest.approx(100.0)
    found = worst_answers(data, GRADED, tied)
    assert found.account.net_income == pytest.approx(100.0)
    assert labels(found.choices) == {"H1-H1-H1"}
    # The optimistic answer brings 600 yuan, and level 1 at 1.01 leaves 899.
    dearer = Prices((1.01, 4.0, 5.0), (0.0, 0.1, 0.2), (0.0, 0.1, 0.2))
    assert labels(answers(data, GRADED, dearer)[0]) == {"H2-H1-H1"}
    assert least_revenue(data, GRADED, dearer) == pytest.approx(600.0)


def test_a_margin_of_certainty_costs_as_much_as_it_gives(game, customer):
    """One buyer of 100 kW for one hour: a margin of delta yuan takes delta off 500 yuan."""
    data = game(customer())
    assert solve(data, SINGLE).outcome.account.net_income == pytest.approx(500.0)
    for margin in (0.0, 1.0, 50.0):
        found = strict_game(data, SINGLE, margin)
        assert found.outcome.account.net_income == pytest.approx(500.0 - margin)
        assert smallest_margin(data, SINGLE, found.outcome) == pytest.approx(margin, abs=1e-6)
        assert found.outcome.choices[0].grade is not None


def test_nobody_can_be_given_more_than_there_is(game, customer):
    """Beyond the whole fee the leader sells nothing; if it has to sell, there are no prices."""
    data = game(customer())
    assert strict_game(data, SINGLE, 501.0).outcome.account.net_income == pytest.approx(0.0)
    everyone = Setting(tariff="single_price", participation="all")
    assert strict_game(data, everyone, 501.0).result.status == "infeasible"
    assert smallest_margin(data, SINGLE, strict_game(data, SINGLE, 501.0).outcome) == np.inf


def test_a_negative_margin_is_refused(game, customer):
    with pytest.raises(ValueError, match="margin is -1"):
        strict_game(game(customer()), SINGLE, -1.0)


@pytest.fixture(scope="module")
def pair(game, customer):
    """Two customers and two grades: a large one that could take either, and a small one."""
    return game(
        customer("large", band=(50.0, 150.0), loss=8.0),
        customer("small", band=(20.0, 60.0), loss=12.0),
    )


def grid_of_prices(step=1):
    """Base prices of levels 1 and 2 in tenths; the other five decisions change nothing here."""
    for low, high in combinations(range(0, 66, step), 2):
        yield Prices((low / 10, high / 10, 8.0), (0.0, 0.1, 0.2), (0.0, 0.1, 0.2))


def every_combination(data, prices, limit_is_accepted):
    """Incomes for every combination of tied answers, by the customers' own best responses."""
    each = []
    for one, menu, cap in zip(
        data.customers, GRADED.menus(data), data.acceptable_prices, strict=True
    ):
        limits = (cap,) if limit_is_accepted else (cap, cap - 1e-5)
        found = [c for limit in limits for c in best_responses(one, menu, prices, limit, 1e-9)]
        each.append(found)
    return [
        outcome_of_choices(data, GRADED, prices, choices).account.net_income
        for choices in product(*each)
    ]


def test_leaders_against_an_enumeration_of_prices_and_answers(pair):
    """Optimistic: no price list of a fine grid brings more, and one brings as much. Pessimistic:
    no price list brings more with the worst answers than the strict game for a vanishing margin."""
    best, worst = -np.inf, -np.inf
    for prices in grid_of_prices():
        best = max(best, *every_combination(pair, prices, limit_is_accepted=True))
        worst = max(worst, min(every_combination(pair, prices, limit_is_accepted=False)))
    optimum = solve(pair, GRADED).outcome.account.net_income
    strict = strict_game(pair, GRADED, 1e-3).outcome.account.net_income
    assert optimum == pytest.approx(best)
    assert worst <= strict + 1e-3 * 10
    assert strict <= optimum
    assert worst < best


def test_worst_answers_against_an_enumeration_of_the_ties(pair):
    """At every price list of a coarse grid, and at the optimum's own."""
    lists = [*grid_of_prices(10), solve(pair, GRADED).outcome.prices]
    for prices in lists:
        least = min(every_combination(pair, prices, limit_is_accepted=False))
        found = worst_answers(pair, GRADED, prices).account.net_income
        assert found == pytest.approx(least, abs=1e-6), prices


def test_worst_answers_that_are_not_proven_are_none(game, customer, monkeypatch):
    data, limits = game(customer()), {}

    def stopped(m, followers, leader, **options):
        limits.update(options)
        return SimpleNamespace(status=Status.LIMIT, optimal=False)

    monkeypatch.setattr(ties, "solve_bilevel", stopped)
    record = worst_record(data, SINGLE, Prices.single(5.0), gap=0.1, node_limit=7)
    assert limits == {"gap": 0.1, "node_limit": 7}
    # At the limit of 5 yuan/kWh the one customer may as well stay out.
    assert record == {
        "tied": 1,
        "may_stay_out": 1,
        "worst_net_income_yuan_per_year": None,
        "least_emergency_revenue_yuan_per_year": 0.0,
    }


@pytest.mark.parametrize("margin", [1.0, 20.0])
def test_at_strict_prices_nobody_is_tied(pair, margin):
    found = strict_game(pair, GRADED, margin).outcome
    assert smallest_margin(pair, GRADED, found) >= margin - 1e-6
    assert all(len(possible) == 1 for possible in answers(pair, GRADED, found.prices))
    worst = worst_answers(pair, GRADED, found.prices)
    assert worst.account.net_income == pytest.approx(found.account.net_income)


def test_record_of_the_paper_s_data(paper, solved):
    """Certainty costs more the more of it is asked for, and next to nothing for a small margin."""
    name = "case2_opt_out_with_trading"
    found = solved(name).outcome
    setting = solved(name).setting
    record = tie_record(paper, setting, found.prices, [0.1, 10.0])
    best = found.account.net_income
    first, second = (row["net_income_yuan_per_year"] for row in record["strict"])
    assert best > first > second > record["worst_net_income_yuan_per_year"]
    assert best - first == pytest.approx(0.0, abs=1e-5 * best)
    assert record["least_emergency_revenue_yuan_per_year"] < found.account.emergency_revenue
