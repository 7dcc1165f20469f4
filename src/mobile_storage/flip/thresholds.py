"""Thresholds: where to split a value's range so that a claim holds on one side only."""

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
"""With fewer worlds on one side of a verdict, nothing is said of what flips it."""
SIGNIFICANT = 0.01
"""False discovery rate up to which a value counts as flipping an outcome."""
TOP = 3
"""Thresholds kept for an outcome: those of the most influential values."""
MOST_LEVELS = 3
CONFIDENCE = 0.95
RESAMPLES = 200
SEED = 1

COLUMNS = (
    *("outcome", "among", "rank", "factor", "unit", "scale", "holds_above"),
    *("threshold", "threshold_low", "threshold_high", "youden_j", "p_adjusted"),
    *("worlds_below", "share_below", "share_below_low", "share_below_high"),
    *("worlds_above", "share_above", "share_above_low", "share_above_high"),
)


@dataclass(frozen=True)
class Split:
    """The best split of one value's range.

    Attributes
    ----------
    threshold : float
        In the value's unit; between two worlds.
    youden_j : float
        0 (says nothing) to 1 (decides the outcome alone).
    holds_above : bool
        On which side the outcome is the likelier one.
    p_value : float
        Of the Kolmogorov-Smirnov test that the value has no influence.
    """

    threshold: float
    youden_j: float
    holds_above: bool
    p_value: float


def best_split(x: np.ndarray, holds: np.ndarray) -> Split:
    """Split a value's range where that best tells the worlds that hold from the others.

    The distance of Kolmogorov and Smirnov between the value's distribution in the ones and in the
    others is Youden's J of the best split, and is attained there.

    Parameters
    ----------
    x : ndarray, shape (worlds,)
        The value.
    holds : ndarray of bool, shape (worlds,)
        The outcome.

    Raises
    ------
    ValueError
        If the outcome is the same everywhere.
    """
    if holds.all() or not holds.any():
        raise ValueError("nothing to split: the outcome is the same in every world")
    found = stats.ks_2samp(x[holds], x[~holds], method="asymp")
    at = found.statistic_location
    above = x[x > at]
    return Split(
        threshold=float((at + above.min()) / 2) if above.size else float(at),
        youden_j=float(found.statistic),
        holds_above=bool(found.statistic_sign < 0),
        p_value=float(found.pvalue),
    )


def tried(values: pd.DataFrame, holds: np.ndarray) -> dict[str, tuple[Split, float]]:
    """Best split by every value, with its p-value adjusted for how many were tried.

    Parameters
    ----------
    values : DataFrame
        One column a factor, one row a world.
    holds : ndarray of bool, shape (worlds,)
        The outcome; `decided` has to be true of it.
    """
    splits = [best_split(values[name].to_numpy(dtype=float), holds) for name in values]
    adjusted = stats.false_discovery_control([split.p_value for split in splits])
    return {n: (s, float(p)) for n, s, p in zip(values.columns, splits, adjusted, strict=True)}


def decided(holds: np.ndarray) -> bool:
    """Whether both sides of an outcome have worlds enough to say what flips it."""
    return min(np.count_nonzero(holds), np.count_nonzero(~holds)) >= LEAST


def share(name: str, holds: np.ndarray) -> dict[str, float]:
    """Share of the worlds in which an outcome holds, ``<name>_low`` and ``_high``; {} of none.

    The interval is Wilson's. It is that of independent worlds; the hypercube's error is smaller,
    if anything.
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
    """Thresholds of every outcome, by the values that flip it most.

    Parameters
    ----------
    values : DataFrame
        One column a factor, one row a world.
    outcomes : DataFrame
        Nullable booleans, one row a world, with a column ``built``.
    factors : DataFrame
        ``factor``, ``unit``, ``scale``.

    Returns
    -------
    DataFrame
        At most `TOP` rows an outcome among ``all`` worlds that can be asked, and as many among
        those in which storage is ``built`` where these are others.
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
    found = {n: (s, p) for n, (s, p) in tried(values, holds).items() if p <= SIGNIFICANT}
    order = sorted(found, key=lambda name: -found[name][0].youden_j)
    for rank, name in enumerate(order[:TOP], start=1):
        (split, p_adjusted), x = found[name], values[name].to_numpy(dtype=float)
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
    """Where the threshold lies over resampled worlds; between levels there is nothing to say."""
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
