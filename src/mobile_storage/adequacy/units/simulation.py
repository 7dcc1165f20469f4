"""Sequential Monte Carlo simulation of generating units, an hourly load and greedy storage.

Units are Markov chains with any number of states. They change their state either at full hours
(``hourly``, the convention of PRAS) or at any time (``continuous``, with exponential times to
failure and to repair). The time in a state has no memory in both cases (geometric or exponential),
so the simulation goes from change to change. Storage charges from any surplus and discharges
whenever units fall short, within its power, its energy and its own failures. It keeps its energy
while it is failed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mobile_storage.adequacy.checks import (
    require_choice,
    require_number,
    require_numbers,
    require_probabilities,
)
from mobile_storage.adequacy.estimate import Estimate, Moments, Sampling, estimate
from mobile_storage.adequacy.units.periods import ROUNDING, simulate_periods

__all__ = ["CLOCKS", "Storage", "Unit", "UnitsResult", "simulate_units", "two_state"]

CLOCKS = ("hourly", "continuous")


@dataclass(frozen=True, eq=False)
class Unit:
    """A unit with several states.

    Attributes
    ----------
    capacity : ndarray, shape (states,) or (states, hours)
        Available capacity in each state.
    transition : ndarray, shape (states, states)
        From row to column, in an hour: a probability if the clock is ``hourly``, a rate in 1/h if
        it is ``continuous``. The diagonal does not count.
    start : ndarray, shape (states,), optional
        Probability of each state at the start; the stationary one if not given.
    count : int
        Number of such units, independent of each other.
    """

    capacity: np.ndarray
    transition: np.ndarray
    start: np.ndarray | None = None
    count: int = 1

    def __post_init__(self) -> None:
        moves = require_numbers("transition of a unit", self.transition, shape=("states", "states"))
        states = len(moves)
        require_numbers("transition of a unit", moves, shape=(states, states))
        np.fill_diagonal(moves, 0.0)
        require_numbers("transition of a unit", moves, least=0.0)
        capacity = require_numbers("capacity of a unit", self.capacity, least=0.0)
        if capacity.ndim not in (1, 2) or len(capacity) != states:
            raise ValueError(
                f"capacity of a unit has the shape {capacity.shape}, expected one row for each "
                f"state, ({states},) or ({states}, hours)"
            )
        if self.start is not None:
            require_probabilities("start of a unit", self.start, shape=(states,))
        require_number("count of a unit", self.count, least=0, whole=True)


def two_state(
    capacity: float | np.ndarray,
    failure: float,
    repair: float,
    start: np.ndarray | None = None,
    count: int = 1,
) -> Unit:
    """A unit that is up (first state) or down.

    Parameters
    ----------
    capacity : float or ndarray, shape (hours,)
        Capacity when up.
    failure, repair : float
        Probability in an hour or rate in 1/h, depending on the clock.
    start, count
        As for `Unit`.
    """
    up = require_numbers("capacity of a unit", capacity, least=0.0)
    for name, value in (("failure", failure), ("repair", repair)):
        require_number(f"{name} of a unit", value, least=0.0)
    return Unit(
        np.stack((up, np.zeros_like(up))),
        np.array([[0.0, failure], [repair, 0.0]]),
        start,
        count,
    )


@dataclass(frozen=True)
class Storage:
    """Storage that is used greedily.

    Attributes
    ----------
    charge_power, discharge_power : float
        Largest power at the terminals.
    energy : float
        Largest stored energy.
    charge_efficiency, discharge_efficiency : float
        From the terminals to the store, and back.
    initial_energy : float
        Stored energy at the start.
    failure, repair : float
        As for `two_state`; it never fails by default.
    """

    charge_power: float
    discharge_power: float
    energy: float
    charge_efficiency: float = 1.0
    discharge_efficiency: float = 1.0
    initial_energy: float = 0.0
    failure: float = 0.0
    repair: float = 1.0

    def __post_init__(self) -> None:
        for name in ("charge_power", "discharge_power", "energy", "failure", "repair"):
            require_number(f"{name} of a storage", getattr(self, name), least=0.0)
        for name in ("charge_efficiency", "discharge_efficiency"):
            require_number(f"{name} of a storage", getattr(self, name), above=0.0, most=1.0)
        require_number(
            "initial_energy of a storage", self.initial_energy, least=0.0, most=self.energy
        )


@dataclass(frozen=True, eq=False)
class UnitsResult:
    """Expected values for a period.

    Attributes
    ----------
    lole : Estimate
        Hours with a shortfall; with the continuous clock, time with a shortfall in h.
    eens : Estimate
        Energy not supplied.
    lolp : Estimate, shape (hours,)
        Shortfall in each hour: probability, or part of the hour.
    hourly_eens : Estimate, shape (hours,)
        Energy not supplied in each hour.
    stored_energy : Estimate, shape (hours,)
        Stored energy at the end of each hour.
    survival : Estimate, shape (hours,)
        Probability of no shortfall from the start to the end of each hour.
    """

    lole: Estimate
    eens: Estimate
    lolp: Estimate
    hourly_eens: Estimate
    stored_energy: Estimate
    survival: Estimate


def simulate_units(
    units: tuple[Unit, ...],
    load: np.ndarray,
    storage: Storage | None = None,
    clock: str = "hourly",
    sampling: Sampling | None = None,
    batch_size: int = 500,
) -> UnitsResult:
    """Simulate the period of the load many times, each time from a new start.

    Parameters
    ----------
    units : tuple of Unit
    load : ndarray, shape (hours,)
        Constant within each hour.
    storage : Storage, optional
    clock : {"hourly", "continuous"}
        When units change their state.
    sampling : Sampling, optional
        When to stop: LOLE and EENS must be precise.
    batch_size : int
        Periods in a batch.

    Raises
    ------
    ValueError
        If the clock is unknown, the load is negative or not finite, the hours of a capacity are not
        those of the load, transition probabilities add up to more than 1, or there is neither a
        unique stationary state nor a start.
    """
    require_choice("clock", clock, CLOCKS)
    load = require_numbers("load", load, least=0.0, shape=("hours",))
    batch_size = int(require_number("batch_size", batch_size, least=1, whole=True))
    storage = storage or Storage(0.0, 0.0, 0.0)
    # One more unit, without capacity, represents the failures of the storage.
    body = two_state(0.0, storage.failure, storage.repair)
    chains = Chains.of((*(unit for unit in units for _ in range(unit.count)), body), load, clock)
    store = np.array(
        [
            storage.charge_power,
            storage.discharge_power,
            storage.energy,
            storage.charge_efficiency,
            storage.discharge_efficiency,
            storage.initial_energy,
        ]
    )

    def batch(rng: np.random.Generator) -> dict[str, Moments]:
        periods, hours = simulate_periods(
            rng,
            batch_size,
            load,
            chains.capacity,
            chains.sojourn,
            chains.jump,
            chains.start,
            clock == "hourly",
            store,
        )
        sums = {
            name: Moments(batch_size, *row)
            for name, row in zip(("lolp", "hourly_eens", "stored_energy"), hours, strict=True)
        }
        alive = batch_size - np.cumsum(
            np.bincount(periods[:, 2].astype(int), minlength=len(load) + 1)[: len(load)]
        )
        return {
            "lole": Moments.of(periods[:, 0]),
            "eens": Moments.of(periods[:, 1]),
            "survival": Moments(batch_size, 1.0 * alive, 1.0 * alive, alive),
            **sums,
        }

    largest: dict[str, float | np.ndarray] = {
        "lole": float(len(load)),
        "eens": float(load.sum()),
        "lolp": 1.0,
        "hourly_eens": load,
        "stored_energy": storage.energy,
        "survival": 1.0,
    }
    return UnitsResult(**estimate(batch, ("lole", "eens"), sampling or Sampling(), largest))


@dataclass(frozen=True, eq=False)
class Chains:
    """Units in arrays; each has as many states as the unit with the most states.

    Attributes
    ----------
    capacity : ndarray, shape (units, states, hours or 1)
    sojourn : ndarray, shape (units, states)
        Mean of the exponential time in each state, h; it is rounded up to full hours if units
        change their state only then.
    jump : ndarray, shape (units, states, states)
        Cumulated probability of the next state.
    start : ndarray, shape (units, states)
        Cumulated probability of the state at the start.
    """

    capacity: np.ndarray
    sojourn: np.ndarray
    jump: np.ndarray
    start: np.ndarray

    @classmethod
    def of(cls, units: tuple[Unit, ...], load: np.ndarray, clock: str) -> Chains:
        """Arrays of some units."""
        states = max(len(unit.transition) for unit in units)
        hours = len(load) if any(np.ndim(unit.capacity) == 2 for unit in units) else 1
        capacity = np.zeros((len(units), states, hours))
        sojourn = np.full((len(units), states), math.inf)
        jump = np.ones((len(units), states, states))
        start = np.ones((len(units), states))
        for u, unit in enumerate(units):
            given = np.asarray(unit.capacity, dtype=float)
            moves = np.array(unit.transition, dtype=float)
            n = len(moves)
            if given.ndim == 2 and given.shape[1] != len(load):
                raise ValueError(
                    f"unit {u} has capacities for {given.shape[1]} hours, the load {len(load)}"
                )
            capacity[u, :n] = given.reshape(n, -1)
            np.fill_diagonal(moves, 0.0)
            leave = moves.sum(axis=1)
            if clock == "hourly" and (leave > 1.0 + ROUNDING).any():
                raise ValueError(
                    f"transition of unit {u} is {moves.tolist()}, expected probabilities of "
                    "leaving a state that add up to at most 1"
                )
            with np.errstate(divide="ignore"):
                rate = -np.log1p(-np.minimum(leave, 1.0)) if clock == "hourly" else leave
                sojourn[u, :n] = 1.0 / rate
            start[u, :n] = np.cumsum(_stationary(moves, u) if unit.start is None else unit.start)
            jump[u, :n, :n] = np.cumsum(moves, axis=1) / np.where(leave > 0.0, leave, 1.0)[:, None]
        return cls(capacity, sojourn, jump, start)


def _stationary(moves: np.ndarray, number: int) -> np.ndarray:
    """Stationary probabilities of the states of unit `number`."""
    balance = np.vstack((moves.T - np.diag(moves.sum(axis=1)), np.ones(len(moves))))
    right = np.zeros(len(balance))
    right[-1] = 1.0
    solution, _, rank, _ = np.linalg.lstsq(balance, right)
    if rank < len(moves):
        raise ValueError(
            f"unit {number} has no unique stationary state: give the probabilities at the start"
        )
    return np.clip(solution, 0.0, 1.0)
