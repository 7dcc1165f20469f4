"""Ranges of expressions over a feasible set, against sets small enough to see."""

from __future__ import annotations

import numpy as np
import pyomo.environ as pyo
import pytest

from mobile_storage.bilevel import ranges
from mobile_storage.bilevel.ranges import Interval, value_ranges
from mobile_storage.bilevel.solvers import Limits, RawSolution

SOLVERS = ("gurobi", "highs", "scip", "auto")


def triangle() -> pyo.ConcreteModel:
    """x, y >= 0, x + 2 y <= 4: corners (0, 0), (4, 0), (0, 2)."""
    m = pyo.ConcreteModel()
    m.x = pyo.Var(domain=pyo.NonNegativeReals)
    m.y = pyo.Var(domain=pyo.NonNegativeReals)
    m.row = pyo.Constraint(expr=m.x + 2 * m.y <= 4)
    m.goal = pyo.Objective(expr=m.x, sense=pyo.maximize)
    return m


@pytest.mark.parametrize("solver", SOLVERS)
def test_ranges_over_a_triangle(solver):
    m = triangle()
    found = value_ranges(m, {"sum": m.x + m.y, "shifted": 10 - 3 * m.y}, solver=solver)
    assert found["sum"].low == pytest.approx(0, abs=1e-7)
    assert found["sum"].high == pytest.approx(4)
    assert found["shifted"].low == pytest.approx(4)
    assert found["shifted"].high == pytest.approx(10)
    # The model keeps its own objective.
    assert m.goal.active
    assert m.component("probe") is None


@pytest.mark.parametrize("solver", SOLVERS)
def test_integers_narrow_the_range(solver):
    """z <= y + 1/4 and y <= 2, so z <= 2.25; whole, it ends at 2."""
    m = triangle()
    m.z = pyo.Var(domain=pyo.Integers, bounds=(-5, 5))
    m.link = pyo.Constraint(expr=2 * m.z <= 2 * m.y + 0.5)
    assert value_ranges(m, {"z": m.z}, solver=solver)["z"] == Interval(-5.0, 2.0)


def test_held_at_the_optimum_the_ranges_are_those_of_the_optimal_set():
    """max x + 2 y has the whole edge from (4, 0) to (0, 2) as its optimal set."""
    m = triangle()
    m.held = pyo.Constraint(expr=m.x + 2 * m.y >= 4)
    found = value_ranges(m, {"x": m.x, "y": m.y, "value": m.x + 2 * m.y})
    assert (found["x"].low, found["x"].high) == pytest.approx((0, 4), abs=1e-7)
    assert (found["y"].low, found["y"].high) == pytest.approx((0, 2), abs=1e-7)
    assert (found["value"].low, found["value"].high) == pytest.approx((4, 4))


def test_an_open_end_is_none():
    m = pyo.ConcreteModel()
    m.x = pyo.Var(bounds=(1, None))
    assert value_ranges(m, {"x": m.x})["x"] == Interval(1.0, None)


def test_an_empty_set_and_a_product_are_refused():
    m = triangle()
    with pytest.raises(ValueError, match="product is not linear"):
        value_ranges(m, {"product": m.x * m.y})
    m.never = pyo.Constraint(expr=m.x + m.y >= 9)
    with pytest.raises(ValueError, match="no range for x: the model is infeasible"):
        value_ranges(m, {"x": m.x})


@pytest.mark.parametrize("solver", ["gurobi", "highs"])
def test_an_end_that_is_not_proven_is_the_bound(solver, monkeypatch):
    """A solve of -x from 0 to 4 that stops at 3 with the bound -5: the range reaches up to 5."""
    stopped = RawSolution("limit", np.array([3.0, 0.0]), -3.0, bound=-5.0)
    asked = []

    def solve(matrix, name, limits):
        asked.append((name, limits))
        return stopped

    monkeypatch.setattr(ranges, "solve", solve)
    m = triangle()
    found = value_ranges(m, {"x": m.x + 1}, solver=solver, gap=0.1, node_limit=7)
    assert found["x"].high == 6.0
    assert asked == [(solver, Limits(gap=0.1, nodes=7))] * 2
