"""How firm the verdicts are, and who gains from grading."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from mobile_storage.core.margins import holding
from mobile_storage.pricing.claims import Comparison, margins, numbers

__all__ = ["gain_text", "robustness_table", "verdict_table"]


def robustness_table(moves: pd.DataFrame) -> pd.DataFrame:
    """Return under how many moves of one value each claim holds.

    Parameters
    ----------
    moves : DataFrame
        Rows of `sensitivity.try_move`, the unmoved data first. Moves without an answer do not
        count.
    """
    answered = moves.iloc[1:].query("status == 'optimal'")
    return pd.DataFrame(
        {
            "claim": claim,
            "with no value moved": "holds" if moves.iloc[0][claim] else "does not hold",
            "moves under which it holds": int(answered[claim].astype(bool).sum()),
            "of": len(answered),
        }
        for claim in moves.columns
        if claim.startswith("P1-")
    )


def verdict_table(compared: Comparison | None) -> pd.DataFrame:
    """Return whether each statement about Table 1 holds, with its numbers, yuan a year.

    Parameters
    ----------
    compared : Comparison or None
        None if a case has no feasible prices: the table has no rows.
    """
    rows = []
    if compared is not None:
        words = numbers(compared)
        rows = [(claim, holds, words[claim]) for claim, holds in holding(margins(compared)).items()]
    return pd.DataFrame(rows, columns=["claim", "holds", "numbers (yuan/yr)"])


def gain_text(compared: Comparison, cases: Mapping[str, Mapping[str, Any]]) -> str:
    """Return what the owner and the customers gain from grading, and how many buy.

    Parameters
    ----------
    compared : Comparison
    cases : mapping
        The solved cases by tariff, ``multi_grade`` and ``single_price``.
    """
    owner = compared.rise("net_income", compared.single_price)
    users = compared.cost_single_price - compared.cost_multi_grade
    lines = [
        f"owner, net income:            {owner:+12,.0f} yuan/yr",
        f"customers, supply cost saved: {users:+12,.0f} yuan/yr",
        f"both together:                {owner + users:+12,.0f} yuan/yr",
    ]
    for tariff, case in cases.items():
        buyers = sum(row["grade"] != "none" for row in case["customers"])
        lines.append(f"buyers, {tariff}: {buyers} of {len(case['customers'])}")
    return "\n".join(lines)
