"""Eq. (1), the levels and Eq. (13), by hand."""

from __future__ import annotations

import pytest

from mobile_storage.pricing.model.grades import Grade, GradeTable, Prices

TABLE = GradeTable(
    {1: 100.0, 2: 200.0, 3: 300.0}, {1: 2.0, 2: 4.0, 3: 8.0}, {1: 120.0, 2: 90.0, 3: 45.0}
)
PRICES = Prices((1.0, 2.0, 4.0), (0.0, 0.3, 0.7), (0.0, 0.05, 0.15))


@pytest.mark.parametrize(
    ("grade", "price"),
    [
        ((1, 1, 1), 1.0),
        ((3, 1, 1), 4.0),
        ((1, 2, 1), 1.3),
        ((1, 1, 3), 1.15),
        ((2, 3, 2), 2.0 + 0.7 + 0.05),
        ((3, 3, 3), 4.0 + 0.7 + 0.15),
    ],
)
def test_a_unit_price_is_the_sum_of_its_three_parts(grade, price):
    assert PRICES.of(Grade(*grade)) == pytest.approx(price, abs=1e-15)


def test_labels_name_the_three_levels_in_the_paper_s_order():
    assert Grade(3, 1, 2).label == "H3-H1-H2"


def test_the_vector_of_seven_goes_there_and_back():
    x = (1.0, 2.0, 4.0, 0.3, 0.7, 0.05, 0.15)
    assert PRICES.vector() == x
    assert Prices.from_vector(x) == PRICES


def test_steps_are_the_six_differences_of_eq_13():
    # base 2-1, 4-2; duration .3-0, .7-.3; response .05-0, .15-.05
    assert PRICES.steps() == pytest.approx((1.0, 2.0, 0.3, 0.4, 0.05, 0.1))
    assert min(Prices((2.0, 1.0, 3.0), (0.0, 1.0, 2.0), (0.0, 1.0, 2.0)).steps()) == -1.0


def test_one_price_for_all_grades():
    single = Prices.single(2.5)
    assert {single.of(Grade(p, t, r)) for p in (1, 2, 3) for t in (1, 2, 3) for r in (1, 2, 3)} == {
        2.5
    }


@pytest.mark.parametrize(("level", "band"), [(1, (0, 100)), (2, (100, 200)), (3, (200, 300))])
def test_a_capacity_level_begins_where_the_one_below_ends(level, band):
    found = TABLE.capacity_band(level)
    assert (found.lower, found.upper) == band


@pytest.mark.parametrize(
    ("hours", "level"), [(0.5, 1), (2.0, 1), (2.01, 2), (4.0, 2), (8.0, 3), (8.01, None)]
)
def test_the_lowest_level_that_lasts_long_enough(hours, level):
    assert TABLE.duration_level(hours) == level


@pytest.mark.parametrize(
    ("minutes", "level"),
    [(500, 1), (120, 1), (119, 2), (90, 2), (89.9, 3), (45, 3), (44.9, None)],
)
def test_the_slowest_level_that_is_fast_enough(minutes, level):
    assert TABLE.response_level(minutes) == level
