"""Fault-consequence analysis: every outage of a network and its unserved load, stage by stage.

Stage 1: the fault trips its zone, and automatic ties close. Stage 2: after the switching time the
fault is isolated, and all other load is fed as far as sources, ties and capacities allow. There is
one more stage for each tie that takes longer to close. The last stage ends with the repair. In each
stage the load served is the largest flow that capacities allow (`supply`). Ties are closed wherever
they help. It is neglected that some loads would have to be separated again to keep the operation
radial.

Outages of second order. Two elements fail independently with the frequencies f_i, f_j and the mean
repair times r_i, r_j, in years. They are out together with the frequency f_i f_j (r_i + r_j), for
r_i r_j / (r_i + r_j) on average. The switching time of the pair is the longer one of the two,
because both faults must be isolated; until then everything that either of them tripped is dead.

A pair is an outage of its own only if, at some load, it leaves more load unserved than the sum of
the two single outages. The frequency of a single outage is then multiplied by the availability of
each partner, so that the time of the joint outage does not count twice. All other pairs count as
the sum of their single outages. That is too much if one element lies behind the other; the relative
error of the deficit is at most ``sum_j f_j r_j / 8760``. Three outages at once are neglected.
"""

from __future__ import annotations

import bisect
import itertools
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import TypeVar

import numpy as np

from mobile_storage.adequacy import HOURS_PER_YEAR
from mobile_storage.adequacy.analytic.contingency import Contingency, Deficit, Stage
from mobile_storage.adequacy.analytic.network import Branch, CommonMode, Element, Network, Node
from mobile_storage.adequacy.analytic.states import States

__all__ = ["Outage", "contingencies", "normal_capacity", "normal_state", "outages"]

#: A change of slope below this counts as zero.
ROUNDING = 1e-12

#: Ends of the stages, and the limits in them, shape (stages, 2, load points).
Stages = tuple[tuple[float, ...], np.ndarray]
_E = TypeVar("_E", Node, Branch, CommonMode)


@dataclass(frozen=True, eq=False)
class Outage:
    """An outage and its limits: the total load up to which each load point is served in full.

    Above its limit a load point is served what it had at the limit. All loads are in proportion to
    the total load L, so point i is served ``share_i * min(L, limit_i)``.

    Attributes
    ----------
    name : str
        The failed elements, joined by ``+``, and the devices and ties that did not work.
    elements : tuple of str
        Names of the failed elements, or of the common mode.
    rate, repair, law
        As for `Contingency`.
    until : tuple of float
        End of each stage, hours after the fault; the last is ``inf``.
    limits : ndarray, shape (stages, 2, load points)
        First without storage, then with unlimited storage at its node.
    """

    name: str
    elements: tuple[str, ...]
    rate: float
    repair: float
    law: str
    until: tuple[float, ...]
    limits: np.ndarray


def outages(network: Network, order: int = 1) -> tuple[Outage, ...]:
    """Every outage with a frequency above zero.

    Parameters
    ----------
    network : Network
    order : {1, 2}
        1: each element and each common mode alone. 2: also pairs of independent elements, for which
        all devices and ties work.

    Returns
    -------
    tuple of Outage
        One for each fault and each combination of devices and ties that work or fail, as far as the
        combinations differ in their consequences.

    Raises
    ------
    ValueError
        If the order is neither 1 nor 2.
    """
    if order not in (1, 2):
        raise ValueError(f"order is {order!r}: it must be 1 or 2")
    element = {e.name: e for e in network.failable}
    with_unit_rates = _consequences(_with_unit_rates(network), order)
    availability: dict[str, float] = defaultdict(lambda: 1.0)
    for one, other in (o.elements for o in with_unit_rates if len(o.elements) == 2):
        availability[one] *= 1.0 - element[other].rate * element[other].repair / HOURS_PER_YEAR
        availability[other] *= 1.0 - element[one].rate * element[one].repair / HOURS_PER_YEAR
    with_own_rates = []
    for outage in with_unit_rates:
        if len(outage.elements) == 2:
            one, other = outage.elements
            with_own_rates.append(_overlapping(outage, element[one], element[other]))
            continue
        (name,) = outage.elements
        it = element[name]
        rate = outage.rate * it.rate * availability[name]
        with_own_rates.append(replace(outage, rate=rate, repair=it.repair, law=it.law))
    return tuple(with_own_rates)


@lru_cache(maxsize=8)
def _with_unit_rates(network: Network) -> Network:
    """Give every element that can fail one failure a year, which lasts an hour."""

    def unit(element: _E) -> _E:
        fails = float(element.rate > 0.0)
        return replace(element, rate=fails, repair=fails, law="exponential")

    return replace(
        network,
        nodes=tuple(unit(node) for node in network.nodes),
        branches=tuple(unit(branch) for branch in network.branches),
        common_modes=tuple(unit(mode) for mode in network.common_modes),
    )


@lru_cache(maxsize=8)
def _consequences(network: Network, order: int) -> tuple[Outage, ...]:
    """Unserved load of every outage of a network from `_with_unit_rates`.

    The result depends only on the network's structure, so it is cached and shared by networks that
    differ in failure rates or repair times. Rates are probabilities per outage here.
    """
    states = States(network)
    elements = [element for element in network.elements if element.rate > 0.0]
    all_outages: list[Outage] = []
    for element in elements:
        all_outages += _outages_of(states, element, (element.name,))
    for mode in network.common_modes:
        if mode.rate > 0.0:
            all_outages += _outages_of(states, mode, mode.elements)
    if order == 2:
        all_outages += [_joint(states, one, other) for one, other in _pairs(states, elements)]
    return tuple(all_outages)


def _overlapping(outage: Outage, one: Element, other: Element) -> Outage:
    """Return a joint outage with the frequency and duration that follow from both elements."""
    together = one.repair + other.repair
    return replace(
        outage,
        rate=one.rate * other.rate * together / HOURS_PER_YEAR,
        repair=one.repair * other.repair / together,
        law="fixed" if one.law == other.law == "fixed" else "exponential",
    )


def contingencies(network: Network, order: int = 2) -> tuple[Contingency, ...]:
    """Deficits of all outages as functions of the total load.

    Parameters
    ----------
    network, order
        As for `outages`.

    Returns
    -------
    tuple of Contingency
        Every outage, including those without a deficit at any load.
    """
    every = zip(outages(network, order), _deficits(_with_unit_rates(network), order), strict=True)
    return tuple(Contingency(o.name, o.rate, o.repair, o.law, stages) for o, stages in every)


@lru_cache(maxsize=8)
def _deficits(network: Network, order: int) -> tuple[tuple[Stage, ...], ...]:
    """Deficits in the stages of each outage of `_consequences`, cached for the same reason."""
    shares = _shares(network)
    return tuple(
        tuple(map(partial(_stage, shares), outage.until, outage.limits))
        for outage in _consequences(network, order)
    )


def normal_state(network: Network) -> Stage:
    """Load that is not served while nothing has failed: normal capacities, all ties open."""
    return _stage(_shares(network), math.inf, States(network).normal_limits())


def normal_capacity(network: Network) -> float:
    """Total load, in units of power, up to which the intact network serves all without storage."""
    return _normal_capacity(_with_unit_rates(network))


@lru_cache(maxsize=8)
def _normal_capacity(network: Network) -> float:
    return float(States(network).normal_limits()[0].min())


def _shares(network: Network) -> np.ndarray:
    """Share of each load point in the total load."""
    load = np.array([point.load for point in network.load_points], dtype=float)
    return load / load.sum()


def _stage(shares: np.ndarray, until: float, limits: np.ndarray) -> Stage:
    """Deficits that follow from the limits, shape (2, load points), of a stage."""
    without, helped = limits
    return Stage(
        until,
        reachable=_hinges(np.concatenate((without, helped)), np.concatenate((shares, -shares))),
        unreachable=_hinges(helped, shares),
    )


def _hinges(knees: np.ndarray, slopes: np.ndarray) -> Deficit:
    """Sum of hinges with one hinge for each knee; knees at infinity have no effect."""
    values, position = np.unique(knees, return_inverse=True)
    slopes = np.bincount(position, slopes)
    kept = np.isfinite(values) & (np.abs(slopes) > ROUNDING)
    return Deficit(tuple(slopes[kept].tolist()), tuple(values[kept].tolist()))


def _stages(
    states: States, switching: float, tripped: np.ndarray, isolated: np.ndarray, failed: np.ndarray
) -> Stages:
    """Stages of a fault; consecutive stages with equal limits are one.

    The first stage ends with the isolation of the fault. A new stage begins with each tie that
    takes longer to close. Stages without length are left out.

    Parameters
    ----------
    states : States
    switching : float
        Time until the fault is isolated, h.
    tripped, isolated : ndarray of bool, shape (elements,)
        What is dead before and after the isolation.
    failed : ndarray of bool, shape (branches,)
        Ties that do not close when they should.
    """
    by_hand = states.ties & (states.automatic | ~failed)
    times = np.unique(np.maximum(states.closing_time[by_hand], switching))
    starts = [0.0, *({switching, *times.tolist()} - {0.0})]
    starts.sort()
    stages: list[tuple[float, np.ndarray]] = []
    for start in starts:
        if start < switching:
            limits = states.limits(tripped, states.called_at_once(tripped) & ~failed)
        else:
            at_once = states.automatic & ~failed
            limits = states.limits(
                isolated, states.ties & at_once | by_hand & (states.closing_time <= start)
            )
        if not stages or not np.array_equal(limits, stages[-1][1]):
            stages.append((start, limits))
    ends = tuple(start for start, _ in stages[1:])
    return (*ends, math.inf), np.stack([limits for _, limits in stages])


def _outages_of(states: States, element: Element, names: Sequence[str]) -> list[Outage]:
    """Outages of an element or common mode that takes out the elements `names`.

    There is one outage for each combination of devices and ties that fail, as far as the
    combinations differ in their stages.
    """
    faults = [states.number[name] for name in names]
    isolated = states.zone(faults, states.isolated_zone)
    uncertain = [b for b in states.network.branches if b.normally_open and b.success < 1.0]
    by_stages: dict[tuple[tuple[float, ...], bytes], Outage] = {}
    for (trip_chance, uncleared, tripped), works in itertools.product(
        list(states.trips(faults)), itertools.product((True, False), repeat=len(uncertain))
    ):
        chance = trip_chance * math.prod(
            b.success if ok else 1.0 - b.success for ok, b in zip(works, uncertain, strict=True)
        )
        if chance == 0.0:
            continue
        lost = {b.name for ok, b in zip(works, uncertain, strict=True) if not ok}
        failed = np.array([b.name in lost for b in states.network.branches], dtype=bool)
        until, limits = _stages(states, element.switching, tripped, isolated, failed)
        key = until, limits.tobytes()
        if key in by_stages:
            same = by_stages[key]
            by_stages[key] = replace(same, rate=same.rate + chance * element.rate)
            continue
        troubles = [f"device of {name} fails" for name in uncleared]
        troubles += [f"{name} stays open" for name in sorted(lost)]
        by_stages[key] = Outage(
            f"{element.name} ({', '.join(troubles)})" if troubles else element.name,
            (element.name,),
            chance * element.rate,
            element.repair,
            element.law,
            until,
            limits,
        )
    return list(by_stages.values())


def _together(states: States, elements: Sequence[Node | Branch], switching: float) -> Stages:
    """Stages of elements that fail together while all devices and ties work."""
    faults = [states.number[element.name] for element in elements]
    return _stages(
        states,
        switching,
        states.zone(faults, states.trip_zone),
        states.zone(faults, states.isolated_zone),
        np.zeros_like(states.ties),
    )


def _joint(states: States, one: Node | Branch, other: Node | Branch) -> Outage:
    """Return the outage of two independent elements at once."""
    return Outage(
        f"{one.name}+{other.name}",
        (one.name, other.name),
        1.0,
        1.0,
        "exponential",
        *_together(states, (one, other), max(one.switching, other.switching)),
    )


def _pairs(
    states: States, elements: Sequence[Node | Branch]
) -> list[tuple[Node | Branch, Node | Branch]]:
    """Pairs that leave more load unserved than the sum of both alone, in some stage and load.

    Elements in the same zones have the same consequences, so one of each group is examined. An
    element has no partner if its zones have at most one neighbour and neither source nor storage:
    its failure interrupts only its own load. Elements in different regions are no partners either.
    """
    groups: dict[tuple[int, int, float], list[Node | Branch]] = defaultdict(list)
    for element in elements:
        number = states.number[element.name]
        zones = states.trip_zone[number], states.isolated_zone[number]
        if not states.is_end(zones):
            groups[*zones, element.switching].append(element)
    regions = {key: states.regions([states.number[g[0].name]]) for key, g in groups.items()}
    times = {switching for *_, switching in groups}
    alone = {
        (key, time): _together(states, group[:1], time)
        for key, group in groups.items()
        for time in times
    }
    pairs: list[tuple[Node | Branch, Node | Branch]] = []
    for first, second in itertools.combinations(groups, 2):
        if regions[first].isdisjoint(regions[second]):
            continue
        time = max(first[-1], second[-1])
        both = _together(states, (groups[first][0], groups[second][0]), time)
        if _exceeds(both, alone[first, time], alone[second, time], states.shares):
            pairs += itertools.product(groups[first], groups[second])
    return pairs


def _exceeds(both: Stages, one: Stages, other: Stages, shares: np.ndarray) -> bool:
    """Whether the deficit of both outages exceeds the sum of the single ones at some load.

    The difference is piecewise linear in the load, so its knees and its last slope decide.
    """
    weights = np.concatenate((shares, -shares, -shares))
    for end in sorted({*both[0], *one[0], *other[0]}):
        knees = np.concatenate(
            [limits[bisect.bisect_left(until, end), 0] for until, limits in (both, one, other)]
        )
        finite = np.isfinite(knees)
        loads = np.unique(knees[finite])
        difference = np.maximum(0.0, loads[:, None] - knees[finite]) @ weights[finite]
        if weights[finite].sum() > ROUNDING or (difference > ROUNDING * loads).any():
            return True
    return False
