"""Invariants of the solved cases on the paper's data, in every variant of ``params.yaml``."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import yaml

from mobile_storage.core.io import read_json
from mobile_storage.pricing.analysis.benchmark import largest_demand_kw, no_emergency
from mobile_storage.pricing.analysis.cases import solve
from mobile_storage.pricing.analysis.certificate import case_record, regret_yuan_per_year
from mobile_storage.pricing.analysis.intervals import optimal_ranges
from mobile_storage.pricing.analysis.iteration import iterate
from mobile_storage.pricing.analysis.search import blind_search
from mobile_storage.pricing.model.grades import Band, Prices
from mobile_storage.pricing.model.income import ResponseCost, UnitRates
from mobile_storage.pricing.model.outcome import outcome
from mobile_storage.pricing.model.setting import PRICE_RESOLUTION, Setting, investment_to_cover

CASES = ("case1_self_select", "case1_fixed_grade", "case2")
TRADING = [f"{case}_{p}_with_trading" for case in CASES for p in ("opt_out", "all")]
EMERGENCY = [f"{case}_opt_out_emergency_only" for case in CASES]
INFEASIBLE = [f"{case}_all_emergency_only" for case in CASES]
SOLVED = [*TRADING, *EMERGENCY]
DEFAULT = "case1_self_select_opt_out_with_trading"


@pytest.fixture(scope="module")
def committed(repository):
    def read(name):
        return read_json(repository / "data/results/bao2024" / f"{name}.json")

    return read


def test_these_are_the_variants_of_params(repository):
    text = (repository / "params.yaml").read_text(encoding="utf-8")
    assert set(yaml.safe_load(text)["pricing"]["cases"]) == {*SOLVED, *INFEASIBLE}


# --------------------------------------------------------------------------- one case at a time


@pytest.mark.parametrize("name", SOLVED)
def test_the_certificate_holds(paper, solved, name):
    record = case_record(paper, solved(name))
    assert record["status"] == "optimal"
    assert record["solver"]["gap"] <= 1e-9
    proof = record["certificate"]
    assert proof["any_at_big_m"] is False
    assert proof["largest_residual"] <= 1e-6
    for row in (
        "regret_yuan_per_year",
        "largest_follower_gap_yuan_per_year",
        "objective_minus_account_yuan_per_year",
        "violation_yuan_per_year",
    ):
        assert abs(proof[row]) <= 1e-4, row


@pytest.mark.parametrize("name", SOLVED)
def test_eq_5_to_9_by_plain_arithmetic(paper, solved, name):
    """The income again from prices and purchases, with the formulas and nothing of the package."""
    found, p = solved(name).outcome, paper.scalars
    bought = [
        (c, x.capacity_kw, found.prices.of(x.grade))
        for c, x in zip(paper.customers, found.choices, strict=True)
        if x.grade is not None
    ]
    kwh = [c.outages_per_year * c.outage_duration_h * s for c, s, _ in bought]
    one = [s * c.outage_duration_h / p["rated_duration_h"] for c, s, _ in bought]
    power = max(
        p["coincidence"] * sum(s for _, s, _ in bought),
        p["coincidence"] * sum(one),
        max(s for _, s, _ in bought),
        max(one),
    )
    trucks = math.ceil(power / 250 - 1e-9)
    annuity = 0.08 / (1 - 1.08**-8)
    capital = power * (p["battery_cost"] / p["max_depth_of_discharge"] * p["rated_duration_h"])
    capital += power * p["inverter_cost"]
    levels = [paper.response_costs[c.response_level] for c, _, _ in bought]
    expected = {
        "emergency_revenue": sum(e * price for e, (_, _, price) in zip(kwh, bought, strict=True)),
        "investment_cost": capital * annuity,
        "operation_cost": capital * p["om_share"],
        "charging_cost": sum(kwh) * p["lambda_G"] / p["eta_cha"] / p["eta_dis"],
        "vehicle_cost": trucks * 150_000 * 0.08 / (1 - 1.08**-10),
        "fuel_cost": sum(
            c.outages_per_year * k.fuel_yuan_per_call
            for (c, _, _), k in zip(bought, levels, strict=True)
        ),
        "labour_cost": trucks * 100_000 + sum(k.standby_yuan_per_year for k in levels),
    }
    rows = found.account.rows()
    for row, value in expected.items():
        assert rows[row] == pytest.approx(value, rel=1e-9), row
    assert found.fleet == trucks
    assert found.storage_kw == pytest.approx(power, rel=1e-12)
    assert found.fleet * 250 >= found.storage_kw - 1e-6
    trading = rows["arbitrage_revenue"] + rows["renewable_revenue"]
    net = expected.pop("emergency_revenue") + trading - sum(expected.values())
    assert rows["net_income"] == pytest.approx(net, rel=1e-9)


@pytest.mark.parametrize("name", SOLVED)
def test_trading_day_by_day(paper, raw_folder, solved, name):
    """Eq. (7) and (8) summed over the days of the profile, scaled to the operating days."""
    p, found = paper.scalars, solved(name).outcome
    yields = [
        float(line.split(",")[3])
        for line in (raw_folder / "renewable.csv").read_text(encoding="utf-8").splitlines()[1:]
    ]
    energy = p["rated_duration_h"] * found.storage_kw
    spread = p["eta_dis"] * p["lambda_F"] - p["lambda_G"] / p["eta_cha"]
    f_pva = f_nec = 0.0
    for y in yields:
        absorbed = min(energy, p["pv_kwp_per_kwh"] * energy * y)
        f_pva += spread * energy + spread * (energy - absorbed)
        f_nec += p["eta_cha"] * p["eta_dis"] * p["lambda_F"] * absorbed - p["lambda_S"] * absorbed
    days = p["operating_days"] / len(yields)
    assert found.account.arbitrage_revenue == pytest.approx(f_pva * days, rel=1e-9)
    assert found.account.renewable_revenue == pytest.approx(f_nec * days, rel=1e-9)


@pytest.mark.parametrize("name", SOLVED)
def test_constraints_11_to_13_hold(paper, solved, name):
    solution = solved(name)
    found, setting = solution.outcome, solution.setting
    if setting.tariff == "multi_grade":
        assert min(found.prices.steps()) >= paper.scalars["price_step_min"] - 1e-6
    p, r = paper.scalars, paper.rates
    fees, costs = {}, {}
    for c, x in zip(paper.customers, found.choices, strict=True):
        if x.grade is None:
            assert setting.participation == "opt_out"
            continue
        price = found.prices.of(x.grade)
        energy = c.outages_per_year * c.outage_duration_h * c.capacity_kw.upper
        # (12): E_u lambda_u <= k_able C_buy,u and the fee at most k_exp of the avoided loss.
        assert energy * price <= p["k_able"] * c.own_storage_yuan_per_year * (1 + 1e-6)
        assert price <= p["k_exp"] * c.outage_loss_yuan_per_kwh * (1 + 1e-6)
        # (15)
        assert c.capacity_kw.lower - 1e-6 <= x.capacity_kw <= c.capacity_kw.upper + 1e-6
        # The grade meets the need.
        if setting.tariff == "multi_grade":
            band = paper.grades.capacity_band(x.grade.capacity)
            assert band.lower - 1e-6 <= x.capacity_kw <= band.upper + 1e-6
            assert paper.grades.duration_h[x.grade.duration] >= c.outage_duration_h
        sold = c.outages_per_year * c.outage_duration_h * x.capacity_kw
        fees[x.grade] = fees.get(x.grade, 0.0) + sold * price
        trading = (r.arbitrage + r.renewable) / p["rated_duration_h"]
        trading *= setting.investment == "with_trading"
        per_kw = r.inverter_yuan_per_kw
        per_kw += (r.battery_yuan_per_kwh - trading) * c.outage_duration_h
        cost = p["coincidence"] * per_kw * x.capacity_kw
        costs[x.grade] = costs.get(x.grade, 0.0) + cost
    for grade, fee in fees.items():
        assert fee >= costs[grade] - 1e-4, grade


@pytest.mark.parametrize("name", [n for n in SOLVED if "opt_out" in n])
def test_who_stays_out_refuses_every_grade_that_meets_its_need(paper, solved, name):
    solution = solved(name)
    found, menus = solution.outcome, solution.setting.menus(paper)
    out = [u for u, x in enumerate(found.choices) if x.grade is None]
    assert out
    for u in out:
        for option in menus[u]:
            price = found.prices.of(option.grade)
            assert price >= paper.acceptable_prices[u] + PRICE_RESOLUTION - 1e-6


@pytest.mark.parametrize("name", SOLVED)
def test_the_prices_alone_lead_to_the_same_outcome(paper, solved, name):
    """No KKT condition, no variable of the model: prices in, income out."""
    solution = solved(name)
    again = outcome(paper, solution.setting, solution.outcome.prices)
    assert again.violation_yuan_per_year <= 1e-6
    assert again.account.net_income == pytest.approx(solution.outcome.account.net_income, rel=1e-9)


def test_emergency_fees_alone_cannot_pay_for_everybody(paper, solved):
    """Nor need a solver say so: at their highest prices all fees together miss Eq. (11)."""
    setting = solved("case1_self_select_all_emergency_only").setting
    surplus = 0.0
    for u, (c, limit) in enumerate(zip(paper.customers, paper.acceptable_prices, strict=True)):
        per_kw = limit * c.hours_per_year - investment_to_cover(paper, setting, u)
        surplus += max(per_kw * c.capacity_kw.lower, per_kw * c.capacity_kw.upper)
    assert surplus < 0
    for name in INFEASIBLE:
        solution = solved(name)
        assert solution.result.status == "infeasible"
        assert solution.outcome is None


# ---------------------------------------------------------------------------------- comparisons


def net(solved, name):
    return solved(name).outcome.account.net_income


@pytest.mark.parametrize("case", CASES)
def test_leaving_customers_out_never_costs(solved, case):
    assert net(solved, f"{case}_opt_out_with_trading") >= net(solved, f"{case}_all_with_trading")


@pytest.mark.parametrize("participation", ["opt_out", "all"])
def test_one_price_is_the_same_game_for_both_followers(paper, solved, participation):
    found = solved(f"case2_{participation}_with_trading")
    assert found.setting.follower == "fixed_grade"
    other = solve(paper, replace(found.setting, follower="self_select"))
    assert other.outcome.account == found.outcome.account


@pytest.mark.parametrize(
    ("formulation", "solver"),
    [("kkt", "gurobi"), ("value_function", "gurobi"), ("kkt_strengthened", "highs")],
)
def test_solvers_and_formulations_agree(paper, solved, formulation, solver):
    found = solve(paper, solved(DEFAULT).setting, formulation=formulation, solver=solver)
    assert found.result.status == "optimal"
    assert found.outcome.account.net_income == pytest.approx(net(solved, DEFAULT), rel=1e-9)


@pytest.mark.slow
def test_a_blind_search_finds_nothing_better(paper, solved):
    found, _ = blind_search(paper, solved(DEFAULT).setting, seed=7, population=6, generations=25)
    assert found.violation_yuan_per_year == 0.0
    assert 0.8 * net(solved, DEFAULT) < found.account.net_income <= net(solved, DEFAULT) + 1e-6


@pytest.mark.parametrize("participation", ["opt_out", "all"])
def test_a_grid_of_single_prices_finds_nothing_better(paper, solved, participation):
    """Between the customers' limits income rises with the price, so the limits are all it takes."""
    solution = solved(f"case2_{participation}_with_trading")
    limits = paper.acceptable_prices
    prices = [*limits, *(p + PRICE_RESOLUTION for p in limits), *(k / 10 for k in range(320))]
    found = [outcome(paper, solution.setting, Prices.single(p)) for p in prices]
    incomes = [o.account.net_income for o in found if o.violation_yuan_per_year == 0.0]
    assert max(incomes) == pytest.approx(solution.outcome.account.net_income, rel=1e-9)


def test_no_neighbour_of_the_optimal_prices_is_better(paper, solved):
    """Each price moved alone by a little, a step or a tenth, to both sides."""
    solution = solved(DEFAULT)
    best, start = net(solved, DEFAULT), solution.outcome.prices.vector()
    step, better_than_half = paper.scalars["price_step_min"], 0
    for k in range(7):
        for move in (1e-3, 0.01, step, 0.5, 2.0):
            for sign in (1, -1):
                x = list(start)
                x[k] += sign * move
                prices = Prices.from_vector(x)
                if min(prices.steps()) < step - 1e-9 or min(x) < 0:
                    continue
                found = outcome(paper, solution.setting, prices)
                if found.violation_yuan_per_year > 0:
                    continue
                assert found.account.net_income <= best + 1e-6
                better_than_half += found.account.net_income > best / 2
    assert better_than_half >= 10


@pytest.mark.parametrize("name", [n for n in TRADING if n.startswith("case1")])
def test_the_iteration_started_at_the_equilibrium(paper, solved, name):
    """It begins with the equilibrium's income and never gets above it while prices are feasible."""
    solution = solved(name)
    best = solution.outcome.account.net_income
    run = iterate(paper, solution.setting, solution.outcome.prices, rounds=20)
    assert run.path[0].account.net_income == pytest.approx(best, rel=1e-9)
    for found in run.path:
        if found.violation_yuan_per_year <= 1e-6:
            assert found.account.net_income <= best + 1e-3


@pytest.mark.parametrize("name", TRADING)
def test_ranges_contain_the_solution(paper, solved, name):
    solution = solved(name)
    found = solution.outcome
    ranges = optimal_ranges(paper, solution.setting, found)
    values = found.account.rows() | {"storage_kw": found.storage_kw, "fleet": found.fleet}
    income = values.pop("net_income")
    record = case_record(paper, solution)
    for row in record["customers"]:
        key = f"customer.{row['customer']}"
        values[f"{key}.capacity_kw"] = row["capacity_kw"]
        values[f"{key}.supply_cost"] = row["supply_cost_yuan_per_year"]
    values["customers_supply_cost"] = sum(
        row["supply_cost_yuan_per_year"] for row in record["customers"]
    )
    if solution.setting.tariff == "multi_grade":
        p = found.prices
        values |= {f"price.base.{k}": p.base[k - 1] for k in (1, 2, 3)}
        values |= {f"price.duration.{k}": p.duration[k - 1] for k in (2, 3)}
        values |= {f"price.response.{k}": p.response[k - 1] for k in (2, 3)}
    else:
        values["price.base.1"] = found.prices.base[0]
    assert set(values) == set(ranges)
    for key, value in values.items():
        slack = 1e-6 * max(1.0, abs(value))
        assert ranges[key].low - slack <= value <= ranges[key].high + slack, key
    # The ends of revenue and cost are consistent with the income that is held.
    assert ranges["total_revenue"].low - ranges["total_cost"].high <= income + 0.01
    assert ranges["total_revenue"].high - ranges["total_cost"].low >= income - 0.01


# ----------------------------------------------------------------------------------- properties


def money_times(data, factor):
    """The same game in another currency: every yuan is `factor` of the new ones."""
    r = data.rates
    return replace(
        data,
        customers=tuple(
            replace(
                c,
                outage_loss_yuan_per_kwh=factor * c.outage_loss_yuan_per_kwh,
                own_storage_yuan_per_year=factor * c.own_storage_yuan_per_year,
            )
            for c in data.customers
        ),
        scalars=data.scalars.replace({"price_step_min": factor * data.scalars["price_step_min"]}),
        rates=type(r)(**{name: factor * value for name, value in vars(r).items()}),
        response_costs={
            k: ResponseCost(factor * c.fuel_yuan_per_call, factor * c.standby_yuan_per_year)
            for k, c in data.response_costs.items()
        },
    )


@pytest.mark.parametrize(
    ("name", "factor"),
    [("case1_fixed_grade_all_with_trading", 0.125), (DEFAULT, 0.125), (DEFAULT, 10.0)],
)
def test_another_currency_changes_nothing_but_the_numbers(paper, solved, name, factor):
    """Exactly where nobody is refused; the price resolution does not scale and may cost a little.

    A refusal costs the leader at most the resolution on what the others buy at that price.
    """
    solution = solved(name)
    scaled = solve(money_times(paper, factor), solution.setting)
    sold = sum(
        c.hours_per_year * x.capacity_kw
        for c, x in zip(paper.customers, solution.outcome.choices, strict=True)
    )
    slack = 0.0 if "_all_" in name else 2 * PRICE_RESOLUTION * sold * max(1.0, factor)
    assert scaled.outcome.account.net_income == pytest.approx(
        factor * net(solved, name), rel=1e-7, abs=slack
    )
    if "_all_" in name:
        prices = [factor * p for p in solution.outcome.prices.vector()]
        sold_prices = [
            (scaled.outcome.prices.of(y.grade), factor * solution.outcome.prices.of(x.grade))
            for x, y in zip(solution.outcome.choices, scaled.outcome.choices, strict=True)
        ]
        assert len(prices) == 7
        for new, old in sold_prices:
            assert new == pytest.approx(old, rel=1e-6)


def test_where_everybody_buys_its_grade_a_higher_k_exp_never_costs(paper, solved):
    """What is bought does not depend on it there; only what may be charged."""
    setting = solved("case1_fixed_grade_all_with_trading").setting
    incomes = [
        solve(
            replace(paper, scalars=paper.scalars.replace({"k_exp": k})), setting
        ).outcome.account.net_income
        for k in (0.6, 0.9, 1.0)
    ]
    usual = net(solved, "case1_fixed_grade_all_with_trading")  # k_exp = 0.75
    assert incomes[0] < usual < incomes[1] < incomes[2]


@pytest.mark.parametrize("name", ["case1_fixed_grade_opt_out_with_trading", DEFAULT])
def test_a_smaller_minimum_step_never_costs(paper, solved, name):
    """Every price list with large steps is one with small steps."""
    incomes = [
        solve(
            replace(paper, scalars=paper.scalars.replace({"price_step_min": step})),
            solved(name).setting,
        ).outcome.account.net_income
        for step in (2.0, 0.5)
    ]
    assert incomes[0] < incomes[1] < net(solved, name)


def test_free_storage_is_worth_what_it_costs(paper, solved):
    """Without its labour each vehicle's crew is saved, and the optimum gains at least that."""
    rates = replace(paper.rates, labour=0.0)
    found = solve(replace(paper, rates=rates), solved(DEFAULT).setting).outcome
    saved = 100_000 * solved(DEFAULT).outcome.fleet
    assert found.account.net_income >= net(solved, DEFAULT) + saved - 1e-6


def test_two_customers_like_one_of_twice_the_size(customer, game):
    """One price: nothing of Eq. (1)-(15) but calls and stand-by counts heads."""
    one = customer("A", n=20, t=3, band=(50, 100), own=30_000)
    half = replace(one, capacity_kw=Band(25, 50), own_storage_yuan_per_year=15_000)
    rest = customer("B", loss=7, n=20, t=2, band=(40, 90))
    rates = UnitRates(4.0, 1.0, 10.0, 2.0, 3.0, 4.0, 0.5, 100.0, 200.0)
    # At a coincidence of 0.9 all the customers together size the storage, none alone.
    setting = Setting(tariff="single_price")
    data = game(one, rest, rates=rates, coincidence=0.9)
    whole = solve(data, setting).outcome
    split = solve(replace(data, customers=(half, replace(half, name="A2"), rest)), setting).outcome
    assert whole.account.net_income > 0
    assert split.account.rows() == pytest.approx(whole.account.rows(), rel=1e-9)


def test_one_more_customer_never_costs_where_it_can_be_refused(paper, solved):
    """... if it is refused at all prices that were optimal: its limits lie below all of them."""
    poor = replace(
        paper.customers[0],
        name="poor",
        outage_loss_yuan_per_kwh=0.01,
    )
    data = replace(paper, customers=(*paper.customers, poor))
    found = solve(data, solved(DEFAULT).setting).outcome
    assert found.account.net_income >= net(solved, DEFAULT) - 1e-6


def test_case_3_is_linear_in_its_size(paper, solved):
    kw = solved(DEFAULT).outcome.storage_kw
    account = no_emergency(paper, kw)
    assert account.net_income == pytest.approx(kw * paper.rates.standing, rel=1e-12)
    assert account.emergency_revenue == account.vehicle_cost == account.labour_cost == 0
    # The same storage trades alike in both cases.
    other = solved(DEFAULT).outcome.account
    assert account.arbitrage_revenue == pytest.approx(other.arbitrage_revenue, rel=1e-12)
    assert account.investment_cost == pytest.approx(other.investment_cost, rel=1e-12)
    assert largest_demand_kw(paper) == sum(c.capacity_kw.upper for c in paper.customers)


# --------------------------------------------------------------------------------------- golden


@pytest.mark.parametrize("name", SOLVED)
def test_the_committed_income(solved, committed, name):
    rows = committed(f"cases/{name}")["account"]
    assert rows["net_income"] == pytest.approx(net(solved, name), rel=1e-6)


def test_the_committed_income_of_case_3(paper, committed):
    rows = committed("no_emergency")[DEFAULT]
    account = no_emergency(paper, committed(f"cases/{DEFAULT}")["storage_kw"])
    assert rows["account"]["net_income"] == pytest.approx(account.net_income, rel=1e-6)


def test_the_committed_search_found_nothing_better(committed, solved):
    runs = committed("search")
    assert len(runs) >= 3
    for run in runs:
        assert run["violation_yuan_per_year"] == 0.0
        assert run["net_income_yuan_per_year"] <= net(solved, DEFAULT) + 1e-4


def test_regret_is_measured_on_the_committed_prices(paper, solved, committed):
    """The file alone is enough to check the equilibrium: prices in, no regret out."""
    case = committed(f"cases/{DEFAULT}")
    prices = Prices.from_record(case["prices"])
    found = outcome(paper, solved(DEFAULT).setting, prices)
    assert regret_yuan_per_year(paper, solved(DEFAULT).setting, found) == 0.0
    kw = [row["capacity_kw"] for row in case["customers"]]
    assert [x.capacity_kw for x in found.choices] == pytest.approx(kw, rel=1e-9)
    assert found.account.net_income == pytest.approx(case["account"]["net_income"], rel=1e-6)
