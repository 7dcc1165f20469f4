"""Which grades a customer may choose, and what each of them leaves it."""

from __future__ import annotations

from itertools import product

import pandas as pd

from mobile_storage.pricing.model.customers import Customer, Option, best_responses, options
from mobile_storage.pricing.model.data import PricingData
from mobile_storage.pricing.model.grades import LEVELS, Grade, Prices
from mobile_storage.pricing.model.setting import Setting

__all__ = [
    "acceptance_text",
    "most_options",
    "option_table",
    "position_of",
    "response_table",
    "utility_table",
]

SHARES_OF_LIMIT = (0.1, 0.5, 0.9, 1.0, 1.001, 1.1, 1.3)
"""Prices of `response_table`, as shares of the acceptable price."""


def option_table(data: PricingData) -> pd.DataFrame:
    """Return the need of every customer and its options, for both followers."""
    return pd.DataFrame(
        {
            "customer": c.name,
            "outage (h)": c.outage_duration_h,
            "capacity (kW)": f"{c.capacity_kw.lower:g} to {c.capacity_kw.upper:g}",
            "options, chooses grade": "; ".join(
                f"{o.grade.label}: {o.capacity_kw.lower:g} to {o.capacity_kw.upper:g} kW"
                for o in options(c, data.grades, "self_select")
            ),
            "option, fixed grade": options(c, data.grades, "fixed_grade")[0].grade.label,
        }
        for c in data.customers
    )


def position_of(data: PricingData, name: str | None) -> int:
    """Return the place of a customer in ``data.customers``; the first one for None.

    Raises
    ------
    ValueError
        If no customer has this name.
    """
    names = [c.name for c in data.customers]
    if name is None:
        return 0
    if name not in names:
        raise ValueError(f"customer is {name!r}, expected one of {', '.join(names)}")
    return names.index(name)


def most_options(data: PricingData) -> str:
    """Return the name of the customer that has the most grades to choose from."""
    return max(data.customers, key=lambda c: len(_options(data, c))).name


def _options(data: PricingData, customer: Customer) -> tuple[Option, ...]:
    return options(customer, data.grades, "self_select")


def utility_table(data: PricingData, customer: Customer, prices: Prices) -> pd.DataFrame:
    """Return the utility of every grade that meets a customer's need, yuan a year.

    The capacity is the largest that the customer may buy in the grade, kW; the price is in
    yuan/kWh. The rows of the customer's own duration and response levels are its options.
    """
    rows = []
    for option in _options(data, customer):
        capacity_kw = option.capacity_kw.upper
        for duration, response in product(
            LEVELS[customer.duration_level - 1 :], LEVELS[customer.response_level - 1 :]
        ):
            grade = Grade(option.grade.capacity, duration, response)
            rows.append(
                {
                    "grade": grade.label,
                    "an option": grade == option.grade,
                    "capacity": capacity_kw,
                    "price": prices.of(grade),
                    "utility": customer.utility(capacity_kw, prices.of(grade)),
                }
            )
    return pd.DataFrame(rows)


def response_table(data: PricingData, u: int) -> pd.DataFrame:
    """Return what customer `u` buys at shares of its acceptable price, its grade fixed.

    The price is in yuan/kWh, the capacity in kW, the utility in yuan a year.
    """
    customer, limit = data.customers[u], data.acceptable_prices[u]
    menu, band = Setting(follower="fixed_grade").menus(data)[u], customer.capacity_kw
    rows = []
    for share in SHARES_OF_LIMIT:
        response = best_responses(customer, menu, Prices.single(share * limit), limit)[0]
        bought = f"{response.capacity_kw:g} of {band.lower:g} to {band.upper:g}"
        rows.append(
            {
                "share of the acceptable price": share,
                "price": share * limit,
                "capacity bought": "none" if response.grade is None else bought,
                "utility": response.utility_yuan_per_year,
            }
        )
    return pd.DataFrame(rows)


def acceptance_text(data: PricingData) -> str:
    """Return how many customers' acceptable prices each part of Eq. (12) sets."""
    k_exp = data.scalars["k_exp"]
    by_own_storage = sum(
        limit < k_exp * c.outage_loss_yuan_per_kwh * (1 - 1e-9)
        for c, limit in zip(data.customers, data.acceptable_prices, strict=True)
    )
    return (
        "What sets the acceptable price: for "
        f"{by_own_storage} of {len(data.customers)} customers the first part of (12), a share of "
        f"the cost of own storage; for {len(data.customers) - by_own_storage} the second, a share "
        "of the avoided loss."
    )
