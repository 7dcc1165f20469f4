"""What the checks after a solve say, and that they can fail."""

from __future__ import annotations

import numpy as np
import pyomo.environ as pyo
import pytest
from scipy.optimize import linprog

from mobile_storage.bilevel import Status, solve_bilevel
from mobile_storage.bilevel import solve as module
from mobile_storage.bilevel.bounds import HighPoint, multiplier_bounds
from mobile_storage.bilevel.certificate import leader_residuals, position, respond
from mobile_storage.bilevel.model import read_problem


def two_buyers():
    """Two buyers of up to 1 unit worth 5 and 3 at one price: 2 sold at 3 or 1 at 5."""
    m = pyo.ConcreteModel()
    m.p = pyo.Var(bounds=(0, 9))
    m.b = pyo.Block(["rich", "poor"])
    for name, worth in (("rich", 5.0), ("poor", 3.0)):
        m.b[name].q = pyo.Var(bounds=(0, 1))
        m.b[name].o = pyo.Objective(expr=(worth - m.p) * m.b[name].q, sense=pyo.maximize)
    m.o = pyo.Objective(expr=m.p * (m.b["rich"].q + m.b["poor"].q), sense=pyo.maximize)
    return m


def at(m, p, rich, poor):
    problem = read_problem(m, m.b, m.p)
    values = {"p": p, "b[rich].q": rich, "b[poor].q": poor}
    return problem, np.array([values[n] for n in problem.names])


@pytest.mark.parametrize("solver", ["gurobi", "highs", "scip"])
def test_ties_are_per_follower(solver):
    m = two_buyers()
    r = solve_bilevel(m, m.b, m.p, solver=solver)
    assert r.objective == pytest.approx(6)
    assert r.tied == {"b[rich]": False, "b[poor]": True}
    assert (r.optimistic, r.worst_case) == pytest.approx((6, 3))
    assert r.follower_objectives == pytest.approx({"b[rich]": 2, "b[poor]": 0})
    assert set(r.follower_gaps.values()) == {0.0}


def test_not_asked_for():
    m = two_buyers()
    r = solve_bilevel(m, m.b, m.p, check_pessimistic=False)
    assert (r.tied, r.worst_case, r.worst_case_reason) == (None, None, "not asked for")


def test_a_response_that_is_not_optimal_has_a_gap():
    """At p = 2 the rich buyer that takes 0.25 gives up 0.75 * 3."""
    problem, point = at(two_buyers(), 2.0, 0.25, 1.0)
    rich, poor = (respond(f, point) for f in problem.followers)
    assert (rich.objective, rich.optimal_value, rich.gap) == pytest.approx((0.75, 3, 2.25))
    assert poor.gap == 0.0
    # Inside its bounds no multiplier can be positive: the gradient 3 stays unbalanced.
    assert rich.stationarity == pytest.approx(3)
    assert poor.stationarity <= 1e-9


def test_infeasible_points_have_residuals():
    problem, point = at(two_buyers(), 9.5, 1.5, 0.0)
    rich = respond(problem.followers[0], point)
    assert rich.primal == pytest.approx(0.5)
    assert leader_residuals(problem, point)[0] == pytest.approx(0.5)


def test_worst_case_of_several_tied_followers_is_joint():
    problem, point = at(two_buyers(), 3.0, 1.0, 1.0)
    responses = [respond(f, point) for f in problem.followers]
    assert position(problem, point, responses, 1e-6).worst_case == pytest.approx(3)
    problem, point = at(two_buyers(), 5.0, 0.0, 0.0)
    responses = [respond(f, point) for f in problem.followers]
    p = position(problem, point, responses, 1e-6)
    assert (p.tied, p.optimistic, p.worst_case) == ((True, False), pytest.approx(5), 0.0)


def test_quantities_the_leader_derives_leave_no_worst_case():
    """``income`` is computed from the responses: its worst value is not known at this decision."""
    m = two_buyers()
    m.sold = pyo.Var()
    m.count = pyo.Constraint(expr=m.sold == m.b["rich"].q + m.b["poor"].q)
    m.o.expr = m.p * (m.b["rich"].q + m.b["poor"].q) - 0.5 * m.sold
    r = solve_bilevel(m, m.b, m.p)
    assert r.objective == pytest.approx(5)
    assert r.worst_case is None
    assert "'sold'" in r.worst_case_reason
    # At p = 3 the poor one is tied (5 = 6 - 1); the other optimum p = 5 - would give 4.5.
    assert r.tied == {"b[rich]": False, "b[poor]": True}


def test_a_wrong_answer_of_a_solver_is_not_called_optimal(monkeypatch):
    """A back-end that reports another point as optimal: the followers' gaps give it away."""
    honest = module.solve

    def lying(model, name, limits):
        raw = honest(model, name, limits)
        x = raw.x.copy()
        x[: len(read_problem(m, m.b, m.p).names)] *= 0.5
        return module.RawSolution(raw.status, x, raw.objective, raw.bound, raw.nodes)

    m = two_buyers()
    monkeypatch.setattr(module, "solve", lying)
    monkeypatch.setattr(module._Run, "_sharpen", lambda *_: None)
    r = solve_bilevel(m, m.b, m.p, method="bigm", solver="highs")
    assert r.status is Status.UNCERTAIN
    assert "misses its optimum" in r.message
    assert max(r.follower_gaps.values()) > 0.1


def test_residuals_and_size_are_reported():
    m = two_buyers()
    r = solve_bilevel(m, m.b, m.p, method="bigm", solver="highs")
    assert r.certificate.largest_residual <= 1e-9
    assert r.n_complementarities == 4
    assert len(r.certificate.big_m) == 8
    assert not r.certificate.any_at_bound
    assert r.n_variables >= 3 + 4
    assert r.solver_version.count(".") == 2
    assert r.seconds > 0


def tight(order=("y", "z")):
    """y + z == 2, y == x, z <= 2 - x: the last row adds nothing, its multiplier's bound is 0."""
    m = pyo.ConcreteModel()
    m.x = pyo.Var(bounds=(0, 4))
    m.f = pyo.Block()
    m.f.y, m.f.z = pyo.Var(bounds=(0, 1)), pyo.Var(bounds=(0, 2))
    rows = [m.f.y + m.f.z == 2, m.f.y == m.x, m.f.z <= 2 - m.x]
    m.f.rows = pyo.ConstraintList()
    for row in rows if order == ("y", "z") else rows[::-1]:
        m.f.rows.add(row)
    m.f.o = pyo.Objective(expr=-m.f.z)
    m.o = pyo.Objective(expr=-m.x)
    return m


@pytest.mark.parametrize("solver", ["gurobi", "highs", "scip"])
@pytest.mark.parametrize("method", ["auto", "bigm", "gdp.hull"])
@pytest.mark.parametrize("order", [("y", "z"), ("z", "y")])
def test_multipliers_are_those_of_the_bounds_basis(solver, method, order):
    m = tight(order)
    r = solve_bilevel(m, m.f, m.x, method=method, solver=solver)
    assert (r.status, r.objective) == ("optimal", pytest.approx(-1))
    assert r.certificate.stationarity <= 1e-9


@pytest.mark.parametrize(
    "seed", [*range(20), *(pytest.param(s, marks=pytest.mark.slow) for s in range(20, 200))]
)
def test_recomputed_multipliers_lie_within_the_derived_bounds(seed):
    """With equalities, parallel rows and dependent rows, at optima of random followers."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 4))
    m = pyo.ConcreteModel()
    m.x = pyo.Var(bounds=(0, 2))
    m.f = pyo.Block()
    m.f.y = pyo.Var(range(n), bounds=(0, 3))
    m.f.rows = pyo.ConstraintList()
    y = list(m.f.y.values())
    base = rng.integers(-2, 3, (2, n))
    inside = rng.integers(0, 4, n)
    for k, a in enumerate([*base, base[0] + base[1], -base[0], 2 * base[1]]):
        if a.any() and rng.random() < 0.8:
            body, at = sum(int(c) * v for c, v in zip(a, y, strict=True)), int(a @ inside)
            m.f.rows.add(body == at if k < 3 and rng.random() < 0.5 else body <= at + m.x)
    m.f.o = pyo.Objective(
        expr=sum(
            (int(c) + int(d) * m.x) * v
            for c, d, v in zip(*rng.integers(-3, 4, (2, n)), y, strict=True)
        )
    )
    m.o = pyo.Objective(expr=m.x)
    problem = read_problem(m, m.f, m.x)
    (follower,) = problem.followers
    bounds = multiplier_bounds(problem, HighPoint(problem), 0)
    for x in (0.0, 0.7, 2.0):
        point = np.zeros(len(problem.names))
        point[follower.x] = x
        cost, rhs = follower.at(point)
        best = linprog(
            cost,
            follower.A[~follower.equality],
            rhs[~follower.equality],
            follower.A[follower.equality] if follower.equality.any() else None,
            rhs[follower.equality] if follower.equality.any() else None,
            bounds=(None, None),
        )
        if best.status != 0:
            continue
        point[follower.y] = best.x
        found = respond(follower, point)
        assert max(found.stationarity, found.dual, found.complementarity) <= 1e-6
        for mu, bound, free in zip(found.multipliers, bounds, follower.equality, strict=True):
            assert free or mu <= bound.value + 1e-6


@pytest.mark.parametrize("solver", ["gurobi", "highs", "scip"])
@pytest.mark.parametrize("method", ["auto", "bigm"])
def test_a_semidefinite_follower_is_solved_again_with_regularisation(method, solver):
    """min 2 a^2 - 4 a - b + 3 c, b + c == -2: a = 1, c = -2, b = 0, whatever the leader does."""
    m = pyo.ConcreteModel()
    m.x = pyo.Var(bounds=(0, 4))
    m.f = pyo.Block()
    m.f.a, m.f.b = pyo.Var(bounds=(0, 3)), pyo.Var(bounds=(0, 2))
    m.f.c = pyo.Var(bounds=(-2, 2))
    m.f.row = pyo.Constraint(expr=2 * m.f.a + 3 * m.f.b >= 1)
    m.f.tie = pyo.Constraint(expr=m.f.b + m.f.c == -2)
    m.f.o = pyo.Objective(expr=2 * m.f.a**2 - 4 * m.f.a - m.f.b + 3 * m.f.c)
    m.o = pyo.Objective(expr=m.x)
    r = solve_bilevel(m, m.f, m.x, method=method, solver=solver)
    assert (r.status, r.objective) == ("optimal", pytest.approx(0, abs=1e-9))
    assert r.follower_optimal_values["f"] == pytest.approx(-8)


@pytest.mark.parametrize("seed", range(15))
def test_random_semidefinite_followers_are_solved_again(seed):
    rng = np.random.default_rng(seed)
    n = 3
    root = rng.integers(-2, 3, (1, n))
    H, c = root.T @ root, rng.integers(-4, 5, n)
    m = pyo.ConcreteModel()
    m.x = pyo.Var(bounds=(0, 4))
    m.f = pyo.Block()
    m.f.y = pyo.Var(range(n), bounds=(-2, 2))
    y = list(m.f.y.values())
    m.f.tie = pyo.Constraint(expr=y[1] + y[2] == -2)
    m.f.row = pyo.Constraint(expr=2 * y[0] + 3 * y[1] >= 1)
    m.f.o = pyo.Objective(
        expr=sum(int(h) * y[i] * y[k] for (i, k), h in np.ndenumerate(H))
        + sum(int(a) * v for a, v in zip(c, y, strict=True))
    )
    m.o = pyo.Objective(expr=m.x + m.f.y[0])
    values = []
    for method, solver in (("auto", "gurobi"), ("bigm", "highs"), ("branch", "highs")):
        r = solve_bilevel(m, m.f, m.x, method=method, solver=solver)
        assert r.status is Status.OPTIMAL, r.message
        values.append(r.objective)
    assert values == pytest.approx([values[0]] * 3, abs=2e-6)
