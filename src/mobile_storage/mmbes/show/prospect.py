"""Section 3 up to 3.1 as tables: values, weights, lotteries, and the unit of money."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from mobile_storage.mmbes.model.evaluate import Attributes, comprehensive, prospects
from mobile_storage.mmbes.model.prospect import (
    certainty_equivalent,
    decision_weights,
    lottery_value,
    value,
    weight,
)
from mobile_storage.mmbes.model.substation import ATTRIBUTES, Preferences
from mobile_storage.mmbes.show.lottery import forms_of
from mobile_storage.mmbes.show.tables import ATTRIBUTE_NAMES

__all__ = [
    "attitude_table",
    "attribute_table",
    "event_table",
    "gamble_table",
    "money_table",
    "value_table",
    "weight_table",
]

Planners = Mapping[str, Preferences]

#: Outcomes and chances of gambles, their value and the sure sum as good as each, as published.
GAMBLES = (
    ([12.0, 14.0, 96.0], [0.05, 0.05, 0.90], 42.18, 70.27),
    ([12.0, 90.0, 96.0], [0.10, 0.05, 0.85], 41.90, 69.73),
    ([40.0, 98.0], [0.20, 0.80], 44.42, 74.52),
)


def value_table(planners: Planners, stake_yuan: float) -> pd.DataFrame:
    """Value, Eq. (6), (7), of a gain and a loss of a stake and of twice the stake."""
    return pd.DataFrame(
        {
            "Set": name,
            "Difference (yuan)": worth,
            "Value": float(value(worth, planner)),
            "In shares of the gain's": float(value(worth, planner) / value(stake_yuan, planner)),
        }
        for name, planner in planners.items()
        for worth in (stake_yuan, 2.0 * stake_yuan, -stake_yuan, -2.0 * stake_yuan)
    )


def weight_table(planners: Planners, rare: float) -> pd.DataFrame:
    """Weights of probabilities, Eq. (8), (9), among them that of a rare event."""
    chances = np.array([0.0, 0.01, rare, 0.05, 0.1, 0.3, 0.5, 0.7, 0.9, 0.95, 0.99, 1.0])
    columns = {
        f"{name}: {side}": weight(chances, curvature)
        for name, planner in planners.items()
        for side, curvature in (("gain", planner.gamma), ("loss", planner.delta))
    }
    return pd.DataFrame({"Probability": chances, **columns})


def attitude_table(planner: Preferences, stake_yuan: float, rare: float) -> pd.DataFrame:
    """The fourfold pattern: the sure sum as good as a gamble, against the gamble's mean."""
    rows = []
    for outcome in (stake_yuan, -stake_yuan):
        for chance in (0.5, rare):
            odds = np.array([chance, 1 - chance])
            v = lottery_value(np.array([outcome, 0.0]), odds, 0.0, planner)
            sure, mean = float(certainty_equivalent(v, planner)), outcome * chance
            rows.append(
                {
                    "Outcome (yuan)": outcome,
                    "Probability": chance,
                    "Mean (yuan)": mean,
                    "As good as, for sure (yuan)": sure,
                    "Attitude": "risk-averse" if sure < mean else "risk-seeking",
                }
            )
    return pd.DataFrame(rows)


def gamble_table(planner: Preferences) -> pd.DataFrame:
    """Published gambles, `GAMBLES`, by both forms of decision weights."""
    forms, rows = forms_of(planner), []
    for outcomes, odds, known, known_sure in GAMBLES:
        v = {
            name: float(lottery_value(np.array(outcomes), np.array(odds), 0.0, form))
            for name, form in forms.items()
        }
        # The value function inverts a value; the form of the weights does not matter to it.
        sure = {name: round(float(certainty_equivalent(x, planner)), 4) for name, x in v.items()}
        rows.append(
            {
                "Gamble": "; ".join(f"{x:g} at {p:g}" for x, p in zip(outcomes, odds, strict=True)),
                "V, published": known,
                "V": round(v["rank-dependent"], 4),
                "Certain, published": known_sure,
                "Certain": sure["rank-dependent"],
                "V, separable": round(v["separable"], 4),
                "Certain, separable": sure["separable"],
            }
        )
    return pd.DataFrame(rows)


def event_table(effects: Attributes, planner: Preferences) -> pd.DataFrame:
    """The lottery of extreme events of one size by both forms of decision weights."""
    reference = float(planner.reference[ATTRIBUTES.index("extreme")])
    outcomes, odds = effects.extreme_outcomes[0], effects.extreme_probability
    rows = []
    for name, form in forms_of(planner).items():
        weights = decision_weights(outcomes - reference, odds, form)
        rows.append(
            {
                "Weights": name,
                "Chance that an event comes": float(odds[:-1].sum()),
                "Weight of all events": float(weights[:-1].sum()),
                "Weight of none": float(weights[-1]),
                "Mean (yuan)": float(outcomes @ odds),
                "Prospect": float(lottery_value(outcomes, odds, reference, form)),
            }
        )
    return pd.DataFrame(rows)


def attribute_table(effects: Attributes, planner: Preferences) -> pd.DataFrame:
    """Worth, reference point, prospect and weight of each attribute of one size, Eq. (2)."""
    worth = effects.worth[0]
    table = pd.DataFrame(
        {
            "Attribute": list(ATTRIBUTE_NAMES.values()),
            "Worth (yuan)": worth,
            "Reference (yuan)": planner.reference,
            "Difference (yuan)": worth - planner.reference,
            "Seen as": np.where(worth >= planner.reference, "gain", "loss"),
            "Prospect": prospects(effects, planner)[0],
            "Weight": planner.weights,
        }
    )
    table.loc[ATTRIBUTES.index("extreme"), "Seen as"] = "lottery"
    return table


def money_table(
    mapped: Attributes, planner: Preferences, exponents: Mapping[str, tuple[float, float]]
) -> pd.DataFrame:
    """The best size on a map with worths in yuan and in million yuan.

    Parameters
    ----------
    mapped : Attributes
        Of many sizes.
    planner : Preferences
    exponents : mapping
        Pairs of alpha and beta by name.
    """
    rows = []
    for name, (alpha, beta) in exponents.items():
        for unit, yuan in (("yuan", 1.0), ("million yuan", 1e6)):
            p = replace(planner, alpha=alpha, beta=beta, reference=planner.reference / yuan)
            scaled = replace(
                mapped, worth=mapped.worth / yuan, extreme_outcomes=mapped.extreme_outcomes / yuan
            )
            v = comprehensive(scaled, p)
            best = int(np.argmax(v))
            rows.append(
                {
                    "Exponents": f"{name}: {alpha:.3g}, {beta:.3g}",
                    "Unit": unit,
                    "Loss aversion, as in yuan": planner.loss_aversion * yuan ** (alpha - beta),
                    "Energy": mapped.energy_kwh[best],
                    "Power": mapped.power_kw[best],
                    "V": v[best],
                    "V, back in yuan": v[best] * yuan**alpha,
                }
            )
    return pd.DataFrame(rows)
