"""Eq. (5)-(9), storage, fleet and Eq. (11) by hand."""

from __future__ import annotations

import pytest

from mobile_storage.pricing.model.income import (
    ResponseCost,
    Sale,
    account,
    capital_recovery_factor,
    grade_investment_yuan_per_kw,
    storage_power_kw,
    unit_rates,
    vehicles,
)

YIELDS = (0.0, 2.0, 4.0, 8.0)


@pytest.fixture
def rates(scalars):
    return unit_rates(scalars(), YIELDS)


@pytest.mark.parametrize(
    ("rate", "years", "factor"),
    [
        # One year: all of it back with interest.
        (0.08, 1, 1.08),
        # Two years: 1/(1/1.1 + 1/1.21) = 1.21/2.1
        (0.1, 2, 1.21 / 2.1),
        (0.0, 8, 0.125),
        # Half a year: r/(1 - 1/sqrt(1.21)) = 0.21/(1 - 1/1.1) = 2.31
        (0.21, 0.5, 2.31),
    ],
)
def test_capital_recovery(rate, years, factor):
    assert capital_recovery_factor(rate, years) == pytest.approx(factor, rel=1e-12)


def test_capital_recovery_pays_back_the_investment():
    rate, years = 0.08, 8
    paid = capital_recovery_factor(rate, years)
    assert sum(paid / (1 + rate) ** k for k in range(1, years + 1)) == pytest.approx(1.0)


def test_capital_recovery_is_continuous_at_no_interest():
    assert capital_recovery_factor(1e-12, 8) == pytest.approx(0.125, rel=1e-9)


def test_trading_rates(rates):
    # 2 h x 100 days = 200 kWh a year per kW and cycle.
    # Spread 0.9 x 1 - 0.4/0.8 = 0.4. PV fills 0.25 x (0, 2, 4, 8) = 0, 0.5, 1 and no more than 1
    # of the second cycle: 0.625 on average.
    # Arbitrage 200 x 0.4 x (1 + 0.375) = 110.
    assert rates.arbitrage == pytest.approx(110.0)
    # Absorbed: 0.8 x 0.9 x 1 - 0.5 = 0.22; 200 x 0.625 x 0.22 = 27.5
    assert rates.renewable == pytest.approx(27.5)


def test_cost_rates(rates):
    # Life 10 years without interest: a tenth a year.
    # Battery 100 / 0.5 of depth / 10 = 20 per kWh; inverter 5 per kW; one kW has 2 kWh: 45.
    assert rates.battery_yuan_per_kwh == pytest.approx(20.0)
    assert rates.inverter_yuan_per_kw == pytest.approx(5.0)
    assert rates.investment == pytest.approx(45.0)
    # Maintenance is a tenth of the investment of 2 x 200 + 50 = 450.
    assert rates.operation == pytest.approx(45.0)
    # A kWh to the customer takes 1/(0.8 x 0.9) from the grid in the valley. [0.4/0.72]
    assert rates.charging == pytest.approx(0.4 / 0.72)
    assert rates.vehicle == pytest.approx(100.0)
    assert rates.labour == 500.0
    # 110 + 27.5 - 45 - 45
    assert rates.standing == pytest.approx(47.5)


def test_maintenance_is_a_share_of_the_investment_not_of_its_annuity(scalars):
    # With interest the annuity rises, maintenance does not.
    assert unit_rates(scalars(discount_rate=0.2), YIELDS).operation == pytest.approx(45.0)
    assert unit_rates(scalars(discount_rate=0.2), YIELDS).investment > 45.0


def test_without_sun_both_cycles_are_arbitrage(scalars):
    rates = unit_rates(scalars(), (0.0,))
    assert (rates.arbitrage, rates.renewable) == pytest.approx((160.0, 0.0))


def test_storage_bound_by_coincident_power(customer, scalars):
    # Half of 100 + 60 + 80 = 240 kW. Energy 100 x 1 + 60 x 2 + 80 x 1 = 300 kWh is 150 kW over
    # 2 h, half of it 75; the largest customer 100.
    sales = [Sale(customer(t=t), s, 1.0) for s, t in ((100, 1), (60, 2), (80, 1))]
    assert storage_power_kw(sales, scalars()) == 120.0


def test_storage_bound_by_coincident_energy(customer, scalars):
    # 100 kW for 3 h, 60 for 3 h, 80 for 3 h: 720 kWh over 2 h are 360 kW, half 180, more than
    # half of 240 and than the largest customer's 300 kWh over 2 h, 150.
    sales = [Sale(customer(t=3), s, 1.0) for s in (100, 60, 80)]
    assert storage_power_kw(sales, scalars()) == 180.0
    assert storage_power_kw(sales, scalars(coincidence=1.0)) == 360.0


def test_storage_bound_by_one_customer(customer, scalars):
    # In power: 100 kW against half of 160. In energy: 60 kW for 4 h are 120 kW of storage.
    assert storage_power_kw([Sale(customer(t=1), s, 1.0) for s in (100, 60)], scalars()) == 100.0
    sales = [Sale(customer(t=t), s, 1.0) for s, t in ((100, 1), (60, 4))]
    assert storage_power_kw(sales, scalars()) == 120.0


def test_nothing_sold_needs_nothing(scalars):
    assert storage_power_kw([], scalars()) == 0.0
    assert vehicles(0.0, scalars()) == 0


@pytest.mark.parametrize(
    ("power", "fleet"), [(0.1, 1), (100, 1), (100 + 1e-9, 1), (100.01, 2), (200, 2), (250, 3)]
)
def test_vehicles_are_whole(power, fleet, scalars):
    assert vehicles(power, scalars()) == fleet


def test_every_row_of_the_account(customer, rates):
    costs = {1: ResponseCost(7.0, 30.0), 2: ResponseCost(9.0, 40.0), 3: ResponseCost(0.0, 0.0)}
    sales = [
        Sale(customer(n=2, t=3, response=1), 100, 4.0),  # 600 kWh, fee 2400
        Sale(customer(n=1, t=2, response=2), 50, 6.0),  # 100 kWh, fee 600
        Sale(customer(n=9, t=9, response=2), 0.0, 0.0),  # stays out: no call, no stand-by
    ]
    rows = account(sales, 80.0, 2, rates, costs).rows()
    expected = {
        "emergency_revenue": 3000.0,
        "arbitrage_revenue": 80 * 110.0,
        "renewable_revenue": 80 * 27.5,
        "investment_cost": 80 * 45.0,
        "operation_cost": 80 * 45.0,
        "charging_cost": 700 * 0.4 / 0.72,
        "vehicle_cost": 2 * 100.0,
        "fuel_cost": 2 * 7.0 + 1 * 9.0,
        "labour_cost": 2 * 500.0 + 30.0 + 40.0,
    }
    expected["total_revenue"] = 3000 + 8800 + 2200
    expected["total_cost"] = 3600 + 3600 + 700 * 0.4 / 0.72 + 200 + 23 + 1070
    expected["net_income"] = expected["total_revenue"] - expected["total_cost"]
    assert rows == pytest.approx(expected)
    assert list(rows) == list(expected)


def test_eq_11_with_the_storage_s_trading_and_without(customer, rates, scalars):
    someone = customer(t=3)
    # A kW for 3 h: inverter 5 and 3 kWh at 20, half of it: 32.5.
    gross = grade_investment_yuan_per_kw(someone, rates, scalars(), net_of_trading=False)
    assert gross == pytest.approx(32.5)
    # A kWh earns (110 + 27.5)/2 = 68.75 from the grid: 0.5 x (5 + 3 x (20 - 68.75)) = -70.625
    net = grade_investment_yuan_per_kw(someone, rates, scalars(), net_of_trading=True)
    assert net == pytest.approx(-70.625)


def test_eq_11_adds_up_to_the_investment_where_all_demands_bind_at_once(customer, rates, scalars):
    # Two customers of exactly T_rat that must be served at once: 160 kW and 320 kWh of storage at
    # 45 a kW, and Eq. (11) asks for just that.
    p = scalars(coincidence=1.0)
    sales = [Sale(customer(t=2), 100, 1.0), Sale(customer(t=2), 60, 1.0)]
    asked = sum(
        s.capacity_kw * grade_investment_yuan_per_kw(s.customer, rates, p, net_of_trading=False)
        for s in sales
    )
    assert asked == pytest.approx(160 * 45.0)
    assert asked == pytest.approx(rates.investment * storage_power_kw(sales, p))
