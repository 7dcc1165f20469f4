"""The paper's claims P1-01 to P1-09 as measurements on solved cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

SIGNIFICANT_SHARE = 0.05
"""P1-05 says "significantly": read as at least this share of case 3's net income."""


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


def orderings(c: Comparison) -> dict[str, bool]:
    """Whether each of the paper's statements about Table 1 holds."""
    significant = SIGNIFICANT_SHARE * abs(c.no_emergency["net_income"])
    return {
        "P1-02": all(c.rise("total_revenue", o) > 0 for o in c.others),
        "P1-03": all(c.rise("total_cost", o) > 0 for o in c.others),
        "P1-04": all(c.rise("emergency_revenue", o) > c.rise("total_cost", o) for o in c.others),
        "P1-05": c.rise("net_income", c.no_emergency) > significant,
        "P1-06": c.cost_multi_grade < min(c.cost_single_price, c.cost_own_storage),
    }


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
