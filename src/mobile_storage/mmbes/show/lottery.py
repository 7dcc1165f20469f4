"""The lottery of extreme events, Eq. (26), (27), (29)-(31), as tables.

A *form* is a planner whose decision weights are ``rank-dependent`` (1992) or ``separable`` (1979).
Outcomes are present values, yuan, one a scenario and the last one, without any event, at zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from mobile_storage.mmbes.model.prospect import (
    certainty_equivalent,
    decision_weights,
    lottery_value,
    value,
    weight,
)
from mobile_storage.mmbes.model.substation import Preferences

__all__ = [
    "LOTTERY_UNITS",
    "form_table",
    "forms_of",
    "lifetime_table",
    "lottery_table",
    "ranked_by_hand",
]

Forms = Mapping[str, Preferences]


def forms_of(planner: Preferences) -> dict[str, Preferences]:
    """The planner with either form of decision weights."""
    return {
        "rank-dependent": replace(planner, rank_dependent=True),
        "separable": replace(planner, rank_dependent=False),
    }


def lottery_table(
    names: Sequence[str], outcome: np.ndarray, chance: np.ndarray, reference: float, forms: Forms
) -> pd.DataFrame:
    """The lottery, best outcome first, with the decision weights of both forms.

    Parameters
    ----------
    names : sequence of str
        Of the outcomes.
    outcome, chance : ndarray, shape (outcomes,)
    reference : float
        What the planner expects, yuan.
    forms : mapping
        From `forms_of`.
    """
    difference = outcome - reference
    table = pd.DataFrame(
        {
            "Outcome": names,
            "Worth": outcome,
            "Less the reference": difference,
            "Seen as": np.where(difference >= 0, "gain", "loss"),
            "Chance": chance,
            **{f"Weight, {n}": decision_weights(difference, chance, p) for n, p in forms.items()},
        }
    )
    return table.sort_values("Worth", ascending=False, kind="stable")


LOTTERY_UNITS = {"Worth": "yuan", "Less the reference": "yuan"}


def ranked_by_hand(
    names: Sequence[str], difference: np.ndarray, chance: np.ndarray, planner: Preferences
) -> pd.DataFrame:
    """Rank-dependent weights from the chances of better outcomes, and the parts of V4.

    Parameters
    ----------
    names : sequence of str
    difference : ndarray, shape (outcomes,)
        Outcomes less the reference point, yuan.
    chance : ndarray, shape (outcomes,)
    planner : Preferences
    """
    better, rows = 0.0, []
    for i in np.argsort(difference, kind="stable")[::-1]:
        as_good = better + chance[i]
        if difference[i] >= 0:
            w = weight(min(1.0, as_good), planner.gamma) - weight(better, planner.gamma)
        else:
            worse = weight(max(0.0, 1.0 - as_good), planner.delta)
            w = weight(1.0 - better, planner.delta) - worse
        w, v = float(w), float(value(difference[i], planner))
        rows.append(
            {
                "Outcome": names[i],
                "Chance of better": better,
                "of as good or better": as_good,
                "Weight": w,
                "Weight over chance": w / chance[i] if chance[i] > 0 else np.nan,
                "Value v": v,
                "Weight times value": w * v,
            }
        )
        better = min(1.0, round(as_good, 14))
    return pd.DataFrame(rows)


def form_table(
    outcome: np.ndarray, chance: np.ndarray, happens: float, reference: float, forms: Forms
) -> pd.DataFrame:
    """V4 by both forms, with every scenario cut into two halves, and of the expected worth.

    Parameters
    ----------
    outcome, chance : ndarray, shape (outcomes,)
    happens : float
        Chance that any event comes in a year.
    reference : float
        What the planner expects, yuan.
    forms : mapping
        From `forms_of`.
    """
    halves = np.append(chance[:-1] / 2.0, [*(chance[:-1] / 2.0), chance[-1]])
    twice = np.append(outcome[:-1], outcome)
    rows = []
    for name, form in forms.items():
        w = decision_weights(outcome - reference, chance, form)
        v = float(lottery_value(outcome, chance, reference, form))
        sure = float(certainty_equivalent(v, form))
        cut = float(lottery_value(twice, halves, reference, form))
        rows.append((name, float(w[:-1].sum()), float(w[-1]), v, sure, cut))
    expected = float(outcome @ chance)
    v = float(value(expected - reference, next(iter(forms.values()))))
    name = "none: expected worth for sure"
    rows.append((name, happens, 1.0 - happens, v, expected - reference, v))
    return pd.DataFrame(
        rows,
        columns=[
            "Weights",
            "Weight of all events",
            "Weight of none",
            "Prospect V4",
            "As good as, for sure (yuan)",
            "V4, each scenario cut into two halves",
        ],
    )


def lifetime_table(
    outcome: np.ndarray,
    chance: np.ndarray,
    yearly: np.ndarray,
    horizon_yr: float,
    reference: float,
    forms: Forms,
) -> pd.DataFrame:
    """V4 of one year, every year alike, against that of the whole life as one lottery.

    Parameters
    ----------
    outcome, chance : ndarray, shape (scenarios + 1,)
    yearly : ndarray, shape (scenarios,)
        Chance of each scenario in a year, whether or not the storage works.
    horizon_yr : float
    reference : float
        What the planner expects, yuan.
    forms : mapping
        From `forms_of`.
    """
    happens = float(yearly.sum())
    ever = 1.0 - (1.0 - happens) ** horizon_yr
    share = yearly / happens if happens > 0 else yearly
    life = outcome * (happens / ever if ever > 0 else 0.0), np.append(share * ever, 1.0 - ever)
    lotteries = {"one year, every year alike (default)": (outcome, chance), "the whole life": life}
    return pd.DataFrame(
        {
            "Lottery": name,
            "Chance of any event": 1.0 - odds[-1],
            "Mean (yuan)": float(x @ odds),
            **{f"V4, {f}": float(lottery_value(x, odds, reference, p)) for f, p in forms.items()},
        }
        for name, (x, odds) in lotteries.items()
    )
