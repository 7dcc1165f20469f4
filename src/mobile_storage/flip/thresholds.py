"""Thresholds: the value of a factor that best separates the worlds in which a claim holds.

An *outcome* is a yes or no in every world: a claim holds, storage is built, or there is an answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

__all__ = [
    "CONFIDENCE",
    "RESAMPLES",
    "SEED",
    "Split",
    "best_split",
    "decided",
    "share",
    "thresholds",
    "tried",
]

LEAST = 20
"""If an outcome is true, or false, in fewer worlds than this, no threshold is given for it."""
SIGNIFICANT = 0.01
"""False discovery rate up to which a factor counts as flipping an outcome."""
TOP = 3
"""Number of thresholds that are kept for an outcome: those of the most influential factors."""
MOST_LEVELS = 3
"""A threshold of a factor with at most this many different values gets no interval: it can only lie
between two of them."""
CONFIDENCE = 0.95
"""Confidence of all intervals."""
RESAMPLES = 200
"""Bootstrap samples for the interval of a threshold."""
SEED = 1
"""Seed of the bootstrap."""

COLUMNS = (
    *("outcome", "among", "rank", "factor", "unit", "scale", "holds_above"),
    *("threshold", "threshold_low", "threshold_high", "youden_j", "p_adjusted"),
    *("worlds_below", "share_below", "share_below_low", "share_below_high"),
    *("worlds_above", "share_above", "share_above_low", "share_above_high"),
)


@dataclass(frozen=True)
class Split:
    """The best split of a factor's range.

    Attributes
    ----------
    threshold : float
        Where the range is split, in the factor's unit: halfway between two worlds.
    youden_j : float
        Youden's J of the split, from 0 (the factor says nothing about the outcome) to 1 (it decides
        the outcome alone).
    holds_above : bool
        Whether the outcome is likelier above the threshold than below it.
    p_value : float
        p-value of the Kolmogorov-Smirnov test that the factor has no influence on the outcome.
    """

    threshold: float
    youden_j: float
    holds_above: bool
    p_value: float


def best_split(x: np.ndarray, holds: np.ndarray) -> Split:
    """Split a factor's range where that best separates the worlds by their outcome.

    The Kolmogorov-Smirnov distance compares the factor's distribution where the outcome is true
    with that where it is false. It is the largest Youden's J of all splits, and it is attained at
    the best one.

    Parameters
    ----------
    x : ndarray, shape (worlds,)
        Value of the factor in each world.
    holds : ndarray of bool, shape (worlds,)
        Outcome in each world.

    Raises
    ------
    ValueError
        If the outcome is the same in all worlds.
    """
    if holds.all() or not holds.any():
        raise ValueError("nothing to split: the outcome is the same in every world")
    test = stats.ks_2samp(x[holds], x[~holds], method="asymp")
    at = test.statistic_location
    above = x[x > at]
    return Split(
        threshold=float((at + above.min()) / 2) if above.size else float(at),
        youden_j=float(test.statistic),
        holds_above=bool(test.statistic_sign < 0),
        p_value=float(test.pvalue),
    )


def tried(values: pd.DataFrame, holds: np.ndarray) -> dict[str, tuple[Split, float]]:
    """Return the best split of every factor, and its p-value adjusted for the number of factors.

    Parameters
    ----------
    values : DataFrame
        One column a factor, one row a world.
    holds : ndarray of bool, shape (worlds,)
        Outcome in each world; `decided` has to be true of it.
    """
    splits = [best_split(values[name].to_numpy(dtype=float), holds) for name in values]
    adjusted = stats.false_discovery_control([split.p_value for split in splits])
    return {n: (s, float(p)) for n, s, p in zip(values.columns, splits, adjusted, strict=True)}


def decided(holds: np.ndarray) -> bool:
    """Whether an outcome is true in enough worlds, and false in enough, to say what flips it."""
    return min(np.count_nonzero(holds), np.count_nonzero(~holds)) >= LEAST


def share(name: str, holds: np.ndarray) -> dict[str, float]:
    """Return the share of the worlds in which an outcome is true, and its interval.

    The interval is Wilson's for independent worlds. The error of a hypercube is smaller, if
    anything.

    Parameters
    ----------
    name : str
        Key of the share; those of its interval are ``<name>_low`` and ``<name>_high``.
    holds : ndarray of bool, shape (worlds,)
        Outcome in each world. Without any world the result is empty.
    """
    if not holds.size:
        return {}
    test = stats.binomtest(int(np.count_nonzero(holds)), holds.size)
    ends = test.proportion_ci(CONFIDENCE, method="wilson")
    return {
        name: float(test.statistic),
        f"{name}_low": float(ends.low),
        f"{name}_high": float(ends.high),
    }


def thresholds(values: pd.DataFrame, outcomes: pd.DataFrame, factors: pd.DataFrame) -> pd.DataFrame:
    """Return the thresholds of the factors that flip each outcome most.

    Parameters
    ----------
    values : DataFrame
        One column a factor, one row a world.
    outcomes : DataFrame
        One column of nullable booleans an outcome, one row a world; one of them is ``built``.
    factors : DataFrame
        Columns ``factor``, ``unit`` and ``scale``.

    Returns
    -------
    DataFrame
        At most `TOP` rows an outcome among ``all`` worlds in which it can be asked. Where storage
        is not built in all of these, as many rows again among the worlds in which it is ``built``.
    """
    built = outcomes["built"].fillna(False).astype(bool)
    about = factors.set_index("factor")[["unit", "scale"]].to_dict("index")
    rows = []
    for outcome in outcomes:
        asked = outcomes[outcome].notna()
        groups = {"all": asked}
        if outcome not in ("answered", "built") and (asked & ~built).any():
            groups["built"] = asked & built
        for among, chosen in groups.items():
            holds = outcomes.loc[chosen, outcome].to_numpy(dtype=bool)
            rows += [
                {"outcome": outcome, "among": among, **about[row["factor"]], **row}
                for row in _ranked(values[chosen], holds)
            ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _ranked(values: pd.DataFrame, holds: np.ndarray) -> Iterator[Mapping[str, object]]:
    if not decided(holds):
        return
    flipping = {n: (s, p) for n, (s, p) in tried(values, holds).items() if p <= SIGNIFICANT}
    order = sorted(flipping, key=lambda name: -flipping[name][0].youden_j)
    for rank, name in enumerate(order[:TOP], start=1):
        (split, p_adjusted), x = flipping[name], values[name].to_numpy(dtype=float)
        below = x <= split.threshold
        yield {
            "rank": rank,
            "factor": name,
            "holds_above": split.holds_above,
            "threshold": split.threshold,
            **_bootstrapped(x, holds),
            "youden_j": split.youden_j,
            "p_adjusted": p_adjusted,
            "worlds_below": int(below.sum()),
            **share("share_below", holds[below]),
            "worlds_above": int((~below).sum()),
            **share("share_above", holds[~below]),
        }


def _bootstrapped(x: np.ndarray, holds: np.ndarray) -> dict[str, float]:
    """Interval of the threshold over resampled worlds; empty for a factor with few levels."""
    if np.unique(x).size <= MOST_LEVELS:
        return {}
    ends = stats.bootstrap(
        (x, holds),
        lambda a, b: best_split(a, b.astype(bool)).threshold,
        n_resamples=RESAMPLES,
        vectorized=False,
        paired=True,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(SEED),
    ).confidence_interval
    return {"threshold_low": float(ends.low), "threshold_high": float(ends.high)}
