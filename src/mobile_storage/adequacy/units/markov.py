"""One time step of the Markov chain of units that fail and greedy storage; used by `chain`.

A law is an array of probabilities. Its rows are energies in storage, for each origin if several
outages are followed in parallel. Its columns are the states of the units and of the storage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from scipy.stats import binom

from mobile_storage.adequacy.checks import require_number, require_numbers

__all__ = ["Law", "MarkovUnit", "Storage", "Walk"]

#: A shortfall counts as served if it is at most this part of the largest load.
SERVED = 1e-9

#: Finest resolution of energies, as a part of the storage's energy.
FINEST = 1e-12

#: Tolerance for rounding, as a part of a level or of the storage's energy.
SLACK = 1e-9

#: Keeps divisors above zero.
TINY = 1e-300

#: Largest number of probabilities that may be carried from step to step.
MOST_STATES = 5_000_000


@dataclass(frozen=True, eq=False)
class MarkovUnit:
    """One unit of two states, or several identical and independent ones.

    Attributes
    ----------
    capacity : float or ndarray, shape (steps,)
        Of each unit, in units of power.
    fail, repair : float
        Probabilities that a working unit fails, and that a failed unit is repaired, from one step
        to the next.
    count : int
        Number of such units.
    start : float, optional
        Probability that a unit works at the start; by default repair / (fail + repair), that of
        the long run.
    """

    capacity: float | np.ndarray
    fail: float = 0.0
    repair: float = 1.0
    count: int = 1
    start: float | None = None

    def __post_init__(self) -> None:
        require_numbers("capacity of a unit", self.capacity, least=0.0)
        _check_chances("a unit", self.fail, self.repair, self.start)
        require_number("count of a unit", self.count, least=0, whole=True)


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
        Energy stored per energy taken, and energy delivered per energy taken from the store.
    retention : float
        Part of the stored energy that is left after one step.
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
            require_number(f"{name} of a storage", getattr(self, name), least=0.0)
        for name in ("charge_efficiency", "discharge_efficiency", "retention"):
            require_number(f"{name} of a storage", getattr(self, name), above=0.0, most=1.0)
        _check_chances("a storage", self.fail, self.repair, self.start)


def _check_chances(of: str, fail: float, repair: float, start: float | None) -> None:
    """Refuse probabilities of `MarkovUnit` and `Storage` that are not valid."""
    for name, value in (("fail", fail), ("repair", repair), ("start", start)):
        if value is not None or name != "start":
            require_number(f"{name} of {of}", value, least=0.0, most=1.0)
    if start is None and fail + repair == 0.0:
        raise ValueError(
            f"fail and repair of {of} are both 0, expected a start probability or one above 0"
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
    """Everything that does not change from step to step, and the parts of a step.

    A step is `draw` (failures and repairs), `dispatch` (storage) and `merge` (equal energies).
    """

    def __init__(
        self,
        units: Sequence[MarkovUnit],
        load: np.ndarray,
        storage: Storage,
        step_h: float,
        resolution: float | None,
    ) -> None:
        load = require_numbers("load", load, shape=("steps",))
        require_number("step_h", step_h, above=0.0)
        self.load, self.storage, self.step_h = load, storage, step_h
        self.served = max(TINY, SERVED * float(np.abs(load).max(initial=0.0)))
        finest = max(storage.energy * FINEST, TINY)
        if resolution is not None:
            require_number("resolution", resolution, above=0.0)
        self.resolution = max(resolution or 0.0, finest)
        self.shares = self.resolution > finest
        # Storage is one more unit, without capacity, on the last axis.
        itself = MarkovUnit(0.0, storage.fail, storage.repair, 1, storage.start)
        chains = [unit for unit in units if unit.count] + [itself]
        shape = tuple(int(unit.count) + 1 for unit in chains)
        if prod(shape) > MOST_STATES:
            raise ValueError(
                f"units and storage have {prod(shape)} joint states, expected at most {MOST_STATES}"
            )
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

    def start(self, origin: np.ndarray, energy: np.ndarray | float) -> Law:
        """Law at the start: units in their first states at each origin, with the given energy."""
        energy = require_numbers(
            "start_energy", energy, least=0.0, most=self.storage.energy * (1.0 + SLACK)
        )
        held = np.broadcast_to(energy.reshape(-1, 1), (origin.size, self.first.size))
        return self.merge(Law(origin, held, np.tile(self.first, (origin.size, 1))))

    def energy_of(self, level: np.ndarray) -> np.ndarray:
        """Energy of a level, a multiple of the resolution; full storage is a level too."""
        return np.minimum(level * self.resolution, self.storage.energy)

    def levels_of(self, energy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Level at or below an energy, and the part of the way to the next level.

        A state between two levels is divided among them in proportion, which keeps the mean energy.
        Rounding to the nearest level instead would add or remove energy in every step, always in
        the same direction.
        """
        energy = np.clip(energy, 0.0, self.storage.energy)
        if not self.shares:
            return np.rint(energy / self.resolution), np.zeros_like(energy)
        level = np.floor(energy / self.resolution + SLACK)
        low = self.energy_of(level)
        width = self.energy_of(level + 1.0) - low
        part = np.divide(energy - low, width, out=np.zeros_like(low), where=width > 0.0)
        # An energy that differs from a level only by rounding is that level.
        return level, np.where(part < SLACK, 0.0, np.where(part > 1.0 - SLACK, 1.0, part))

    def draw(self, law: Law) -> Law:
        """Apply failures and repairs between two steps."""
        chance = law.chance.reshape(-1, *self.shape)
        for axis, move in enumerate(self.moves, start=1):
            chance = np.moveaxis(np.tensordot(chance, move, axes=(axis, 0)), -1, axis)
        return Law(law.origin, law.energy, chance.reshape(law.chance.shape))

    def dispatch(self, law: Law, elapsed: int) -> tuple[Law, np.ndarray]:
        """Charge or discharge; return the new law and the unserved power, (rows, states)."""
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

    def merge(self, law: Law) -> Law:
        """Merge the rows of equal origin and energy."""
        row, column = np.nonzero(law.chance)
        level, part = self.levels_of(law.energy[row, column])
        chance = np.concatenate([(1.0 - part), part]) * np.tile(law.chance[row, column], 2)
        origin, column = np.tile(law.origin[row], 2), np.tile(column, 2)
        level = np.concatenate([level, level + 1.0])
        some = chance > 0.0
        origin, column, level, chance = (x[some] for x in (origin, column, level, chance))
        levels = int(np.ceil(self.storage.energy / self.resolution - SLACK)) + 2
        key = origin * levels + level.astype(np.int64)
        occurring, rows = _unique(key, self.load.size * levels)
        states = prod(self.shape)
        if occurring.size * states > MOST_STATES:
            raise ValueError(
                f"{occurring.size} energies in storage times {states} states of the units exceed "
                f"{MOST_STATES}: give a coarser energy resolution"
            )
        merged = np.bincount(rows * states + column, chance, occurring.size * states)
        origin, level = np.divmod(occurring, levels)
        return Law(origin, self.energy_of(level)[:, None], merged.reshape(-1, states))


def _unique(key: np.ndarray, below: int) -> tuple[np.ndarray, np.ndarray]:
    """Distinct keys, and the position of each key among them; by counting if keys are dense."""
    if below > 4 * key.size:
        return np.unique(key, return_inverse=True)
    occurs = np.zeros(below, dtype=bool)
    occurs[key] = True
    return np.flatnonzero(occurs), (np.cumsum(occurs) - 1)[key]


def _by_step(unit: MarkovUnit, steps: int) -> np.ndarray:
    """Capacity of one unit in each step, shape (steps,)."""
    capacity = np.asarray(unit.capacity, dtype=float)
    if capacity.ndim:
        require_numbers("capacity of a unit", capacity, shape=(steps,))
    return np.broadcast_to(capacity, (steps,))


def _working(unit: MarkovUnit, chance: float | None) -> np.ndarray:
    """Probabilities of the number of units that work at the start."""
    if chance is None:
        chance = unit.repair / (unit.fail + unit.repair)
    return binom.pmf(np.arange(unit.count + 1), unit.count, chance)


def _moves(unit: MarkovUnit) -> np.ndarray:
    """Probability of going from i working units (row) to j (column) in one step."""
    count = int(unit.count)
    rows = []
    for i in range(count + 1):
        stay = binom.pmf(np.arange(i + 1), i, 1.0 - unit.fail)
        back = binom.pmf(np.arange(count - i + 1), count - i, unit.repair)
        rows.append(np.convolve(stay, back))
    return np.array(rows)
