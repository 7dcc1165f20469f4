"""Exact probabilities for units that fail and storage that supports them, in discrete time.

Units are independent Markov chains of two states; identical units are counted, not distinguished.
Storage is greedy: it charges from any surplus of the units and discharges whenever they fall short.
It may fail itself, and keeps its energy while it is failed. The joint probabilities of (units
working, storage working, energy) are carried from step to step exactly. Energies that can occur are
kept as they are, and equal ones are merged. Their number grows with the number of different
surpluses. If it becomes too large, give a `resolution`: only multiples of it are kept, and the
probability of an energy between two of them is divided among both in proportion, so that the
expected energy does not change.

`chronology` follows one period from its first step to its last. `outage_survival` starts an outage
in every step of a period, with the energy that storage has there, and gives the probability that
all load is served for so many steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mobile_storage.adequacy.checks import require_number, require_numbers
from mobile_storage.adequacy.units.markov import MarkovUnit, Storage, Walk

__all__ = ["Chronology", "MarkovUnit", "Storage", "chronology", "outage_survival"]

#: No storage at all.
NO_STORAGE = Storage(0.0, 0.0, 0.0)


@dataclass(frozen=True, eq=False)
class Chronology:
    """Risk in each step of a period.

    Attributes
    ----------
    lolp : ndarray, shape (steps,)
        Probability that load is not served in full.
    unserved : ndarray, shape (steps,)
        Expected energy that is not served, power times hours.
    stored : ndarray, shape (steps,)
        Expected energy in storage at the end of the step.
    step_h : float
        Length of a step, h.
    """

    lolp: np.ndarray
    unserved: np.ndarray
    stored: np.ndarray
    step_h: float

    @property
    def lole(self) -> float:
        """Loss of load expectation in the period, h."""
        return float(self.lolp.sum() * self.step_h)

    @property
    def eens(self) -> float:
        """Expected energy not served in the period, power times hours."""
        return float(self.unserved.sum())


def chronology(
    units: Sequence[MarkovUnit],
    load: np.ndarray,
    storage: Storage = NO_STORAGE,
    *,
    start_energy: float = 0.0,
    step_h: float = 1.0,
    resolution: float | None = None,
    draw_first: bool = False,
) -> Chronology:
    """Follow units and storage through a period.

    Parameters
    ----------
    units : sequence of MarkovUnit
    load : array_like, shape (steps,)
        In units of power.
    storage : Storage
    start_energy : float
        In storage at the start.
    step_h : float
        Length of a step, h.
    resolution : float, optional
        Only multiples of it, and full storage, are kept as energies (see the top of this module).
        The mean energy does not change. The additional spread makes `eens` too large, by an error
        of second order. The error of `lolp` is larger where load is only just served. By default
        1e-12 of the storage's energy, which merges equal energies and has no error.
    draw_first : bool
        Whether units can fail or be repaired between the start and the first step.

    Returns
    -------
    Chronology

    Raises
    ------
    ValueError
        If a number is not finite or outside its range, shapes do not fit, the start energy is
        outside the storage, or there are too many states.
    """
    walk = Walk(units, load, storage, step_h, resolution)
    load = walk.load
    law = walk.start(np.zeros(1, dtype=int), require_number("start_energy", start_energy))
    steps = []
    for t in range(load.size):
        if draw_first or t:
            law = walk.draw(law)
        law, short = walk.dispatch(law, t)
        steps.append(
            (law.chance[short > walk.served].sum(), (law.chance * short).sum(), law.mean())
        )
        law = walk.merge(law)
    lolp, power, stored = np.array(steps).reshape(-1, 3).T
    return Chronology(lolp, power * step_h, stored, step_h)


def outage_survival(
    units: Sequence[MarkovUnit],
    load: np.ndarray,
    longest: int,
    storage: Storage = NO_STORAGE,
    *,
    start_energy: np.ndarray | float = 0.0,
    cumulative: bool = True,
    step_h: float = 1.0,
    resolution: float | None = None,
    draw_first: bool = True,
) -> np.ndarray:
    """Probability that an outage is survived, by the step of its start and by its duration.

    During the outage only the units and the storage serve the load. The period repeats itself.

    Parameters
    ----------
    units : sequence of MarkovUnit
        Backup units. Units that are not repaired during an outage have ``repair=0.0`` and need a
        `start`.
    load : array_like, shape (steps,)
        Net load. Where it is negative, storage charges from the surplus.
    longest : int
        Longest outage, in steps.
    storage : Storage
    start_energy : array_like, shape (steps,) or a number
        In storage when the outage starts.
    cumulative : bool
        If true, the probability that all load is served up to and including that step; if false,
        the probability that it is served in that step, whatever happened before.
    step_h, resolution, draw_first
        As in `chronology`, but here units can fail before the first step by default.

    Returns
    -------
    ndarray, shape (steps, longest)
        Rows: step of the start. Columns: duration of 1, 2, ... steps.

    Raises
    ------
    ValueError
        As in `chronology`.
    """
    walk = Walk(units, load, storage, step_h, resolution)
    load = walk.load
    longest = int(require_number("longest", longest, least=0, whole=True))
    start_energy = require_numbers("start_energy", start_energy)
    if start_energy.ndim:
        require_numbers("start_energy", start_energy, shape=load.shape)
    start_energy = np.broadcast_to(start_energy, load.shape)
    law = walk.start(np.arange(load.size), start_energy)
    survival = np.zeros((load.size, longest))
    for d in range(longest):
        if draw_first or d:
            law = walk.draw(law)
        law, short = walk.dispatch(law, d)
        served = np.where(short <= walk.served, law.chance, 0.0)
        survival[:, d] = np.bincount(law.origin, served.sum(axis=1), minlength=load.size)
        if cumulative:
            law.chance = served
        law = walk.merge(law)
    return survival
