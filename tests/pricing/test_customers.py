"""Customers by hand: Eq. (2)-(4), (12), what they may choose and what they choose."""

from __future__ import annotations

import pytest

from mobile_storage.pricing.model.customers import best_responses, options
from mobile_storage.pricing.model.grades import Grade, GradeTable, Prices
from mobile_storage.pricing.model.income import Sale

TABLE = GradeTable(
    {1: 100.0, 2: 200.0, 3: 300.0}, {1: 2.0, 2: 4.0, 3: 8.0}, {1: 120.0, 2: 90.0, 3: 45.0}
)


def bases(b1: float, b2: float, b3: float) -> Prices:
    return Prices((b1, b2, b3), (0.0, 0.0, 0.0), (0.0, 0.0, 0.0))


def menu_of(someone, follower="self_select"):
    return options(someone, TABLE, follower)


def bought(choices) -> set[tuple[int, float]]:
    """Capacity level (0 for none) and capacity of every choice."""
    return {(c.grade.capacity if c.grade else 0, c.capacity_kw) for c in choices}


def test_utility_is_avoided_loss_less_fee(customer):
    # 2 supplies of 3 h at 50 kW are 300 kWh. Loss avoided 300 x 10, fee 300 x 4.
    someone = customer(n=2, t=3, loss=10)
    assert Sale(someone, 50, 4.0).energy_kwh_per_year == 300
    assert Sale(someone, 50, 4.0).fee_yuan_per_year == 1200
    assert someone.utility(50, 4.0) == 3000 - 1200
    assert someone.utility(50, 12.0) == -600


def test_a_year_without_supply_loses_all_the_energy_of_s_max(customer):
    # 6 h x 100 kW = 600 kWh at 10 yuan
    someone = customer(n=2, t=3, band=(50, 100), loss=10)
    assert someone.outage_energy_kwh_per_year == 600
    assert someone.avoidable_loss_yuan_per_year == 6000


def test_the_cheaper_of_the_two_alternatives_limits_the_price(customer):
    # E = 600 kWh. Own storage at 3000 a year: 0.4 x 3000 / 600 = 2 yuan/kWh;
    # utility: 0.9 x 10 = 9 yuan/kWh.
    someone = customer(n=2, t=3, band=(50, 100), loss=10, own=3000)
    assert someone.acceptable_price(k_able=0.4, k_exp=0.9) == pytest.approx(2.0)
    assert someone.acceptable_price(k_able=0.4, k_exp=0.1) == pytest.approx(1.0)


def test_at_the_acceptable_price_both_parts_of_eq_12_hold_and_just_above_one_fails(customer):
    someone = customer(n=2, t=3, band=(50, 100), loss=10, own=3000)
    for k_able, k_exp in ((0.4, 0.9), (0.4, 0.1)):

        def accepts(price, k_able=k_able, k_exp=k_exp):
            own = someone.outage_energy_kwh_per_year * price <= k_able * 3000
            # at any capacity: it cancels
            loss = Sale(someone, 70, price).fee_yuan_per_year <= k_exp * 6 * 70 * 10
            return own and loss

        limit = someone.acceptable_price(k_able, k_exp)
        assert accepts(limit * (1 - 1e-12))
        assert not accepts(limit * (1 + 1e-9))


def test_nobody_pays_more_than_the_loss_even_with_k_exp_above_one(customer, game):
    assert game(customer(loss=10), k_exp=1.5).acceptable_prices == (10.0,)


@pytest.mark.parametrize(
    ("band", "expected"),
    [
        ((50, 80), [(1, 50, 80)]),
        ((50, 150), [(1, 50, 100), (2, 100, 150)]),
        ((150, 300), [(2, 150, 200), (3, 200, 300)]),
        ((20, 300), [(1, 20, 100), (2, 100, 200), (3, 200, 300)]),
        # At an edge the level above offers the edge alone: the same capacity, never cheaper.
        ((50, 100), [(1, 50, 100), (2, 100, 100)]),
        ((100, 150), [(1, 100, 100), (2, 100, 150)]),
        ((100, 100), [(1, 100, 100), (2, 100, 100)]),
    ],
)
def test_every_band_that_meets_the_customer_s_own_is_an_option(customer, band, expected):
    found = menu_of(customer(band=band))
    assert [(o.grade.capacity, o.capacity_kw.lower, o.capacity_kw.upper) for o in found] == expected


@pytest.mark.parametrize(
    ("band", "expected"),
    [((50, 80), (1, 50, 80)), ((50, 150), (2, 100, 150)), ((50, 100), (1, 50, 100)),
     ((20, 300), (3, 200, 300)), ((200, 200), (2, 200, 200))],
)  # fmt: skip
def test_the_fixed_grade_is_the_lowest_that_holds_s_max(customer, band, expected):
    (only,) = menu_of(customer(band=band), "fixed_grade")
    assert (only.grade.capacity, only.capacity_kw.lower, only.capacity_kw.upper) == expected


def test_options_keep_the_levels_of_the_need(customer):
    grades = {o.grade for o in menu_of(customer(band=(50, 150), duration=3, response=2))}
    assert grades == {Grade(1, 3, 2), Grade(2, 3, 2)}


def test_linear_utility_buys_the_upper_end(customer):
    someone = customer(n=2, t=3, band=(50, 80), loss=10)
    (best,) = best_responses(someone, menu_of(someone), bases(4, 5, 6), 5.0)
    # 6 h x 80 kW x (10 - 4)
    assert (best.grade, best.capacity_kw) == (Grade(1, 1, 1), 80)
    assert best.utility_yuan_per_year == 2880


def test_the_smaller_band_wins_if_its_unit_price_is_low_enough(customer):
    # 100 kW at 2: 100 x 8 = 800. 150 kW at p: 150 x (10 - p) = 800 at p = 14/3.
    someone = customer(band=(50, 150), loss=10)
    menu = menu_of(someone)
    assert bought(best_responses(someone, menu, bases(2, 5, 9), 9.0)) == {(1, 100)}
    assert bought(best_responses(someone, menu, bases(2, 4, 9), 9.0)) == {(2, 150)}
    assert bought(best_responses(someone, menu, bases(2, 14 / 3, 9), 9.0)) == {(1, 100), (2, 150)}


def test_the_acceptable_price_is_accepted_and_the_next_one_refused(customer):
    someone = customer(band=(50, 80), loss=10)
    menu = menu_of(someone)
    assert bought(best_responses(someone, menu, bases(5, 6, 7), 5.0)) == {(1, 80)}
    assert bought(best_responses(someone, menu, bases(5.0001, 6, 7), 5.0)) == {(0, 0.0)}


def test_a_refused_large_band_leaves_the_small_one(customer):
    someone = customer(band=(50, 150), loss=10)
    assert bought(best_responses(someone, menu_of(someone), bases(4, 4.5, 9), 4.2)) == {(1, 100)}


def test_premiums_of_the_need_count_for_acceptance(customer):
    someone = customer(band=(50, 80), loss=10, duration=2, response=3)
    prices = Prices((4.0, 5.0, 6.0), (0.0, 0.5, 1.0), (0.0, 0.1, 0.7))  # 4 + 0.5 + 0.7 = 5.2
    assert bought(best_responses(someone, menu_of(someone), prices, 5.2)) == {(1, 80)}
    assert bought(best_responses(someone, menu_of(someone), prices, 5.1)) == {(0, 0.0)}


def test_at_price_equal_to_loss_all_ends_and_nothing_are_tied(customer):
    someone = customer(band=(50, 80), loss=10)
    tied = best_responses(someone, menu_of(someone), bases(10, 11, 12), 10.0)
    assert bought(tied) == {(0, 0.0), (1, 50), (1, 80)}


def test_a_band_of_one_point_is_one_choice(customer):
    someone = customer(band=(80, 80), loss=10)
    tied = best_responses(someone, menu_of(someone), bases(10, 11, 12), 10.0)
    assert len(tied) == 2
    assert bought(tied) == {(0, 0.0), (1, 80)}
