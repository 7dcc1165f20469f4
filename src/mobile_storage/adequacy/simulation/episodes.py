"""Outage episodes, followed in time: unserved load and the energy that storage delivers.

An episode begins at a moment of a typical day and goes through stages. The day repeats itself until
the episode ends. Within a stage and a step of the daily curve everything is constant. Storage
begins with the energy that its schedule leaves in it at that moment. It serves the load that it can
reach up to its power until it is empty, and it is not charged before the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numba
import numpy as np

from mobile_storage.adequacy.checks import require_number, require_numbers, require_probabilities

__all__ = ["DailyOperation", "Episodes", "Paths", "Tables", "walk"]

DAY_H = 24.0


@dataclass(frozen=True, eq=False)
class DailyOperation:
    """Typical days of a load and of storage that follows a schedule.

    Attributes
    ----------
    load : ndarray, shape (days, steps)
        Total load, in units of power, constant within each of the equal steps of a day.
    day_probability : ndarray, shape (days,)
        Share of the year that each day type takes.
    energy : ndarray, shape (days, steps + 1), optional
        Energy that storage can deliver at the start and at the end of each step, measured at its
        terminals; linear within a step. None without storage.
    power : float
        Largest power of the storage; ``inf`` without limit.
    availability : float
        Chance that storage works when a fault happens.
    """

    load: np.ndarray
    day_probability: np.ndarray
    energy: np.ndarray | None = None
    power: float = 0.0
    availability: float = 1.0

    def __post_init__(self) -> None:
        load = np.atleast_2d(require_numbers("load", self.load, least=0.0))
        days, steps = require_numbers("load", load, shape=("days", "steps")).shape
        chance = require_probabilities("day_probability", self.day_probability, shape=(days,))
        energy = np.zeros((days, steps + 1)) if self.energy is None else self.energy
        energy = require_numbers("energy", energy, least=0.0, shape=(days, steps + 1))
        require_number("power", self.power, least=0.0, infinite=True)
        require_number("availability", self.availability, least=0.0, most=1.0)
        for name, value in (("load", load), ("day_probability", chance), ("energy", energy)):
            object.__setattr__(self, name, value)

    def draw(
        self, rng: np.random.Generator, size: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Draw the day type, the hour of the day and whether storage works, for `size` faults."""
        day = rng.choice(len(self.day_probability), size, p=self.day_probability)
        return day, rng.uniform(0.0, DAY_H, size), rng.random(size) < self.availability


class Episodes(NamedTuple):
    """Outage episodes as flat arrays, shape (episodes,) each.

    Attributes
    ----------
    row, weight : ndarray
        Row of the result to which the episode counts, and its weight in that row.
    duration : ndarray
        Length, h.
    path : ndarray of int
        Number of its path in `Paths`.
    """

    row: np.ndarray
    weight: np.ndarray
    duration: np.ndarray
    path: np.ndarray


class Paths(NamedTuple):
    """Paths of episodes through the states of the system.

    Attributes
    ----------
    first : ndarray of int, shape (paths + 1,)
        Position of the first stage of each path in the other two arrays.
    until : ndarray, shape (stages,)
        End of each stage, h after the start of the episode.
    state : ndarray of int, shape (stages,)
        State of the system in each stage.
    """

    first: np.ndarray
    until: np.ndarray
    state: np.ndarray


class Tables(NamedTuple):
    """Unserved load in each state of the system, at each level of the total load.

    Attributes
    ----------
    level : ndarray of int, shape (days, steps)
        Number of the level of each step.
    unfed : ndarray, shape (states, levels)
        Unserved load without storage, in units of power.
    reachable : ndarray, shape (states, levels)
        Part of it that storage could serve if it were large enough.
    unfed_at : ndarray, shape (states, levels, load points)
        Unserved load at each load point, without storage. State 0 is the normal state.
    """

    level: np.ndarray
    unfed: np.ndarray
    reachable: np.ndarray
    unfed_at: np.ndarray


@numba.njit(cache=True, nogil=True, error_model="numpy")
def walk(episodes, begin, paths, tables, energy, power, rows):
    """Energy not supplied in episodes, added up with weights in the rows of the result.

    Parameters
    ----------
    episodes : Episodes
    begin : tuple of ndarray, shape (episodes,) each
        Day type and hour of the day at the start of each episode, and whether storage works; from
        `DailyOperation.draw`.
    paths : Paths
    tables : Tables
    energy, power
        As in `DailyOperation`.
    rows : int
        Number of rows of the result.

    Returns
    -------
    ndarray, shape (rows, 2)
        Energy not supplied, without and with storage.
    ndarray, shape (rows, load points, 3)
        For each load point without storage: number of interruptions, hours not served in full, and
        energy not supplied.
    """
    row, weight, duration, path = episodes
    day, start, works = begin
    first, until, state = paths
    level, unfed, reachable, unfed_at = tables
    steps = level.shape[1]
    step_h = DAY_H / steps
    points = unfed_at.shape[2]
    total = np.zeros((rows, 2))
    at_points = np.zeros((rows, points, 3))
    for e in range(len(row)):
        r, w, d = row[e], weight[e], day[e]
        step = min(int(start[e] / step_h), steps - 1)
        part = start[e] / step_h - step
        stored = 0.0
        if works[e]:
            stored = energy[d, step] + part * (energy[d, step + 1] - energy[d, step])
        step_end = (1.0 - part) * step_h
        stage = first[path[e]]
        before, before_level = 0, level[d, step]
        now = 0.0
        while now < duration[e]:
            end = min(step_end, until[stage], duration[e])
            span = end - now
            if span > 0.0:
                s, k = state[stage], level[d, step]
                given = 0.0
                if stored > 0.0:
                    given = min(min(power, reachable[s, k]) * span, stored)
                    stored -= given
                total[r, 0] += w * unfed[s, k] * span
                total[r, 1] += w * (unfed[s, k] * span - given)
                for p in range(points):
                    if unfed_at[s, k, p] > 0.0:
                        if unfed_at[before, before_level, p] == 0.0:
                            at_points[r, p, 0] += w
                        at_points[r, p, 1] += w * span
                        at_points[r, p, 2] += w * span * unfed_at[s, k, p]
                before, before_level = s, k
            now = end
            if now >= until[stage]:
                stage += 1
            if now >= step_end:
                step = (step + 1) % steps
                step_end += step_h
    return total, at_points
