"""What given prices lead to, and the certificate's checks, by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mobile_storage.pricing.analysis.benchmark import largest_demand_kw, no_emergency
from mobile_storage.pricing.analysis.cases import solve
from mobile_storage.pricing.analysis.certificate import case_record, regret_yuan_per_year
from mobile_storage.pricing.model.customers import Choice
from mobile_storage.pricing.model.grades import Grade, Prices
from mobile_storage.pricing.model.income import ResponseCost, UnitRates
from mobile_storage.pricing.model.outcome import (
    customer_rows,
    outcome,
    outcome_of_choices,
    respond,
)
from mobile_storage.pricing.model.setting import Setting

SELF = Setting()
LOW, MIDDLE = Grade(1, 1, 1), Grade(2, 1, 1)
RATES = UnitRates(4.0, 1.0, 10.0, 2.0, 3.0, 4.0, 0.5, 100.0, 200.0)


def bases(b1: float, b2: float, b3: float) -> Prices:
    return Prices((b1, b2, b3), (0.0, 0.1, 0.2), (0.0, 0.1, 0.2))


def test_an_outcome_is_best_responses_and_their_account(customer, game):
    # A buys 150 kW at 4.5 (150 x 5.5 = 825 > 100 x 6); B, of 20 yuan/kWh, 80 kW at 4 + 0.2.
    a = customer("A", band=(50, 150))
    b = customer("B", t=2, band=(30, 80), loss=20, response=3)
    costs = {1: ResponseCost(3, 10), 2: ResponseCost(0, 0), 3: ResponseCost(9, 50)}
    data = game(a, b, rates=RATES, response_costs=costs)
    found = outcome(data, SELF, bases(4, 4.5, 9))
    assert [(c.grade, c.capacity_kw) for c in found.choices] == [
        (MIDDLE, 150),
        (Grade(1, 1, 3), 80),
    ]
    assert [c.utility_yuan_per_year for c in found.choices] == pytest.approx([825, 160 * 15.8])
    # Half of 230 kW is less than 150 kW; half of 150 + 160 kWh over 2 h as well.
    assert (found.storage_kw, found.fleet) == (150, 2)
    fees = 150 * 4.5 + 160 * 4.2
    costs = 150 * 12 + 2 * 300 + (150 + 160) * 0.5 + 3 + 9 + 10 + 50
    assert found.account.net_income == pytest.approx(fees + 150 * 5 - costs)
    assert found.violation_yuan_per_year == 0.0


def test_a_tie_between_bands_goes_to_the_higher_fee(customer, game):
    data = game(customer(band=(50, 150)))
    # 100 x (10 - 2.5) = 750 = 150 x (10 - 5)
    (choice,) = respond(data, SELF, bases(2.5, 5, 9))
    assert (choice.grade, choice.capacity_kw) == (MIDDLE, 150)


def test_a_grade_that_does_not_earn_its_investment_is_a_violation(customer, game):
    # Eq. (11) without trading: 0.5 x (4 + 3) = 3.5 a kW, 350 for 100 kW; the fee is 200.
    data = game(customer(), rates=RATES)
    setting = Setting(investment="emergency_only")
    assert outcome(data, setting, bases(2, 3, 4)).violation_yuan_per_year == pytest.approx(150)
    # With trading 0.5 x (4 + 3 - 5/2) = 2.25 a kW; the fee of 100 lacks 125.
    assert outcome(data, SELF, bases(1, 2, 3)).violation_yuan_per_year == pytest.approx(125)
    # A surplus of one grade does not fill the gap of another.
    data = game(customer("A"), customer("B", loss=30, duration=2), rates=RATES)
    prices = Prices((1, 2, 3), (0, 10, 11), (0, 1, 2))
    assert outcome(data, SELF, prices).violation_yuan_per_year == pytest.approx(125)


def test_an_unserved_customer_is_a_violation_where_all_must_be_served(customer, game):
    data = game(customer("A"), customer("B", loss=4))
    prices = bases(4, 5, 6)  # B accepts 2; its avoidable loss is 400.
    assert outcome(data, SELF, prices).violation_yuan_per_year == 0.0
    found = outcome(data, Setting(participation="all"), prices)
    assert found.violation_yuan_per_year == pytest.approx(400)


@pytest.mark.parametrize(
    ("price", "undecided"),
    [(5.0, False), (5.0 + 5e-7, False), (5.0005, True), (5.001, False), (5.1, False)],
)
def test_between_acceptance_and_refusal_nobody_knows(customer, game, price, undecided):
    found = outcome(game(customer()), SELF, bases(price, 6, 7))
    assert (found.violation_yuan_per_year > 0) == undecided


# -------------------------------------------------------------------------------- certificate


@pytest.mark.parametrize(
    ("grade", "kw", "prices", "regret"),
    [
        (LOW, 100, bases(4, 4.5, 9), 225),  # 100 x 6 instead of 150 x 5.5
        (MIDDLE, 150, bases(4, 4.5, 9), 0),
        (MIDDLE, 120, bases(4, 4.5, 9), 165),  # 30 kW at 5.5 not bought
        (None, 0, bases(4, 4.5, 9), 825),
        (MIDDLE, 200, bases(4, 4.5, 9), 275),  # beyond S_max, which it cannot buy
        (MIDDLE, 150, bases(4, 5.5, 9), 75),  # 150 x 4.5, but 5.5 is refused: 100 x 6
        (LOW, 100, bases(6, 6.5, 9), 400),  # every price is refused
    ],
)
def test_regret_is_any_distance_from_the_best_response(customer, game, grade, kw, prices, regret):
    data = game(customer(band=(50, 150)))
    worth = data.customers[0].utility(kw, prices.of(grade)) if grade else 0.0
    found = outcome_of_choices(data, SELF, prices, [Choice(grade, kw, worth)])
    assert regret_yuan_per_year(data, SELF, found) == pytest.approx(regret)


def test_the_record_of_a_solved_case(customer, game):
    data = game(customer("A"), customer("B", loss=4, band=(20, 60)))
    record = case_record(data, solve(data, SELF))
    # 5 x 100 and nothing, or 2 x 160 = 320: A alone.
    assert record["status"] == "optimal"
    assert record["account"]["net_income"] == pytest.approx(500)
    assert record["solver"]["bound"] == pytest.approx(500)
    assert record["solver"]["gap"] <= 1e-9
    assert [row["grade"] for row in record["customers"]] == ["H1-H1-H1", "none"]
    proof = record["certificate"]
    assert proof.pop("any_at_big_m") is False
    assert max(map(abs, proof.values())) <= 1e-6


def test_the_record_of_an_infeasible_case_says_so_and_no_more(customer, game):
    data = game(customer(loss=0.1, duration=2))
    record = case_record(data, solve(data, Setting(participation="all")))
    assert record["status"] == "infeasible"
    assert "account" not in record


# ------------------------------------------------------------------------- customers and case 3


def test_rows_of_the_customers(customer, game):
    # A of 50 to 150 kW takes 100 kW at 2: pays 200 and loses 50 x 10 of what it does not buy.
    a = customer("A", band=(50, 150), own=900)
    b = customer("B", band=(20, 60), loss=3, own=70)
    found = outcome(game(a, b, k_able=1.0), SELF, bases(2, 6, 7))
    one, two = customer_rows(game(a, b, k_able=1.0), found)
    assert one == {
        "customer": "A",
        "sector": "any",
        "grade": "H1-H1-H1",
        "capacity_kw": 100,
        "price_yuan_per_kwh": 2.0,
        "fee_yuan_per_year": 200,
        "avoided_loss_yuan_per_year": 1000,
        "utility_yuan_per_year": 800,
        "own_storage_yuan_per_year": 900,
        "stand_alone_cost_yuan_per_year": 900,
        "supply_cost_yuan_per_year": 700,
    }
    # B accepts min(0.5 x 3, 70/60): it stays out and buys storage at 70 rather than lose 180.
    assert (two["grade"], two["price_yuan_per_kwh"], two["fee_yuan_per_year"]) == ("none", None, 0)
    assert two["avoided_loss_yuan_per_year"] == 0
    assert two["supply_cost_yuan_per_year"] == two["stand_alone_cost_yuan_per_year"] == 70


def test_alone_a_customer_takes_the_cheaper_evil(customer):
    assert customer(own=900).stand_alone_cost_yuan_per_year == 900
    assert customer(own=1100).stand_alone_cost_yuan_per_year == 1000


def test_storage_without_emergencies_only_trades(customer, game):
    data = game(customer("A"), customer("B", band=(20, 60)), rates=RATES)
    rows = no_emergency(data, 40.0).rows()
    assert rows["arbitrage_revenue"] == 160
    assert rows["renewable_revenue"] == 40
    assert rows["investment_cost"] == 400
    assert rows["operation_cost"] == 80
    assert rows["net_income"] == -280
    none = ("emergency_revenue", "charging_cost", "vehicle_cost", "fuel_cost", "labour_cost")
    assert [rows[row] for row in none] == [0] * 5
    assert no_emergency(data, 0.0).net_income == 0
    assert largest_demand_kw(data) == 160


def test_a_solution_is_settled_from_prices_and_choices_alone(customer, game):
    data = game(customer("A"), customer("B", loss=16, duration=2), rates=RATES)
    found = solve(data, SELF).outcome
    again = outcome_of_choices(data, SELF, found.prices, found.choices)
    assert again == found
    dearer = replace(data, rates=replace(RATES, vehicle=101.0))
    other = outcome_of_choices(dearer, SELF, found.prices, found.choices)
    assert other.account.net_income == pytest.approx(found.account.net_income - found.fleet)
