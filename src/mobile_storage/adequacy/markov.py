"""Units that fail and greedy storage as one Markov chain: what happens in a step of time.

The engine of `chain`. A law is an array of probabilities: rows are energies in storage (for each
origin, if several walks go side by side), columns are the states of the units and of the storage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from scipy.stats import binom

__all__ = ["Law", "MarkovUnit", "Storage", "Walk"]

#: Load that is not served counts from this part of the largest load on.
SERVED = 1e-9

#: Part of the storage's energy to which energies are told apart, if at all possible.
FINEST = 1e-12

#: What no division by zero comes near.
TINY = 1e-300

#: Largest number of probabilities that are carried from step to step.
MOST_STATES = 5_000_000


@dataclass(frozen=True, eq=False)
class MarkovUnit:
    """One unit of two states, or several identical and independent ones.

    Attributes
    ----------
    capacity : float or ndarray, shape (steps,)
        Of each unit, in units of power.
    fail, repair : float
        Chances that a working unit fails, and that a failed one is repaired, from one step to the
        next.
    count : int
        Number of such units.
    start : float, optional
        Chance that a unit works at the start; by default the long-run repair / (fail + repair).
    """

    capacity: float | np.ndarray
    fail: float = 0.0
    repair: float = 1.0
    count: int = 1
    start: float | None = None

    def __post_init__(self) -> None:
        for name in ("fail", "repair", "start"):
            value = getattr(self, name)
            if value is not None and not 0.0 <= value <= 1.0:
                raise ValueError(f"{name} of a unit is {value}, expected a probability")
        if self.start is None and self.fail + self.repair == 0.0:
            raise ValueError("a unit that neither fails nor is repaired needs a start probability")
        if self.count != int(self.count) or self.count < 0:
            raise ValueError(f"a unit count is {self.count}, expected a whole number from zero on")


@dataclass(frozen=True)
class Storage:
    """Storage at the load, operated greedily.

    Attributes
    ----------
    energy : float
        Most energy it holds, power times hours.
    charge, discharge : float
        Rated power at the terminals.
    charge_efficiency, discharge_efficiency : float
        Energy stored for energy taken; energy delivered for energy stored.
    retention : float
        Part of the energy that is left after one step.
    fail, repair, start : float
        As in `MarkovUnit`.
    """

    energy: float
    charge: float
    discharge: float
    charge_efficiency: float = 1.0
    discharge_efficiency: float = 1.0
    retention: float = 1.0
    fail: float = 0.0
    repair: float = 1.0
    start: float | None = None

    def __post_init__(self) -> None:
        for name in ("energy", "charge", "discharge"):
            if not 0.0 <= getattr(self, name) < np.inf:
                raise ValueError(
                    f"{name} of a storage is {getattr(self, name)}, expected zero or more"
                )
        for name in ("charge_efficiency", "discharge_efficiency", "retention"):
            if not 0.0 < getattr(self, name) <= 1.0:
                raise ValueError(
                    f"{name} of a storage is {getattr(self, name)}, expected more than 0, at most 1"
                )


@dataclass(eq=False)
class Law:
    """Probabilities of rows (origin, energy) and columns (units working, storage working).

    `energy` has one column before the dispatch of a step and one for each state after it.
    """

    origin: np.ndarray
    energy: np.ndarray
    chance: np.ndarray

    def mean(self) -> float:
        """Expected energy."""
        return float((self.chance * self.energy).sum())


class Walk:
    """What does not change from step to step, and the three parts of a step."""

    def __init__(
        self,
        units: Sequence[MarkovUnit],
        load: np.ndarray,
        storage: Storage,
        step_h: float,
        resolution: float | None,
    ) -> None:
        if load.ndim != 1 or not np.isfinite(load).all():
            raise ValueError(f"load has the shape {load.shape}, expected one row of finite numbers")
        if not step_h > 0.0:
            raise ValueError(f"a step of {step_h} h is not above zero")
        self.load, self.storage, self.step_h = load, storage, step_h
        self.served = max(TINY, SERVED * float(np.abs(load).max(initial=0.0)))
        if resolution is not None and not resolution > 0.0:
            raise ValueError(f"the energy resolution is {resolution}, expected more than zero")
        self.resolution = max(resolution or 0.0, storage.energy * FINEST, TINY)
        # Storage is one more unit, without capacity, on the last axis.
        itself = MarkovUnit(0.0, storage.fail, storage.repair, 1, storage.start)
        chains = [unit for unit in units if unit.count] + [itself]
        shape = tuple(int(unit.count) + 1 for unit in chains)
        if prod(shape) > MOST_STATES:
            raise ValueError(f"{prod(shape)} states of the units are too many to follow")
        self.shape = shape
        self.moves = [_moves(unit) for unit in chains]
        working = np.indices(shape).reshape(len(chains), -1)
        self.storage_works = working[-1] > 0
        self.working = working
        self.capacity = np.array([_by_step(unit, load.size) for unit in chains]).T
        first = [_working(unit, unit.start) for unit in chains]
        self.first = np.ones(1)
        for chance in first:
            self.first = np.multiply.outer(self.first, chance).ravel()

    def start(self, origin: np.ndarray, energy: Sequence[float]) -> Law:
        """Units in their first states, one row for each origin."""
        energy = np.asarray(energy, dtype=float)
        slack = self.storage.energy * 1e-9
        if not np.all((energy >= 0.0) & (energy <= self.storage.energy + slack)):
            raise ValueError(
                f"the start energy runs from {energy.min()} to {energy.max()}, expected it between "
                f"0 and {self.storage.energy}"
            )
        held = self.energy_of(np.rint(energy / self.resolution))
        return Law(origin, held[:, None], np.tile(self.first, (origin.size, 1)))

    def energy_of(self, level: np.ndarray) -> np.ndarray:
        """Energy that a multiple of the resolution stands for; full storage is a level too."""
        return np.minimum(level * self.resolution, self.storage.energy)

    def draw(self, law: Law) -> Law:
        """Failures and repairs between two steps."""
        chance = law.chance.reshape(-1, *self.shape)
        for axis, move in enumerate(self.moves, start=1):
            chance = np.moveaxis(np.tensordot(chance, move, axes=(axis, 0)), -1, axis)
        return Law(law.origin, law.energy, chance.reshape(law.chance.shape))

    def dispatch(self, law: Law, elapsed: int) -> tuple[Law, np.ndarray]:
        """Charge or discharge; also the power that is not served, shape (rows, states)."""
        step = (law.origin + elapsed) % self.load.size
        steps, which = np.unique(step, return_inverse=True)
        net = self.capacity[steps] @ self.working - self.load[steps, None]
        surplus = net[which]
        s, hours = self.storage, self.step_h
        held = law.energy * s.retention if elapsed else law.energy
        room = (s.energy - held) / (s.charge_efficiency * hours)
        charge = np.clip(surplus, 0.0, np.minimum(s.charge, np.maximum(room, 0.0)))
        reach = np.minimum(s.discharge, held * s.discharge_efficiency / hours)
        discharge = np.clip(-surplus, 0.0, reach)
        charge, discharge = charge * self.storage_works, discharge * self.storage_works
        change = charge * s.charge_efficiency - discharge / s.discharge_efficiency
        short = np.maximum(0.0, -surplus - discharge)
        return Law(law.origin, held + hours * change, law.chance), short

    def settle(self, law: Law) -> Law:
        """One row again for each origin and energy that can occur."""
        level = np.rint(np.clip(law.energy, 0.0, self.storage.energy) / self.resolution)
        row, column = np.nonzero(law.chance)
        levels = round(self.storage.energy / self.resolution) + 1
        key = law.origin[row] * levels + level[row, column].astype(np.int64)
        occurring, rows = _unique(key, self.load.size * levels)
        states = prod(self.shape)
        if occurring.size * states > MOST_STATES:
            raise ValueError(
                f"{occurring.size} energies in storage times {states} states of the units are too "
                "many to follow: give a coarser energy resolution"
            )
        merged = np.bincount(
            rows * states + column, law.chance[row, column], occurring.size * states
        )
        origin, level = np.divmod(occurring, levels)
        return Law(origin, self.energy_of(level)[:, None], merged.reshape(-1, states))


def _unique(key: np.ndarray, below: int) -> tuple[np.ndarray, np.ndarray]:
    """Different keys, and the place of each key among them; by counting where they are dense."""
    if below > 4 * key.size:
        return np.unique(key, return_inverse=True)
    occurs = np.zeros(below, dtype=bool)
    occurs[key] = True
    return np.flatnonzero(occurs), (np.cumsum(occurs) - 1)[key]


def _by_step(unit: MarkovUnit, steps: int) -> np.ndarray:
    """Capacity of one unit in each step."""
    capacity = np.asarray(unit.capacity, dtype=float)
    if capacity.shape not in ((), (steps,)):
        raise ValueError(
            f"a unit's capacity has the shape {capacity.shape}, expected a number or {steps} steps"
        )
    return np.broadcast_to(capacity, (steps,))


def _working(unit: MarkovUnit, chance: float | None) -> np.ndarray:
    """Law of the number of units that work at the start."""
    if chance is None:
        chance = unit.repair / (unit.fail + unit.repair)
    return binom.pmf(np.arange(unit.count + 1), unit.count, chance)


def _moves(unit: MarkovUnit) -> np.ndarray:
    """Chance of going from i working units (row) to j (column) in one step."""
    count = int(unit.count)
    rows = []
    for i in range(count + 1):
        stay = binom.pmf(np.arange(i + 1), i, 1.0 - unit.fail)
        back = binom.pmf(np.arange(count - i + 1), count - i, unit.repair)
        rows.append(np.convolve(stay, back))
    return np.array(rows)
