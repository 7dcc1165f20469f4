"""The rules of the claims P2-01 to P2-18 of paper 2, applied to the results of one parameter set.

A claim that is a number is looked up by `numbers`; its rule is its tolerance in the ledger of
claims (`core.claims.number_margin`). A trend or an ordering is judged by its margin. The thresholds
that turn a word of the paper ("sharply", "notably") into a rule stand at the top. No trend holds
where hardly any storage is built.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mobile_storage.core.io import read_json
from mobile_storage.core.margins import Margin, excess, weakest

__all__ = ["CLAIMED_FAMILIES", "NUMBERS", "SetResults", "convergence_margin", "margins", "numbers"]

NOTABLE_SHARE = 0.05
"""P2-16 and P2-18 say "significantly" and "notably": read as at least this share."""
SLACK = 1e-4
"""A step against a trend is ignored up to this share of the whole range, because a search ends
near its optimum and not exactly at it."""
TRACE_KWH = 50.0
"""A storage smaller than this, 1 % of the published optimum, counts as none. A value function that
is infinitely steep at its reference point builds such a trace where storage does not pay, and the
sizes of traces can follow a trend too."""

#: Claims that are a number, with the quantity of `report.describe` that answers them.
NUMBERS = {
    "P2-01": "energy_kwh",
    "P2-02": "elcc_kw",
    "P2-03": "deferral_yr",
    "P2-04": "eens_cut_kwh",
}
#: Families of scenarios that a claim is read from.
CLAIMED_FAMILIES = ("load_rate", "weights", "reference", "extreme")


@dataclass(frozen=True)
class SetResults:
    """The results of one parameter set that the claims are read from.

    Attributes
    ----------
    prospect, net_profit : mapping
        `report.describe` at the size that maximises the prospect or the net profit.
    load_rate, weights, reference, extreme : DataFrame
        Best sizes of the scenarios: columns ``series``, ``value`` and those of `report.describe`.
    """

    prospect: Mapping[str, float]
    net_profit: Mapping[str, float]
    load_rate: pd.DataFrame
    weights: pd.DataFrame
    reference: pd.DataFrame
    extreme: pd.DataFrame

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> SetResults:
        """The results in a record of `analysis.outcomes.outcome_record`."""
        families = {family: pd.DataFrame(record[family]) for family in CLAIMED_FAMILIES}
        return cls(record["prospect"], record["net_profit"], **families)

    @classmethod
    def read(cls, folder: str | Path, name: str) -> SetResults:
        """The results in the files of the stages.

        Parameters
        ----------
        folder : path
            ``data/results/fu2024``.
        name : str
            The parameter set, ``literature`` or ``calibrated``.
        """
        record: dict[str, Any] = {
            kind: read_json(Path(folder, "optimum", f"{name}_{kind}.json"))["optimum"]
            for kind in ("prospect", "net_profit")
        }
        for family in CLAIMED_FAMILIES:
            record[family] = pd.read_csv(Path(folder, "scenarios", f"{name}_{family}.csv"))
        return cls.of(record)


def numbers(results: SetResults) -> dict[str, float | str]:
    """The computed number for each claim that is one, in the claim's unit."""
    ends = results.load_rate.sort_values("value")["energy_kwh"].iloc[[0, -1]]
    return {
        **{claim: float(results.prospect[name]) for claim, name in NUMBERS.items()},
        "P2-06": float(results.net_profit["energy_kwh"]),
        "P2-08": " to ".join(f"{end:.2f}" for end in ends),
    }


def margins(results: SetResults) -> dict[str, Margin]:
    """Margin of each trend and ordering.

    Where all the sizes that a claim looks at are smaller than `TRACE_KWH`, the claim fails at
    least by the share of it that the largest one falls short.
    """
    rates = results.load_rate.sort_values("value")
    with_events, without = (_row(results.extreme, name) for name in ("with", "without"))
    lowered, raised = _ends(results.weights, "loss")
    best, profit = results.prospect, results.net_profit
    cheap, dear = _ends(results.reference, "cost")
    swept, energy = [row for _, row in rates.iterrows()], "energy_kwh"
    rules = {
        "P2-05": ([best], _deferral_first_reliability_next(best)),
        "P2-07": (swept, weakest(_rises(rates[energy]), _rises(rates["power_kw"]))),
        "P2-09": (swept, _rises(rates["prospect_reliability"])),
        "P2-10": (swept, _rises(-rates["prospect_cost"])),
        "P2-11": (swept, _rises(rates["prospect_extreme"])),
        "P2-12": (swept, _rises_sharply_then_declines(rates["value"], rates["prospect"])),
        "P2-14": ([lowered, raised], excess(raised["loss_cut_kwh"], lowered["loss_cut_kwh"])),
        "P2-15": ([cheap, dear], _expected_cost_turns(cheap, dear)),
        "P2-16": ([with_events, without], _extremes_add_benefit_not_cost(with_events, without)),
        "P2-18": ([best, profit], _profit_is_notably_higher(best, profit)),
    }
    return {
        claim: _unless_trace((row[energy] for row in looked_at), margin)
        for claim, (looked_at, margin) in rules.items()
    }


def convergence_margin(settled_after: int, limit: int) -> Margin:
    """P2-17: by how many iterations a run of the search settles before the limit."""
    return Margin(float(limit - settled_after), "iterations", strict=False)


def _row(frame: pd.DataFrame, series: str) -> pd.Series:
    return frame[frame["series"] == series].iloc[0]


def _ends(frame: pd.DataFrame, series: str) -> tuple[pd.Series, pd.Series]:
    """Rows of a series with the lowest and the highest value."""
    rows = frame[frame["series"] == series].sort_values("value")
    return rows.iloc[0], rows.iloc[-1]


def _unless_trace(energies_kwh: Iterable[float], margin: Margin) -> Margin:
    missing = max(energies_kwh) / TRACE_KWH - 1.0
    return weakest(margin, Margin(missing, "share of TRACE_KWH")) if missing < 0 else margin


def _rises(values: pd.Series) -> Margin:
    """Values rise from end to end, and no step goes down by more than `SLACK` of their range."""
    values, unit = values.to_numpy(dtype=float), "share of the range"
    span = np.ptp(values)
    if span == 0:
        return Margin(-SLACK, unit)
    return weakest(
        Margin(np.diff(values).min() / span + SLACK, unit, strict=False),
        Margin((values[-1] - values[0]) / span, unit),
    )


def _deferral_first_reliability_next(row: Mapping[str, float]) -> Margin:
    loss, reliability, deferral, extreme = (
        row[f"prospect_{name}"] for name in ("loss", "reliability", "deferral", "extreme")
    )
    largest = max(map(abs, (loss, reliability, deferral, extreme)))
    least = min(deferral - reliability, reliability - loss, reliability - extreme, reliability)
    return Margin(least / largest if largest else 0.0, "share of the largest benefit")


def _rises_sharply_then_declines(rate: pd.Series, prospect: pd.Series) -> Margin:
    """The peak is inside the range, with a steeper slope up to it than from it to the end.

    With the peak at an end, the claim fails by what the peak exceeds all values inside the range.
    """
    rate, value = rate.to_numpy(dtype=float), prospect.to_numpy(dtype=float)
    peak = int(np.argmax(value))
    if peak in (0, len(value) - 1):
        span, inside = np.ptp(value), value[1:-1]
        short = (value[peak] - inside.max()) / span if span and inside.size else 1.0
        return Margin(-short, "share of the range")
    rise = (value[peak] - value[0]) / (rate[peak] - rate[0])
    fall = (value[peak] - value[-1]) / (rate[-1] - rate[peak])
    return excess(rise, fall)


def _expected_cost_turns(cheap: Mapping[str, float], dear: Mapping[str, float]) -> Margin:
    """With more expected cost, the prospect of cost turns positive and the storage grows."""
    below, above = cheap["prospect_cost"], dear["prospect_cost"]
    largest, unit = max(abs(below), abs(above)) or 1.0, "share of the larger"
    return weakest(
        Margin(-below / largest, unit),
        Margin(above / largest, unit),
        excess(dear["energy_kwh"], cheap["energy_kwh"]),
        excess(dear["power_kw"], cheap["power_kw"]),
    )


def _extremes_add_benefit_not_cost(
    with_events: Mapping[str, float], without: Mapping[str, float]
) -> Margin:
    """Extreme events raise their prospect, and raise the cost by at most `NOTABLE_SHARE`."""
    cost = -without["worth_cost_yuan"]
    more = -with_events["worth_cost_yuan"] - cost
    share = NOTABLE_SHARE - more / cost if cost else -1.0 if more > 0 else NOTABLE_SHARE
    return weakest(
        excess(with_events["prospect_extreme"], without["prospect_extreme"]),
        Margin(share, "share of the cost", strict=False),
    )


def _profit_is_notably_higher(best: Mapping[str, float], profit: Mapping[str, float]) -> Margin:
    """Net profit at its own best size, over that at the prospect's, by `NOTABLE_SHARE` or more."""
    before, after = best["net_profit_yuan"], profit["net_profit_yuan"]
    gain = (after - before) / abs(before) if before else float(after > 0)
    return Margin(gain - NOTABLE_SHARE, "share of the net profit", strict=False)
