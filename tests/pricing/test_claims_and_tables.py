"""Findings and tables from small results made by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from mobile_storage.core.margins import holding
from mobile_storage.pricing.analysis.findings import (
    flipping_parameters,
    iteration_finding,
    milp_finding,
    ordering_finding,
    structure_finding,
)
from mobile_storage.pricing.claims import (
    Comparison,
    ends_at_equilibrium,
    equivalence_margin,
    iteration_margin,
    margins,
)
from mobile_storage.pricing.model.income import NOISE_YUAN_PER_YEAR
from mobile_storage.pricing.show.tables import ROWS, flip_table, interval_text, table1


def account(emergency: float, trading: float, cost: float) -> dict[str, float]:
    """The rows that the orderings read."""
    return {
        "emergency_revenue": emergency,
        "total_revenue": emergency + trading,
        "total_cost": cost,
        "net_income": emergency + trading - cost,
    }


def paper_like() -> Comparison:
    """Numbers for which every statement of the paper holds: 300 - 120 > 200 - 100 > 100 - 60."""
    return Comparison(
        multi_grade=account(200, 100, 120),
        single_price=account(100, 100, 100),
        no_emergency=account(0, 100, 60),
        cost_multi_grade=50,
        cost_single_price=60,
        cost_own_storage=90,
    )


def changed(**values) -> Comparison:
    return Comparison(**(vars(paper_like()) | values))


def test_all_statements_hold_where_the_numbers_say_so():
    assert holding(margins(paper_like())) == dict.fromkeys(
        ("P1-02", "P1-03", "P1-04", "P1-05", "P1-06"), True
    )


@pytest.mark.parametrize(
    ("claim", "values"),
    [
        ("P1-02", {"single_price": account(250, 100, 100)}),
        ("P1-02", {"no_emergency": account(0, 301, 60)}),
        ("P1-03", {"single_price": account(100, 100, 121)}),
        # Emergency revenue rises by 200 over case 3, cost by 201.
        ("P1-04", {"multi_grade": account(200, 100, 261)}),
        # 42 against 40 is five per cent more, which is not yet above the threshold.
        ("P1-05", {"multi_grade": account(200, 100, 258)}),
        ("P1-06", {"cost_single_price": 50}),
        ("P1-06", {"cost_own_storage": 49}),
    ],
)
def test_each_statement_fails_when_its_numbers_do(claim, values):
    assert margins(changed(**values))[claim].holds is False


def test_margins_of_numbers_for_which_every_statement_holds():
    """By hand, from the numbers of `paper_like`."""
    assert {claim: margin.value for claim, margin in margins(paper_like()).items()} == {
        "P1-02": 300 - 200,
        "P1-03": 120 - 100,
        "P1-04": min((200 - 100) - (120 - 100), (200 - 0) - (120 - 60)),
        "P1-05": (180 - 40) - 0.05 * 40,
        "P1-06": 60 - 50,
    }


@pytest.mark.parametrize(
    ("apart", "expected"), [(0.5 * NOISE_YUAN_PER_YEAR, False), (2.0 * NOISE_YUAN_PER_YEAR, True)]
)
def test_amounts_that_differ_by_rounding_are_a_tie_and_fail(apart, expected):
    case = changed(cost_multi_grade=1.0, cost_single_price=1.0 + apart)
    margin = margins(case)["P1-06"]
    assert margin.holds is expected
    assert margin.recorded == (pytest.approx(apart) if expected else -1e-9)


def test_the_iteration_holds_only_where_every_run_arrives():
    assert iteration_margin([True, True, True]).holds
    margin = iteration_margin([True, False, False])
    assert (margin.value, margin.holds) == (pytest.approx(-2 / 3), False)
    assert ends_at_equilibrium("fixed point", 2e6 + 1.9, 0.0, 2e6)
    assert not ends_at_equilibrium("fixed point", 2e6 + 2.1, 0.0, 2e6)


def test_formulations_are_equivalent_within_their_tolerances():
    assert equivalence_margin(0.0, 0.0).value == 1.0
    assert equivalence_margin(0.5e-6, 0.004).value == pytest.approx(0.5)
    assert not equivalence_margin(1e-6, 0.0).holds
    assert not equivalence_margin(0.0, 0.02).holds


def test_an_ordering_counts_the_variants_and_names_what_turns_it_over():
    variants = {"default": paper_like(), "other": changed(cost_single_price=50)}
    finding = ordering_finding("P1-06", "default", variants, 3, ["labour_cost"])
    assert (finding.holds, finding.holds_in, finding.out_of) == (True, 1, 2)
    assert "labour_cost" in finding.cause
    assert "1 of 3 variants" in finding.cause


def test_without_a_default_solution_an_ordering_is_undecided():
    finding = ordering_finding("P1-02", "default", {"other": paper_like()}, 2, [])
    assert finding.holds is None
    assert "no proven optimum" in finding.cause


MOVES = pd.DataFrame(
    [
        {"table": "none", "symbol": "none", "end": "none", "status": "optimal", "P1-02": True},
        {"table": "scalars", "symbol": "a", "end": "low", "status": "optimal", "P1-02": False},
        {"table": "scalars", "symbol": "a", "end": "high", "status": "optimal", "P1-02": False},
        {"table": "scalars", "symbol": "b", "end": "low", "status": "optimal", "P1-02": True},
        {"table": "scalars", "symbol": "c", "end": "low", "status": "infeasible", "P1-02": None},
    ]
)


def test_what_turns_a_claim_over_is_told_against_the_unmoved_data():
    """Both ends of `a` agree with each other, and still differ from where `a` stands."""
    assert flipping_parameters(MOVES) == {"P1-02": ("a",)}
    table = flip_table(MOVES)
    assert list(table["Symbol"]) == ["a", "a", "c"]
    assert list(table["Turned over"]) == ["P1-02", "P1-02", "infeasible"]


def run(ending: str, income: float, missing: float = 0.0) -> dict:
    return {
        "ending": ending,
        "period": 1,
        "net_income_yuan_per_year": [0.0, income],
        "violation_yuan_per_year": [0.0, missing],
    }


@pytest.mark.parametrize(
    ("lowest", "holds"),
    [
        (run("fixed point", 100.0), True),
        (run("fixed point", 99.0), False),
        (run("cycle", 100.0), False),
        (run("fixed point", 100.0, missing=5.0), False),
    ],
)
def test_an_iteration_arrives_only_at_a_feasible_fixed_point_worth_the_optimum(lowest, holds):
    starts = {"lowest": lowest, "equilibrium": run("fixed point", 100.0)}
    iteration = {"v": {"equilibrium_yuan_per_year": 100.0, "starts": starts}}
    assert iteration_finding(iteration, "v").holds is holds


def test_routes_that_disagree_refute_the_equivalence():
    routes = [
        {
            "case": "v",
            "status": "optimal",
            "objective_yuan_per_year": income,
            "regret_yuan_per_year": 0.0,
        }
        for income in (100.0, 100.1)
    ]
    assert milp_finding(routes[:1] * 2, {}).holds is True
    assert milp_finding(routes, {}).holds is False
    assert milp_finding([], {}).holds is None


def test_a_paid_price_that_is_not_the_sum_of_its_parts_is_seen():
    case = {
        "prices": {"base": [1.0, 2.0, 3.0], "duration": [0.0, 0.5, 1.0], "response": [0, 0.2, 0.4]},
        "customers": [{"grade": "H2-H3-H1", "price_yuan_per_kwh": 3.0}],
    }
    assert structure_finding(case).holds is True
    case["customers"][0]["price_yuan_per_kwh"] = 3.01
    assert structure_finding(case).holds is False
    assert structure_finding({"status": "infeasible"}).holds is None


def test_only_a_real_range_is_printed_as_one():
    assert interval_text(1234.0, 1234.01) == "1,234"
    assert interval_text(1000.0, 2500.0) == "1,000 to 2,500"
    assert interval_text(None, 3.0) == "unbounded"


def test_table_1_says_where_there_are_no_feasible_prices():
    rows = dict.fromkeys(ROWS, 7.0)
    cases = {"one": {"status": "infeasible"}, "two": {"account": rows}}
    table = table1(cases, {"freely_sized": {"account": rows}}, ("one", "two"))
    assert set(table["Case 1: multi-grade"]) == {"no feasible prices"}
    assert set(table["Case 2: one price"]) == {"7"}
    assert len(table) == 12
