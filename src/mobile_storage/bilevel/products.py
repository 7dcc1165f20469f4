"""Products in the leader's problem: keep, replace exactly, or refuse.

A convex quadratic stays. A product of a leader variable and a follower variable (price times
quantity) is replaced through the follower's KKT identities: stationarity times ``y`` plus
complementarity gives, for rows without leader variables,

    x'D'y = -c'y - y'Hy - sum_j mu_j rhs_j,

which also holds separately for every part of a follower whose rows do not share variables.
A product with a binary factor becomes linear by McCormick's four inequalities, which are exact
there. What is left is nonconvex and needs bounds on both factors.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyomo.environ as pyo

from mobile_storage.bilevel.bounds import HighPoint
from mobile_storage.bilevel.errors import StrongDualityError, UnboundedProductError
from mobile_storage.bilevel.kkt import SingleLevel, linear, tighten, to_expression
from mobile_storage.bilevel.model import Follower, Problem, Quadratic, is_positive_semidefinite
from mobile_storage.bilevel.scaling import linked_parts


@dataclass
class Products:
    """Writes the leader's expressions into the single-level model, product by product."""

    problem: Problem
    single: SingleLevel
    high_point: HighPoint
    nonconvex: bool = False
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.switch = _binary_forms(self.problem)
        self.owner = self.problem.owner
        self._mccormick: dict[tuple[int, int], Any] = {}
        self.single.model.products = pyo.VarList()
        self.single.model.envelopes = pyo.ConstraintList()

    def write(self, body: Quadratic, where: str, *, convex_use: bool):
        """Expression equal to ``body`` at every KKT point.

        ``convex_use``: the expression is minimised or bounded from above, so that a convex
        quadratic may stay.
        """
        if not body.quadratic or (convex_use and is_convex(body.quadratic)):
            return to_expression(body, self.single.v)
        refusal = None
        for switch in ({}, self.switch):
            parts, rest = self._substitute(body.quadratic, switch)
            self._add_hessians(parts, rest)
            rest, linear_part = self._split_binary(rest)
            remaining = Quadratic(body.constant, body.linear, rest)
            if not rest or (convex_use and is_convex(rest)):
                try:
                    return self._join(remaining, parts, linear_part, where)
                except UnboundedProductError as error:
                    refusal = error
        # Nothing exact: the original products, if every factor is bounded.
        rest, linear_part = self._split_binary(dict(body.quadratic))
        for i in sorted({i for pair in rest for i in pair}):
            low, high = self.high_point.box(i)
            if not (math.isfinite(low) and math.isfinite(high)):
                if refusal:
                    raise refusal
                side = "lower" if math.isfinite(high) else "upper"
                raise UnboundedProductError(
                    f"{where} has a product with '{self.problem.names[i]}' that cannot be "
                    f"replaced exactly, and '{self.problem.names[i]}' has no {side} bound "
                    "(unbounded price times quantity); give it one."
                )
            tighten(self.single.v[i], low, high)
        self.nonconvex = True
        self.notes.append(f"{where} keeps nonconvex products of bounded variables")
        return self._join(Quadratic(body.constant, body.linear, rest), [], linear_part, where)

    def _join(self, body: Quadratic, parts: list, extra: list, where: str):
        expr = to_expression(body, self.single.v)
        for factor, follower, rows, members in parts:
            expr = expr + self._identity(factor, follower, rows, members, where)
        for coefficient, product in extra:
            expr = expr + coefficient * product
        return expr

    def _substitute(self, quadratic, switch):
        """Split off what the followers' identities replace: ([(factor, f, rows, y)], rest)."""
        rest = dict(quadratic)
        by_follower: dict[int, dict[tuple[int, int], float]] = {}
        for (i, j), a in quadratic.items():
            for own, other in ((i, j), (j, i)):
                if own in self.owner and other in self.problem.leader:
                    by_follower.setdefault(self.owner[own][0], {})[own, other] = a
        parts = []
        for f, terms in by_follower.items():
            follower = self.problem.followers[f]
            column = {int(i): k for k, i in enumerate(follower.x)}
            for members, rows in _parts(follower, switch):
                factor = self._factor(follower, members, rows, terms, column, switch)
                if factor is None:
                    continue
                parts.append((factor, f, rows, members))
                for k in members:
                    for kx in np.flatnonzero(follower.cross[k]):
                        key = tuple(sorted((int(follower.y[k]), int(follower.x[kx]))))
                        rest.pop(key, None)
        return parts, rest

    def _add_hessians(self, parts, rest) -> None:
        """The term ``-y'Hy`` of the identity joins the quadratic whose convexity is tested."""
        for factor, f, _, members in parts:
            follower = self.problem.followers[f]
            for k in members:
                for h in np.flatnonzero(follower.hessian[k]):
                    key = tuple(sorted((int(follower.y[k]), int(follower.y[h]))))
                    rest[key] = rest.get(key, 0.0) - factor * follower.hessian[k, h]

    def _factor(self, follower: Follower, members, rows, terms, column, switch) -> float | None:
        """The one factor by which a part's products enter, None if there is not one."""
        target = np.zeros_like(follower.cross)
        for (own, other), a in terms.items():
            k = self.owner[own][1]
            if k in members and other not in column:
                return None
            if k in members:
                target[k, column[other]] = a
        cross = follower.cross[members]
        where = np.nonzero(cross)
        if not len(where[0]):
            return None
        ratios = target[members][where] / cross[where]
        if not ratios.any() or np.ptp(ratios) > 1e-12 * abs(ratios).max():
            return None
        if target[members][cross == 0].any():
            return None
        for j in rows:
            for kx in np.flatnonzero(follower.B[j]):
                if not (switch and int(follower.x[kx]) in switch):
                    return None
        return float(ratios[0])

    def _identity(self, factor: float, f: int, rows, members, where: str):
        """``factor * x'D'y`` over one part, without the term in ``H``."""
        follower, v = self.problem.followers[f], self.single.v
        mu = self.single.multipliers[f]
        expr = linear(-factor * follower.c[members], [v[i] for i in follower.y[members]])
        inside = set(members)
        for j in rows:
            expr = expr + (-factor * follower.rhs[j]) * mu[j]
            for kx in np.flatnonzero(follower.B[j]):
                product = self._multiplier_product(f, j, int(follower.x[kx]), where)
                expr = expr + factor * follower.B[j, kx] * product
            for k in np.flatnonzero(follower.A[j]):
                if k not in inside:
                    product = self._multiplier_product(f, j, int(follower.y[k]), where)
                    expr = expr + factor * follower.A[j, k] * product
        return expr

    def strong_duality(self, f: int):
        """``(c + D x)'y + mu'(rhs - B x)`` of a linear follower, linear by binary factors.

        Raises
        ------
        StrongDualityError
            Naming a product neither factor of which is binary (or whose other factor has no
            bound).
        """
        follower, v = self.problem.followers[f], self.single.v
        names, mu = self.problem.names, self.single.multipliers[f]
        expr = linear(follower.c, [v[i] for i in follower.y])
        for k, kx in zip(*np.nonzero(follower.cross), strict=True):
            key = tuple(sorted((int(follower.y[k]), int(follower.x[kx]))))
            rest, extra = self._split_binary({key: follower.cross[k, kx]})
            if rest:
                raise StrongDualityError(
                    f"strong duality of follower '{follower.name}' has the product "
                    f"'{names[follower.x[kx]]}' * '{names[follower.y[k]]}', which has no binary "
                    "factor with a bounded partner; use another method."
                )
            expr = expr + sum(a * product for a, product in extra)
        for j, row in enumerate(follower.rows):
            expr = expr + row.rhs * mu[j]
            for kx in np.flatnonzero(row.b):
                i = int(follower.x[kx])
                if i not in self.switch:
                    raise StrongDualityError(
                        f"strong duality of follower '{follower.name}' has the product of "
                        f"'{names[i]}' and the multiplier of '{row.name}', which has no binary "
                        "factor; use another method."
                    )
                product = self._multiplier_product(f, j, i, f"strong duality of '{follower.name}'")
                expr = expr - row.b[kx] * product
        return expr

    def _split_binary(self, quadratic):
        """Take out products with a binary factor: (rest, [(coefficient, linear expression)])."""
        rest, extra = {}, []
        for (i, j), a in quadratic.items():
            pair = next(((s, o) for s, o in ((i, j), (j, i)) if s in self.switch), None)
            if pair is None or not self._bounded(pair[1]):
                rest[i, j] = a
                continue
            offset, slope, z = self.switch[pair[0]]
            other = self.single.v[pair[1]]
            low, high = self.high_point.box(pair[1])
            product = self._envelope((z, pair[1]), z, other, low, high)
            extra.append((a, offset * other + slope * product))
        return rest, extra

    def _bounded(self, i: int) -> bool:
        return all(math.isfinite(b) for b in self.high_point.box(i))

    def _multiplier_product(self, f: int, j: int, i: int, where: str):
        """``mu_j v_i`` for a binary ``v_i``."""
        offset, slope, z = self.switch[i]
        follower = self.problem.followers[f]
        free = follower.equality[j]
        bound = (
            self.high_point.equality_multiplier(f, j) if free else self.high_point.multipliers(f)[j]
        )
        if not math.isfinite(bound.value):
            raise UnboundedProductError(
                f"{where}: the multiplier of '{follower.rows[j].name}' in follower "
                f"'{follower.name}' multiplies '{self.problem.names[i]}' and has no bound "
                f"({bound.missing})."
            )
        mu = self.single.multipliers[f][j]
        # Twice the bound, like every big-M: the multiplier must not be cut off.
        low = -bound.big_m if free else 0.0
        product = self._envelope((-1 - f, j, z), z, mu, low, bound.big_m)
        return offset * mu + slope * product

    def _envelope(self, key, z: int, other: Any, low: float, high: float):
        """McCormick's envelope of ``v_z * other`` with binary ``v_z``: exact."""
        if key not in self._mccormick:
            switch = self.single.v[z]
            w = self.single.model.products.add()
            w.setlb(min(0.0, low))
            w.setub(max(0.0, high))
            add = self.single.model.envelopes.add
            add(w <= high * switch)
            add(w >= low * switch)
            add(w <= other - low * (1 - switch))
            add(w >= other - high * (1 - switch))
            self._mccormick[key] = w
        return self._mccormick[key]


def _binary_forms(problem: Problem) -> dict[int, tuple[float, float, int]]:
    """Variables that equal ``offset + slope * binary``: index -> (offset, slope, binary)."""
    forms = {
        i: (0.0, 1.0, i)
        for i in problem.leader
        if problem.integer[i] and problem.lower[i] >= 0.0 and problem.upper[i] <= 1.0
    }
    binaries = set(forms)
    for row in problem.rows:
        if row.lower != row.upper or row.body.quadratic or len(row.body.linear) != 2:
            continue
        (i, a), (j, b) = row.body.linear.items()
        if j not in binaries:
            (i, a), (j, b) = (j, b), (i, a)
        if j in binaries and i not in forms:
            forms[i] = ((row.upper - row.body.constant) / a, -b / a, j)
    return forms


def _parts(follower: Follower, switch) -> list[tuple[list[int], list[int]]]:
    """(variables, rows) that hang together through rows or the Hessian, binaries left out."""
    n, rows = len(follower.y), len(follower.rows)
    loose = np.array([int(i) in switch for i in follower.y], dtype=bool)
    A = follower.A * ~loose
    of_variable, of_row = linked_parts(A, follower.hessian)
    return [
        (
            [k for k in range(n) if of_variable[k] == part],
            [j for j in range(rows) if of_row[j] == part],
        )
        for part in dict.fromkeys(of_variable[~loose])
    ]


def is_convex(quadratic) -> bool:
    """Whether ``sum a_ij v_i v_j`` is convex."""
    ids = sorted({i for pair in quadratic for i in pair})
    place = {i: k for k, i in enumerate(ids)}
    if any(
        a and i != j and ((i, i) not in quadratic or (j, j) not in quadratic)
        for (i, j), a in quadratic.items()
    ):
        return False
    if all(i == j for i, j in quadratic):
        return all(a >= 0 for a in quadratic.values())
    Q = np.zeros((len(ids), len(ids)))
    for (i, j), a in quadratic.items():
        Q[place[i], place[j]] += a / 2
        Q[place[j], place[i]] += a / 2
    return is_positive_semidefinite(Q)
