"""Outage episodes of a network, drawn at random, with all that can overlap.

Each component (element or common mode) fails after an exponential time and is repaired: an
alternating renewal process. While nothing has failed the system forgets its past, so an episode,
from a first fault until all is repaired, is like any other, and only episodes are simulated:
nothing happens in between. Component i starts one with the frequency
``prod_j (1 - u_j) / mean time to failure_i``, where u_j is the unavailability of j, since the
system is in its normal state that part of the time and leaves it with that rate (renewal reward).

Overlaps are rare, so each sample has episodes of both kinds, with the weights that make up for it
(forced transitions: Lewis and Böhm 1984): for each component one in which nothing else fails, with
the probability of that, ``exp(-a)``, where a is what the failure rates of all others add up to
over the repair time D; and some in which another fault comes within D. The latter draw the first
fault in proportion to frequency times expected a, D with a density in proportion to D, and have
weights in proportion to ``(1 - exp(-a)) / a``. What follows the second fault is left to chance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numba
import numpy as np

from mobile_storage.adequacy import HOURS_PER_YEAR
from mobile_storage.adequacy.simulation.supply import StandingFault, Supply

__all__ = ["Process", "draw_overlapping", "draw_single", "single_paths"]


@dataclass(frozen=True, eq=False)
class Process:
    """Failures and repairs of the components, in arrays."""

    failure: np.ndarray
    """Rate while up, 1/h."""
    repair: np.ndarray
    """Mean time, h."""
    exponential: np.ndarray
    """Law of the repair time; else fixed."""
    frequency: np.ndarray
    """Episodes that each component starts, 1/yr."""
    normal_h: float
    """Time in a year in which nothing has failed."""
    outcome: np.ndarray
    """Cumulated probabilities of the outcomes, (components, outcomes)."""
    switching: np.ndarray
    """Switching times, (components, times), ``inf`` where there are fewer."""

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
        """What works and what does not, for faults of these components."""
        uniform = rng.random(len(component))
        found = (uniform[:, None] >= self.outcome[component]).sum(axis=1)
        return np.minimum(found, self.outcome.shape[1] - 1)


def _padded(rows: list | tuple, value: float) -> np.ndarray:
    table = np.full((len(rows), max(map(len, rows))), value)
    for number, row in enumerate(rows):
        table[number, : len(row)] = row
    return table


def single_paths(supply: Supply) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Stages of each component and outcome alone, as `walk` takes them.

    There are as many paths for each component, so that their number can be worked out.
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
    return np.array(first), np.array(until), np.array(state)


def draw_single(
    rng: np.random.Generator, process: Process, samples: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Row, weight, duration and path of an episode of each component in which it is alone."""
    count = len(process.failure)
    component = np.tile(np.arange(count), samples)
    size = len(component)
    law = np.where(process.exponential[component], rng.standard_exponential(size), 1.0)
    duration = process.repair[component] * law
    others = process.failure.sum() - process.failure[component]
    weight = process.frequency[component] * np.exp(-others * duration)
    path = component * process.outcome.shape[1] + process.draw_outcome(rng, component)
    return np.repeat(np.arange(samples), count), weight, duration, path


def draw_overlapping(
    rng: np.random.Generator, process: Process, supply: Supply, samples: int, each: int
) -> tuple[tuple, tuple]:
    """Row, weight, duration and path of episodes with a second fault, and the paths."""
    others = process.failure.sum() - process.failure
    expected = process.frequency * others * process.repair
    total = expected.sum()
    # A component without others never overlaps.
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
    # Equal rows of codes are found by a random linear form of them, modulo 2^64.
    form = np.random.default_rng(0).integers(0, 2**64, len(expected), dtype=np.uint64)
    _, example, place = np.unique(codes @ form, return_index=True, return_inverse=True)
    stages = process.switching.shape[1] + 1
    known = [
        supply.state(
            StandingFault(int(c), int((row[c] - 1) % stages), int((row[c] - 1) // stages))
            for c in np.flatnonzero(row)
        )
        for row in codes[example]
    ]
    row = np.repeat(np.arange(samples), each)[:size]
    duration = until[first[1:] - 1]
    return (row, weight, duration, np.arange(size)), (first, until, np.array(known, int)[place])


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _overlapping(
    rng, component, first_repair, second, failure, repair, exponential, outcome, switching
):
    """Episodes from a first fault and a second that comes before its repair, to the end of all.

    Returns
    -------
    ndarray of int, shape (episodes + 1,)
        Where the segments of each episode begin.
    ndarray, shape (segments,)
        End of each segment, h after the first fault.
    ndarray of uint64, shape (segments, components)
        For each component 0 if it is up, else one more than
        ``switching times passed + (switching times + 1) * outcome``.
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
            # The next thing that happens: a failure, a repair or a switching time.
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
                found = 0
                while found < outcome.shape[1] - 1 and uniform >= outcome[c, found]:
                    found += 1
                code[c] = 1 + (times + 1) * found
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
            # Which one it will be, among those that are up.
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
