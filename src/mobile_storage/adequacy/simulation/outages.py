"""Outage episodes of a network, drawn at random, including outages that overlap.

Each component (element or common mode) fails after an exponential time and is then repaired, which
is an alternating renewal process. An episode lasts from a first fault until everything is repaired.
While nothing has failed the system has no memory, so all episodes have the same law, and only
episodes are simulated. Component i starts episodes with the frequency
``prod_j (1 - u_j) / mean time to failure_i``, where u_j is the unavailability of component j: the
product is the part of the time in the normal state (renewal reward).

Overlaps are rare. Each sample therefore contains episodes of two kinds, with weights that correct
for it (forced transitions: Lewis and Böhm 1984). Let D be the repair time of the first fault, and a
the sum of the failure rates of all other components times D.

- One episode of each component in which nothing else fails, with the weight ``exp(-a)``, which is
  the probability of that.
- Some episodes in which another fault follows within D. The first fault is drawn in proportion to
  its frequency times the expected a, and D with a density in proportion to D. The weights are in
  proportion to ``(1 - exp(-a)) / a``. Everything after the second fault is drawn without weights.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np

from mobile_storage.adequacy import HOURS_PER_YEAR
from mobile_storage.adequacy.simulation.episodes import Episodes, Paths
from mobile_storage.adequacy.simulation.supply import StandingFault, Supply

__all__ = ["Process", "draw_overlapping", "draw_single", "single_paths"]


@dataclass(frozen=True, eq=False)
class Process:
    """Failures and repairs of the components, in arrays.

    Attributes
    ----------
    failure : ndarray, shape (components,)
        Failure rate while the component works, 1/h.
    repair : ndarray, shape (components,)
        Mean repair time, h.
    exponential : ndarray of bool, shape (components,)
        Whether the law of the repair time is exponential; otherwise it is fixed.
    frequency : ndarray, shape (components,)
        Episodes that each component starts, 1/yr.
    normal_h : float
        Hours of a year in which nothing has failed.
    outcome : ndarray, shape (components, outcomes)
        Cumulated probabilities of the outcomes of a fault (`supply.FaultOutcome`).
    switching : ndarray, shape (components, times)
        Switching times, h after the fault; ``inf`` where a component has fewer.
    """

    failure: np.ndarray
    repair: np.ndarray
    exponential: np.ndarray
    frequency: np.ndarray
    normal_h: float
    outcome: np.ndarray
    switching: np.ndarray

    @classmethod
    def of(cls, supply: Supply) -> Process:
        """Process of the components of a network."""
        components = supply.components
        rate = np.array([c.rate for c in components]) / HOURS_PER_YEAR
        repair = np.array([c.repair for c in components])
        failure = 1.0 / (1.0 / rate - repair)
        normal_h = float(np.prod(1.0 - rate * repair)) * HOURS_PER_YEAR
        return cls(
            failure,
            repair,
            np.array([c.law == "exponential" for c in components]),
            failure * normal_h,
            normal_h,
            _padded([np.cumsum([o.probability for o in row]) for row in supply.outcomes], 1.0),
            _padded(supply.switching_times, math.inf),
        )

    def draw_outcome(self, rng: np.random.Generator, component: np.ndarray) -> np.ndarray:
        """Draw the number of the outcome of one fault of each of these components."""
        uniform = rng.random(len(component))
        number = (uniform[:, None] >= self.outcome[component]).sum(axis=1)
        return np.minimum(number, self.outcome.shape[1] - 1)


def _padded(rows: Sequence[Sequence[float] | np.ndarray], value: float) -> np.ndarray:
    """Rows of different lengths as one table, filled up with `value`."""
    table = np.full((len(rows), max(map(len, rows))), value)
    for number, row in enumerate(rows):
        table[number, : len(row)] = row
    return table


def single_paths(supply: Supply) -> Paths:
    """Paths of each component and outcome alone.

    Each component has the same number of paths, so that the number of a path can be computed.
    """
    width = max(map(len, supply.outcomes))
    first, until, state = [0], [], []
    for component, times in enumerate(supply.switching_times):
        for outcome in range(width):
            if outcome < len(supply.outcomes[component]):
                until += [*times, math.inf]
                state += [
                    supply.state([StandingFault(component, passed, outcome)])
                    for passed in range(len(times) + 1)
                ]
            first.append(len(until))
    return Paths(np.array(first), np.array(until), np.array(state))


def draw_single(rng: np.random.Generator, process: Process, samples: int) -> Episodes:
    """Draw episodes in which only one component fails."""
    count = len(process.failure)
    component = np.tile(np.arange(count), samples)
    size = len(component)
    law = np.where(process.exponential[component], rng.standard_exponential(size), 1.0)
    duration = process.repair[component] * law
    others = process.failure.sum() - process.failure[component]
    weight = process.frequency[component] * np.exp(-others * duration)
    path = component * process.outcome.shape[1] + process.draw_outcome(rng, component)
    return Episodes(np.repeat(np.arange(samples), count), weight, duration, path)


def draw_overlapping(
    rng: np.random.Generator, process: Process, supply: Supply, samples: int, each: int
) -> tuple[Episodes, Paths]:
    """Draw episodes with a second fault, and their paths."""
    others = process.failure.sum() - process.failure
    expected = process.frequency * others * process.repair
    total = expected.sum()
    # A single component never overlaps.
    size = samples * each if total > 0.0 else 0
    component = rng.choice(len(expected), size, p=expected / total) if size else np.zeros(0, int)
    law = np.where(process.exponential[component], rng.standard_gamma(2.0, size), 1.0)
    repair = process.repair[component] * law
    a = others[component] * repair
    chance = -np.expm1(-a)
    weight = total / each * chance / a
    second = -np.log1p(-rng.random(size) * chance) / others[component]
    first, until, codes = _overlapping(
        rng,
        component,
        repair,
        second,
        process.failure,
        process.repair,
        process.exponential,
        process.outcome,
        process.switching,
    )
    # Equal rows of codes have equal values of a random linear form, modulo 2^64.
    form = np.random.default_rng(0).integers(0, 2**64, len(expected), dtype=np.uint64)
    _, example, position = np.unique(codes @ form, return_index=True, return_inverse=True)
    stages = process.switching.shape[1] + 1
    states = [
        supply.state(
            StandingFault(int(c), int((row[c] - 1) % stages), int((row[c] - 1) // stages))
            for c in np.flatnonzero(row)
        )
        for row in codes[example]
    ]
    row = np.repeat(np.arange(samples), each)[:size]
    duration = until[first[1:] - 1]
    paths = Paths(first, until, np.array(states, int)[position])
    return Episodes(row, weight, duration, np.arange(size)), paths


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _overlapping(
    rng, component, first_repair, second, failure, repair, exponential, outcome, switching
):
    """Follow episodes from a first fault, with a second before its repair, until all is repaired.

    Returns
    -------
    ndarray of int, shape (episodes + 1,)
        Position of the first segment of each episode.
    ndarray, shape (segments,)
        End of each segment, h after the first fault.
    ndarray of uint64, shape (segments, components)
        For each component 0 if it works, else
        ``1 + switching times passed + (switching times + 1) * outcome``.
    """
    count = len(failure)
    times = switching.shape[1]
    total = failure.sum()
    room = 16 * len(component) + 16
    until = np.empty(room)
    codes = np.zeros((room, count), dtype=np.uint64)
    first = np.zeros(len(component) + 1, dtype=np.int64)
    used = 0
    code = np.zeros(count, dtype=np.uint64)
    onset = np.zeros(count)
    back = np.zeros(count)
    passed = np.zeros(count, dtype=np.int64)
    down = np.empty(count, dtype=np.int64)
    for e in range(len(component)):
        now = 0.0
        standing = 0
        failing = component[e]
        next_failure = 0.0
        while True:
            # The next event is a failure, a repair or a switching time.
            event = next_failure
            place = -1
            for k in range(standing):
                c = down[k]
                mark = onset[c] + switching[c, passed[c]] if passed[c] < times else math.inf
                due = min(back[c], mark)
                if due < event:
                    event = due
                    place = k
            if event > now:
                if used == room:
                    room *= 2
                    until = np.append(until, np.empty(room - used))
                    codes = np.concatenate((codes, np.zeros((room - used, count), dtype=np.uint64)))
                until[used] = event
                codes[used] = code
                used += 1
                now = event
            if place >= 0 and back[down[place]] > now:
                c = down[place]
                passed[c] += 1
                code[c] += np.uint64(1)
                continue
            if place >= 0:
                code[down[place]] = 0
                standing -= 1
                down[place] = down[standing]
                if standing == 0:
                    break
            else:
                c = failing
                onset[c] = now
                if standing == 0:
                    back[c] = first_repair[e]
                else:
                    length = rng.standard_exponential() if exponential[c] else 1.0
                    back[c] = now + repair[c] * length
                passed[c] = 0
                uniform = rng.random()
                number = 0
                while number < outcome.shape[1] - 1 and uniform >= outcome[c, number]:
                    number += 1
                code[c] = 1 + (times + 1) * number
                down[standing] = c
                standing += 1
            up = total
            for k in range(standing):
                up -= failure[down[k]]
            if standing == 1 and now == 0.0:
                next_failure = second[e]
            elif standing < count:
                next_failure = now + rng.standard_exponential() / up
            else:
                next_failure = math.inf
            # Draw which of the working components fails next.
            target = rng.random() * up
            failing = -1
            for c in range(count):
                if code[c] == 0:
                    failing = c
                    target -= failure[c]
                    if target < 0.0:
                        break
        first[e + 1] = used
    return first, until[:used], codes[:used]
