"""Capacity of independent units in parallel, as a capacity outage probability table.

The table holds every total capacity that can be available, with its probability. It is the
convolution of the units (Billinton and Allan, *Reliability Evaluation of Power Systems*, chapter
2). Units may have derated states. `risk` computes the indices from the table.

Storage cannot be a unit of a table, because what it can deliver depends on the hours before; use
`chain`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

from mobile_storage.adequacy import HOURS_PER_YEAR
from mobile_storage.adequacy.checks import require_number, require_numbers, require_probabilities

__all__ = ["OutageTable", "Unit", "outage_table"]

#: Capacities that differ by at most this part of the installed capacity are equal, and a load that
#: exceeds a capacity by at most this part is served.
CAPACITY_TOLERANCE = 1e-11

#: Largest number of states that a table may have.
MOST_STATES = 5_000_000


@dataclass(frozen=True)
class Unit:
    """One unit, or several identical and independent ones.

    Attributes
    ----------
    capacities : tuple of float
        Available capacity in each state, in units of power. Any order.
    probabilities : tuple of float
        Probability of each state; they add up to 1.
    count : int
        Number of such units.
    upward_rates : tuple of float
        Needed only for frequencies, 1/yr. For each state: its probability times the difference of
        the rates of transitions to states with more and with less capacity. Transitions must
        balance pairwise, as they do for two states.
    """

    capacities: tuple[float, ...]
    probabilities: tuple[float, ...]
    count: int = 1
    upward_rates: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if not len(self.capacities) == len(self.probabilities) > 0:
            raise ValueError(
                f"a unit has {len(self.capacities)} capacities and {len(self.probabilities)} "
                "probabilities, expected one of each for every state"
            )
        shape = (len(self.capacities),)
        require_numbers("capacities of a unit", self.capacities, least=0.0, shape=shape)
        require_probabilities("probabilities of a unit", self.probabilities, shape=shape)
        require_number("count of a unit", self.count, least=0, whole=True)
        if self.upward_rates is not None:
            require_numbers("upward_rates of a unit", self.upward_rates, shape=shape)

    @classmethod
    def two_state(cls, capacity: float, unavailability: float, count: int = 1) -> Unit:
        """A unit that is fully available or not at all; `unavailability` is its FOR."""
        require_number("unavailability of a unit", unavailability, least=0.0, most=1.0)
        capacity = require_number("capacity of a unit", capacity, least=0.0)
        return cls((capacity, 0.0), (1.0 - unavailability, float(unavailability)), count)

    @classmethod
    def from_rates(
        cls, capacity: float, failure_rate: float, repair_rate: float, count: int = 1
    ) -> Unit:
        """A unit of two states from its rates, 1/yr: FOR = failure / (failure + repair)."""
        capacity = require_number("capacity of a unit", capacity, least=0.0)
        require_number("failure_rate of a unit", failure_rate, least=0.0)
        require_number("repair_rate of a unit", repair_rate, above=0.0)
        out = failure_rate / (failure_rate + repair_rate)
        cycle = out * repair_rate
        return cls((capacity, 0.0), (1.0 - out, out), count, (-cycle, cycle))

    @classmethod
    def from_times(cls, capacity: float, mttf_h: float, mttr_h: float, count: int = 1) -> Unit:
        """A unit of two states from its mean times to failure and to repair, h."""
        require_number("mttf_h of a unit", mttf_h, above=0.0)
        require_number("mttr_h of a unit", mttr_h, above=0.0)
        return cls.from_rates(capacity, HOURS_PER_YEAR / mttf_h, HOURS_PER_YEAR / mttr_h, count)


@dataclass(frozen=True, eq=False)
class OutageTable:
    """Capacity outage probability table.

    Attributes
    ----------
    capacity : ndarray, shape (states,)
        Available capacity, ascending, in units of power.
    probability : ndarray, shape (states,)
        Of exactly that capacity.
    upward_rate : ndarray, shape (states,), or None
        As in `Unit`, 1/yr; None if a unit has none.
    """

    capacity: np.ndarray
    probability: np.ndarray
    upward_rate: np.ndarray | None = None

    def __post_init__(self) -> None:
        capacity = require_numbers("capacity of a table", self.capacity, shape=("states",))
        if not capacity.size or (np.diff(capacity) <= 0.0).any():
            raise ValueError(
                "the capacities of a table do not ascend, expected one or more in ascending order"
            )
        require_probabilities("probability of a table", self.probability, shape=capacity.shape)
        if self.upward_rate is not None:
            require_numbers("upward_rate of a table", self.upward_rate, shape=capacity.shape)

    @property
    def installed(self) -> float:
        """Capacity with every unit in its best state."""
        return float(self.capacity[-1])

    @property
    def outage(self) -> np.ndarray:
        """Capacity out of service, descending, shape (states,)."""
        return self.installed - self.capacity

    @property
    def cumulative(self) -> np.ndarray:
        """Probability that at least this capacity is on outage, shape (states,)."""
        return np.cumsum(self.probability)

    @property
    def frequency(self) -> np.ndarray:
        """Frequency with which at least this capacity is on outage, 1/yr, shape (states,)."""
        if self.upward_rate is None:
            raise ValueError("frequencies need units with failure and repair rates")
        return np.cumsum(self.upward_rate)


def outage_table(units: Sequence[Unit], step: float | None = None) -> OutageTable:
    """Outage table of independent units.

    Parameters
    ----------
    units : sequence of Unit
        Without any unit the system has no capacity.
    step : float, optional
        Round capacities to multiples of the step: the probability of a state is divided among the
        two neighbouring multiples in proportion, so that the expected capacity does not change. By
        default capacities are not rounded, and those that differ only by rounding errors are one
        state.

    Returns
    -------
    OutageTable

    Raises
    ------
    ValueError
        If the step is not above zero, or the table would have more than five million states.
    """
    if step is not None:
        require_number("step", step, above=0.0)
    largest = sum(unit.count * max(np.abs(unit.capacities)) for unit in units)
    tables = (_power(_table(unit, step, largest), unit.count, largest) for unit in units)
    return reduce(lambda one, other: _convolve(one, other, largest), tables, _nothing(True))


def _nothing(rates: bool) -> OutageTable:
    """Table of no units."""
    return OutageTable(np.zeros(1), np.ones(1), np.zeros(1) if rates else None)


def _table(unit: Unit, step: float | None, largest: float) -> OutageTable:
    """Table of one unit, rounded to the step."""
    capacity, probability = np.array(unit.capacities, float), np.array(unit.probabilities, float)
    rate = None if unit.upward_rates is None else np.array(unit.upward_rates, float)
    if step is not None:
        below = np.floor(capacity / step + CAPACITY_TOLERANCE)
        up = np.clip(capacity / step - below, 0.0, 1.0)
        capacity = np.concatenate([below, below + 1.0]) * step
        probability = np.concatenate([probability * (1.0 - up), probability * up])
        rate = None if rate is None else np.concatenate([rate * (1.0 - up), rate * up])
    return _merged(capacity, probability, rate, largest)


def _power(table: OutageTable, count: int, largest: float) -> OutageTable:
    """Table of identical units, by repeated squaring."""
    result = _nothing(table.upward_rate is not None)
    while count:
        if count % 2:
            result = _convolve(result, table, largest)
        count //= 2
        if count:
            table = _convolve(table, table, largest)
    return result


def _convolve(one: OutageTable, other: OutageTable, largest: float) -> OutageTable:
    """Table of two independent groups of units."""
    if one.capacity.size * other.capacity.size > 4 * MOST_STATES:
        raise ValueError(
            f"an outage table of {one.capacity.size} times {other.capacity.size} states is too "
            "large: round the capacities with a step"
        )

    def pairs(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.multiply.outer(a, b).ravel()

    rate = None
    if one.upward_rate is not None and other.upward_rate is not None:
        rate = pairs(one.upward_rate, other.probability)
        rate += pairs(one.probability, other.upward_rate)
    capacity = np.add.outer(one.capacity, other.capacity).ravel()
    return _merged(capacity, pairs(one.probability, other.probability), rate, largest)


def _merged(
    capacity: np.ndarray, probability: np.ndarray, rate: np.ndarray | None, largest: float
) -> OutageTable:
    """Table with ascending capacities; equal ones are merged, impossible states are left out."""
    order = np.argsort(capacity, kind="stable")
    order = order[probability[order] > 0.0]
    capacity = capacity[order]
    first = np.flatnonzero(np.diff(capacity, prepend=-np.inf) > CAPACITY_TOLERANCE * largest)
    if first.size > MOST_STATES:
        raise ValueError(
            f"an outage table of {first.size} states is too large: round capacities with a step"
        )
    return OutageTable(
        capacity[first],
        np.add.reduceat(probability[order], first),
        None if rate is None else np.add.reduceat(rate[order], first),
    )
