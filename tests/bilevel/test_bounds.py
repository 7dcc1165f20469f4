"""Bounds on multipliers and slacks, and what the certificate says about big-Ms."""

from __future__ import annotations

import itertools
import math

import highspy
import numpy as np
import pyomo.environ as pyo
import pytest
from scipy.optimize import linprog

from mobile_storage.bilevel import MissingBoundError, Status, solve_bilevel
from mobile_storage.bilevel.bounds import HighPoint, multiplier_bounds, slack_bounds
from mobile_storage.bilevel.model import read_problem


def test_bounds_of_a_toy_by_hand():
    """max (7 - p) q, 0 <= q <= 8, 0 <= p <= 10: multipliers up to 7 above and 3 below."""
    m = pyo.ConcreteModel()
    m.p = pyo.Var(bounds=(0, 10))
    m.f = pyo.Block()
    m.f.q = pyo.Var(bounds=(0, 8))
    m.f.o = pyo.Objective(expr=(7 - m.p) * m.f.q, sense=pyo.maximize)
    m.o = pyo.Objective(expr=m.p)
    r = solve_bilevel(m, m.f, m.p, method="bigm", solver="highs")
    table = {(b.row, b.kind): b for b in r.certificate.big_m}
    assert {k: v.bound for k, v in table.items()} == {
        ("f.q (lower bound)", "multiplier"): 3,
        ("f.q (upper bound)", "multiplier"): 7,
        ("f.q (lower bound)", "slack"): 8,
        ("f.q (upper bound)", "slack"): 8,
    }
    assert all(v.big_m > 2 * v.bound and v.origin for v in table.values())
    assert table["f.q (upper bound)", "multiplier"].value == pytest.approx(7)


def random_follower(seed):
    rng = np.random.default_rng(seed)
    n, rows = int(rng.integers(1, 4)), int(rng.integers(1, 4))
    m = pyo.ConcreteModel()
    m.x = pyo.Var(bounds=(-2, 3))
    m.f = pyo.Block()
    m.f.y = pyo.Var(range(n), bounds=(0, 5))
    m.f.rows = pyo.ConstraintList()
    for _ in range(rows):
        a, b = rng.integers(-3, 4, n), int(rng.integers(-2, 3))
        if a.any():
            body = sum(int(v) * m.f.y[k] for k, v in enumerate(a)) + b * m.x
            m.f.rows.add(body <= int(rng.integers(0, 9)))
    cost = rng.integers(-5, 6, (2, n))
    m.f.o = pyo.Objective(
        expr=sum((int(c) + int(d) * m.x) * m.f.y[k] for k, (c, d) in enumerate(cost.T))
    )
    m.o = pyo.Objective(expr=m.x)
    return m


@pytest.mark.parametrize("seed", range(30))
def test_some_multiplier_within_the_bounds_at_every_decision(seed):
    """Oracle: at a grid of decisions SciPy finds dual-optimal multipliers inside the bounds."""
    m = random_follower(seed)
    problem = read_problem(m, m.f, m.x)
    (follower,) = problem.followers
    high_point = HighPoint(problem)
    bounds = multiplier_bounds(problem, high_point, 0)
    slacks = slack_bounds(problem, high_point, len(follower.rows))[0]
    assert all(math.isfinite(b.value) for b in bounds)
    for x in np.linspace(-2, 3, 11):
        cost = follower.c + (follower.cross[:, 0] * x if len(follower.x) else 0.0)
        rhs = follower.rhs - (follower.B[:, 0] * x if len(follower.x) else 0.0)
        primal = linprog(cost, follower.A, rhs, bounds=(None, None))
        if primal.status != 0:
            continue
        # min t: dual feasible, dual optimal, mu_j <= bound_j + t
        rows = len(rhs)
        dual = linprog(
            np.r_[np.zeros(rows), 1.0],
            A_ub=np.hstack([np.eye(rows), -np.ones((rows, 1))]),
            b_ub=[b.value for b in bounds],
            A_eq=np.vstack([np.c_[follower.A.T, np.zeros(len(cost))], np.r_[-rhs, 0.0]]),
            b_eq=np.r_[-cost, primal.fun],
            bounds=[(0, None)] * (rows + 1),
        )
        assert dual.status == 0
        assert dual.fun <= 1e-7
        worst = rhs - follower.A @ primal.x
        assert all(s <= b.value + 1e-7 for s, b in zip(worst, slacks, strict=True))


def chain(n):
    """n followers of 15 variables: the derivation works follower by follower."""
    m = pyo.ConcreteModel()
    m.p = pyo.Var(range(15), bounds=(0, 10))
    m.f = pyo.Block(range(n))
    for u, b in m.f.items():
        b.q = pyo.Var(range(15), bounds=(0, 3))
        b.budget = pyo.Constraint(expr=sum((1 + 0.1 * k) * b.q[k] for k in b.q) <= 10 + u % 7)
        b.total = pyo.Constraint(expr=sum(b.q.values()) <= 8)
        b.o = pyo.Objective(
            expr=sum((5 + (u + k) % 4 - m.p[k]) * b.q[k] for k in b.q), sense=pyo.maximize
        )
    m.o = pyo.Objective(expr=sum(m.p.values()))
    return m


@pytest.mark.slow
def test_two_hundred_followers_take_few_linear_programs(monkeypatch):
    solve, solved = highspy.Highs.run, []
    monkeypatch.setattr(highspy.Highs, "run", lambda self: solved.append(self) or solve(self))
    m = chain(200)
    problem = read_problem(m, m.f, m.p)
    high_point = HighPoint(problem)
    found = [multiplier_bounds(problem, high_point, f) for f in range(200)]
    slack_bounds(problem, high_point, 200 * 32)
    assert all(math.isfinite(b.value) for follower in found for b in follower)
    assert len(solved) <= 200


def gap_model(upper=None):
    """min y over y >= x - 1: fine without big-M, but y, hence a slack, has no upper bound."""
    m = pyo.ConcreteModel()
    m.x = pyo.Var(bounds=(0, 4))
    m.f = pyo.Block()
    m.f.y = pyo.Var(bounds=(0, upper))
    m.f.above = pyo.Constraint(expr=m.f.y >= m.x - 1)
    m.f.o = pyo.Objective(expr=m.f.y)
    m.o = pyo.Objective(expr=m.x - 2 * m.f.y)
    return m


def test_the_error_names_the_bound_to_give_for_a_slack():
    m = gap_model()
    with pytest.raises(MissingBoundError, match=r"'f\.y' has no upper bound"):
        solve_bilevel(m, m.f, m.x, method="bigm", solver="highs")
    m = gap_model(upper=10)
    r = solve_bilevel(m, m.f, m.x, method="bigm", solver="highs")
    assert r.objective == pytest.approx(-2)


def test_auto_takes_another_way_and_says_why():
    m = gap_model()
    r = solve_bilevel(m, m.f, m.x, solver="highs")
    assert (r.status, r.method) == (Status.OPTIMAL, "branch")
    assert r.objective == pytest.approx(-2)
    assert any("'f.y' has no upper bound" in a for a in r.announcements)


def free_price():
    """The toy with a price that has no upper bound: multipliers of q >= 2 cannot be bounded."""
    m = pyo.ConcreteModel()
    m.p = pyo.Var(bounds=(0, None))
    m.f = pyo.Block()
    m.f.q = pyo.Var(bounds=(0, 8))
    m.f.o = pyo.Objective(expr=(7 - m.p) * m.f.q, sense=pyo.maximize)
    m.o = pyo.Objective(expr=m.p * m.f.q, sense=pyo.maximize)
    return m


def test_the_error_names_the_bound_to_give_for_a_multiplier():
    m = free_price()
    with pytest.raises(MissingBoundError, match=r"'p' has no upper bound.*multiplier_bounds"):
        solve_bilevel(m, m.f, m.p, method="bigm", solver="highs")


@pytest.mark.parametrize("key", ["variable", "name", "number"])
def test_given_multiplier_bounds_are_used_and_checked(key):
    m = free_price()
    given = {"variable": pyo.ComponentMap([(m.f.q, 20.0)]), "name": {"f.q": 20.0}, "number": 20.0}[
        key
    ]
    r = solve_bilevel(m, m.f, m.p, method="bigm", solver="highs", multiplier_bounds=given)
    assert r.status is Status.OPTIMAL
    assert r.objective == pytest.approx(56)
    assert any(b.origin == "given by the caller" for b in r.certificate.big_m)
    assert any("cut nothing off" in a for a in r.announcements)


WAYS = list(itertools.product(["gurobi", "highs"], ["bigm", "gdp.hull"]))


@pytest.mark.parametrize(("solver", "method"), WAYS)
@pytest.mark.parametrize("small", [1e-6, 0.5, 2.0])
def test_a_given_bound_that_is_too_small_is_seen(solver, method, small):
    """The multiplier of q <= 8 is 7 - p: a bound below 7 forbids the lowest prices."""
    m = pyo.ConcreteModel()
    m.p, m.w = pyo.Var(bounds=(0, None)), pyo.Var(bounds=(0, 8))
    m.f = pyo.Block()
    m.f.q = pyo.Var(bounds=(0, 8))
    m.f.o = pyo.Objective(expr=(7 - m.p) * m.f.q, sense=pyo.maximize)
    m.o = pyo.Objective(expr=m.p - 3 * m.f.q)
    r = solve_bilevel(m, m.f, m.p, method=method, solver=solver, multiplier_bounds=small)
    # True optimum: p = 0 sells 8 with multiplier 7; objective -24.
    assert r.objective == pytest.approx(-24)
    assert r.status is not Status.OPTIMAL or "corrected" in r.method
    assert any("too small" in a for a in r.announcements)


def test_a_given_bound_below_a_derived_one_is_not_used():
    m = free_price()
    m.p.setub(10)
    r = solve_bilevel(m, m.f, m.p, method="bigm", solver="highs", multiplier_bounds=0.01)
    assert r.objective == pytest.approx(56)
    assert any("the derived one is used" in a for a in r.announcements)


@pytest.mark.parametrize("bad", [-1.0, math.inf, math.nan])
def test_given_bounds_must_be_numbers(bad):
    m = free_price()
    with pytest.raises(ValueError, match="multiplier_bounds must be finite"):
        solve_bilevel(m, m.f, m.p, method="bigm", multiplier_bounds=bad)
