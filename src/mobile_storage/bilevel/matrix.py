"""A single-level model as arrays, the input of every solver back-end."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyomo.environ as pyo
from pyomo.repn import generate_standard_repn
from scipy import sparse


@dataclass(frozen=True)
class QuadraticRow:
    """``lower <= a'v + v'Qv <= upper`` with ``terms`` = (i, j, coefficient), no factor 1/2."""

    columns: np.ndarray
    coefficients: np.ndarray
    terms: tuple[tuple[int, int, float], ...]
    lower: float
    upper: float


@dataclass(frozen=True)
class MatrixModel:
    """``min c'v + v'Qv + offset``, ``row_lower <= A v <= row_upper``, ``lower <= v <= upper``.

    ``quadratic`` holds (i, j, coefficient) with ``i <= j`` and no factor 1/2; ``sos1`` pairs of
    columns of which at most one may differ from zero.
    """

    cost: np.ndarray
    offset: float
    quadratic: tuple[tuple[int, int, float], ...]
    A: sparse.csr_matrix
    row_lower: np.ndarray
    row_upper: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    integer: np.ndarray
    sos1: tuple[tuple[int, int], ...] = ()
    quadratic_rows: tuple[QuadraticRow, ...] = ()
    nonconvex: bool = False
    columns: dict[int, int] = field(default_factory=dict, repr=False)

    @property
    def n_variables(self) -> int:
        """Number of columns."""
        return len(self.cost)

    @property
    def n_constraints(self) -> int:
        """Number of rows, linear and quadratic (SOS1 sets not counted)."""
        return self.A.shape[0] + len(self.quadratic_rows)

    @property
    def is_linear(self) -> bool:
        """Whether objective and rows are linear."""
        return not self.quadratic and not self.quadratic_rows

    def evaluate(self, point: np.ndarray) -> float:
        """Objective at a point."""
        value = self.offset + float(self.cost @ point)
        return value + sum(a * point[i] * point[j] for i, j, a in self.quadratic)


def compile_model(model: pyo.ConcreteModel, *, nonconvex: bool = False) -> MatrixModel:
    """Arrays of a Pyomo model with one minimising, at most quadratic objective."""
    columns: dict[int, int] = {}
    variables: list = []

    def column(var) -> int:
        k = columns.get(id(var))
        if k is None:
            k = columns[id(var)] = len(variables)
            variables.append(var)
        return k

    for var in model.component_data_objects(pyo.Var, active=True, descend_into=True):
        column(var)

    (objective,) = model.component_data_objects(pyo.Objective, active=True, descend_into=True)
    repn = generate_standard_repn(objective.expr, compute_values=True, quadratic=True)
    linear = [
        (column(v), float(a)) for v, a in zip(repn.linear_vars, repn.linear_coefs, strict=True)
    ]
    quadratic = _terms(repn, column)
    offset = float(repn.constant)

    data, cols, starts, row_lower, row_upper, quadratic_rows = [], [], [0], [], [], []
    for con in model.component_data_objects(pyo.Constraint, active=True, descend_into=True):
        low, body, up = con.to_bounded_expression(evaluate_bounds=True)
        repn_c = generate_standard_repn(body, compute_values=True, quadratic=True)
        low = -np.inf if low is None else float(low) - float(repn_c.constant)
        up = np.inf if up is None else float(up) - float(repn_c.constant)
        ids = [column(v) for v in repn_c.linear_vars]
        if repn_c.quadratic_vars:
            quadratic_rows.append(
                QuadraticRow(
                    np.array(ids, dtype=int),
                    np.array(repn_c.linear_coefs, dtype=float),
                    _terms(repn_c, column),
                    low,
                    up,
                )
            )
            continue
        data.extend(repn_c.linear_coefs)
        cols.extend(ids)
        starts.append(len(cols))
        row_lower.append(low)
        row_upper.append(up)

    sets = model.component_data_objects(pyo.SOSConstraint, active=True)
    sos1 = tuple((column(left), column(right)) for left, right in (con.variables for con in sets))
    n = len(variables)
    cost = np.zeros(n)
    for k, a in linear:
        cost[k] += a
    return MatrixModel(
        cost=cost,
        offset=offset,
        quadratic=quadratic,
        A=sparse.csr_matrix((np.array(data, dtype=float), cols, starts), (len(starts) - 1, n)),
        row_lower=np.array(row_lower),
        row_upper=np.array(row_upper),
        lower=np.array([_bound(v, v.lb, -np.inf) for v in variables]),
        upper=np.array([_bound(v, v.ub, np.inf) for v in variables]),
        integer=np.array([not v.is_continuous() for v in variables], dtype=bool),
        sos1=sos1,
        quadratic_rows=tuple(quadratic_rows),
        nonconvex=nonconvex,
        columns=columns,
    )


def _bound(var, bound, default: float) -> float:
    if var.is_fixed():
        return float(var.value)
    return default if bound is None else float(bound)


def _terms(repn, column) -> tuple[tuple[int, int, float], ...]:
    total: dict[tuple[int, int], float] = {}
    for (u, v), a in zip(repn.quadratic_vars, repn.quadratic_coefs, strict=True):
        key = tuple(sorted((column(u), column(v))))
        total[key] = total.get(key, 0.0) + float(a)
    return tuple((i, j, a) for (i, j), a in sorted(total.items()) if a)
