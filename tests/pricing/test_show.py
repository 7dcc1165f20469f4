"""What the notebooks show, on small games and on results made by hand."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from mobile_storage.pricing.analysis.iteration import Iteration
from mobile_storage.pricing.claims import Comparison
from mobile_storage.pricing.model.data import SCALARS
from mobile_storage.pricing.model.grades import Prices
from mobile_storage.pricing.model.income import Account
from mobile_storage.pricing.model.outcome import outcome
from mobile_storage.pricing.model.setting import Setting
from mobile_storage.pricing.show import discussion, framework, ledgers, options, solution
from mobile_storage.pricing.show.tables import decision_table

GRADED = Prices((2.0, 3.0, 4.0), (0.0, 1.0, 2.0), (0.0, 0.5, 1.5))
INFEASIBLE = {
    "setting": {"investment": "emergency_only"},
    "status": "infeasible",
    "solver": {
        "name": "highs",
        "version": "1",
        "method": "bigm",
        "gap": None,
        "variables": 3,
        "constraints": 2,
        "announcements": ["first", "second"],
    },
}


def solved(income: float, *, costs=(), emergency: float = 1.0) -> dict:
    """A solved case: total revenue 10 above the income, one customer for each supply cost."""
    account = {
        "emergency_revenue": emergency,
        "total_revenue": income + 10.0,
        "total_cost": 10.0,
        "net_income": income,
    }
    customers = [
        {
            "grade": "H1-H1-H1" if cost else "none",
            "supply_cost_yuan_per_year": cost,
            "stand_alone_cost_yuan_per_year": 5.4,
            "own_storage_yuan_per_year": 7.0,
        }
        for cost in costs
    ]
    return INFEASIBLE | {
        "status": "optimal",
        "solver": INFEASIBLE["solver"] | {"gap": 1e-12},
        "account": account,
        "customers": customers,
        "certificate": {"largest_residual": 1e-8, "regret": -0.5, "any_at_big_m": False},
    }


class TestLedgers:
    def test_every_ledger_that_the_model_reads_is_shown(self):
        keyed = {"customers.csv", "grades.csv", "damage_functions.csv", "renewable.csv"}
        assert set(ledgers.LEDGERS) == {*SCALARS, *keyed}

    def test_rows_are_counted_by_ledger_and_status(self, raw_folder):
        counts = ledgers.status_counts(ledgers.ledger_rows(raw_folder)).set_index("file")
        for name in ledgers.LEDGERS:
            text = Path(raw_folder, name).read_text(encoding="utf-8")
            assert counts.loc[name].sum() == len(text.splitlines()) - 1
        assert counts.loc["all"].tolist() == counts.drop("all").sum().tolist()


class TestOptions:
    @pytest.fixture
    def data(self, game, customer):
        """A: 50 to 150 kW, in two levels of capacity; B: 50 to 90 kW, in one."""
        return game(customer("B", band=(50.0, 90.0)), customer("A", band=(50.0, 150.0), response=3))

    def test_a_customer_may_choose_every_level_that_its_band_meets(self, data):
        second = options.option_table(data).iloc[1]
        assert second["options, chooses grade"] == "H1-H1-H3: 50 to 100 kW; H2-H1-H3: 100 to 150 kW"
        assert second["option, fixed grade"] == "H2-H1-H3"

    def test_a_customer_is_found_by_name_and_the_first_without_one(self, data):
        assert options.most_options(data) == "A"
        assert options.position_of(data, "A") == 1
        assert options.position_of(data, None) == 0
        with pytest.raises(ValueError, match="customer is 'C', expected one of B, A"):
            options.position_of(data, "C")

    def test_a_level_above_the_need_costs_more_and_gives_nothing(self, data):
        """100 kW for one hour at 2 + 1.5 yuan/kWh against 10: 650 yuan; longer supply is dearer."""
        rows = options.utility_table(data, data.customers[1], GRADED)
        assert len(rows) == 6
        assert rows.iloc[0].tolist() == ["H1-H1-H3", True, 100.0, 3.5, 650.0]
        assert rows.iloc[1].tolist() == ["H1-H2-H3", False, 100.0, 4.5, 550.0]
        assert rows["an option"].tolist() == [True, False, False] * 2

    def test_a_price_is_taken_whole_up_to_its_limit_and_refused_beyond(self, data):
        rows = options.response_table(data, 0)
        assert rows["price"].tolist() == pytest.approx([0.5, 2.5, 4.5, 5.0, 5.005, 5.5, 6.5])
        bought = ["90 of 50 to 90"] * 4 + ["none"] * 3
        assert rows["capacity bought"].tolist() == bought
        assert rows["utility"].tolist() == pytest.approx([855, 675, 495, 450, 0, 0, 0])

    def test_each_part_of_the_limit_counts_its_customers(self, game, customer):
        """Half of own storage of 200 yuan for 100 kWh is 1, half of the loss is 5 yuan/kWh."""
        data = game(customer("A", own=200.0), customer("B"), customer("C"))
        text = options.acceptance_text(data)
        assert "for 1 of 3 customers the first part" in text
        assert "for 2 the second" in text


class TestFramework:
    def test_every_rate_has_its_value(self, free_rates):
        rows = framework.rate_table(free_rates).set_index("rate")
        assert rows["value"].tolist() == [0.0] * 8
        assert rows.loc["charging", "unit"] == "yuan/kWh"

    def test_an_account_ends_with_its_totals_in_whole_yuan(self):
        rows = framework.account_table(Account(9.4, 1, 2, 3, 0, 0, 0, 0, 0))
        assert rows.set_index("row").loc["Total revenue", "value"] == 12
        assert rows["value"].tolist()[-1] == 9
        assert len(rows) == 12

    def test_a_path_has_a_row_for_every_round(self, game, customer):
        data = game(customer())
        path = tuple(outcome(data, Setting(), Prices.single(p)) for p in (2.0, 9.0))
        rows = framework.path_table(Iteration(path, "round limit", 0))
        assert rows["round"].tolist() == [0, 1]
        assert rows["buyers"].tolist() == [1, 0]
        assert rows["fees (yuan/yr)"].tolist() == [200.0, 0.0]


class TestSolution:
    def test_components_are_those_of_the_leader_and_the_first_follower(self, game, customer):
        rows = solution.component_table(game(customer("A"), customer("B")), Setting())
        assert set(rows["part"]) == {"leader", "follower A"}
        assert "Eq. (10)" in rows["says"].tolist()

    def test_a_case_without_prices_has_a_solver_and_no_gap(self):
        first, second = solution.solver_table([solved(1.0), INFEASIBLE]).to_dict("records")
        assert (first["case"], first["gap"], first["solver"]) == (1, 0.0, "highs 1")
        assert pd.isna(second["gap"])
        assert second["announced"] == "first; second"

    def test_rounding_in_a_certificate_is_shown_as_such(self):
        rows = solution.certificate_table([solved(1.0), INFEASIBLE])
        assert rows.columns.tolist() == ["part", "case 1", "case 2"]
        assert rows["case 1"].tolist() == ["below 1e-6", -0.5, False]

    def test_ties_are_shown_for_solved_cases_only(self):
        worst = {"tied": 2, "worst_net_income_yuan_per_year": -3.0}
        rows = solution.worst_table([INFEASIBLE, solved(4.0)], [None, worst])
        assert rows.to_numpy().tolist() == [[2, 2, 4.0, -3.0]]

    def test_supply_costs_are_summed_over_the_customers(self):
        rows = solution.supply_cost_table([solved(0.0, costs=(1.2, 2.2)), INFEASIBLE])
        assert rows.columns.tolist() == ["sum over customers", "case 1"]
        assert rows["case 1"].tolist() == [3.0, 11.0, 14.0]

    def test_rises_are_differences_of_accounts(self):
        one, two, three = solved(9.0, emergency=6.0), solved(7.0), solved(2.0, emergency=0.0)
        rows = solution.rise_table(one, two, three["account"])
        assert rows["case 1 over case 2"].tolist() == [5.0, 2.0, 0.0, 2.0]
        assert rows["case 1 over case 3"].tolist() == [6.0, 7.0, 0.0, 7.0]
        assert solution.rise_table(one, INFEASIBLE, None).empty

    def test_coverage_compares_the_investment_with_the_highest_fee(self, game, customer):
        """Free storage needs no fee; a limit of 5 yuan/kWh for 1 and 2 h earns 5 and 10 yuan/kW."""
        rows = solution.coverage_table(game(customer("A"), customer("B", t=2.0)))
        assert rows["can earn at most"].tolist() == ["5.0 to 10.0"] * 2
        assert rows["must earn in fees"].tolist() == ["0.0 to 0.0"] * 2
        assert rows["customers able to cover it"].tolist() == ["2 of 2"] * 2

    def test_cases_that_fees_alone_must_pay_are_counted(self):
        other = solved(1.0) | {"setting": {"investment": "with_trading"}}
        cases = {"a": INFEASIBLE, "b": solved(1.0, emergency=0.0), "c": solved(1.0), "d": other}
        assert solution.fees_alone_text(cases) == (
            "Of the 3 cases with fees alone, 1 have no feasible prices, and in 1 nothing is sold."
        )

    def test_the_spread_is_taken_over_the_routes_that_ran(self):
        routes = pd.DataFrame(
            [("a", "optimal", 8.0), ("a", "optimal", 10.0), ("a", "not run: why", None)],
            columns=["Case", "Status", "Objective"],
        )
        (row,) = solution.spread_table(routes).to_dict("records")
        assert row == {"Case": "a", "count": 2, "min": 8.0, "max": 10.0, "relative spread": 0.2}


class TestDiscussion:
    def test_a_claim_is_counted_over_the_moves_that_have_an_answer(self):
        moves = pd.DataFrame(
            {
                "status": ["optimal", "optimal", "optimal", "infeasible"],
                "P1-02": [True, True, False, None],
                "P1-03": [False, False, False, None],
            }
        )
        rows = discussion.robustness_table(moves)
        assert rows["with no value moved"].tolist() == ["holds", "does not hold"]
        assert rows["moves under which it holds"].tolist() == [1, 0]
        assert rows["of"].tolist() == [2, 2]

    @pytest.fixture
    def compared(self):
        one, two, three = (solved(income)["account"] for income in (9.0, 7.0, 2.0))
        return Comparison(one, two, three, 50.0, 54.0, 90.0)

    def test_every_ordering_has_a_verdict_and_its_numbers(self, compared):
        rows = discussion.verdict_table(compared).set_index("claim")
        assert rows.loc["P1-02", "holds"]
        assert not rows.loc["P1-03", "holds"]
        assert "case 1: 50" in rows.loc["P1-06", "numbers (yuan/yr)"]
        assert discussion.verdict_table(None).empty

    def test_gains_of_both_sides_add_up(self, compared):
        """The owner gains 9 - 7, the customers 54 - 50; of two customers one buys."""
        text = discussion.gain_text(compared, {"multi_grade": solved(9.0, costs=(3.0, 0.0))})
        lines = text.splitlines()
        assert [line.split()[-2] for line in lines[:3]] == ["+2", "+4", "+6"]
        assert lines[3] == "buyers, multi_grade: 1 of 2"


def test_decisions_of_two_price_lists_stand_side_by_side():
    rows = decision_table({"one": GRADED, "two": Prices.single(1.0)})
    assert rows["Decision"].tolist()[2:5] == ["base 3", "duration 2", "duration 3"]
    assert rows["one"].tolist() == [2.0, 3.0, 4.0, 1.0, 2.0, 0.5, 1.5]
    assert rows["two"].tolist() == [1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0]
