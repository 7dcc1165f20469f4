"""What the compiled functions of `kernel` take: contingencies, days and storage as flat arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mobile_storage.adequacy import HOURS_PER_YEAR
from mobile_storage.adequacy.analytic.contingency import Contingency
from mobile_storage.adequacy.analytic.islands import Starts, merge
from mobile_storage.adequacy.analytic.repair import restricted_mean
from mobile_storage.adequacy.checks import require_number

__all__ = ["AddedLoad", "Days", "Outages", "Storage", "pack"]


class Outages(NamedTuple):
    """Contingencies as flat arrays.

    Contingency c has the rows ``row[c]`` to ``row[c + 1] - 1``, one for each of its stages. Row r
    has the hinges ``hinge[r]`` to ``hinge[r + 1] - 1`` of the deficit that storage can reach.

    Attributes
    ----------
    cut_weight, cut_knee : ndarray, shape (knees,)
        Without storage, ``EENS = sum_k weight_k mean(max(0, L - knee_k))``; the weight is in h/yr.
    normal_capacity : float
        Load that the intact system can feed, in units of power.
    rate, repair : ndarray, shape (contingencies,)
        Frequency in 1/yr and mean repair time in h of the contingencies in which storage can serve.
    exponential : ndarray of bool, shape (contingencies,)
        Whether the law of the repair time is exponential; otherwise it is fixed.
    row : ndarray of int, shape (contingencies + 1,)
    begin, end : ndarray, shape (rows,)
        Begin and end of each stage in hours after the fault; the end is ``inf`` where only the
        repair ends the stage.
    hinge : ndarray of int, shape (rows + 1,)
    slope, knee : ndarray, shape (hinges,)
        As in `contingency.Deficit`.
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


class Days(NamedTuple):
    """Typical days of the load.

    Attributes
    ----------
    load : ndarray, shape (days, steps)
        Power, constant within each step.
    share : ndarray, shape (days,)
        Share of the year that each day type takes; the shares add up to 1.
    """

    load: np.ndarray
    share: np.ndarray


class Storage(NamedTuple):
    """Storage of many sizes, each with a daily schedule.

    The compiled code hands on a single size in this type too, without the axis of the sizes.

    Attributes
    ----------
    start : Starts
        Moments at which a fault can start and the deliverable energy there.
    discharge : ndarray, shape (sizes, days, steps)
        Power that the schedule discharges while the system is intact.
    power : ndarray, shape (sizes,)
        Rated power.
    availability : float
        Share of the time in which a storage works.
    ends : ndarray, shape (sizes, days, steps + 1), or None
        Deliverable energy at the ends of the steps, needed only where steps are split.
    """

    start: Starts
    discharge: np.ndarray
    power: np.ndarray
    availability: float
    ends: np.ndarray | None = None


class AddedLoad(NamedTuple):
    """Form of an added load.

    Attributes
    ----------
    peak : float
        Annual peak of the load to which it is added.
    scaled : bool
        Whether it is in proportion to the load, and given at the peak; otherwise it is constant.
    """

    peak: float
    scaled: bool


def pack(contingencies: Sequence[Contingency], normal_capacity: float) -> Outages:
    """Flatten contingencies.

    Contingencies with the same consequences are merged. Those in which storage can serve nothing
    only add to the unserved energy.

    Parameters
    ----------
    contingencies : sequence of Contingency
    normal_capacity : float
        Load that the intact system can feed, in units of power; ``inf`` without limit.

    Raises
    ------
    ValueError
        If the normal capacity is negative or not a number.
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
    # Under the fixed law no stage lasts beyond the repair.
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
