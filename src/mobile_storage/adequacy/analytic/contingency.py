"""Consequences of a fault: the part of the total load that cannot be served, stage by stage.

`consequences` derives contingencies from a network. `islands`, `kernel` and the simulation compute
energies from contingencies and need the network no more.
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
    """Load that cannot be served, as a function of the total load: a sum of hinges.

    ``deficit(L) = sum_k slope[k] * max(0, L - knee[k])``. Any continuous piecewise linear function
    that is zero without load has this form; slopes after the first may be negative.

    Attributes
    ----------
    slopes : tuple of float
        Change of slope at each knee, dimensionless.
    knees : tuple of float
        Total load at which each slope sets in, in units of power.
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
    """A stage of a fault, from the end of the stage before until `until` hours after the fault.

    Attributes
    ----------
    until : float
        End, hours after the fault; ``inf`` for the last stage, which the repair ends.
    reachable : Deficit
        Unserved load that storage at its node could serve.
    unreachable : Deficit
        Unserved load that no storage at its node could serve, however large.
    """

    until: float
    reachable: Deficit
    unreachable: Deficit

    def __post_init__(self) -> None:
        require_number("until of a stage", self.until, above=0.0, infinite=True)


@dataclass(frozen=True)
class Contingency:
    """A fault with its frequency, duration and stages.

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
