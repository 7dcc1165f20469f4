"""Tables and figures of agreement, on results written by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from mobile_storage.pricing.analysis.ties import strict_game
from mobile_storage.pricing.model.setting import Setting
from mobile_storage.pricing.show import figures
from mobile_storage.pricing.show.agreement import (
    agreement_table,
    case_label,
    every_table,
    not_run_table,
    participation_table,
    routes_text,
    smallest_margin_text,
    strict_table,
    tie_table,
)
from mobile_storage.pricing.show.figures.independence import _state
from mobile_storage.pricing.show.solution import strict_text

SETTING = {
    "tariff": "multi_grade",
    "fixed_grade": False,
    "participation": "opt_out",
    "investment": "with_trading",
}


def route(case, objective, solver="gurobi", status="optimal"):
    row = {"case": case, "formulation": "kkt", "method": "bigm", "solver": solver, "status": status}
    if objective is None:
        return row
    return row | {"objective_yuan_per_year": objective, "regret_yuan_per_year": 0.0}


CASES = {
    "a": {
        "setting": SETTING,
        "status": "optimal",
        "account": {"net_income": 100.0},
        "intervals": {
            "fleet": {"low": 2.0, "high": 2.0},
            "price.base.1": {"low": 1.0, "high": 1.01},
            "total_cost": {"low": 50.0, "high": 50.05},
            "price.base.2": {"low": None, "high": 1.01},
        },
    },
    "b": {"setting": {**SETTING, "participation": "all"}, "status": "infeasible"},
}
ROUTES = [
    route("a", 100.0),
    route("a", 100.01, "highs"),
    route("a", None, "scip", "not run: too large (9 variables); visit a shop"),
    route("b", None, status="infeasible"),
    route("b", None, "highs", "infeasible"),
]
TIES = {
    "a": {
        "buyers": 3,
        "tied": 2,
        "may_stay_out": 1,
        "net_income_yuan_per_year": 100.0,
        "worst_net_income_yuan_per_year": -20.0,
        "emergency_revenue_yuan_per_year": 300.0,
        "least_emergency_revenue_yuan_per_year": 150.0,
        "strict": [
            {"margin_yuan_per_year": 1.0, "net_income_yuan_per_year": 97.0},
            {"margin_yuan_per_year": 100.0, "status": "infeasible"},
        ],
    }
}


def test_agreement_by_hand():
    first, second = agreement_table(ROUTES, CASES).to_dict("records")
    assert first["Case"] == "1, choose, opt out, trading"
    assert (first["Routes run"], first["Not run"], first["Solvers"]) == (2, 1, 2)
    assert first["Largest relative difference"] == pytest.approx(0.01 / 100.01)
    # The price without a lower end and the one with a range of 0.01; the cost is within 0.1 yuan.
    assert (first["Quantities ranged"], first["Not unique"]) == (4, 2)
    assert second["Status"] == "infeasible"
    assert pd.isna(second["Net income"])


def test_routes_that_contradict_each_other_are_shown():
    mixed = [route("b", None, status="infeasible"), route("b", 5.0, "highs")]
    (row,) = agreement_table(mixed, CASES).to_dict("records")
    assert row["Status"] == "infeasible or optimal"
    assert _state(mixed[0], CASES["b"]) == "no feasible prices"
    assert _state(mixed[1], CASES["b"]) == "another answer"
    assert _state(ROUTES[1], CASES["a"]) == "another answer"
    assert _state(ROUTES[0], CASES["a"]) == "optimal, and the same"


def test_what_was_not_run_says_why():
    (row,) = not_run_table(ROUTES, CASES).to_dict("records")
    assert row["Solver"] == "scip"
    assert row["Why"] == "too large (9 variables)"


def test_ties_by_hand():
    (row,) = tie_table(TIES, CASES).to_dict("records")
    assert row["Net income, against"] == -20.0
    assert row["Emergency revenue, for"] - row["Emergency revenue, against"] == 150.0
    (row,) = strict_table(TIES, CASES).to_dict("records")
    assert row["Given up for a margin of 1"] == pytest.approx(3.0)
    assert row["Given up for a margin of 100"] is None


def test_solves_that_ran_are_counted_with_their_solvers():
    routes = [r | {"solver_version": "1"} for r in ROUTES]
    assert routes_text(routes) == "4 solves ran, 1 did not\nsolvers: gurobi 1, highs 1"


def test_participation_has_a_column_for_each_reading():
    (row,) = participation_table(CASES).to_dict("records")
    assert (row["Case"], row["opt out"]) == ("1, choose, trading", 100.0)
    assert pd.isna(row["all"])


def test_the_smallest_margin_is_put_against_the_net_income():
    text = smallest_margin_text(TIES, CASES)
    assert text.endswith(" 1 yuan/yr cost     3.00 yuan/yr, 3.00000%")
    dearer = {"a": TIES["a"] | {"strict": TIES["a"]["strict"][1:]}}
    assert smallest_margin_text(dearer, CASES) == ""


def test_a_strict_game_by_hand(game, customer):
    """One buyer of 100 kW for one hour accepts 5 yuan/kWh; a margin of 50 yuan leaves 4.5."""
    data, setting = game(customer()), Setting(tariff="single_price")
    lines = [
        strict_text("some", strict_game(data, setting, margin), data) for margin in (0.0, 50.0)
    ]
    assert lines[0].splitlines()[0] == (
        "some: net income 500.00, smallest margin 0.00 yuan/yr, 1 tied"
    )
    assert lines[1] == (
        "some: net income 450.00, smallest margin 50.00 yuan/yr, 0 tied\n"
        "    ties against the leader: net income 450.00, revenue 450.00 yuan/yr"
    )
    everyone = Setting(tariff="single_price", participation="all")
    assert strict_text("much", strict_game(data, everyone, 501.0), data) == "much: infeasible"


def test_every_table_without_results_has_its_columns():
    for _, frame, units in every_table([], {}, {}):
        assert frame.empty
        assert set(units) <= set(frame.columns) | {"Net income", "Largest regret"}


def test_labels_tell_all_cases_apart():
    labels = {
        case_label({**SETTING, "tariff": t, "fixed_grade": f, "participation": p, "investment": i})
        for t, f in (("multi_grade", True), ("multi_grade", False), ("single_price", True))
        for p in ("all", "opt_out")
        for i in ("with_trading", "emergency_only")
    }
    assert len(labels) == 12


def test_figures_show_what_there_is():
    fig = figures.agreement(ROUTES, CASES)
    (ax,) = fig.axes
    assert len(ax.lines) == len(ROUTES)
    assert [t.get_text() for t in fig.legends[0].get_texts()] == [
        "optimal, and the same",
        "no feasible prices",
        "not run",
        "another answer",
    ]
    left, right = figures.ties(TIES, CASES).axes
    assert [bar.get_width() for bar in left.patches] == [0.1, -0.02]
    assert right.lines[0].get_ydata() == pytest.approx([3.0])
    assert figures.agreement([], {}).axes[0].texts
    assert figures.ties({}, CASES).axes[0].texts
