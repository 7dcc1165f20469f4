"""Reader of a Pyomo leader-follower model: small matrices, or an error if KKT is not exact.

Every follower becomes ``min c'y + y'Hy/2 + x'D'y`` subject to ``A y + B x <= b`` (or ``==``);
a maximising follower enters with its costs negated. Bounds of a follower's variables are rows.
Objectives and rows are brought to ordinary units, see :mod:`mobile_storage.bilevel.scaling`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyomo.environ as pyo
from pyomo.core.base.range import NumericRange
from pyomo.core.expr.visitor import identify_variables
from pyomo.gdp import Disjunction
from pyomo.mpec import Complementarity
from pyomo.repn import generate_standard_repn

from mobile_storage.bilevel.domains import Domains, check_follower_domain
from mobile_storage.bilevel.errors import (
    BilevelModelError,
    LeaderVariableError,
    NonconvexFollowerError,
)
from mobile_storage.bilevel.scaling import (
    FOLLOWER,
    LEADER,
    bad_scaling,
    linked_parts,
    own_row_factor,
    power_of_two,
)

#: What solvers read as infinite.
INFINITE = 1e20
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

    @property
    def coefficients(self) -> list[float]:
        """Sizes of the coefficients, the constant left out."""
        return [abs(a) for a in (*self.linear.values(), *self.quadratic.values())]

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
    """``lower <= body <= upper``: a constraint that the followers do not see, in its own unit."""

    name: str
    body: Quadratic
    lower: float
    upper: float


@dataclass(frozen=True)
class FollowerRow:
    """``a'y + b'x <= rhs`` (or ``==``): one constraint of a follower, times ``scale``.

    ``source`` is the Pyomo constraint, or the variable whose bound this is.
    """

    name: str
    source: Any
    equality: bool
    a: np.ndarray
    b: np.ndarray
    rhs: float
    scale: float = 1.0


@dataclass(frozen=True)
class Follower:
    """One follower in minimisation form; ``y`` and ``x`` hold indices of the problem's variables.

    Shapes: ``c`` (n,), ``hessian`` (n, n), ``cross`` (n, m) with gradient ``H y + c + cross x``,
    ``A`` (rows, n), ``B`` (rows, m), ``rhs`` (rows,). ``own`` is the objective as the caller
    wrote it (own sense, with the terms only the leader decides).

    Variables that no row and no product links belong to different parts, ``part`` (n,). Each part
    of the objective is multiplied by its own factor, ``cost_scale`` (n,), which leaves the optimal
    responses as they are. A multiplier times ``multiplier_unit`` (rows,) is in the caller's units.
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
    part: np.ndarray
    cost_scale: np.ndarray
    multiplier_unit: np.ndarray

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
    """The whole leader-follower problem over variables ``0..n-1``.

    The first ``callers`` variables are the caller's; the rest write out the discrete ``domains``
    of variables. The solvers are given ``objective`` times ``objective_scale``.
    """

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
    callers: int = 0
    domains: Mapping[int, list[NumericRange]] = field(default_factory=dict)
    objective_scale: float = 1.0
    warnings: tuple[str, ...] = ()

    @property
    def sense(self) -> float:
        """1 for a minimising leader, -1 for a maximising one."""
        return -1.0 if self.maximise else 1.0

    def callers_value(self, value: float | None) -> float | None:
        """A value of the solvers' minimised objective, in the caller's sense and units."""
        return None if value is None else self.sense * value / self.objective_scale

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
    """Component data objects of what the caller passed, in order; None is nothing."""
    return [] if components is None else _data_objects(components, ctype)


def _data_objects(components: Any, ctype: Any) -> list[Any]:
    kind = getattr(components, "ctype", None)
    if not isinstance(kind, type):  # a slice gives a slice of types
        kind = None
    if kind is ctype:
        return list(components.values()) if components.is_indexed() else [components]
    if isinstance(components, Mapping) and kind is None:
        components = components.values()
    # A Pyomo component of another type may be iterable, over its indices.
    if kind is not None or not isinstance(components, Iterable) or isinstance(components, str):
        what = type(components).__name__
        if kind is not None:
            what = f"the {kind.__name__} '{components.name}'"
        raise BilevelModelError(f"expected Pyomo {ctype.__name__} components, found {what}.")
    return [data for item in components for data in _data_objects(item, ctype)]


class _Reader:
    """State shared while one model is read."""

    def __init__(self, model: Any, blocks: list[Any], decisions: list[Any]) -> None:
        self.model, self.blocks = model, blocks
        self.decisions = {id(v): v for v in decisions}
        self.index: dict[int, int] = {}
        self.variables: list[Any] = []
        self.owned: dict[int, int] = {}
        self.inside: set[int] = set()
        self.warnings: list[str] = []

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
        self._judge("the leader's objective", objective.coefficients)
        rows = [
            self._leader_row(c, self._extract(c.body, f"leader constraint '{c.name}'"))
            for b in self._leader_blocks()
            for c in b.component_data_objects(pyo.Constraint, active=True, descend_into=False)
        ]
        followers = []
        for f, block in enumerate(self.blocks):
            follower, leader_only = self._follower(f, block)
            followers.append(follower)
            rows.extend(leader_only)

        domains = Domains()
        for i, var in enumerate(self.variables):
            if id(var) not in self.owned:
                domains.read(var, i)
        callers = len(self.variables)
        for var in domains.variables:
            self._number(var)
        rows.extend(
            LeaderRow(name, Quadratic(0.0, self._by_index(terms)), lower, upper)
            for name, terms, lower, upper in domains.rows
        )
        self.warnings.extend(domains.remarks)

        lower = np.array([-np.inf if v.lb is None else v.lb for v in self.variables], dtype=float)
        upper = np.array([np.inf if v.ub is None else v.ub for v in self.variables], dtype=float)
        # Where a domain is written out, its variable is continuous beside the auxiliary ones.
        integer = np.array(
            [
                not v.is_continuous() and i not in domains.written
                for i, v in enumerate(self.variables)
            ],
            dtype=bool,
        )
        leader = frozenset(i for i, v in enumerate(self.variables) if id(v) not in self.owned)
        return Problem(
            variables=tuple(self.variables),
            names=(*(v.name for v in self.variables[:callers]), *domains.names),
            lower=lower,
            upper=upper,
            integer=integer,
            leader=leader,
            decisions=frozenset(i for i, v in enumerate(self.variables) if id(v) in self.decisions),
            maximise=maximise,
            objective=objective,
            rows=tuple(rows),
            followers=tuple(followers),
            callers=callers,
            domains=domains.written,
            objective_scale=power_of_two(max(objective.coefficients, default=0.0), LEADER),
            warnings=tuple(self.warnings),
        )

    def _by_index(self, terms: Iterable[tuple[Any, float]]) -> dict[int, float]:
        return {self._number(var): a for var, a in terms}

    def _judge(self, where: str, coefficients: Iterable[float]) -> None:
        """Remember a warning where coefficients that belong together differ too much."""
        if text := bad_scaling(where, coefficients):
            self.warnings.append(text)

    def _leader_row(self, constraint: Any, body: Quadratic) -> LeaderRow:
        lower, _, upper = constraint.to_bounded_expression(evaluate_bounds=True)
        self._judge(f"constraint '{constraint.name}'", body.coefficients)
        factor = power_of_two(max(body.coefficients, default=0.0), LEADER)
        return LeaderRow(
            constraint.name,
            body.scaled(factor),
            -np.inf if lower is None else factor * float(lower),
            np.inf if upper is None else factor * float(upper),
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
        if (largest := max(map(abs, numbers))) >= INFINITE:
            raise BilevelModelError(
                f"{where} has the coefficient {largest:.3g}, but solvers read numbers from "
                f"{INFINITE:g} on as infinite; choose other units."
            )
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
            if remark := check_follower_domain(var, name):
                self.warnings.append(remark)
        # Numbering also those that only the leader's problem mentions, or none.
        y = np.array([self._number(v) for v in own_vars], dtype=int)
        return _follower_matrices(name, objectives[0].sense, y, own_vars, cost, bodies, self)


def is_positive_semidefinite(matrix: np.ndarray) -> bool:
    """Whether a symmetric matrix is positive semidefinite, up to rounding."""
    eigenvalues = np.linalg.eigvalsh(matrix)
    return bool(eigenvalues[0] >= -CONVEXITY_TOLERANCE * abs(eigenvalues).max())


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
    for i, value in cost.linear.items():
        if i in place:
            c[place[i]] = sign * value
    hessian, cross = np.zeros((len(y), len(y))), np.zeros((len(y), len(x)))
    for (i, j), value in cost.quadratic.items():
        if i in place and j in place:
            hessian[place[i], place[j]] += sign * value
            hessian[place[j], place[i]] += sign * value
        elif i in place or j in place:
            own, other = (i, j) if i in place else (j, i)
            cross[place[own], column[other]] += sign * value
    rows: list[FollowerRow] = []
    leader_only: list[LeaderRow] = []

    def add(label: str, source: Any, equality: bool, a: np.ndarray, b: np.ndarray, rhs: float):
        k = own_row_factor(a, b)
        rows.append(FollowerRow(label, source, equality, k * a, k * b, k * rhs, k))

    for constraint, body in bodies:
        if not any(i in place for i in body.linear):
            # A row without follower variables only restricts the leader: where it is violated
            # the follower has no response, and its multiplier enters no stationarity condition.
            leader_only.append(reader._leader_row(constraint, body))
            continue
        reader._judge(f"constraint '{constraint.name}'", body.coefficients)
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

    A = np.array([r.a for r in rows]).reshape(len(rows), len(y))
    part, row_part = linked_parts(A, hessian)
    cost_scale = np.ones(len(y))
    for label in np.unique(part):
        inside = part == label
        sizes = np.abs(np.concatenate([c[inside], hessian[inside].ravel(), cross[inside].ravel()]))
        reader._judge(f"the objective of follower '{name}'", sizes)
        cost_scale[inside] = power_of_two(sizes.max(), FOLLOWER)
    c, hessian = cost_scale * c, cost_scale[:, None] * hessian
    cross = cost_scale[:, None] * cross
    if hessian.any() and not is_positive_semidefinite(hessian):
        kind = "concave (it maximises)" if sign < 0 else "convex (it minimises)"
        raise NonconvexFollowerError(
            f"the objective of follower '{name}' is not {kind} in its own variables, so "
            "the KKT conditions do not describe its optimum."
        )

    # A part holds all own variables of its rows.
    row_scale = np.array([r.scale for r in rows], dtype=float)
    part_scale = dict(zip(part.tolist(), cost_scale.tolist(), strict=True))
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
        A=A,
        B=np.array([r.b for r in rows]).reshape(len(rows), len(x)),
        rhs=np.array([r.rhs for r in rows], dtype=float),
        equality=np.array([r.equality for r in rows], dtype=bool),
        part=part,
        cost_scale=cost_scale,
        multiplier_unit=row_scale / np.array([part_scale[int(k)] for k in row_part], dtype=float),
    )
    return follower, leader_only
