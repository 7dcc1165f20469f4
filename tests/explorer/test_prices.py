"""Paper 1 in the explorer, against enumeration, the pipeline's results and what bounds must do."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from mobile_storage.core.claims import read_claims
from mobile_storage.core.io import read_json
from mobile_storage.explorer import prices
from mobile_storage.explorer.prices import PriceExplorer, solve_within
from mobile_storage.pricing.model.data import read_raw
from mobile_storage.pricing.model.grades import Prices
from mobile_storage.pricing.model.outcome import outcome
from mobile_storage.pricing.model.setting import Setting

FREE = dict.fromkeys(prices.PRICES, (0.0, 1000.0))
ONE_PRICE = Setting(tariff="single_price")


@pytest.fixture(scope="module")
def explorer(repository) -> PriceExplorer:
    claims = read_claims(repository / "data/raw/claims.csv")
    return PriceExplorer(read_raw(repository / "data/raw/bao2024"), claims)


@pytest.fixture(scope="module")
def usual(explorer):
    return explorer.ask(explorer.defaults)


def income(answer) -> float:
    return answer.multi_grade.outcome.account.rows()["net_income"]


@pytest.mark.parametrize("bounds", [(0.0, 1e3), (0.0, 24.0), (5.0, 15.0), (25.5, 27.0)])
def test_one_price_within_bounds_is_the_best_by_enumeration(usual, bounds):
    """Between acceptable prices income rises with the price: the best is one, or the bound."""
    low, high = bounds
    data = usual.data
    candidates = [cap for cap in data.acceptable_prices if low <= cap <= high] + [high]
    tried = [outcome(data, ONE_PRICE, Prices.single(price)) for price in candidates]
    best = max(t.account.net_income for t in tried if t.violation_yuan_per_year < 1e-6)
    found = solve_within(data, ONE_PRICE, FREE | {"base": bounds})
    assert found.result.optimal
    assert found.outcome.account.net_income == pytest.approx(best, rel=1e-7)


def test_defaults_are_the_pipelines_default_variant(usual, repository):
    folder = repository / "data/results/bao2024"
    for found, name in (
        (usual.multi_grade, "case1_self_select_opt_out_with_trading"),
        (usual.single_price, "case2_opt_out_with_trading"),
    ):
        stored = read_json(folder / f"cases/{name}.json")["account"]
        assert found.outcome.account.rows() == pytest.approx(stored, rel=1e-6, abs=1e-3)
    ledger = pd.read_csv(folder / "claims.csv", dtype=str).set_index("id")["computed"]
    assert usual.verdicts() == {claim: ledger[claim] for claim in prices.CLAIMS}


def test_prices_keep_within_their_bounds_which_cost_income(explorer, usual):
    bounds = {"base": (1.0, 15.0), "duration": (0.5, 3.0), "response": (0.0, 10.0)}
    answer = explorer.ask(explorer.defaults | bounds)
    found = answer.multi_grade.outcome.prices
    for kind, (low, high) in bounds.items():
        levels = getattr(found, kind)[0 if kind == "base" else 1 :]
        assert all(low - 1e-6 <= level <= high + 1e-6 for level in levels), kind
    assert min(found.steps()) >= explorer.defaults["price_step_min"] - 1e-6
    assert income(answer) < income(usual) - 1.0


def test_bounds_around_the_optimum_leave_it(explorer, usual):
    found = usual.multi_grade.outcome.prices
    bounds = {
        kind: (min(levels) - 0.01, max(levels) + 0.01)
        for kind, levels in (
            ("base", found.base),
            ("duration", found.duration[1:]),
            ("response", found.response[1:]),
        )
    }
    data = usual.data
    within = solve_within(data, Setting(), bounds)
    assert within.outcome.account.net_income == pytest.approx(income(usual), rel=1e-7)


def test_customers_who_pay_less_of_their_loss_bring_less(explorer, usual):
    """P1's incomes rise with k_exp, the share of the loss that a price may take."""
    low, high = (explorer.ask(explorer.defaults | {"k_exp": k}) for k in (0.5, 1.0))
    assert income(low) < income(usual) < income(high)


def test_prices_that_nobody_pays_sell_nothing_and_answer_no_claim(explorer):
    answer = explorer.ask(explorer.defaults | {"base": (41.0, 41.5)})
    assert answer.status == "Nothing is sold in case 1."
    assert income(answer) == pytest.approx(0.0, abs=1e-6)
    assert set(answer.verdicts().values()) == {"no answer"}
    assert answer.sold == []


def test_a_lower_bound_beyond_every_price_that_matters_is_no_contradiction(usual):
    found = solve_within(usual.data, ONE_PRICE, FREE | {"base": (500.0, 600.0)})
    assert found.outcome.account.net_income == pytest.approx(0.0, abs=1e-6)


def test_bounds_too_narrow_for_three_levels_say_so(explorer):
    values = explorer.defaults | {"response": (0.0, 0.1)}
    answer = explorer.ask(values)
    assert answer.status == "Case 1: no prices within these bounds satisfy the constraints."
    text = "\n".join(getattr(part, "data", "") for part in explorer.report(values))
    assert answer.status in text
    assert "**no answer**" in text


def test_a_stopped_solver_is_no_answer(usual):
    result = replace(usual.multi_grade.result, status=prices.Status.LIMIT)
    stopped = replace(usual, multi_grade=replace(usual.multi_grade, result=result), compared=None)
    assert stopped.status == "Case 1: the solver stopped (limit) without a proven optimum."


def test_report_says_what_was_moved_and_shows_both(explorer):
    values = explorer.defaults | {"k_exp": 0.6}
    head, knobs, figure, verdicts, incomes, grades = explorer.report(values)
    assert head.data.startswith("**1 value moved.** Exact solves by ")
    assert "**0.6, moved**" in knobs.data
    assert knobs.data.count("| default |") == 4
    assert len(figure.axes) == 2
    assert all(f"| {claim} |" in verdicts.data for claim in prices.CLAIMS)
    assert "Case 2, default" in incomes.data
    assert "H3-H3-H2" in grades.data


def test_an_answer_takes_two_solves_and_is_worked_out_once(explorer, monkeypatch):
    solved = []

    def counted(*arguments, **options):
        solved.append(arguments)
        return solve_within(*arguments, **options)

    monkeypatch.setattr(prices, "solve_within", counted)
    values = explorer.defaults | {"k_exp": 0.83}
    first = explorer.ask(values)
    assert len(solved) == 2
    assert explorer.ask(values) is first
    assert len(solved) == 2
