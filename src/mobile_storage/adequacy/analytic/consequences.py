"""Fault-consequence analysis: every outage of a network and what it leaves unfed, stage by stage.

A fault first trips its zone; automatic ties close (stage 1). After the switching time the fault is
isolated and all else is fed again as far as sources, ties and capacities allow (stage 2, and one
more for each tie that takes longer to close), until the repair ends. In each stage the load fed is
the largest flow that capacities allow (`supply`). Ties are used wherever they help; that loads
joined by them may have to be split again to keep the operation radial is left out of account.

Outages of second order. Two elements with frequencies f_i, f_j and mean repair times r_i, r_j, in
years, fail independently: they are out together with the frequency f_i f_j (r_i + r_j) for
r_i r_j / (r_i + r_j) on average. Both must be isolated: the switching time is the longer one, and
what tripped of either is dead until then. Counted are the pairs that leave more unfed than the sum
of both outages alone, at some load. So that nothing counts twice, the frequency of a single outage
is taken times the availability of each partner, which leaves it the time when the partner is not
out. All other pairs are taken as the sum of their singles. If they are less than that (one is
behind the other), the deficit comes out too large, by at most the part
``sum_j f_j r_j / 8760`` of itself; three outages at once are neglected.
"""

from __future__ import annotations

import bisect
import itertools
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from mobile_storage.adequacy import HOURS_PER_YEAR
from mobile_storage.adequacy.analytic.contingency import Contingency, Deficit, Stage
from mobile_storage.adequacy.analytic.network import Branch, CommonMode, Network, Node
from mobile_storage.adequacy.analytic.states import States

__all__ = ["Outage", "contingencies", "normal_capacity", "normal_state", "outages"]

#: A change of slope below this is rounding.
ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class Outage:
    """An outage and, for each stage, the total load up to which each load point is fed in full.

    Above its limit a load point keeps what it had there: with all loads in proportion to the total
    load L, point i is fed ``share_i * min(L, limit_i)``.

    Attributes
    ----------
    name : str
        The failed elements, joined by ``+``, and what else did not work.
    elements : tuple of str
        The failed elements, or the one common mode.
    rate, repair, law
        As for `Contingency`.
    until : tuple of float
        End of each stage, hours after the fault; the last is ``inf``.
    limits : ndarray, shape (stages, 2, load points)
        Without storage, and with storage without limit at its node.
    """

    name: str
    elements: tuple[str, ...]
    rate: float
    repair: float
    law: str
    until: tuple[float, ...]
    limits: np.ndarray


def outages(network: Network, order: int = 1) -> tuple[Outage, ...]:
    """All outages with a frequency above zero.

    Parameters
    ----------
    network : Network
        The network.
    order : {1, 2}
        1: each element and each common mode alone; 2: pairs of independent elements too (with all
        devices and ties at work).

    Returns
    -------
    tuple of Outage
        One for each fault and each combination of devices and ties that work or fail, if that
        makes a difference.

    Raises
    ------
    ValueError
        If the order is neither 1 nor 2.
    """
    if order not in (1, 2):
        raise ValueError(f"order is {order!r}: it must be 1 or 2")
    element = {e.name: e for e in (*network.nodes, *network.branches, *network.common_modes)}
    found = _consequences(_once_a_year(network), order)
    available = defaultdict(lambda: 1.0)
    for one, other in (outage.elements for outage in found if len(outage.elements) == 2):
        available[one] *= 1.0 - element[other].rate * element[other].repair / HOURS_PER_YEAR
        available[other] *= 1.0 - element[one].rate * element[one].repair / HOURS_PER_YEAR
    dressed = []
    for outage in found:
        if len(outage.elements) == 2:
            dressed.append(_overlapping(outage, *(element[name] for name in outage.elements)))
            continue
        (name,) = outage.elements
        it = element[name]
        rate = outage.rate * it.rate * available[name]
        dressed.append(replace(outage, rate=rate, repair=it.repair, law=it.law))
    return tuple(dressed)


def _once_a_year(network: Network) -> Network:
    """The network with one failure a year of an hour each for all that can fail."""

    def alike(element: Node | Branch | CommonMode) -> Node | Branch | CommonMode:
        fails = element.rate > 0.0
        return replace(element, rate=float(fails), repair=float(fails), law="exponential")

    return replace(
        network,
        nodes=tuple(map(alike, network.nodes)),
        branches=tuple(map(alike, network.branches)),
        common_modes=tuple(map(alike, network.common_modes)),
    )


@lru_cache(maxsize=8)
def _consequences(network: Network, order: int) -> tuple[Outage, ...]:
    """What the outages of a network `_once_a_year` leave unfed; their rates are chances.

    Consequences are what takes time to find, and they do not hang on how often or for how long
    something fails: networks that differ only in that share them.
    """
    states = States(network)
    elements = [e for e in (*network.nodes, *network.branches) if e.rate > 0.0]
    found: list[Outage] = []
    for element in elements:
        found += _outcomes(states, element, (element.name,))
    for mode in network.common_modes:
        if mode.rate > 0.0:
            found += _outcomes(states, mode, mode.elements)
    if order == 2:
        found += [_joint(states, one, other) for one, other in _pairs(states, elements)]
    return tuple(found)


def _overlapping(outage: Outage, one: Node | Branch, other: Node | Branch) -> Outage:
    """A joint outage with the frequency and duration that follow from both elements' own."""
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
        All of them, those without a deficit at any load included.
    """
    shares = _shares(network)
    return tuple(
        Contingency(
            outage.name,
            outage.rate,
            outage.repair,
            outage.law,
            tuple(
                _stage(until, limits, shares)
                for until, limits in zip(outage.until, outage.limits, strict=True)
            ),
        )
        for outage in outages(network, order)
    )


def normal_state(network: Network) -> Stage:
    """Load that is not fed while nothing has failed: normal capacities, all ties open."""
    return _stage(math.inf, States(network).normal_limits(), _shares(network))


def normal_capacity(network: Network) -> float:
    """Total load up to which the intact network feeds all without storage, in units of power."""
    return float(States(network).normal_limits()[0].min())


def _shares(network: Network) -> np.ndarray:
    load = np.array([point.load for point in network.load_points], dtype=float)
    return load / load.sum()


def _stage(until: float, limits: np.ndarray, shares: np.ndarray) -> Stage:
    without, helped = limits
    return Stage(
        until,
        reachable=_hinges(np.concatenate((without, helped)), np.concatenate((shares, -shares))),
        unreachable=_hinges(helped, shares),
    )


def _hinges(knees: np.ndarray, slopes: np.ndarray) -> Deficit:
    """Sum of hinges, with one for each knee; those at infinity never matter."""
    values, place = np.unique(knees, return_inverse=True)
    slopes = np.bincount(place, slopes)
    kept = np.isfinite(values) & (np.abs(slopes) > ROUNDING)
    return Deficit(tuple(slopes[kept].tolist()), tuple(values[kept].tolist()))


def _stages(
    states: States, switching: float, tripped: np.ndarray, isolated: np.ndarray, failed: np.ndarray
) -> tuple[tuple[float, ...], np.ndarray]:
    """Ends of the stages and limits in them, shape (stages, 2, load points), where they differ.

    The first stage ends with the isolation of the fault; a new one begins with each tie that takes
    longer to close. A stage of no length is left out.
    """
    by_hand = states.ties & (states.automatic | ~failed)
    times = np.unique(np.maximum(states.closing_time[by_hand], switching))
    starts = [0.0, *({switching, *times.tolist()} - {0.0})]
    starts.sort()
    found: list[tuple[float, np.ndarray]] = []
    for start in starts:
        if start < switching:
            limits = states.limits(tripped, states.called_at_once(tripped) & ~failed)
        else:
            at_once = states.automatic & ~failed
            limits = states.limits(
                isolated, states.ties & at_once | by_hand & (states.closing_time <= start)
            )
        if not found or not np.array_equal(limits, found[-1][1]):
            found.append((start, limits))
    ends = tuple(start for start, _ in found[1:])
    return (*ends, math.inf), np.stack([limits for _, limits in found])


def _outcomes(
    states: States, element: Node | Branch | CommonMode, names: Sequence[str]
) -> list[Outage]:
    """Outages of an element or common mode: one, or one for each thing that may not work."""
    faults = [states.number[name] for name in names]
    isolated = states.zone(faults, states.isolated_zone)
    uncertain = [b for b in states.network.branches if b.normally_open and b.success < 1.0]
    found: dict[tuple[tuple[float, ...], bytes], Outage] = {}
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
        if key in found:
            found[key] = replace(found[key], rate=found[key].rate + chance * element.rate)
            continue
        troubles = [f"device of {name} fails" for name in uncleared]
        troubles += [f"{name} stays open" for name in sorted(lost)]
        found[key] = Outage(
            f"{element.name} ({', '.join(troubles)})" if troubles else element.name,
            (element.name,),
            chance * element.rate,
            element.repair,
            element.law,
            until,
            limits,
        )
    return list(found.values())


def _together(
    states: States, elements: Sequence[Node | Branch], switching: float
) -> tuple[tuple[float, ...], np.ndarray]:
    """Stages of some elements that fail together, with all devices and ties at work."""
    faults = [states.number[element.name] for element in elements]
    return _stages(
        states,
        switching,
        states.zone(faults, states.trip_zone),
        states.zone(faults, states.isolated_zone),
        np.zeros_like(states.ties),
    )


def _joint(states: States, one: Node | Branch, other: Node | Branch) -> Outage:
    """Outage of two independent elements at once."""
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
    """Pairs that leave more unfed together than the sum of both alone, in some stage and load.

    Elements in the same zones do the same. An element whose zones have at most one neighbour, and
    no source or storage in them, takes nothing but its own load from any other: it has no partner.
    Neither do elements in different regions.
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
    pairs = []
    for first, second in itertools.combinations(groups, 2):
        if regions[first].isdisjoint(regions[second]):
            continue
        time = max(first[-1], second[-1])
        both = _together(states, (groups[first][0], groups[second][0]), time)
        if _exceeds(both, alone[first, time], alone[second, time], states.shares):
            pairs += itertools.product(groups[first], groups[second])
    return pairs


def _exceeds(
    both: tuple[tuple[float, ...], np.ndarray],
    one: tuple[tuple[float, ...], np.ndarray],
    other: tuple[tuple[float, ...], np.ndarray],
    shares: np.ndarray,
) -> bool:
    """Whether the deficit of both outages is above the sum of the single ones, at some load.

    The difference is piecewise linear: it is enough to look at its knees and at its last slope.
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
