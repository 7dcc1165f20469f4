"""What a fault does to a substation, as the part of its load that cannot be fed, stage by stage.

A contingency is the bridge between the network (`consequences` derives contingencies from it) and
the energy accounts (`islands` adds storage to them): after this point nobody needs the graph.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from mobile_storage.adequacy.analytic.repair import LAWS
from mobile_storage.adequacy.checks import require_choice, require_number, require_numbers

__all__ = ["Contingency", "Deficit", "Stage"]


@dataclass(frozen=True)
class Deficit:
    """Load that cannot be fed, as a function of the total load: a sum of hinges.

    ``deficit(L) = sum_k slope[k] * max(0, L - knee[k])``. Any continuous piecewise linear function
    that is zero without load can be written like this; slopes after the first may be negative.

    Attributes
    ----------
    slopes : tuple of float
        Change of slope at each knee, dimensionless.
    knees : tuple of float
        Total load at which it sets in, in units of power.
    """

    slopes: tuple[float, ...] = ()
    knees: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        slopes = require_numbers("slopes of a deficit", self.slopes, shape=("hinges",))
        require_numbers("knees of a deficit", self.knees, shape=slopes.shape)

    def __call__(self, load: np.ndarray | float) -> np.ndarray:
        """Deficit at a total load (any shape), in units of power."""
        load = require_numbers("load", load)
        total = np.zeros_like(load)
        for slope, knee in zip(self.slopes, self.knees, strict=True):
            total += slope * np.maximum(0.0, load - knee)
        return total


@dataclass(frozen=True)
class Stage:
    """The time from the end of the stage before until `until` hours after the fault.

    Attributes
    ----------
    until : float
        End, hours after the fault; ``inf`` for the last stage, which the repair ends.
    reachable : Deficit
        Load not fed that storage at its node could feed.
    unreachable : Deficit
        Load not fed that it could not, however large.
    """

    until: float
    reachable: Deficit
    unreachable: Deficit

    def __post_init__(self) -> None:
        require_number("until of a stage", self.until, above=0.0, infinite=True)


@dataclass(frozen=True)
class Contingency:
    """A fault, how often it happens, how long it lasts, and its stages.

    Attributes
    ----------
    name : str
        The failed element, or elements joined by ``+``.
    rate : float
        Frequency, 1/yr.
    repair : float
        Mean time to repair or replace, h.
    law : str
        ``exponential`` or ``fixed``: law of the repair time.
    stages : tuple of Stage
        In order of time; the last has no end of its own.
    """

    name: str
    rate: float
    repair: float
    law: str
    stages: tuple[Stage, ...]

    def __post_init__(self) -> None:
        require_number(f"rate of {self.name}", self.rate, least=0.0)
        require_number(f"repair of {self.name}", self.repair, least=0.0)
        require_choice(f"law of {self.name}", self.law, LAWS)
        ends = [stage.until for stage in self.stages]
        if not ends or any(late <= early for early, late in itertools.pairwise(ends)):
            raise ValueError(
                f"the stages of {self.name} end at {ends} h, expected at least one and later ends"
            )
