"""How far a claim is from turning over: at least 0 where it holds.

The tests of paper 2 are those of `claims.checks`; a margin says by how much one passes or
fails. Trends and orderings are measured against the largest of what they compare, numbers in the
tolerance of the claim's rule. Where only traces are built, the margin is how far the largest falls
short.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from mobile_storage.mmbes.claims import NOTABLE_SHARE, SLACK, TRACE_KWH, Outcome
from mobile_storage.mmbes.search.calibration import Target

__all__ = ["number_margin", "trend_margins", "verdict"]

#: Margin of what only just fails: ties where more is claimed.
HAIR = -1e-9


def verdict(claim: str, holds: bool, margin: float) -> dict[str, bool | float]:
    """The two columns of a claim in the row of a world."""
    return {
        f"holds.{claim}": bool(holds),
        f"margin.{claim}": float(margin if holds else min(margin, HAIR)),
    }


def number_margin(aims: Sequence[Target], found: str) -> float:
    """One less the distance from the published number, in tolerances; of two ends the farther.

    Parameters
    ----------
    aims : sequence of Target
        One, or two for a claim with two ends.
    found : str
        The computed number, or ``a to b``.
    """
    values = [float(part) for part in found.split(" to ")]
    return 1.0 - max(
        abs(value - aim.value) / aim.tolerance for aim, value in zip(aims, values, strict=True)
    )


def trend_margins(outcome: Outcome) -> dict[str, float]:
    """Margin of each claim that `claims.checks` tests."""
    rates = outcome.load_rate.sort_values("value")
    with_events, without = (_named(outcome.extreme, name) for name in ("with", "without"))
    lowered, raised = _ends(outcome.weights)
    cheap, dear = _ends(outcome.reference)
    best, profit = outcome.prospect, outcome.net_profit
    swept = [{"energy_kwh": rates["energy_kwh"].max()}]
    tests = {
        "P2-05": ([best], _order(best)),
        "P2-07": (swept, min(_rise(rates["energy_kwh"]), _rise(rates["power_kw"]))),
        "P2-09": (swept, _rise(rates["prospect_reliability"])),
        "P2-10": (swept, _rise(-rates["prospect_cost"])),
        "P2-11": (swept, _rise(rates["prospect_extreme"])),
        "P2-12": (swept, _hump(rates["value"], rates["prospect"])),
        "P2-14": ([lowered, raised], _more(raised["loss_cut_kwh"], lowered["loss_cut_kwh"])),
        "P2-15": ([cheap, dear], _expected_cost(cheap, dear)),
        "P2-16": ([with_events, without], _extremes(with_events, without)),
        "P2-18": ([best, profit], _profit(best, profit)),
    }
    return {claim: _unless_trace(rows, float(margin)) for claim, (rows, margin) in tests.items()}


def _unless_trace(rows: Iterable[Mapping[str, float]], margin: float) -> float:
    built = max(row["energy_kwh"] for row in rows) / TRACE_KWH - 1.0
    return min(margin, built) if built < 0 else margin


def _named(frame: pd.DataFrame, series: str) -> pd.Series:
    return frame[frame["series"] == series].iloc[0]


def _ends(frame: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    rows = frame.sort_values("value")
    return rows.iloc[0], rows.iloc[-1]


def _more(value: float, than: float) -> float:
    """Difference over the larger of the two, -1 to 1 for numbers of one sign."""
    largest = max(abs(value), abs(than))
    return (value - than) / largest if largest else 0.0


def _rise(values: pd.Series) -> float:
    """Smallest step, less the slack, or the whole rise if that is less, over the span."""
    values = values.to_numpy(dtype=float)
    span = np.ptp(values)
    if span == 0:
        return -SLACK
    return min(np.diff(values).min() / span + SLACK, (values[-1] - values[0]) / span)


def _order(row: Mapping[str, float]) -> float:
    benefits = {k: row[f"prospect_{k}"] for k in ("loss", "reliability", "deferral", "extreme")}
    largest = max(map(abs, benefits.values()))
    reliability = benefits["reliability"]
    gaps = (
        benefits["deferral"] - reliability,
        reliability - benefits["loss"],
        reliability - benefits["extreme"],
        reliability,
    )
    return min(gaps) / largest if largest else 0.0


def _hump(rate: pd.Series, prospect: pd.Series) -> float:
    """How much steeper the rise is than the fall; with the peak at an end, how far that stands out.

    Both below zero where the claim fails.
    """
    rate, value = rate.to_numpy(dtype=float), prospect.to_numpy(dtype=float)
    peak = int(np.argmax(value))
    if peak in (0, len(value) - 1):
        span = np.ptp(value)
        return -(value[peak] - value[1:-1].max()) / span if span and len(value) > 2 else -1.0
    rise = (value[peak] - value[0]) / (rate[peak] - rate[0])
    fall = (value[peak] - value[-1]) / (rate[-1] - rate[peak])
    return _more(rise, fall)


def _expected_cost(cheap: Mapping[str, float], dear: Mapping[str, float]) -> float:
    largest = max(abs(cheap["prospect_cost"]), abs(dear["prospect_cost"])) or 1.0
    return min(
        -cheap["prospect_cost"] / largest,
        dear["prospect_cost"] / largest,
        _more(dear["energy_kwh"], cheap["energy_kwh"]),
        _more(dear["power_kw"], cheap["power_kw"]),
    )


def _extremes(with_events: Mapping[str, float], without: Mapping[str, float]) -> float:
    cost = -without["worth_cost_yuan"]
    more = -with_events["worth_cost_yuan"] - cost
    added = _more(with_events["prospect_extreme"], without["prospect_extreme"])
    return min(added, NOTABLE_SHARE - more / cost if cost else -1.0 if more > 0 else NOTABLE_SHARE)


def _profit(best: Mapping[str, float], profit: Mapping[str, float]) -> float:
    before, after = best["net_profit_yuan"], profit["net_profit_yuan"]
    return ((after - before) / abs(before) if before else float(after > 0)) - NOTABLE_SHARE
