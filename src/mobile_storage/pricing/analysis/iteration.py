"""The leader-follower iteration that section 3 describes, run as written.

The followers answer the current prices. The leader then takes their purchases as given and sets the
prices that earn most from them. Both steps are repeated. The leader of a Stackelberg game
anticipates the answers and this one does not, so the iteration need not end at the equilibrium, and
it need not end at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.optimize import linprog

from mobile_storage.pricing.model.customers import Choice
from mobile_storage.pricing.model.data import PricingData
from mobile_storage.pricing.model.grades import LEVELS, Grade, Prices
from mobile_storage.pricing.model.outcome import Outcome, outcome_of_choices, respond
from mobile_storage.pricing.model.setting import Setting, highest_useful_prices, investment_to_cover

PRICE_COUNT = 7
"""Number of prices that the leader decides: three base prices, two duration premiums and two
response premiums."""


@dataclass(frozen=True)
class Iteration:
    """The path of an iteration.

    Attributes
    ----------
    path : tuple of Outcome
        One per round, the start first.
    ending : {"fixed point", "cycle", "no prices", "round limit"}
        "no prices": no price list meets Eq. (11)-(13) for the purchases of the last round.
    period : int
        Length of the cycle; 1 at a fixed point, 0 otherwise.
    """

    path: tuple[Outcome, ...]
    ending: Literal["fixed point", "cycle", "no prices", "round limit"]
    period: int


def starts(data: PricingData, equilibrium: Prices) -> dict[str, Prices]:
    """Return the price lists to start from: the lowest, the middle, the highest, the equilibrium.

    Parameters
    ----------
    data : PricingData
    equilibrium : Prices
        Prices of the solved game.
    """
    step = data.scalars["price_step_min"]
    low = [0.0, step, 2 * step, step, 2 * step, step, 2 * step]
    high = highest_useful_prices(data)
    top = [*high, *high[:2], *high[:2]]
    middle = [(a + b) / 2 for a, b in zip(low, top, strict=True)]
    return {
        "lowest": Prices.from_vector(low),
        "middle": Prices.from_vector(middle),
        "highest": Prices.from_vector(top),
        "equilibrium": equilibrium,
    }


def iterate(data: PricingData, setting: Setting, start: Prices, *, rounds: int = 100) -> Iteration:
    """Alternate best responses from `start` until the prices repeat or `rounds` are over."""
    prices, path, seen = start, [], {}
    for k in range(rounds + 1):
        choices = respond(data, setting, prices)
        path.append(outcome_of_choices(data, setting, prices, choices))
        key = tuple(np.round(prices.vector(), 9))
        if key in seen:
            period = k - seen[key]
            return Iteration(tuple(path), "fixed point" if period == 1 else "cycle", period)
        seen[key] = k
        better = best_prices(data, setting, choices)
        if better is None:
            return Iteration(tuple(path), "no prices", 0)
        prices = better
    return Iteration(tuple(path), "round limit", 0)


def best_prices(data: PricingData, setting: Setting, choices: Sequence[Choice]) -> Prices | None:
    """Return the prices that earn most if every customer keeps what it has bought, or None.

    They solve a linear programme: max sum_u N t S_u lambda_u subject to Eq. (11) for every sold
    grade, (12) for every buyer and (13). Of equally good price lists the lowest is taken. None
    means that no prices satisfy the constraints.
    """
    buyers = [(u, c, np.array(_row(c.grade))) for u, c in enumerate(choices) if c.grade is not None]
    energy = {u: data.customers[u].hours_per_year * c.capacity_kw for u, c, _ in buyers}
    revenue = sum((energy[u] * row for u, _, row in buyers), np.zeros(PRICE_COUNT))
    rows = [row for _, _, row in buyers]
    limits = [data.acceptable_prices[u] for u, _, _ in buyers]
    for grade in sorted({c.grade for _, c, _ in buyers}):
        sold = [(u, c, row) for u, c, row in buyers if c.grade == grade]
        rows.append(-sum(energy[u] * row for u, _, row in sold))
        limits.append(
            -sum(investment_to_cover(data, setting, u) * c.capacity_kw for u, c, _ in sold)
        )
    if setting.tariff == "multi_grade":
        step = data.scalars["price_step_min"]
        for low, high in ((0, 1), (1, 2), (3, 4), (5, 6)):
            row = np.zeros(PRICE_COUNT)
            row[low], row[high] = 1.0, -1.0
            rows.append(row)
            limits.append(-step)
        bounds = [(0, None)] * 3 + [(step, None), (0, None)] * 2
    else:
        # One price: the other six decisions do not exist.
        bounds = [(0, None)] + [(0, 0)] * (PRICE_COUNT - 1)
    ceiling = max(highest_useful_prices(data))
    bounds = [(low, ceiling if high is None else high) for low, high in bounds]
    # Among equal revenues the lowest prices win. The weight is too small to outweigh any revenue:
    # selling a single kilowatt-hour a year counts a million times as much.
    tie_break = 1e-6
    solved = linprog(
        tie_break - revenue,
        A_ub=np.array(rows) if rows else None,
        b_ub=limits if rows else None,
        bounds=bounds,
        method="highs",
    )
    if not solved.success:
        return None
    return (
        Prices.from_vector(solved.x)
        if setting.tariff == "multi_grade"
        else Prices.single(float(solved.x[0]))
    )


def _row(grade: Grade) -> list[float]:
    """Coefficients of Eq. (1) on the seven free prices."""
    row = [0.0] * PRICE_COUNT
    row[grade.capacity - 1] = 1.0
    for offset, level in ((1, grade.duration), (3, grade.response)):
        if level > LEVELS[0]:
            row[offset + level] = 1.0
    return row
