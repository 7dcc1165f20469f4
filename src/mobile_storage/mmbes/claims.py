"""The paper's claims P2-01 to P2-18 as measurements on one parameter set's results.

Numbers are looked up; trends and orderings are tests on the rows of the scenarios. Thresholds that
turn a word of the paper ("sharply", "notably") into a test stand at the top. Where no storage worth
the name is built, no trend of it holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

__all__ = ["NUMBERS", "Outcome", "checks", "numbers"]

NOTABLE_SHARE = 0.05
"""P2-16 and P2-18 say "significantly" and "notably": read as at least this share."""
SLACK = 1e-4
"""A step against a trend counts from this share of the whole range on: searches end near, not at,
their optimum."""
TRACE_KWH = 50.0
"""Below this, 1 % of the published optimum, nothing is built. A value function that is infinitely
steep at its reference point builds a trace where nothing pays, and traces can follow a trend too.
"""

#: Claims that are a number, with the quantity of `report.describe` that answers them.
NUMBERS = {
    "P2-01": "energy_kwh",
    "P2-02": "elcc_kw",
    "P2-03": "deferral_yr",
    "P2-04": "eens_cut_kwh",
}


@dataclass(frozen=True)
class Outcome:
    """What a parameter set comes to.

    Attributes
    ----------
    prospect, net_profit : mapping
        `report.describe` at the size that maximises either.
    load_rate, weights, reference, extreme : DataFrame
        Best sizes of the scenarios: columns ``series``, ``value`` and those of `report.describe`.
    """

    prospect: Mapping[str, float]
    net_profit: Mapping[str, float]
    load_rate: pd.DataFrame
    weights: pd.DataFrame
    reference: pd.DataFrame
    extreme: pd.DataFrame


def numbers(outcome: Outcome) -> dict[str, float | str]:
    """The computed number for each claim that is one, in the claim's unit."""
    ends = outcome.load_rate.sort_values("value")["energy_kwh"].iloc[[0, -1]]
    return {
        **{claim: float(outcome.prospect[name]) for claim, name in NUMBERS.items()},
        "P2-06": float(outcome.net_profit["energy_kwh"]),
        "P2-08": " to ".join(f"{end:.2f}" for end in ends),
    }


def checks(outcome: Outcome) -> dict[str, bool]:
    """Whether each trend or ordering holds; none does where all sizes it looks at are traces."""
    rates = outcome.load_rate.sort_values("value")
    with_events, without = (_row(outcome.extreme, name) for name in ("with", "without"))
    lowered, raised = _ends(outcome.weights, "loss")
    best, profit = outcome.prospect, outcome.net_profit
    cheap, dear = _ends(outcome.reference, "cost")
    swept, energy = [row for _, row in rates.iterrows()], "energy_kwh"
    tests = {
        "P2-05": ([best], _deferral_first_reliability_next(best)),
        "P2-07": (swept, _monotone(rates[energy]) and _monotone(rates["power_kw"])),
        "P2-09": (swept, _monotone(rates["prospect_reliability"])),
        "P2-10": (swept, _monotone(-rates["prospect_cost"])),
        "P2-11": (swept, _monotone(rates["prospect_extreme"])),
        "P2-12": (swept, _rises_sharply_then_declines(rates["value"], rates["prospect"])),
        "P2-14": ([lowered, raised], raised["loss_cut_kwh"] > lowered["loss_cut_kwh"]),
        "P2-15": ([cheap, dear], _expected_cost_turns(cheap, dear)),
        "P2-16": ([with_events, without], _extremes_add_benefit_not_cost(with_events, without)),
        "P2-18": ([best, profit], _profit_gain(best, profit) >= NOTABLE_SHARE),
    }
    return {
        claim: bool(holds and max(row[energy] for row in looked_at) >= TRACE_KWH)
        for claim, (looked_at, holds) in tests.items()
    }


def _row(frame: pd.DataFrame, series: str) -> pd.Series:
    return frame[frame["series"] == series].iloc[0]


def _ends(frame: pd.DataFrame, series: str) -> tuple[pd.Series, pd.Series]:
    """Rows of a series with the lowest and the highest value."""
    rows = frame[frame["series"] == series].sort_values("value")
    return rows.iloc[0], rows.iloc[-1]


def _monotone(values: pd.Series) -> bool:
    """Whether values rise from end to end, with no step down beyond `SLACK`."""
    values = values.to_numpy(dtype=float)
    span = values.max() - values.min()
    return bool(span > 0 and values[-1] > values[0] and np.diff(values).min() >= -SLACK * span)


def _deferral_first_reliability_next(row: Mapping[str, float]) -> bool:
    benefits = {k: row[f"prospect_{k}"] for k in ("loss", "reliability", "deferral", "extreme")}
    order = sorted(benefits, key=benefits.get, reverse=True)
    return order[:2] == ["deferral", "reliability"] and benefits["reliability"] > 0


def _rises_sharply_then_declines(rate: pd.Series, prospect: pd.Series) -> bool:
    """A peak inside the range, with a steeper slope up to it than from it to the end."""
    rate, value = rate.to_numpy(dtype=float), prospect.to_numpy(dtype=float)
    peak = int(np.argmax(value))
    if peak in (0, len(value) - 1):
        return False
    rise = (value[peak] - value[0]) / (rate[peak] - rate[0])
    fall = (value[peak] - value[-1]) / (rate[-1] - rate[peak])
    return bool(rise > fall)


def _expected_cost_turns(cheap: pd.Series, dear: pd.Series) -> bool:
    """More expected cost: its prospect turns positive, the size grows."""
    return bool(
        cheap["prospect_cost"] < 0 < dear["prospect_cost"]
        and dear["energy_kwh"] > cheap["energy_kwh"]
        and dear["power_kw"] > cheap["power_kw"]
    )


def _extremes_add_benefit_not_cost(with_events: pd.Series, without: pd.Series) -> bool:
    more = -(with_events["worth_cost_yuan"] - without["worth_cost_yuan"])
    return bool(
        with_events["prospect_extreme"] > without["prospect_extreme"]
        and more <= NOTABLE_SHARE * -without["worth_cost_yuan"]
    )


def _profit_gain(best: Mapping[str, float], profit: Mapping[str, float]) -> float:
    """Net profit at its own best size over that at the prospect's, as a share of the latter."""
    before, after = best["net_profit_yuan"], profit["net_profit_yuan"]
    return (after - before) / abs(before) if before else float(after > 0)
