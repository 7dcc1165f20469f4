"""Expected unserved energy of contingencies, with storage that serves the island of a fault.

Assumptions. A fault starts at any moment of the year with equal chance. The load repeats its day
until the repair. Storage starts with the energy that its daily schedule has left at that moment. It
serves the smaller of its power and the deficit that it can reach until it is empty, and it is not
charged before the repair. Energy is measured at the terminals.

Let S(t) be the chance that the outage lasts longer than t hours, and G its integral from 0. Storage
that serves a constant power p between the hours a and b of the fault is expected to serve the
energy ``p (G(b) - G(a))``. The load is constant in each step. The only integral that is not exact
is the one over the moment inside a step at which the fault starts; it is a sum over Gauss-Legendre
nodes. As long as storage does not become empty, this sum is exact too, because the starts at one
node of every step together cover the whole day. Where storage becomes empty, the energy served has
kinks as a function of that moment. `bounded_starts` then uses many nodes if the error of a few
exceeds a given part of the EENS without storage.

These are the plain functions; `kernel` computes the same numbers faster.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from mobile_storage.adequacy import HOURS_PER_YEAR
from mobile_storage.adequacy.analytic.contingency import Contingency
from mobile_storage.adequacy.analytic.repair import restricted_mean
from mobile_storage.adequacy.checks import (
    require_choice,
    require_number,
    require_numbers,
    require_probabilities,
)

__all__ = [
    "FEW_NODES",
    "LEAST_ENERGY",
    "MANY_NODES",
    "SOC_LAWS",
    "START_ERROR",
    "Starts",
    "bounded_starts",
    "energy_served",
    "expected_served",
    "expected_unserved",
    "gauss_nodes",
    "merge",
    "normal_deficit",
    "starts",
    "unserved_energy",
]

#: Law of the energy in storage at the start of a fault. ``joint``: each moment has its own energy.
#: ``marginal``: the energy is drawn from all moments of the year, independently of the hour.
#: ``constant``: it is always the mean over the year.
SOC_LAWS = ("joint", "marginal", "constant")

#: Largest error in EENS from the moments inside a step, as a part of the EENS without storage.
START_ERROR = 2e-3

#: Moments inside a step: the usual number, and the number where the usual one is not enough.
FEW_NODES, MANY_NODES = 2, 32

#: Rounding in a schedule may leave an energy slightly below zero; down to here it counts as zero.
LEAST_ENERGY = -1e-6

#: An outage is followed until the chance that it lasts longer falls below this.
NEGLIGIBLE_SURVIVAL = 1e-16


class Starts(NamedTuple):
    """Moments at which a fault can start, and the energy in storage there.

    Attributes
    ----------
    node, weight : ndarray, shape (nodes,)
        Moments inside a step as shares of it, and the weight of each; the weights add up to 1.
    energy : ndarray, shape (..., days, steps, nodes)
        Deliverable energy at each moment.
    levels : ndarray, shape (..., levels)
        Energies that are drawn independently of the moment; empty for the joint law.
    chance : ndarray, shape (levels,)
        Probability of each level.
    """

    node: np.ndarray
    weight: np.ndarray
    energy: np.ndarray
    levels: np.ndarray
    chance: np.ndarray


def gauss_nodes(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Legendre nodes and weights on the interval from 0 to 1, read-only."""
    return _gauss_nodes(int(require_number("count", count, least=1, whole=True)))


@lru_cache
def _gauss_nodes(count: int) -> tuple[np.ndarray, np.ndarray]:
    node, weight = np.polynomial.legendre.leggauss(count)
    node, weight = (node + 1.0) / 2.0, weight / 2.0
    node.setflags(write=False)
    weight.setflags(write=False)
    return node, weight


def starts(
    deliverable: np.ndarray,
    day_share: np.ndarray,
    law: str = "joint",
    nodes: int = FEW_NODES,
) -> Starts:
    """Energy at the start of a fault under a law of the state of charge.

    Parameters
    ----------
    deliverable : ndarray, shape (..., days, steps + 1)
        Deliverable energy at the ends of the steps, linear in between.
    day_share : ndarray, shape (days,)
        Share of the year that each day type takes.
    law : str
        One of `SOC_LAWS`.
    nodes : int
        Moments inside a step.

    Raises
    ------
    ValueError
        If the law is not one of `SOC_LAWS`, the shares of the days do not add up to 1, or an energy
        is below zero or not finite.
    """
    require_choice("the law of the state of charge", law, SOC_LAWS)
    nodes = int(require_number("nodes", nodes, least=1, whole=True))
    deliverable = require_numbers("deliverable", deliverable, least=LEAST_ENERGY)
    if deliverable.ndim < 2 or deliverable.shape[-1] < 2:
        raise ValueError(
            f"deliverable has the shape {deliverable.shape}, expected (..., days, steps + 1)"
        )
    day_share = require_probabilities("day_share", day_share, shape=deliverable.shape[-2:-1])
    node, weight = _gauss_nodes(nodes)
    begin, end = deliverable[..., :-1, None], deliverable[..., 1:, None]
    # Energy is linear between the ends of a step; rounding must not make it negative.
    energy = np.maximum(0.0, begin + node * (end - begin))
    size = energy.shape[:-3]
    chance = (day_share[:, None, None] / energy.shape[-2] * weight).repeat(energy.shape[-2], 1)
    if law == "joint":
        levels, chance = np.empty((*size, 0)), np.empty(0)
    elif law == "marginal":
        levels, chance = energy.reshape(*size, -1), chance.ravel()
    else:
        levels, chance = (energy * chance).sum(axis=(-3, -2, -1))[..., None], np.ones(1)
    return Starts(node, weight, energy, levels, chance)


def merge(contingencies: Sequence[Contingency]) -> tuple[Contingency, ...]:
    """Replace contingencies with the same consequences by one, with the sum of frequencies."""
    merged: dict[tuple, Contingency] = {}
    for c in contingencies:
        same = (c.stages, c.law, c.repair)
        if same in merged:
            first = merged[same]
            c = replace(first, name=f"{first.name}, {c.name}", rate=first.rate + c.rate)
        merged[same] = c
    return tuple(merged.values())


def unserved_energy(contingency: Contingency, load: np.ndarray) -> np.ndarray:
    """Energy that a fault leaves unserved without storage, averaged over its start.

    The closed form is ``sum_stages (G(end) - G(begin)) mean(deficit)``.

    Parameters
    ----------
    contingency : Contingency
    load : ndarray, shape (days, steps)

    Returns
    -------
    ndarray, shape (days,)
        For a fault on each day type.
    """
    load = require_numbers("load", load, least=0.0, shape=("days", "steps"))
    ends = np.array([0.0, *(stage.until for stage in contingency.stages)])
    expected_h = np.diff(restricted_mean(ends, contingency.repair, contingency.law))
    return sum(
        hours * (stage.reachable(load) + stage.unreachable(load)).mean(axis=-1)
        for hours, stage in zip(expected_h, contingency.stages, strict=True)
    )


def energy_served(
    contingency: Contingency, load: np.ndarray, start: Starts, power: float
) -> np.ndarray:
    """Energy that storage serves in a fault, averaged over its start.

    Parameters
    ----------
    contingency : Contingency
    load : ndarray, shape (days, steps)
    start : Starts
        Of one storage.
    power : float
        Of the storage.

    Returns
    -------
    ndarray, shape (days,)
        For a fault on each day type.
    """
    load = require_numbers("load", load, least=0.0, shape=("days", "steps"))
    require_number("power", power, least=0.0, infinite=True)
    require_numbers("energy at the start", start.energy, shape=(*load.shape, start.node.size))
    served = np.zeros(load.shape[0])
    for k, weight in enumerate(start.weight):
        if start.levels.size:
            energy, chance = (
                np.broadcast_to(start.levels, (*load.shape, start.levels.size)),
                start.chance,
            )
        else:
            energy, chance = start.energy[..., k, None], np.ones(1)
        by_start = _served_from(contingency, load, start.node[k], energy, power)
        served += weight * (by_start @ chance).mean(axis=-1)
    return served


def _served_from(
    contingency: Contingency, load: np.ndarray, node: float, energy: np.ndarray, power: float
) -> np.ndarray:
    """Energy served in faults that start at one moment of each step.

    Parameters
    ----------
    contingency, load, power
        As for `energy_served`.
    node : float
        The moment, as a share of the step.
    energy : ndarray, shape (days, steps, levels)
        Energy in storage at the start.

    Returns
    -------
    ndarray, shape (days, steps, levels)
    """
    step_h = 24.0 / load.shape[-1]
    left, served = energy.copy(), np.zeros_like(energy)
    for begin, end in pairwise(_cuts(contingency, node, step_h)):
        stage = next(s for s in contingency.stages if begin < s.until)
        steps_on = int((begin + end) / 2.0 / step_h + node)
        deficit = stage.reachable(np.roll(load, -steps_on, axis=-1))
        need = np.broadcast_to(np.clip(deficit, 0.0, power)[..., None], left.shape)
        lasts_h = np.divide(left, need, out=np.full_like(left, np.inf), where=need > 0)
        lasts_h = np.minimum(lasts_h, end - begin)
        expected_h = restricted_mean(
            begin + lasts_h, contingency.repair, contingency.law
        ) - restricted_mean(begin, contingency.repair, contingency.law)
        served += need * expected_h
        left = left - need * lasts_h
        if not np.any(left):
            break
    return served


def _cuts(contingency: Contingency, node: float, step_h: float) -> np.ndarray:
    """Ascending hours of a fault at which a step, a stage or the fault itself ends, from 0 on."""
    last = contingency.repair
    if contingency.law == "exponential":
        last *= -np.log(NEGLIGIBLE_SURVIVAL)
    steps = (np.arange(1, int(last / step_h + node) + 1) - node) * step_h
    stages = [s.until for s in contingency.stages if s.until < last]
    return np.unique(np.concatenate([[0.0], steps[steps < last], stages, [last]]))


def _days(load: np.ndarray, day_share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Check the loads of the typical days and the share of the year of each, and return both."""
    load = require_numbers("load", load, least=0.0, shape=("days", "steps"))
    return load, require_probabilities("day_share", day_share, shape=(len(load),))


def expected_unserved(
    contingencies: Sequence[Contingency], load: np.ndarray, day_share: np.ndarray
) -> float:
    """EENS of all contingencies without storage, energy per year."""
    load, day_share = _days(load, day_share)
    return sum(c.rate * float(unserved_energy(c, load) @ day_share) for c in contingencies)


def expected_served(
    contingencies: Sequence[Contingency],
    load: np.ndarray,
    day_share: np.ndarray,
    start: Starts,
    power: float,
) -> float:
    """Part of `expected_unserved` that storage in working order serves, energy per year."""
    load, day_share = _days(load, day_share)
    return sum(
        c.rate * float(energy_served(c, load, start, power) @ day_share) for c in contingencies
    )


def bounded_starts(
    contingencies: Sequence[Contingency],
    load: np.ndarray,
    day_share: np.ndarray,
    deliverable: np.ndarray,
    law: str,
    power: float,
) -> Starts:
    """`starts` of one storage, with few moments in a step where few are enough.

    Few are enough if `expected_served` with `FEW_NODES` differs from that with `MANY_NODES` by at
    most the part `START_ERROR` of the EENS without storage. The error with `MANY_NODES` is of the
    order of ``1 / MANY_NODES^2``. (`kernel.start_error` computes the error exactly, because it
    splits steps at the kinks.)

    Parameters
    ----------
    contingencies, load, day_share, power
        As for `expected_served`.
    deliverable, law
        As for `starts`.
    """
    few, many = (starts(deliverable, day_share, law, n) for n in (FEW_NODES, MANY_NODES))
    served = [expected_served(contingencies, load, day_share, s, power) for s in (few, many)]
    bound = START_ERROR * expected_unserved(contingencies, load, day_share)
    return few if abs(served[1] - served[0]) <= bound else many


def normal_deficit(
    load: np.ndarray, day_share: np.ndarray, capacity: float, relief: np.ndarray | float = 0.0
) -> float:
    """Energy per year that the intact system cannot serve.

    Parameters
    ----------
    load : ndarray, shape (days, steps)
    day_share : ndarray, shape (days,)
    capacity : float
        Load that the intact system can serve.
    relief : ndarray, shape (days, steps)
        Discharge of the storage's schedule. Charging is not a customer's load, so it is reduced
        where the capacity does not suffice and leaves nothing unserved.

    Raises
    ------
    ValueError
        If a number is negative or not finite (a capacity may be infinite), or shapes do not fit.
    """
    load, day_share = _days(load, day_share)
    require_number("capacity", capacity, least=0.0, infinite=True)
    relief = require_numbers("relief", relief, least=0.0)
    if relief.ndim:
        require_numbers("relief", relief, shape=load.shape)
    above = np.maximum(0.0, load - relief - capacity).mean(axis=-1)
    return HOURS_PER_YEAR * float(above @ day_share)
