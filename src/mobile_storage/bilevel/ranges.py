"""Least and greatest value of linear expressions over the points of a single-level model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyomo.environ as pyo
from pyomo.repn import generate_standard_repn

from mobile_storage.bilevel.errors import SolverUnavailableError
from mobile_storage.bilevel.matrix import MatrixModel, compile_model
from mobile_storage.bilevel.solvers import SOLVERS, Limits, RawSolution, solve


@dataclass(frozen=True)
class Interval:
    """Ends of a range; None where it has no end."""

    low: float | None
    high: float | None


def value_ranges(
    model: pyo.ConcreteModel,
    expressions: Mapping[str, Any],
    *,
    solver: str = "auto",
    gap: float = 0.0,
    node_limit: int | None = None,
) -> dict[str, Interval]:
    """Range of each expression over the feasible set of a (mixed-integer) linear model.

    The model is compiled once; each end is one solve with another cost vector. Held at an optimal
    objective by a constraint, a model gives the ranges over its optimal set.

    Parameters
    ----------
    model
        Linear constraints, continuous or integer variables; active objectives are ignored.
    expressions
        Linear in the variables of `model`.
    solver, gap, node_limit
        As in :func:`solve_bilevel`, for each end. Where a solve stops at the node limit, the end
        is the solver's bound: the range given then contains the true one.

    Raises
    ------
    ValueError
        If an expression is not linear or the model has no feasible point.
    SolverUnavailableError
        If no solver can take the model.
    """
    objectives = list(model.component_data_objects(pyo.Objective, active=True))
    for objective in objectives:
        objective.deactivate()
    model.probe = pyo.Objective(expr=0.0)
    try:
        matrix = compile_model(model)
    finally:
        model.del_component(model.probe)
        for objective in objectives:
            objective.activate()
    limits = Limits(gap=gap, nodes=node_limit)
    ranges = {}
    for name, expression in expressions.items():
        repn = generate_standard_repn(expression)
        if not repn.is_linear():
            raise ValueError(f"{name} is not linear in the variables of the model")
        cost = np.zeros(matrix.n_variables)
        for var, coefficient in zip(repn.linear_vars, repn.linear_coefs, strict=True):
            cost[matrix.columns[id(var)]] += coefficient
        low = _least(replace(matrix, cost=cost), name, solver, limits)
        high = _least(replace(matrix, cost=-cost), name, solver, limits)
        constant = float(repn.constant)
        ranges[name] = Interval(
            None if low is None else constant + low, None if high is None else constant - high
        )
    return ranges


def _least(matrix: MatrixModel, name: str, solver: str, limits: Limits) -> float | None:
    solved = _solve_with_first(matrix, SOLVERS if solver == "auto" else (solver,), limits)
    if solved.status == "unbounded":
        return None
    if solved.status == "limit":
        return solved.bound
    if solved.status != "optimal":
        raise ValueError(f"no range for {name}: the model is {solved.status}")
    return float(matrix.cost @ solved.x)


def _solve_with_first(matrix: MatrixModel, names: tuple[str, ...], limits: Limits) -> RawSolution:
    refused = []
    for name in names:
        try:
            return solve(matrix, name, limits)
        except SolverUnavailableError as error:
            refused.append(f"{name}: {error}")
    raise SolverUnavailableError("no solver can take the model; " + "; ".join(refused))
