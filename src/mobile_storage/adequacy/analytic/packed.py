"""Contingencies as flat arrays, for compiled code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mobile_storage.adequacy import HOURS_PER_YEAR
from mobile_storage.adequacy.analytic.contingency import Contingency
from mobile_storage.adequacy.analytic.islands import merge
from mobile_storage.adequacy.analytic.repair import restricted_mean
from mobile_storage.adequacy.checks import require_number

__all__ = ["Outages", "pack"]


class Outages(NamedTuple):
    """Contingencies as flat arrays.

    Attributes
    ----------
    cut_weight, cut_knee : ndarray, shape (knees,)
        Without storage: ``EENS = sum_k weight_k mean(max(0, L - knee_k))``, weight in h/yr.
    normal_capacity : float
        What the intact system can feed.
    rate, repair : ndarray, shape (contingencies,)
        Of the contingencies in which storage can serve: frequency in 1/yr and mean repair time.
    exponential : ndarray of bool, shape (contingencies,)
        Law of the repair time.
    row : ndarray of int, shape (contingencies + 1,)
        First of the rows, one for each stage, of each contingency.
    begin, end : ndarray, shape (rows,)
        Of each stage, hours after the fault; ``inf`` where only the repair ends it.
    hinge : ndarray of int, shape (rows + 1,)
        First hinge of each row's reachable deficit.
    slope, knee : ndarray, shape (hinges,)
    """

    cut_weight: np.ndarray
    cut_knee: np.ndarray
    normal_capacity: float
    rate: np.ndarray
    repair: np.ndarray
    exponential: np.ndarray
    row: np.ndarray
    begin: np.ndarray
    end: np.ndarray
    hinge: np.ndarray
    slope: np.ndarray
    knee: np.ndarray


def pack(contingencies: Sequence[Contingency], normal_capacity: float) -> Outages:
    """Flatten contingencies.

    Those with the same consequences are merged; those in which storage can serve nothing only count
    as unserved energy. `normal_capacity` is what the intact system can feed; ``inf`` without limit.

    Raises
    ------
    ValueError
        If that is negative or not a number.
    """
    require_number("normal_capacity", normal_capacity, least=0.0, infinite=True)
    contingencies = merge(contingencies)
    cuts = {normal_capacity: HOURS_PER_YEAR}
    for c in contingencies:
        ends = np.array([0.0, *(s.until for s in c.stages)])
        hours = np.diff(restricted_mean(ends, c.repair, c.law))
        for stage, expected_h in zip(c.stages, hours, strict=True):
            for deficit in (stage.reachable, stage.unreachable):
                for slope, knee in zip(deficit.slopes, deficit.knees, strict=True):
                    cuts[knee] = cuts.get(knee, 0.0) + c.rate * expected_h * slope

    relieved = [
        c for c in contingencies if c.repair > 0 and any(s.reachable.slopes for s in c.stages)
    ]
    stages = [s for c in relieved for s in c.stages]
    # The fixed law ends a stage, or never lets it begin, at the repair.
    last = [np.inf if c.law == "exponential" else c.repair for c in relieved for _ in c.stages]
    begins = [b for c in relieved for b in (0.0, *(s.until for s in c.stages[:-1]))]
    return Outages(
        cut_weight=np.array(list(cuts.values())),
        cut_knee=np.array(list(cuts), dtype=float),
        normal_capacity=float(normal_capacity),
        rate=np.array([c.rate for c in relieved], dtype=float),
        repair=np.array([c.repair for c in relieved], dtype=float),
        exponential=np.array([c.law == "exponential" for c in relieved], dtype=bool),
        row=np.cumsum([0, *(len(c.stages) for c in relieved)]),
        begin=np.minimum(begins, last),
        end=np.minimum([s.until for s in stages], last),
        hinge=np.cumsum([0, *(len(s.reachable.slopes) for s in stages)]),
        slope=np.array([slope for s in stages for slope in s.reachable.slopes], dtype=float),
        knee=np.array([knee for s in stages for knee in s.reachable.knees], dtype=float),
    )
