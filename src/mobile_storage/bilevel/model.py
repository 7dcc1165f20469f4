"""Read a Pyomo leader-follower model into small matrices and refuse what KKT cannot treat.

Every follower becomes ``min c'y + y'Hy/2 + x'D'y`` subject to ``A y + B x <= b`` (or ``==``);
a maximising follower enters with its costs negated. Bounds of a follower's variables are rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyomo.environ as pyo
from pyomo.core.expr.visitor import identify_variables
from pyomo.gdp import Disjunction
from pyomo.mpec import Complementarity
from pyomo.repn import generate_standard_repn

from mobile_storage.bilevel.errors import (
    BilevelModelError,
    IntegerFollowerError,
    LeaderVariableError,
    NonconvexFollowerError,
)

#: An eigenvalue below minus this share of the largest one makes a Hessian nonconvex.
CONVEXITY_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Quadratic:
    """``constant + sum linear[i] v_i + sum quadratic[i, j] v_i v_j`` with ``i <= j``."""

    constant: float = 0.0
    linear: Mapping[int, float] = field(default_factory=dict)
    quadratic: Mapping[tuple[int, int], float] = field(default_factory=dict)

    @property
    def variables(self) -> set[int]:
        """Indices of the variables that appear."""
        return {*self.linear, *(i for pair in self.quadratic for i in pair)}

    def value(self, point: np.ndarray) -> float:
        """Value at a point indexed as the problem's variables."""
        total = self.constant + sum(a * point[i] for i, a in self.linear.items())
        return float(total + sum(a * point[i] * point[j] for (i, j), a in self.quadratic.items()))

    def scaled(self, factor: float) -> Quadratic:
        """Times a number."""
        return Quadratic(
            factor * self.constant,
            {i: factor * a for i, a in self.linear.items()},
            {k: factor * a for k, a in self.quadratic.items()},
        )


@dataclass(frozen=True)
class LeaderRow:
    """``lower <= body <= upper``: a constraint that the followers do not see."""

    name: str
    body: Quadratic
    lower: float
    upper: float


@dataclass(frozen=True)
class FollowerRow:
    """``a'y + b'x <= rhs`` (or ``==``): one constraint of a follower.

    ``source`` is the Pyomo constraint, or the variable whose bound this is.
    """

    name: str
    source: Any
    equality: bool
    a: np.ndarray
    b: np.ndarray
    rhs: float


@dataclass(frozen=True)
class Follower:
    """One follower in minimisation form; ``y`` and ``x`` hold indices of the problem's variables.

    Shapes: ``c`` (n,), ``hessian`` (n, n), ``cross`` (n, m) with gradient ``H y + c + cross x``,
    ``A`` (rows, n), ``B`` (rows, m), ``rhs`` (rows,). ``own`` is the objective as the caller
    wrote it (own sense, with the terms only the leader decides).
    """

    name: str
    maximise: bool
    y: np.ndarray
    x: np.ndarray
    c: np.ndarray
    hessian: np.ndarray
    cross: np.ndarray
    rows: tuple[FollowerRow, ...]
    own: Quadratic
    A: np.ndarray
    B: np.ndarray
    rhs: np.ndarray
    equality: np.ndarray

    @property
    def quadratic(self) -> bool:
        """Whether the objective has products of two of the follower's own variables."""
        return bool(self.hessian.any())

    def at(self, point: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Linear cost (n,) and right-hand side (rows,) at the leader's decision in `point`."""
        x = point[self.x]
        return self.c + self.cross @ x, self.rhs - self.B @ x


@dataclass(frozen=True)
class Problem:
    """The whole leader-follower problem over variables ``0..n-1``."""

    variables: tuple[Any, ...]
    names: tuple[str, ...]
    lower: np.ndarray
    upper: np.ndarray
    integer: np.ndarray
    leader: frozenset[int]
    decisions: frozenset[int]
    maximise: bool
    objective: Quadratic
    rows: tuple[LeaderRow, ...]
    followers: tuple[Follower, ...]

    @property
    def owner(self) -> dict[int, tuple[int, int]]:
        """Follower variable index -> (follower, position in it)."""
        return {
            int(i): (f, k)
            for f, follower in enumerate(self.followers)
            for k, i in enumerate(follower.y)
        }


def read_problem(model: pyo.ConcreteModel, followers: Any, leader_vars: Any) -> Problem:
    """Extract and validate.

    Parameters
    ----------
    model
        Holds the leader's variables, one active objective and constraints, and the followers.
    followers
        A Block, an indexed Block, or an iterable of these; none leaves a single-level problem.
    leader_vars
        The leader's variables that followers may see: Vars (indexed or not), in any iterable.

    Raises
    ------
    BilevelModelError
        Or one of its subclasses, when a KKT reformulation would not be exact.
    """
    blocks = _flatten(followers, pyo.Block)
    if len({id(b) for b in blocks}) != len(blocks):
        raise BilevelModelError("a follower block was given twice.")
    decisions = _flatten(leader_vars, pyo.Var)
    return _Reader(model, blocks, decisions).read()


def _flatten(components: Any, ctype: Any) -> list[Any]:
    """Component data objects of what the caller passed, in order."""
    if components is None:
        return []
    if getattr(components, "ctype", None) is ctype:
        return list(components.values()) if components.is_indexed() else [components]
    if isinstance(components, Mapping):
        components = components.values()
    if not isinstance(components, Iterable) or isinstance(components, str):
        raise BilevelModelError(
            f"expected Pyomo {ctype.__name__} components, found {type(components).__name__}."
        )
    return [data for item in components for data in _flatten(item, ctype)]


class _Reader:
    """State shared while one model is read."""

    def __init__(self, model: Any, blocks: list[Any], decisions: list[Any]) -> None:
        self.model, self.blocks = model, blocks
        self.decisions = {id(v): v for v in decisions}
        self.index: dict[int, int] = {}
        self.variables: list[Any] = []
        self.owned: dict[int, int] = {}
        self.inside: set[int] = set()

    def read(self) -> Problem:
        for f, block in enumerate(self.blocks):
            self._check_block(block)
            self.inside |= {id(b) for b in block.block_data_objects(active=None)}
            for var in block.component_data_objects(pyo.Var, descend_into=True):
                if id(var) in self.decisions:
                    continue
                if id(var) in self.owned:
                    raise BilevelModelError(f"variable '{var.name}' belongs to two followers.")
                self.owned[id(var)] = f
        in_model = {id(v) for v in self.model.component_data_objects(pyo.Var, descend_into=True)}
        for var in self.decisions.values():
            if id(var) not in in_model:
                raise LeaderVariableError(f"leader variable '{var.name}' is not in the model.")
            if not var.is_fixed():
                self._number(var)
        self._check_components()

        objective, maximise = self._leader_objective()
        rows = [
            _leader_row(c, self._extract(c.body, f"leader constraint '{c.name}'"))
            for b in self._leader_blocks()
            for c in b.component_data_objects(pyo.Constraint, active=True, descend_into=False)
        ]
        followers = []
        for f, block in enumerate(self.blocks):
            follower, leader_only = self._follower(f, block)
            followers.append(follower)
            rows.extend(leader_only)

        lower = np.array([-np.inf if v.lb is None else v.lb for v in self.variables], dtype=float)
        upper = np.array([np.inf if v.ub is None else v.ub for v in self.variables], dtype=float)
        integer = np.array([not v.is_continuous() for v in self.variables], dtype=bool)
        leader = frozenset(i for i, v in enumerate(self.variables) if id(v) not in self.owned)
        return Problem(
            variables=tuple(self.variables),
            names=tuple(v.name for v in self.variables),
            lower=lower,
            upper=upper,
            integer=integer,
            leader=leader,
            decisions=frozenset(i for i, v in enumerate(self.variables) if id(v) in self.decisions),
            maximise=maximise,
            objective=objective,
            rows=tuple(rows),
            followers=tuple(followers),
        )

    def _check_components(self) -> None:
        """Refuse what would otherwise be left out without a word."""
        for ctype in (pyo.SOSConstraint, Disjunction, Complementarity, pyo.LogicalConstraint):
            for component in self.model.component_objects(ctype, active=True, descend_into=True):
                raise BilevelModelError(
                    f"'{component.name}' is a {ctype.__name__}, which is not supported; "
                    "write it with linear constraints and binaries first."
                )

    def _check_block(self, block: Any) -> None:
        if not block.active:
            raise BilevelModelError(f"follower block '{block.name}' is deactivated.")
        if block is self.model or block.model() is not self.model.model():
            raise BilevelModelError(f"follower '{block.name}' is not a block inside the model.")

    def _leader_blocks(self) -> list[Any]:
        return [
            b
            for b in self.model.block_data_objects(active=True, descend_into=True)
            if id(b) not in self.inside
        ]

    def _leader_objective(self) -> tuple[Quadratic, bool]:
        objectives = [
            o
            for b in self._leader_blocks()
            for o in b.component_data_objects(pyo.Objective, active=True, descend_into=False)
        ]
        if len(objectives) != 1:
            raise BilevelModelError(
                f"the leader needs exactly one active objective, found {len(objectives)}."
            )
        body = self._extract(objectives[0].expr, "the leader's objective")
        return body, objectives[0].sense == pyo.maximize

    def _number(self, var: Any) -> int:
        if id(var) not in self.index:
            self.index[id(var)] = len(self.variables)
            self.variables.append(var)
        return self.index[id(var)]

    def _extract(self, expr: Any, where: str) -> Quadratic:
        """Coefficients; fixed variables are data."""
        try:
            repn = generate_standard_repn(expr, compute_values=True, quadratic=True)
        except (ValueError, TypeError) as error:
            raise BilevelModelError(
                f"{where} cannot be evaluated, a fixed variable or parameter has no value "
                f"({error})."
            ) from error
        if repn.nonlinear_expr is not None:
            raise BilevelModelError(f"{where} is neither linear nor quadratic.")
        linear: dict[int, float] = {}
        for coef, var in zip(repn.linear_coefs, repn.linear_vars, strict=True):
            i = self._number(var)
            linear[i] = linear.get(i, 0.0) + float(coef)
        quadratic: dict[tuple[int, int], float] = {}
        for coef, (u, v) in zip(repn.quadratic_coefs, repn.quadratic_vars, strict=True):
            i, j = sorted((self._number(u), self._number(v)))
            quadratic[i, j] = quadratic.get((i, j), 0.0) + float(coef)
        numbers = [float(repn.constant), *linear.values(), *quadratic.values()]
        if not np.isfinite(numbers).all():
            raise BilevelModelError(f"{where} has a coefficient that is not a finite number.")
        return Quadratic(
            float(repn.constant),
            {i: a for i, a in linear.items() if a},
            {k: a for k, a in quadratic.items() if a},
        )

    def _check_owner(self, f: int, expr: Any, where: str) -> None:
        """Every variable is the follower's own, a leader variable, or fixed (hence data)."""
        for var in identify_variables(expr, include_fixed=False):
            owner = self.owned.get(id(var))
            if owner == f or id(var) in self.decisions:
                continue
            if owner is None:
                raise LeaderVariableError(
                    f"{where} uses '{var.name}', which is neither declared on the follower's "
                    "block nor listed in leader_vars (leader variables left out)."
                )
            raise LeaderVariableError(
                f"{where} uses '{var.name}', a variable of follower "
                f"'{self.blocks[owner].name}'; a follower may depend on leader variables only."
            )

    def _follower(self, f: int, block: Any) -> tuple[Follower, list[LeaderRow]]:
        name = block.name
        objectives = list(
            block.component_data_objects(pyo.Objective, active=True, descend_into=True)
        )
        if len(objectives) != 1:
            raise BilevelModelError(
                f"follower '{name}' needs exactly one active objective, found {len(objectives)}."
            )
        constraints = list(
            block.component_data_objects(pyo.Constraint, active=True, descend_into=True)
        )
        where = f"the objective of follower '{name}'"
        self._check_owner(f, objectives[0].expr, where)
        cost = self._extract(objectives[0].expr, where)
        bodies = []
        for constraint in constraints:
            where = f"constraint '{constraint.name}' of follower '{name}'"
            self._check_owner(f, constraint.body, where)
            body = self._extract(constraint.body, where)
            if body.quadratic:
                i, j = next(iter(body.quadratic))
                raise BilevelModelError(
                    f"{where} has the product '{self.variables[i].name}' * "
                    f"'{self.variables[j].name}'; a follower's constraints must be linear."
                )
            bodies.append((constraint, body))

        own_vars = [
            v
            for v in block.component_data_objects(pyo.Var, descend_into=True)
            if self.owned.get(id(v)) == f and not v.is_fixed()
        ]
        for var in own_vars:
            if not var.is_continuous():
                raise IntegerFollowerError(
                    f"follower '{name}' has the integer variable '{var.name}'; the KKT "
                    "conditions of its relaxation are not even a bound on the integer problem."
                )
        # Numbering also those that only the leader's problem mentions, or none.
        y = np.array([self._number(v) for v in own_vars], dtype=int)
        return _follower_matrices(name, objectives[0].sense, y, own_vars, cost, bodies, self)


def is_positive_semidefinite(matrix: np.ndarray) -> bool:
    """Whether a symmetric matrix is positive semidefinite, up to rounding."""
    eigenvalues = np.linalg.eigvalsh(matrix)
    return bool(eigenvalues[0] >= -CONVEXITY_TOLERANCE * max(1.0, abs(eigenvalues).max()))


def _leader_row(constraint: Any, body: Quadratic) -> LeaderRow:
    lower, _, upper = constraint.to_bounded_expression(evaluate_bounds=True)
    return LeaderRow(
        constraint.name,
        body,
        -np.inf if lower is None else float(lower),
        np.inf if upper is None else float(upper),
    )


def _follower_matrices(
    name: str,
    sense: Any,
    y: np.ndarray,
    own_vars: list[Any],
    cost: Quadratic,
    bodies: list[tuple[Any, Quadratic]],
    reader: _Reader,
) -> tuple[Follower, list[LeaderRow]]:
    """Normalise a follower to minimisation with rows ``<=`` or ``==``."""
    place = {int(i): k for k, i in enumerate(y)}
    seen = {i for pair in cost.quadratic for i in pair}
    seen |= {i for _, body in bodies for i in body.variables}
    x = np.array(sorted(i for i in seen if i not in place), dtype=int)
    column = {int(i): k for k, i in enumerate(x)}
    sign = -1.0 if sense == pyo.maximize else 1.0

    c = np.zeros(len(y))
    for i, a in cost.linear.items():
        if i in place:
            c[place[i]] = sign * a
    hessian, cross = np.zeros((len(y), len(y))), np.zeros((len(y), len(x)))
    for (i, j), a in cost.quadratic.items():
        if i in place and j in place:
            hessian[place[i], place[j]] += sign * a
            hessian[place[j], place[i]] += sign * a
        elif i in place or j in place:
            own, other = (i, j) if i in place else (j, i)
            cross[place[own], column[other]] += sign * a
    if hessian.any() and not is_positive_semidefinite(hessian):
        kind = "concave (it maximises)" if sign < 0 else "convex (it minimises)"
        raise NonconvexFollowerError(
            f"the objective of follower '{name}' is not {kind} in its own variables, so "
            "the KKT conditions do not describe its optimum."
        )

    rows: list[FollowerRow] = []
    leader_only: list[LeaderRow] = []

    def add(label: str, source: Any, equality: bool, a: np.ndarray, b: np.ndarray, rhs: float):
        rows.append(FollowerRow(label, source, equality, a, b, rhs))

    for constraint, body in bodies:
        if not any(i in place for i in body.linear):
            # A row without follower variables only restricts the leader: where it is violated
            # the follower has no response, and its multiplier enters no stationarity condition.
            leader_only.append(_leader_row(constraint, body))
            continue
        lower, _, upper = constraint.to_bounded_expression(evaluate_bounds=True)
        a, b = np.zeros(len(y)), np.zeros(len(x))
        for i, v in body.linear.items():
            if i in place:
                a[place[i]] = v
            else:
                b[column[i]] = v
        if constraint.equality:
            add(constraint.name, constraint, True, a, b, float(upper) - body.constant)
            continue
        two_sided = lower is not None and upper is not None
        if lower is not None:
            label = f"{constraint.name} (lower)" if two_sided else constraint.name
            add(label, constraint, False, -a, -b, body.constant - float(lower))
        if upper is not None:
            label = f"{constraint.name} (upper)" if two_sided else constraint.name
            add(label, constraint, False, a, b, float(upper) - body.constant)
    for k, var in enumerate(own_vars):
        unit = np.eye(1, len(y), k).ravel()
        if var.lb is not None:
            add(f"{var.name} (lower bound)", var, False, -unit, np.zeros(len(x)), -float(var.lb))
        if var.ub is not None:
            add(f"{var.name} (upper bound)", var, False, unit, np.zeros(len(x)), float(var.ub))

    follower = Follower(
        name=name,
        maximise=sign < 0,
        y=y,
        x=x,
        c=c,
        hessian=hessian,
        cross=cross,
        rows=tuple(rows),
        own=cost,
        A=np.array([r.a for r in rows]).reshape(len(rows), len(y)),
        B=np.array([r.b for r in rows]).reshape(len(rows), len(x)),
        rhs=np.array([r.rhs for r in rows], dtype=float),
        equality=np.array([r.equality for r in rows], dtype=bool),
    )
    return follower, leader_only
