"""The single-level model: leader, follower constraints and KKT conditions by ``core.kkt``.

The model is rebuilt from the extracted coefficients. The caller's model is not changed. Bounds of
follower variables become ordinary rows, and ``core.kkt`` receives each follower alone with exactly
the leader variables that it contains.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyomo.environ as pyo
from pyomo.common.enums import ObjectiveSense
from pyomo.common.numeric_types import RegisterIntegerType
from pyomo.core.expr.numeric_expr import LinearExpression

from mobile_storage.bilevel.model import Follower, Problem, Quadratic

# core.kkt multiplies the objective by its sense; unregistered, Pyomo warns about the type.
RegisterIntegerType(ObjectiveSense)


class NoResponseError(Exception):
    """A follower has no optimal response at any decision of the leader; the message says why."""


@dataclass(frozen=True)
class Pair:
    """One complementarity ``0 <= multiplier, 0 <= slack, multiplier * slack = 0``."""

    follower: int
    row: int
    name: str
    multiplier: Any
    slack: Any


@dataclass(frozen=True)
class SingleLevel:
    """The Pyomo model under construction.

    ``v[i]`` stands for the problem's variable ``i``; ``multipliers[f][j]`` is the expression of
    follower ``f``'s multiplier of row ``j`` in ``grad + A' mu = 0``.
    """

    model: pyo.ConcreteModel
    v: list[Any]
    pairs: tuple[Pair, ...]
    multipliers: tuple[tuple[Any, ...], ...]


def linear(coefficients, variables, constant: float = 0.0):
    """A linear expression without walking an expression tree."""
    return LinearExpression(
        constant=constant,
        linear_coefs=[float(a) for a in coefficients],
        linear_vars=list(variables),
    )


def to_expression(body: Quadratic, v: list[Any]):
    """A Pyomo expression of extracted coefficients."""
    expr = linear(body.linear.values(), [v[i] for i in body.linear], body.constant)
    if body.quadratic:
        expr = expr + pyo.quicksum(a * v[i] * v[j] for (i, j), a in body.quadratic.items())
    return expr


def tighten(var: Any, low: float | None = None, high: float | None = None) -> None:
    """Raise a variable's lower bound to `low` and lower its upper bound to `high`, if they bind."""
    if low is not None:
        var.setlb(low if var.lb is None else max(low, var.lb))
    if high is not None:
        var.setub(high if var.ub is None else min(high, var.ub))


def build_kkt(problem: Problem) -> SingleLevel:
    """Variables, follower rows and KKT conditions; the leader's part is added separately."""
    for follower in problem.followers:
        _check_response(problem, follower)
    m = pyo.ConcreteModel("single_level")
    m.v = pyo.Var(range(len(problem.variables)))
    v = [m.v[i] for i in range(len(problem.variables))]
    for i, var in enumerate(v):
        if i in problem.leader:
            var.setlb(problem.lower[i])
            var.setub(problem.upper[i])
            if problem.integer[i]:
                var.domain = pyo.Integers
    m.follower = pyo.Block(range(len(problem.followers)))
    pairs: list[Pair] = []
    multipliers = []
    for f, follower in enumerate(problem.followers):
        block = m.follower[f]
        multipliers.append(_follower_kkt(block, follower, v))
        for j, row in enumerate(follower.rows):
            if row.equality:
                continue
            slack = linear(
                [*-row.a[row.a != 0], *-row.b[row.b != 0]],
                [v[i] for i in [*follower.y[row.a != 0], *follower.x[row.b != 0]]],
                row.rhs,
            )
            label = f"{follower.name}: {row.name}"
            pairs.append(Pair(f, j, label, multipliers[-1][j], slack))
        # After core.kkt, rows on one variable may be bounds again: shorter, and no multiplier
        # of theirs is lost.
        for j, row in enumerate(follower.rows):
            if _as_bound(row, follower, v):
                block.rows[j + 1].deactivate()
    return SingleLevel(m, v, tuple(pairs), tuple(multipliers))


def _check_response(problem: Problem, follower: Follower) -> None:
    """Stationarity of a variable that no row bounds must not read ``cost = 0`` with a number."""
    alone = ~(follower.A.any(axis=0) | follower.hessian.any(axis=1) | follower.cross.any(axis=1))
    for k in np.flatnonzero(alone & (follower.c != 0)):
        raise NoResponseError(
            f"the objective of follower '{follower.name}' improves without end in its variable "
            f"'{problem.names[follower.y[k]]}', which has no bound and is in no constraint"
        )


def _as_bound(row, follower: Follower, v: list[Any]) -> bool:
    """Turn a row on one follower variable into a bound; says whether it was one."""
    (own,) = np.nonzero(row.a)
    if row.equality or row.b.any() or len(own) != 1:
        return False
    var, value = v[follower.y[own[0]]], row.rhs / row.a[own[0]]
    if row.a[own[0]] > 0:
        tighten(var, high=value)
    else:
        tighten(var, low=value)
    return True


def _follower_kkt(block: Any, follower: Follower, v: list[Any]) -> tuple[Any, ...]:
    """Apply ``core.kkt`` to one follower; returns its multipliers, signed as in the docstring."""
    ids = np.concatenate([follower.y, follower.x])
    block.rows = pyo.ConstraintList()
    cons = []
    for row in follower.rows:
        coefs = np.concatenate([row.a, row.b])
        used = np.flatnonzero(coefs)
        body = linear(coefs[used], [v[i] for i in ids[used]])
        cons.append(block.rows.add((row.rhs, body) if row.equality else (None, body, row.rhs)))
    body = linear(follower.c[follower.c != 0], [v[i] for i in follower.y[follower.c != 0]])
    for i, k in zip(*np.nonzero(follower.hessian), strict=True):
        body = body + 0.5 * follower.hessian[i, k] * v[follower.y[i]] * v[follower.y[k]]
    for i, k in zip(*np.nonzero(follower.cross), strict=True):
        body = body + follower.cross[i, k] * v[follower.y[i]] * v[follower.x[k]]
    block.cost = pyo.Objective(expr=body)
    seen = follower.x[(follower.B != 0).any(axis=0) | (follower.cross != 0).any(axis=0)]
    if not cons and not _any_own(follower):
        block.cost.deactivate()
        return ()
    kkt = pyo.TransformationFactory("core.kkt")
    kkt.apply_to(block, parameterize_wrt=[v[i] for i in seen])
    # The complementarities are written by the chosen method, on slacks with known bounds.
    block.kkt.complements.deactivate()
    signed = []
    for con in cons:
        multiplier = kkt.get_multiplier_from_object(block, con)
        # core.kkt adds (rhs - body) * gamma for equalities, (body - rhs) * alpha for the rest.
        signed.append(-1.0 * multiplier if con.equality else multiplier[1])
    return tuple(signed)


def _any_own(follower: Follower) -> bool:
    return bool(follower.c.any() or follower.hessian.any() or follower.cross.any())
