"""Outcome of given prices: every customer's best response, its cost and the owner's account.

No optimisation model is involved. The bilevel solutions are checked against this module, the
leader-follower iteration takes the customers' answers from it, and the blind search maximises it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mobile_storage.pricing.model.customers import Choice, Customer, best_responses
from mobile_storage.pricing.model.data import PricingData
from mobile_storage.pricing.model.grades import Grade, Prices
from mobile_storage.pricing.model.income import Account, Sale, account, storage_power_kw, vehicles
from mobile_storage.pricing.model.setting import PRICE_RESOLUTION, Setting, investment_to_cover

PRICE_TOLERANCE = 1e-6
"""Prices that differ by less than this are equal, yuan/kWh; a thousandth of the resolution."""


@dataclass(frozen=True)
class Outcome:
    """Prices, the customers' choices and the storage owner's account.

    Attributes
    ----------
    choices : tuple of Choice
        In the order of ``data.customers``.
    storage_kw : float
        S_sta, kW.
    violation_yuan_per_year : float
        By how much the prices are infeasible; 0 for feasible prices. It adds up the amounts by
        which grades miss Eq. (11), the avoidable losses of customers that stay out although
        participation is ``all``, and the avoidable losses of customers with an undecided price. A
        price is undecided if it exceeds the acceptable one by less than `setting.PRICE_RESOLUTION`.
    """

    prices: Prices
    choices: tuple[Choice, ...]
    storage_kw: float
    fleet: int
    account: Account
    violation_yuan_per_year: float


def sale(customer: Customer, choice: Choice, prices: Prices) -> Sale:
    """Return the sale that a customer's choice means; 0 kW at 0 yuan/kWh if it stays out."""
    return Sale(customer, choice.capacity_kw, prices.of(choice.grade) if choice.grade else 0.0)


def respond(data: PricingData, setting: Setting, prices: Prices) -> tuple[Choice, ...]:
    """Return every customer's best response; among ties, the one with the highest fee."""
    chosen = []
    for customer, menu, cap in zip(
        data.customers, setting.menus(data), data.acceptable_prices, strict=True
    ):
        tied = best_responses(customer, menu, prices, cap)
        fees = [sale(customer, choice, prices).fee_yuan_per_year for choice in tied]
        chosen.append(tied[fees.index(max(fees))])
    return tuple(chosen)


def outcome_of_choices(
    data: PricingData, setting: Setting, prices: Prices, choices: Sequence[Choice]
) -> Outcome:
    """Compute the outcome of given prices and choices."""
    sales = [
        sale(customer, choice, prices)
        for customer, choice in zip(data.customers, choices, strict=True)
    ]
    power = storage_power_kw(sales, data.scalars)
    fleet = vehicles(power, data.scalars)
    return Outcome(
        prices=prices,
        choices=tuple(choices),
        storage_kw=power,
        fleet=fleet,
        account=account(sales, power, fleet, data.rates, data.response_costs),
        violation_yuan_per_year=_violation(data, setting, sales, choices)
        + _undecided(data, setting, prices),
    )


def outcome(data: PricingData, setting: Setting, prices: Prices) -> Outcome:
    """Compute the outcome of given prices if every customer gives its best response."""
    return outcome_of_choices(data, setting, prices, respond(data, setting, prices))


def customer_rows(data: PricingData, outcome: Outcome) -> list[dict[str, Any]]:
    """Tabulate what each customer buys, pays and keeps, yuan/yr.

    The cost of supply is the fee plus the loss of what the bought capacity leaves unserved. For a
    customer that stays out it is the cheaper of own storage and the loss.
    """
    rows = []
    for c, choice in zip(data.customers, outcome.choices, strict=True):
        sold = sale(c, choice, outcome.prices)
        fee = sold.fee_yuan_per_year
        residual = (
            c.hours_per_year
            * (c.capacity_kw.upper - choice.capacity_kw)
            * c.outage_loss_yuan_per_kwh
        )
        alone = c.stand_alone_cost_yuan_per_year
        rows.append(
            {
                "customer": c.name,
                "sector": c.sector,
                "grade": choice.grade.label if choice.grade else "none",
                "capacity_kw": choice.capacity_kw,
                "price_yuan_per_kwh": sold.price_yuan_per_kwh if choice.grade else None,
                "fee_yuan_per_year": fee,
                "avoided_loss_yuan_per_year": c.avoidable_loss_yuan_per_year - residual,
                "utility_yuan_per_year": choice.utility_yuan_per_year,
                "own_storage_yuan_per_year": c.own_storage_yuan_per_year,
                "stand_alone_cost_yuan_per_year": alone,
                "supply_cost_yuan_per_year": fee + residual if choice.grade else alone,
            }
        )
    return rows


def _violation(
    data: PricingData, setting: Setting, sales: Sequence[Sale], choices: Sequence[Choice]
) -> float:
    surplus: dict[Grade, float] = {}
    unserved = 0.0
    for u, (sale, choice) in enumerate(zip(sales, choices, strict=True)):
        if choice.grade is None:
            unserved += sale.customer.avoidable_loss_yuan_per_year
            continue
        cost = investment_to_cover(data, setting, u) * sale.capacity_kw
        surplus[choice.grade] = surplus.get(choice.grade, 0.0) + sale.fee_yuan_per_year - cost
    missing = sum(max(0.0, -s) for s in surplus.values())
    return missing + (unserved if setting.participation == "all" else 0.0)


def _undecided(data: PricingData, setting: Setting, prices: Prices) -> float:
    """Add up the avoidable losses of customers with a price between acceptance and refusal."""
    return sum(
        customer.avoidable_loss_yuan_per_year
        for customer, menu, cap in zip(
            data.customers, setting.menus(data), data.acceptable_prices, strict=True
        )
        if any(
            PRICE_TOLERANCE < prices.of(option.grade) - cap < PRICE_RESOLUTION - PRICE_TOLERANCE
            for option in menu
        )
    )
