"""Discrete and disjoint domains of Pyomo variables, modelled by binaries and integers.

A leader variable may take its values from any set of numbers. A domain with a step becomes a whole
number of steps, and disjoint ranges become a choice by binaries. A follower's domain must be one
interval.
"""

from __future__ import annotations

import math
from typing import Any

import pyomo.environ as pyo
from pyomo.core.base.range import NumericRange

from mobile_storage.bilevel.errors import (
    BilevelModelError,
    IntegerFollowerError,
    NonconvexFollowerError,
)


def check_follower_domain(var: Any, follower: str) -> str:
    """A remark on an open end, or an empty string.

    Raises
    ------
    BilevelModelError
        Or one of its subclasses, where the domain is not one interval of real numbers.
    """
    if not _continuous(var):
        ranges = _ranges(var)
        where = f"follower '{follower}' has the"
        relaxed = (
            "the KKT conditions of its relaxation are not even a bound on the integer problem."
        )
        if var.is_integer():
            raise IntegerFollowerError(f"{where} integer variable '{var.name}'; {relaxed}")
        if all(r.isdiscrete() for r in ranges):
            raise IntegerFollowerError(
                f"{where} variable '{var.name}' with the discrete domain {_named(var)}; {relaxed}"
            )
        raise NonconvexFollowerError(
            f"{where} variable '{var.name}' whose domain {_named(var)} is not one interval, so the "
            "KKT conditions do not describe its optimum."
        )
    return _open_end(var)


class Domains:
    """Auxiliary variables and rows for the leader's variables, gathered one after another.

    Attributes
    ----------
    variables, names : list
        Auxiliary Pyomo variables, which belong to no model of the caller, and what to call them.
    rows : list of (name, [(variable, coefficient)], lower, upper)
        Linear rows.
    written : dict of int to list of NumericRange
        Indices of the variables whose domain the rows express, and that domain.
    remarks : list of str
        Warnings.
    """

    def __init__(self) -> None:
        self._holder = pyo.ConcreteModel("domains")
        self._holder.v = pyo.VarList()
        self.variables: list[Any] = []
        self.names: list[str] = []
        self.rows: list[tuple[str, list[tuple[Any, float]], float, float]] = []
        self.written: dict[int, list[NumericRange]] = {}
        self.remarks: list[str] = []

    def read(self, var: Any, index: int) -> None:
        """Write out the domain of a leader variable unless it is an interval or integers.

        Raises
        ------
        BilevelModelError
            If the domain is empty, not of numbers, or has several ranges one of which is unbounded.
        """
        if _continuous(var):
            if remark := _open_end(var):
                self.remarks.append(remark)
            return
        if var.is_integer():
            return
        ranges = _ranges(var)
        self.written[index] = ranges
        start, end, step = var.domain.get_interval()
        if step:
            self._one_step(var, ranges, start, end, abs(step))
        else:
            self._choice(var, ranges)

    def _one_step(self, var: Any, ranges, start, end, step: float) -> None:
        """``var = origin + step * k`` with whole ``k``; an end without a bound stays open."""
        ends = (start, end, *(r.start for r in ranges))
        origin = next(float(e) for e in ends if e is not None and math.isfinite(e))
        lower, upper = (None if e is None else round((e - origin) / step) for e in (start, end))
        k = self._new(var, pyo.Integers, lower, upper)
        self.rows.append((f"domain of '{var.name}'", [(var, 1.0), (k, -step)], origin, origin))

    def _choice(self, var: Any, ranges: list[NumericRange]) -> None:
        """One of several bounded ranges: ``var = sum_r (start_r z_r + rest_r)``, ``sum_r z_r = 1``.

        ``rest_r`` is 0 for a single value, a whole number of steps, or at most the range's length.
        """
        terms, chosen = [(var, 1.0)], []
        name = f"domain of '{var.name}'"
        for r in ranges:
            if not (math.isfinite(r.start) and math.isfinite(r.end)):
                raise BilevelModelError(
                    f"the domain {_named(var)} of '{var.name}' has several ranges, and one of them "
                    "is unbounded; give every range two ends."
                )
            z = self._new(var, pyo.Binary, 0, 1)
            chosen.append((z, 1.0))
            terms.append((z, -float(r.start)))
            length = float(r.end - r.start)
            if not length:
                continue
            count = round(length / r.step) if r.step else length
            rest = self._new(var, pyo.Integers if r.step else pyo.Reals, 0, count)
            terms.append((rest, -float(r.step or 1.0)))
            self.rows.append((name, [(rest, 1.0), (z, -float(count))], -math.inf, 0.0))
        self.rows.append((name, chosen, 1.0, 1.0))
        self.rows.append((name, terms, 0.0, 0.0))

    def _new(self, of: Any, domain: Any, lower: float | None, upper: float | None) -> Any:
        var = self._holder.v.add()
        var.domain = domain
        var.setlb(lower)
        var.setub(upper)
        self.variables.append(var)
        self.names.append(f"domain of '{of.name}' ({len(self.names) + 1})")
        return var


def nearest(ranges: list[NumericRange], value: float) -> float:
    """Return the member of a domain nearest to `value`, which removes a solver's rounding."""

    def member(r: NumericRange) -> float:
        low, high = sorted((float(r.start), float(r.end)))
        inside = min(max(value, low), high)
        return r.start + round((inside - r.start) / r.step) * r.step if r.step else inside

    return float(min((member(r) for r in ranges), key=lambda v: abs(v - value)))


def _continuous(var: Any) -> bool:
    """Whether the domain is one interval of real numbers; not even numbers are refused."""
    _ranges(var)
    return var.is_continuous()


def _ranges(var: Any) -> list[NumericRange]:
    ranges = list(var.domain.ranges())
    if not ranges:
        raise BilevelModelError(
            f"the domain {_named(var)} of '{var.name}' is empty; give it a domain such as Reals, "
            "Integers or a RangeSet."
        )
    if not all(isinstance(r, NumericRange) for r in ranges):
        raise BilevelModelError(
            f"the domain {_named(var)} of '{var.name}' is not a set of numbers; give it a domain "
            "such as Reals, Integers or a RangeSet."
        )
    return ranges


def _named(var: Any) -> str:
    """The domain as Pyomo prints it, shortened."""
    text = str(var.domain)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _open_end(var: Any) -> str:
    """A remark where the domain leaves out its end, which no solver can."""
    for r in _ranges(var):
        for end, closed, bound in zip((r.start, r.end), r.closed, (var.lb, var.ub), strict=True):
            if end is not None and not closed and bound == end:
                return (
                    f"the domain {_named(var)} of '{var.name}' leaves out its end {end:g}; as in "
                    "every solver that end is allowed"
                )
    return ""
