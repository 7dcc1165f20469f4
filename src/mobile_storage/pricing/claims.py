"""The rules of the claims P1-02 to P1-08 of paper 1, applied to solved cases.

Each rule returns the margin of its claim. P1-01 and P1-09 have no margin: Eq. (1) is how the model
builds its prices, and the published cells of Table 1 are lost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mobile_storage.core.margins import Margin
from mobile_storage.pricing.model.income import NOISE_YUAN_PER_YEAR

SIGNIFICANT_SHARE = 0.05
"""P1-05 says "significantly": read as more than this share of case 3's net income."""
AGREE = 1e-6
"""Relative difference below which two objectives count as the same."""
REGRET_YUAN_PER_YEAR = 0.01
"""P1-08: a customer that gives up less than this against its best response plays it."""


@dataclass(frozen=True)
class Comparison:
    """Rows of Table 1 by case, and the customers' total supply cost, yuan/yr.

    Attributes
    ----------
    multi_grade, single_price, no_emergency : mapping
        Rows of `income.Account.rows` of cases 1, 2 and 3.
    cost_multi_grade, cost_single_price : float
        Sum over the customers of the supply cost.
    cost_own_storage : float
        Sum of C_buy,u: everyone buys own storage, as case 3 has it.
    """

    multi_grade: Mapping[str, float]
    single_price: Mapping[str, float]
    no_emergency: Mapping[str, float]
    cost_multi_grade: float
    cost_single_price: float
    cost_own_storage: float

    def rise(self, row: str, over: Mapping[str, float]) -> float:
        """Increase of a row in case 1 over another case."""
        return self.multi_grade[row] - over[row]

    @property
    def others(self) -> Sequence[Mapping[str, float]]:
        """Cases 2 and 3."""
        return self.single_price, self.no_emergency


def margins(c: Comparison) -> dict[str, Margin]:
    """Margin of each of the paper's statements about Table 1, P1-02 to P1-06, yuan/yr.

    All of them say that one amount is larger than another, so equal amounts fail. Amounts that
    differ by less than `NOISE_YUAN_PER_YEAR` are equal: rounding decides no claim.
    """
    significant = SIGNIFICANT_SHARE * abs(c.no_emergency["net_income"])
    differences = {
        "P1-02": min(c.rise("total_revenue", o) for o in c.others),
        "P1-03": min(c.rise("total_cost", o) for o in c.others),
        "P1-04": min(c.rise("emergency_revenue", o) - c.rise("total_cost", o) for o in c.others),
        "P1-05": c.rise("net_income", c.no_emergency) - significant,
        "P1-06": min(c.cost_single_price, c.cost_own_storage) - c.cost_multi_grade,
    }
    return {
        claim: Margin(value if abs(value) > NOISE_YUAN_PER_YEAR else 0.0, "yuan/yr")
        for claim, value in differences.items()
    }


def ends_at_equilibrium(
    ending: str, income: float, violation: float, equilibrium_income: float
) -> bool:
    """Whether a run of the iteration ends at the equilibrium: feasible, and worth as much.

    Parameters
    ----------
    ending : str
        `Iteration.ending`.
    income, violation, equilibrium_income : float
        Net income and violation of the last round, and net income of the equilibrium, yuan/yr.
    """
    near = AGREE * max(1.0, abs(equilibrium_income))
    close = abs(income - equilibrium_income) <= near
    return ending == "fixed point" and close and violation <= near


def iteration_margin(arrived: Sequence[bool]) -> Margin:
    """P1-07: the share of runs that end elsewhere, negative; the claim holds if there are none.

    Parameters
    ----------
    arrived : sequence of bool
        `ends_at_equilibrium` of the run from each start that does not know the equilibrium.
    """
    return Margin(float(np.mean(arrived)) - 1.0, "share of the runs", strict=False)


def equivalence_margin(spread: float, regret: float) -> Margin:
    """P1-08: 1 less the largest difference between formulations, in tolerances.

    Parameters
    ----------
    spread : float
        Largest relative difference of the objectives of the same game.
    regret : float
        Largest amount that a customer gives up against its best response, yuan/yr.
    """
    return Margin(1.0 - max(spread / AGREE, regret / REGRET_YUAN_PER_YEAR), "tolerances")


def turned_claims(moves: pd.DataFrame) -> pd.DataFrame:
    """Claims that one moved value turns over: ``table``, ``symbol``, ``end``, ``claim``.

    Parameters
    ----------
    moves : DataFrame
        Rows of `sensitivity.try_move`, the unmoved data first. Moves without an answer turn
        nothing.
    """
    claims = [name for name in moves.columns if name.startswith("P1-")]
    place = ["table", "symbol", "end"]
    usual, moved = moves.iloc[0], moves.iloc[1:]
    # A column with gaps reads back as objects: bool() of each cell.
    rows = [
        (*(move[name] for name in place), claim)
        for move in moved[moved["status"] == "optimal"].to_dict("records")
        for claim in claims
        if bool(move[claim]) != bool(usual[claim])
    ]
    return pd.DataFrame(rows, columns=[*place, "claim"])


def numbers(c: Comparison) -> dict[str, str]:
    """The numbers behind each verdict, in words, yuan/yr."""

    def three(row: str) -> str:
        values = (c.multi_grade, c.single_price, c.no_emergency)
        return ", ".join(f"case {k + 1}: {v[row]:,.0f}" for k, v in enumerate(values))

    def against(row: str, k: int) -> str:
        return f"{c.rise(row, c.others[k - 2]):+,.0f} against case {k}"

    return {
        "P1-02": f"total revenue, {three('total_revenue')}",
        "P1-03": f"total cost, {three('total_cost')}",
        "P1-04": "read as against case 2 and against case 3, emergency revenue "
        + " and ".join(against("emergency_revenue", k) for k in (2, 3))
        + "; total cost "
        + " and ".join(against("total_cost", k) for k in (2, 3)),
        "P1-05": f"net income, {three('net_income')}; a rise counts as significant from "
        f"{SIGNIFICANT_SHARE:.0%} of case 3's",
        "P1-06": f"customers' supply cost, case 1: {c.cost_multi_grade:,.0f}, "
        f"case 2: {c.cost_single_price:,.0f}, own storage for all: {c.cost_own_storage:,.0f}",
    }


def comparison(
    multi_grade: Mapping[str, Any], single_price: Mapping[str, Any], no_emergency: Mapping[str, Any]
) -> Comparison:
    """From the result files of cases 1 and 2 and the account of case 3.

    Parameters
    ----------
    multi_grade, single_price : mapping
        With ``account`` and ``customers`` as `stages.pricing.case` writes them.
    no_emergency : mapping
        Rows of case 3's account.
    """

    def total(case: Mapping[str, Any], column: str) -> float:
        return sum(row[column] for row in case["customers"])

    return Comparison(
        multi_grade=multi_grade["account"],
        single_price=single_price["account"],
        no_emergency=no_emergency,
        cost_multi_grade=total(multi_grade, "supply_cost_yuan_per_year"),
        cost_single_price=total(single_price, "supply_cost_yuan_per_year"),
        cost_own_storage=total(multi_grade, "own_storage_yuan_per_year"),
    )
