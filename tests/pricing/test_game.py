"""Games whose solution follows on paper, by every formulation."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mobile_storage.pricing.analysis.cases import solve
from mobile_storage.pricing.analysis.certificate import regret_yuan_per_year
from mobile_storage.pricing.analysis.intervals import optimal_ranges
from mobile_storage.pricing.model.game import build_game
from mobile_storage.pricing.model.income import ResponseCost, UnitRates
from mobile_storage.pricing.model.setting import PRICE_RESOLUTION, Setting, highest_useful_prices

FORMULATIONS = ("kkt", "kkt_strengthened", "value_function")
SELF = Setting()
FIXED = Setting(follower="fixed_grade")
SINGLE = Setting(tariff="single_price")


def everybody(setting: Setting) -> Setting:
    return replace(setting, participation="all")


def levels_bought(solution) -> list[int]:
    """Capacity level of every customer, 0 for none."""
    return [c.grade.capacity if c.grade else 0 for c in solution.outcome.choices]


def kilowatts(solution) -> list[float]:
    return [c.capacity_kw for c in solution.outcome.choices]


def check(data, setting, net, kw, **kwargs):
    """Solve, compare net income and capacities, and return the solution."""
    found = solve(data, setting, **kwargs)
    assert found.result.status == "optimal"
    assert found.result.objective == pytest.approx(net, abs=1e-5)
    assert found.outcome.account.net_income == pytest.approx(net, abs=1e-5)
    assert kilowatts(found) == pytest.approx(kw, abs=1e-6)
    assert found.outcome.violation_yuan_per_year <= 1e-6
    assert regret_yuan_per_year(data, setting, found.outcome) <= 1e-6
    return found


# ------------------------------------------------------------------------------- one customer

RATES = UnitRates(
    arbitrage=4.0,
    renewable=1.0,
    investment=10.0,
    operation=2.0,
    battery_yuan_per_kwh=3.0,
    inverter_yuan_per_kw=4.0,
    charging=0.5,
    vehicle=100.0,
    labour=200.0,
)
ONE_COSTS = {level: ResponseCost(7.0, 30.0) for level in (1, 2, 3)}


@pytest.mark.parametrize("formulation", FORMULATIONS)
@pytest.mark.parametrize("setting", [SELF, FIXED, SINGLE, everybody(SELF), everybody(SINGLE)])
def test_one_customer_pays_what_it_accepts(customer, game, setting, formulation):
    # 6 h a year, S_max 100 kW, half of the loss of 10: 5 yuan/kWh for 600 kWh are 3000.
    # Storage: 300 kWh over 2 h is 150 kW (its energy binds): 150 x (4 + 1 - 10 - 2) = -1050.
    # Charging 600 x 0.5 = 300, two vehicles 600, two calls 14, stand-by 30.
    data = game(customer(n=2, t=3), rates=RATES, response_costs=ONE_COSTS)
    net = 3000 - 1050 - 300 - 600 - 14 - 30
    found = check(data, setting, net, [100], formulation=formulation)
    assert found.outcome.prices.base[0] == pytest.approx(5.0)
    assert (found.outcome.storage_kw, found.outcome.fleet) == (pytest.approx(150.0), 2)


def test_own_storage_limits_the_price(customer, game):
    # E = 600 kWh, 600 x price <= 0.5 x 6000: at most 5 of a loss of 20 (10 from k_exp).
    data = game(customer(n=2, t=3, own=6000, loss=20), rates=RATES, response_costs=ONE_COSTS)
    check(data, SELF, 3 * 1000 - 1050 - 300 - 600 - 14 - 30, [100])


def test_a_customer_that_does_not_pay_is_left_out_or_served_at_a_loss(customer, game):
    # 600 kWh x 0.25 = 150 of fees; 150 - 1050 - 300 - 600 - 44 = -1844.
    # Eq. (11) with trading: 0.5 x (4 + 3 x (3 - 5/2)) = 2.75 a kW, 275 > 150: infeasible.
    data = game(customer(n=2, t=3, loss=0.5), rates=RATES, response_costs=ONE_COSTS)
    found = check(data, SELF, 0.0, [0])
    assert found.outcome.fleet == 0
    assert solve(data, everybody(SELF)).result.status == "infeasible"
    # Without anything to cover in Eq. (11) everybody is served, at a loss.
    cheap = replace(RATES, battery_yuan_per_kwh=0.0, inverter_yuan_per_kw=0.0)
    check(replace(data, rates=cheap), everybody(SELF), -1844.0, [100])


@pytest.mark.parametrize("formulation", FORMULATIONS)
def test_eq_11_closes_a_grade_whose_fees_do_not_cover_its_investment(customer, game, formulation):
    # Fee 5 x 100 = 500. Emergency only: 0.5 x (inverter + battery x 1 h) a kW.
    # inverter 4, battery 6: 5 x 100 = 500, just covered. Anything more closes the grade.
    data = game(customer(), rates=UnitRates(0, 0, 0, 0, 6.0, 4.0, 0, 0, 0))
    only = replace(SELF, investment="emergency_only")
    check(data, only, 500.0, [100], formulation=formulation)
    dearer = replace(data, rates=replace(data.rates, battery_yuan_per_kwh=6.01))
    check(dearer, only, 0.0, [0], formulation=formulation)
    assert solve(dearer, everybody(only), formulation=formulation).result.status == "infeasible"
    # With trading of 0.02 a kW (2 h: 0.01 a kWh) it is covered again; the trading is income, too:
    # 100 kW of storage x 0.02 = 2.
    trading = replace(dearer, rates=replace(dearer.rates, arbitrage=0.02))
    check(trading, only, 0.0, [0], formulation=formulation)
    check(trading, SELF, 502.0, [100], formulation=formulation)


def test_eq_11_pools_the_customers_of_a_grade_and_keeps_grades_apart(customer, game):
    # Two customers of one grade: fees 5 x 100 and 5 x 50, investment 1 h at 5 + 5 (battery of
    # the first is used 1 h, of the second 2 h): 0.5 x (0 + 8 x 1) x 100 = 400 and
    # 0.5 x 8 x 2 x 50 = 400 against a fee of 1 supply x 2 h x 50 x 5 = 500. Both 1000 >= 800.
    rates = UnitRates(0, 0, 0, 0, 8.0, 0.0, 0, 0, 0)
    only = replace(SELF, investment="emergency_only")
    strong = customer("strong", t=1, band=(100, 100))
    # A weak one: half the supplies; fee 0.5 x 2 x 50 x 5 = 250 against 400.
    weak = customer("weak", n=0.5, t=2, band=(50, 50))
    # Together in one grade 750 < 800: closed; with a strong fee of 2 supplies 1250 >= 800.
    check(game(strong, weak, rates=rates), only, 0.0, [0, 0])
    stronger = replace(strong, outages_per_year=2.0)
    check(game(stronger, weak, rates=rates), only, 1250.0, [100, 50])
    # In a grade of its own the weak one is not served; the strong one is.
    apart = replace(weak, duration_level=2)
    check(game(stronger, apart, rates=rates), only, 1000.0, [100, 0])
    # One price for all is one grade, whatever the need.
    single = replace(SINGLE, investment="emergency_only")
    check(game(stronger, apart, rates=rates), single, 1250.0, [100, 50])


# ------------------------------------------------------------------------------ several grades


@pytest.mark.parametrize("formulation", FORMULATIONS)
def test_grades_let_each_customer_pay_its_own_price(customer, game, formulation):
    # Acceptable prices 5, 8 and 11; each needs another grade, and steps fit between.
    data = game(
        customer("A", band=(80, 80), loss=10),
        customer("B", band=(60, 60), loss=16, duration=2),
        customer("C", band=(40, 40), loss=22, duration=3, response=2),
    )
    found = check(data, SELF, 80 * 5 + 60 * 8 + 40 * 11, [80, 60, 40], formulation=formulation)
    paid = [found.outcome.prices.of(c.grade) for c in found.outcome.choices]
    assert paid == pytest.approx([5, 8, 11])
    # One price: 5 x 180 = 900, 8 x 100 = 800, 11 x 40 = 440.
    check(data, SINGLE, 900.0, [80, 60, 40], formulation=formulation)
    check(data, everybody(SINGLE), 900.0, [80, 60, 40], formulation=formulation)


@pytest.mark.parametrize("formulation", FORMULATIONS)
def test_the_minimum_step_binds(customer, game, formulation):
    # A accepts 5, B 4 although it needs the longer duration: with a step of 1 the base price is
    # at most 3 if both buy: 100 x 3 + 80 x 4 = 620; A alone 500; B alone 320.
    a, b = customer("A", band=(100, 100)), customer("B", band=(80, 80), loss=8, duration=2)
    found = check(game(a, b, price_step_min=1.0), SELF, 620.0, [100, 80], formulation=formulation)
    assert found.outcome.prices.base[0] == pytest.approx(3.0)
    # With a step of 3.5 both pay 100 x 0.5 + 320 = 370: rather A alone.
    wide = game(a, b, price_step_min=3.5)
    check(wide, SELF, 500.0, [100, 0], formulation=formulation)
    check(wide, everybody(SELF), 370.0, [100, 80], formulation=formulation)
    # And with more than 4 B cannot be reached at all.
    assert solve(game(a, b, price_step_min=4.01), everybody(SELF)).result.status == "infeasible"


@pytest.mark.parametrize("formulation", FORMULATIONS)
def test_the_customer_takes_the_smaller_band_for_its_lower_unit_price(customer, game, formulation):
    # B (60 to 100 kW, 100 h) accepts 2 and must be had: 20,000. A (50 to 150 kW) accepts 5.
    # At base price 2, 100 kW give A 100 x 8 = 800; the second level costs at least 2 + 3 = 5, and
    # gives 150 x 5 = 750. So A buys 100 kW at 2.
    a, b = customer("A", band=(50, 150)), customer("B", n=100, band=(60, 100), loss=4)
    data = game(a, b, price_step_min=3.0)
    found = check(data, SELF, 200 + 20_000, [100, 100], formulation=formulation)
    assert levels_bought(found) == [1, 1]
    # Told which grade it needs, it pays 5 for 150 kW.
    check(data, FIXED, 750 + 20_000, [150, 100], formulation=formulation)
    # With a step of 1 the leader prices the second level so that A is just indifferent:
    # 150 (10 - p) = 800 at p = 14/3; ties go to the leader, who earns 700 rather than 200.
    near = game(a, b, price_step_min=1.0)
    found = check(near, SELF, 700 + 20_000, [150, 100], formulation=formulation)
    assert found.outcome.prices.base[1] == pytest.approx(14 / 3)


def test_a_tie_goes_to_the_leader_who_may_want_the_smaller_band(customer, game):
    # As above with a step of 1, but charging costs 6 yuan/kWh. Only A is costly: B is 100 kW of
    # 0 kWh... so charging would hit B as well. Use vehicles: coincidence 1, vehicles of 200 kW at
    # 600 a year. A at 100 kW: 200 kW with B, one vehicle; at 150 kW two. 700 - 600 < 200.
    a, b = customer("A", band=(50, 150)), customer("B", n=100, band=(60, 100), loss=4)
    rates = UnitRates(0, 0, 0, 0, 0, 0, 0, 600.0, 0)
    data = game(a, b, rates=rates, price_step_min=1.0, coincidence=1.0, vehicle_power_kw=200.0)
    check(data, SELF, 20_200 - 600, [100, 100])


def test_the_follower_keeps_the_fixed_grade_from_below_its_band(customer, game):
    # S_min 50 and S_max 150: the fixed grade sells 100 to 150 kW, never 50.
    data = game(customer(band=(50, 150)))
    check(data, FIXED, 750.0, [150])


# --------------------------------------------------------------------------- fleet and storage


@pytest.mark.parametrize("formulation", FORMULATIONS)
def test_a_second_vehicle_is_not_worth_the_second_customer(customer, game, formulation):
    # A pays 500; B, of another duration level, 200; each needs one vehicle of 100 kW at 300.
    a = customer("A", duration=2, band=(100, 100))
    b = customer("B", band=(100, 100), loss=4)
    rates = UnitRates(0, 0, 0, 0, 0, 0, 0, 300.0, 0)
    data = game(a, b, rates=rates, coincidence=1.0)
    found = check(data, SELF, 500 - 300, [100, 0], formulation=formulation)
    # B accepts 2 and is kept out by a base price above that.
    assert found.outcome.prices.base[0] >= 2.0 + PRICE_RESOLUTION - 1e-9
    check(data, everybody(SELF), 700 - 600, [100, 100], formulation=formulation)
    # A vehicle of 200 kW carries both.
    larger = game(a, b, rates=rates, coincidence=1.0, vehicle_power_kw=200.0)
    check(larger, SELF, 700 - 300, [100, 100], formulation=formulation)


def test_trading_that_pays_does_not_build_storage_without_customers(customer, game):
    # 10 yuan a kW from trading; four customers lose so little that each pays 0.05 x 100 = 5.
    # Half of 400 kW: 200 kW earn 2000.
    rates = UnitRates(10.0, 0, 0, 0, 0, 0, 0, 0, 0)
    for formulation in FORMULATIONS:
        crowd = [customer(f"C{k}", loss=0.1) for k in range(4)]
        data = game(*crowd, rates=rates)
        found = check(data, SELF, 2020.0, [100] * 4, formulation=formulation)
        assert found.outcome.storage_kw == pytest.approx(200.0)


@pytest.mark.parametrize("formulation", FORMULATIONS)
@pytest.mark.parametrize("worth", [1.0, -1.0])
@pytest.mark.parametrize(
    ("hours", "storage"),
    [
        ((1, 1, 1), 120.0),  # half of 240 kW
        ((3, 3, 3), 180.0),  # half of 720 kWh / 2 h
        ((1, 1, 4), 160.0),  # 80 kW for 4 h alone; coincident energy is 480 kWh: half of 240 kW
        ((1, 4, 1), 120.0),  # 60 kW for 4 h alone 120, and so is half of 240 kW
    ],
)
def test_storage_is_the_largest_demand_whether_it_costs_or_earns(
    customer, game, hours, storage, worth, formulation
):
    rates = UnitRates(max(worth, 0), 0, max(-worth, 0), 0, 0, 0, 0, 0, 0)
    crowd = [customer(f"C{s}", t=t, band=(s, s)) for s, t in zip((100, 60, 80), hours, strict=True)]
    fees = 5 * sum(s * t for s, t in zip((100, 60, 80), hours, strict=True))
    data = game(*crowd, rates=rates)
    found = check(data, SELF, fees + worth * storage, [100, 60, 80], formulation=formulation)
    assert found.outcome.storage_kw == pytest.approx(storage)


def test_response_costs_belong_to_the_response_level(customer, game):
    # Fee 500 and 500; level 1 costs 2 x ... N = 1: fuel 3, stand-by 100; level 3: fuel 9, 700.
    costs = {1: ResponseCost(3, 100), 2: ResponseCost(0, 0), 3: ResponseCost(9, 700)}
    slow = customer("slow", band=(80, 100))
    fast = customer("fast", band=(80, 100), response=3)
    data = game(slow, fast, response_costs=costs)
    # The fast one costs 709 for 500: only the slow one is served.
    check(data, SELF, 500 - 103, [100, 0])
    # Everybody: the fast one's premium is two steps of 0.1 at least, so the base is 4.8.
    check(data, everybody(SELF), 480 + 500 - 103 - 709, [100, 100])


# ------------------------------------------------------------------------------------- limits


def test_a_premium_that_a_customer_cannot_bear(customer, game):
    # Accepts 0.05, needs duration level 2, whose premium is at least 0.1.
    data = game(customer(loss=0.1, duration=2))
    check(data, SELF, 0.0, [0])
    assert solve(data, everybody(SELF)).result.status == "infeasible"


def test_price_step_of_zero(customer, game):
    # Both accept 5 in different grades: no step lowers the base.
    a, b = customer("A", band=(100, 100)), customer("B", band=(80, 80), duration=3, response=3)
    for formulation in FORMULATIONS:
        check(game(a, b, price_step_min=0.0), SELF, 900.0, [100, 80], formulation=formulation)
    # With a step of 0.1 level 3 costs 0.2 twice: 100 x 4.6 + 80 x 5.
    check(game(a, b), SELF, 860.0, [100, 80])


def test_identical_customers_buy_alike(customer, game):
    crowd = [customer(f"C{k}") for k in range(8)]
    check(game(*crowd), SELF, 8 * 500.0, [100] * 8)
    check(game(*crowd), SINGLE, 8 * 500.0, [100] * 8)


def test_upper_bounds_on_prices_leave_room_for_all_refusals(customer, game):
    # Steps of 4 with an acceptable price of 5: unsold grades must fit above.
    data = game(customer("A"), customer("B", loss=1.0, duration=3, response=3), price_step_min=4.0)
    check(data, SELF, 500.0, [100, 0])
    assert highest_useful_prices(data) == [9.0, 13.0, 17.0]


def test_customers_closer_than_the_price_resolution(customer, game):
    # B accepts a little more than A. Room for one vehicle only; the leader wants B (200 h) and
    # not A: no price refuses A and not B within the resolution, so it takes both or none.
    a = customer("A", band=(100, 100), loss=10.0)
    b = customer("B", band=(100, 100), loss=10.001)  # accepts 5.0005
    rates = UnitRates(0, 0, 0, 0, 0, 0, 0, 400.0, 0)
    check(game(a, b, rates=rates, coincidence=1.0), SELF, 2 * 500 - 800, [100, 100])
    # Four thousandths of loss further apart there is one: B alone is 500.2 - 400 (A alone: 100).
    c = replace(b, outage_loss_yuan_per_kwh=10.004)
    weak = replace(a, outages_per_year=0.5)
    # 0.5 x 500 - 400 < 0 for the weak one: B alone.
    check(game(weak, c, rates=rates, coincidence=1.0), SELF, 500.2 - 400, [0, 100])
    # and within the resolution: both, 250 + 500 - 800 < 0, or none.
    check(game(weak, b, rates=rates, coincidence=1.0), SELF, 0.0, [0, 0])


@pytest.mark.parametrize("formulation", FORMULATIONS)
def test_no_price_lies_between_acceptance_and_refusal(customer, game, formulation):
    # C must be had at 2 (20,000), and the second level costs 3 more: at least 5. A accepts 5 but
    # takes 100 kW at 2 (800 to 750). B, in the second level only, accepts 5.0005; whether A would
    # refuse that is undecided, so B pays 5.
    a = customer("A", band=(50, 150))
    b = customer("B", band=(150, 150), loss=10.001)
    c = customer("C", n=100, band=(60, 100), loss=4)
    data = game(a, b, c, price_step_min=3.0)
    check(data, SELF, 200 + 750 + 20_000, [100, 150, 100], formulation=formulation)


# ------------------------------------------------------------------------------------ k_exp = 1


@pytest.mark.parametrize("formulation", FORMULATIONS)
def test_at_k_exp_of_one_the_leader_may_sell_part_of_a_band(customer, game, formulation):
    # At a price equal to the loss of 10 the customer does not mind how much it buys, from 50 to
    # 100 kW. Vehicles of 80 kW at 600: 80 kW earn 800 - 600, 100 kW 1000 - 1200, 50 kW 500 - 600.
    rates = UnitRates(0, 0, 0, 0, 0, 0, 0, 600.0, 0)
    data = game(customer(), rates=rates, k_exp=1.0, coincidence=1.0, vehicle_power_kw=80.0)
    check(data, SELF, 200.0, [80], formulation=formulation)


@pytest.mark.parametrize("formulation", FORMULATIONS)
def test_below_its_loss_a_customer_buys_all_even_at_k_exp_of_one(customer, game, formulation):
    # B, of 100 kW, accepts 9.5; at that A, whose loss is 10, wants its 100 kW and no less. Two
    # vehicles of 180 kW at 400: 1900 - 800 = 1100. At a price of 10 A alone: 1000 - 400. Selling
    # A only 80 kW at 9.5 would save a vehicle (1710 - 400 = 1310), but A would not have it.
    a, b = customer("A"), customer("B", band=(100, 100), loss=9.5)
    rates = UnitRates(0, 0, 0, 0, 0, 0, 0, 400.0, 0)
    data = game(a, b, rates=rates, k_exp=1.0, coincidence=1.0, vehicle_power_kw=180.0)
    check(data, SINGLE, 1100.0, [100, 100], formulation=formulation)


@pytest.mark.parametrize("formulation", FORMULATIONS)
def test_at_k_exp_of_one_all_loss_is_earned(customer, game, formulation):
    data = game(customer("A"), customer("B", loss=20, duration=2), k_exp=1.0)
    found = check(data, SELF, 1000 + 2000, [100, 100], formulation=formulation)
    assert [c.utility_yuan_per_year for c in found.outcome.choices] == pytest.approx([0, 0])


def test_at_k_exp_of_one_own_storage_still_limits_the_price(customer, game):
    # 100 kWh x price <= 0.5 x 1000: 5, well below the loss; all formulations again.
    data = game(customer(own=1000), k_exp=1.0)
    for formulation in FORMULATIONS:
        check(data, SELF, 500.0, [100], formulation=formulation)


def test_at_k_exp_of_one_the_range_of_purchases_is_reported(customer, game):
    # Nothing but the fee counts and the fee is the loss: 50 kW or 100 kW change the income, so the
    # optimum is unique; with charging at the price itself they do not, and 50 to 100 kW, or
    # nothing, are all optimal.
    data = game(customer(), k_exp=1.0)
    found = solve(data, SELF).outcome
    sold = optimal_ranges(data, SELF, found)["customer.A.capacity_kw"]
    assert (sold.low, sold.high) == pytest.approx((100, 100), abs=0.01)
    idle = replace(data, rates=UnitRates(0, 0, 0, 0, 0, 0, 10.0, 0, 0))
    found = solve(idle, SELF).outcome
    assert found.account.net_income == pytest.approx(0.0)
    sold = optimal_ranges(idle, SELF, found)["customer.A.capacity_kw"]
    assert (sold.low, sold.high) == pytest.approx((0, 100))
    served = optimal_ranges(idle, everybody(SELF), found)["customer.A.capacity_kw"]
    assert (served.low, served.high) == pytest.approx((50, 100))


# -------------------------------------------------------------------------------------- shape


@pytest.mark.parametrize("setting", [SELF, FIXED, everybody(SINGLE)])
def test_a_setting_is_what_its_record_in_a_result_file_says(setting):
    assert Setting.from_record(setting.record()) == setting
    assert setting.record()["fixed_grade"] is (setting is FIXED)


def test_case_2_has_one_price_and_ignores_the_follower_s_variant(customer, game):
    data = game(customer("A", band=(50, 150)), customer("B", duration=3))
    menus = [replace(SINGLE, follower=f).menus(data) for f in ("self_select", "fixed_grade")]
    assert menus[0] == menus[1]
    m = build_game(data, SINGLE, "kkt")
    assert (len(m.base), len(m.duration_premium), len(m.response_premium)) == (1, 0, 0)
