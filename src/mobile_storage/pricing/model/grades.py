"""Grades of emergency supply and their prices: section 2 of the paper, Eq. (1) and (13)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

LEVELS = (1, 2, 3)


class Grade(NamedTuple):
    """Levels of capacity, duration and response time; 1 is the lowest demand, 3 the highest."""

    capacity: int
    duration: int
    response: int

    @property
    def label(self) -> str:
        """Name as in the paper's indices, for example ``H3-H1-H2``."""
        return "-".join(f"H{level}" for level in self)


GRADES = tuple(Grade(*levels) for levels in product(LEVELS, repeat=3))
"""All 27, capacity first, response last."""


@dataclass(frozen=True)
class Band:
    """A closed interval of capacities, kW."""

    lower: float
    upper: float


@dataclass(frozen=True)
class GradeTable:
    """The thresholds of Figure 1A [lost in the text; see ``grades.csv``].

    Attributes
    ----------
    capacity_kw, duration_h, response_min : dict of int to float
        Upper end of each level. A level's capacities start where those of the level below end. A
        duration level covers supplies up to its upper end. A response level promises supply within
        its upper end, so level 3 has the smallest upper end.
    """

    capacity_kw: dict[int, float]
    duration_h: dict[int, float]
    response_min: dict[int, float]

    def capacity_band(self, level: int) -> Band:
        """Capacities of a level, kW."""
        return Band(self.capacity_kw[level - 1] if level > 1 else 0.0, self.capacity_kw[level])

    def duration_level(self, duration_h: float) -> int | None:
        """Lowest level that supplies for `duration_h` hours; None if none is long enough."""
        return next((k for k in LEVELS if duration_h <= self.duration_h[k]), None)

    def response_level(self, need_min: float) -> int | None:
        """Lowest level that responds within `need_min` minutes; None if none is fast enough."""
        return next((k for k in LEVELS if self.response_min[k] <= need_min), None)


@dataclass(frozen=True)
class Prices:
    """The leader's seven decisions, in yuan/kWh.

    Attributes
    ----------
    base : tuple of 3 floats
        lambda_base by capacity level.
    duration, response : tuple of 3 floats
        Premiums dlambda_t and dlambda_r by level; zero at level 1.
    """

    base: tuple[float, float, float]
    duration: tuple[float, float, float]
    response: tuple[float, float, float]

    def of(self, grade: Grade) -> float:
        """Unit price of a grade, yuan/kWh, Eq. (1)."""
        return (
            self.base[grade.capacity - 1]
            + self.duration[grade.duration - 1]
            + self.response[grade.response - 1]
        )

    @classmethod
    def single(cls, price: float) -> Prices:
        """One price for every grade: case 2."""
        return cls((price,) * 3, (0.0,) * 3, (0.0,) * 3)

    @classmethod
    def from_vector(cls, x) -> Prices:
        """Make prices of the seven free decisions: three base prices, two premiums of each kind."""
        b1, b2, b3, t2, t3, r2, r3 = (float(v) for v in x)
        return cls((b1, b2, b3), (0.0, t2, t3), (0.0, r2, r3))

    @classmethod
    def from_record(cls, record: Mapping[str, Sequence[float]]) -> Prices:
        """Make prices of the lists ``base``, ``duration`` and ``response`` of a result file."""
        return cls(*(tuple(record[kind]) for kind in ("base", "duration", "response")))

    def vector(self) -> tuple[float, ...]:
        """The seven free decisions, in the order that `from_vector` takes."""
        return (*self.base, *self.duration[1:], *self.response[1:])

    def steps(self) -> tuple[float, ...]:
        """The six differences that Eq. (13) wants positive, yuan/kWh."""
        return tuple(
            levels[k + 1] - levels[k]
            for levels in (self.base, self.duration, self.response)
            for k in (0, 1)
        )
